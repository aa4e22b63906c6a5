//! A message's words as HTML: CommonMark with a chat's additions, sanitized.
//!
//! Owns what a message may look like, and whom it addresses. Rendering happens once, when the message is written; readers get
//! stored HTML. It runs in a socket's read loop, so it never waits, and its work grows with the message and nothing else. It must
//! never let anything through that runs, loads or styles.
//!
//! Reading order: here (the way of a text), `guard` (what would be swallowed), `walk` (names, emoji, links, task boxes), `fence` and
//! `highlight` (code), `format` (HTML), `sanitize` (the last word).

mod addresses;
mod fence;
mod format;
mod guard;
mod highlight;
mod sanitize;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use std::sync::LazyLock;

use comrak::{Arena, Options};

use super::names::Names;
use crate::model::validate::shows_something;

pub use walk::is_everybody;

/// How many cells a body's tables may have. A row that ends early is filled up, so without this 8,000 characters could become
/// megabytes of empty cells; a table beyond it stays the text that it is.
const MAX_CELLS: usize = 5_000;

/// A message's words, ready to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The words as sanitized HTML.
    pub html: String,
    /// Whom they address: usernames, `@room` and `@here`, each once, in the order of the text.
    pub mentions: Vec<String>,
}

/// How words would look.
#[derive(Debug, serde::Serialize)]
pub struct Preview {
    /// The words as sanitized HTML.
    pub html: String,
}

/// Renders `body` and finds whom it addresses. Raw HTML in it is shown as the text that it is: in a chat `Vec<String>` means
/// what it says, and a tag that silently vanished would be a lost word. The sanitizer is the second lock on the same door.
pub fn render(body: &str, names: &Names) -> Rendered {
    if is_plain(body) {
        return Rendered { html: format!("<p>{body}</p>\n"), mentions: Vec::new() };
    }
    render_in_full(body, names)
}

/// The long way, for what is not plain.
fn render_in_full(body: &str, names: &Names) -> Rendered {
    let options = if cells(body) > MAX_CELLS { &*WITHOUT_TABLES } else { &*OPTIONS };
    let guarded = guard::guard(body, options);
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, &guarded.text, options);
    let Some(mentions) = walk::dress(&arena, root, &guarded.text, names) else { return as_typed(body) };
    let mut html = String::with_capacity(body.len() * 2);
    format::html(root, options, &mut html).expect("writing to a string does not fail");
    let html = sanitize::clean(&guarded.lift(html));
    if shows_words(&html) { Rendered { html, mentions } } else { as_typed(body) }
}

/// A text that shows itself, and addresses nobody.
fn as_typed(body: &str) -> Rendered {
    Rendered { html: format!("<p>{}</p>\n", sanitize::escape(body.trim())), mentions: Vec::new() }
}

/// Whether HTML shows a word: a rule alone, or an empty quotation, is no message.
fn shows_words(html: &str) -> bool {
    let mut texts = html.split('<').map(|tag| tag.split_once('>').map_or(tag, |(_, text)| text));
    texts.any(|text| shows_something(&text.replace("&nbsp;", " ")))
}

/// Whether no character of `body` means anything to CommonMark, HTML or a chat, so that the paragraph is the text itself: most
/// of what people write. Only ASCII: no entity, no typography, one line, not indented.
fn is_plain(body: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b',' | b'?' | b'\'' | b'/' | b'%' | b';' | b'.');
    let bytes = body.as_bytes();
    let [first, middle @ .., last] = bytes else { return false };
    // A digit may begin a list, a space at either end is not kept, and two colons may hold an emoji.
    let mut colons = 0;
    first.is_ascii_alphabetic()
        && (last.is_ascii_alphanumeric() || matches!(last, b'.' | b'?' | b'!' | b','))
        && middle.iter().all(|&b| {
            allowed(b)
                || (b == b':' && {
                    colons += 1;
                    colons == 1
                })
        })
        && !may_hold_a_link(body)
}

/// Whether something in `body` may become a link by itself.
fn may_hold_a_link(body: &str) -> bool {
    let bytes = body.as_bytes();
    bytes.windows(3).any(|three| three == b"://" || three.eq_ignore_ascii_case(b"www"))
}

/// At most so many cells can the tables of `body` have: as many columns as its widest line has bars, in as many rows as it has lines.
fn cells(body: &str) -> usize {
    let bars = |line: &str| line.bytes().filter(|&b| b == b'|').count() + 1;
    let widest = body.lines().map(bars).max().unwrap_or(0);
    if widest == 1 { 0 } else { widest * body.lines().count() }
}

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| options(true));
static WITHOUT_TABLES: LazyLock<Options<'static>> = LazyLock::new(|| options(false));

fn options(tables: bool) -> Options<'static> {
    let mut options = Options::default();
    options.render.escape = true;
    options.extension.table = tables;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.autolink = true;
    options.extension.cjk_friendly_emphasis = true;
    // `\@ada` addresses nobody: the walk sees that the sign was escaped.
    options.parse.escaped_char_spans = true;
    options
}
