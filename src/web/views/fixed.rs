//! Fragments that are the same on every page, rendered and compressed once.
//!
//! They must not contain data of a person or a room.

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
    /// The links to the style sheet and the favicon.
    files,
    Files,
    "layouts/_assets.html"
);
fixed!(
    /// The scripts of pages with a session.
    scripts,
    Scripts,
    "layouts/_scripts.html"
);
fixed!(
    /// The script that runs before the first paint, and the end of the page.
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
    /// The dialogs and the templates of the palette.
    shell,
    Shell,
    "shared/_dialogs.html"
);
fixed!(
    /// The message actions.
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

/// An empty message and an empty notice, for scripts to fill. `is_locked`: for non-members.
pub(super) fn blanks(is_locked: bool) -> &'static Piece {
    static PIECES: LazyLock<[Piece; 2]> = LazyLock::new(|| {
        [false, true].map(|is_locked| {
            let blank = Entry { is_first: true, is_locked, ..Entry::default() };
            Piece::of(&Blanks { blank, blank_notice: Entry { is_notice: true, ..Entry::default() } })
        })
    });
    &PIECES[usize::from(is_locked)]
}
