//! What is the same on every page, drawn and compressed once.
//!
//! Owns those stretches of the templates. It must not hold anything of a person or a room.

use std::sync::LazyLock;

use askama::Template;

use super::entry::Entry;
use crate::pieces::Piece;

macro_rules! fixed {
    ($(#[doc = $doc:literal])* $name:ident, $Page:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $Page;

        $(#[doc = $doc])*
        pub(super) fn $name() -> &'static Piece {
            static PIECE: LazyLock<Piece> = LazyLock::new(|| Piece::of(&$Page));
            &PIECE
        }
    };
}

fixed!(
    /// The style sheet, the icons of the window.
    files,
    Files,
    "layouts/_assets.html"
);
fixed!(
    /// The scripts of pages inside.
    scripts,
    Scripts,
    "layouts/_scripts.html"
);
fixed!(
    /// The script before the first paint, and the end.
    last,
    Last,
    "layouts/_body_end.html"
);
fixed!(
    /// The icons.
    icons,
    Icons,
    "shared/_icons.html"
);
fixed!(
    /// The palette, the list of keys, and what scripts fill.
    shell,
    Shell,
    "shared/_dialogs.html"
);
fixed!(
    /// What messages are acted on with.
    acts,
    Acts,
    "messages/_action_dialogs.html"
);

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<template id="message">{% let entry = blank %}{% include "messages/_message.html" %}</template>
<template id="notice">{% let entry = blank_notice %}{% include "messages/_message.html" %}</template>
"#
)]
struct Blanks {
    blank: Entry,
    blank_notice: Entry,
}

/// An empty message and an empty notice, for scripts to fill. `is_locked`: for somebody who is no member of the room.
pub(super) fn blanks(is_locked: bool) -> &'static Piece {
    static PIECES: LazyLock<[Piece; 2]> = LazyLock::new(|| {
        [false, true].map(|is_locked| {
            let blank = Entry { is_first: true, is_locked, ..Entry::default() };
            Piece::of(&Blanks { blank, blank_notice: Entry { is_notice: true, ..Entry::default() } })
        })
    });
    &PIECES[usize::from(is_locked)]
}
