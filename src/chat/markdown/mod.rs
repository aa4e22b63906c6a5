//! Renders messages: CommonMark with additions for chat, sanitized.
//!
//! Owns what a message may look like, and its mentions. A message is rendered once, when it is written; readers get the stored
//! HTML. Rendering runs in a socket's read loop, so it never waits, and its cost depends on the message alone. Nothing that
//! executes, loads or styles may pass.
//!
//! Reading order: this module (the pipeline), `guard` (protected text), `walk` (names, emoji, links, task boxes), `links`
//! (what may have a preview), `fence` and `crate::highlight` (code), `format` (HTML), `sanitize` (the final filter).

mod addresses;
mod fence;
mod format;
mod guard;
mod links;
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

/// Maximum number of table cells in a body. Short rows are padded, so 8,000 characters could become megabytes of empty cells; a
/// table beyond the bound stays text.
const MAX_CELLS: usize = 5_000;

/// A rendered message, ready to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The sanitized HTML.
    pub html: String,
    /// Usernames, `@room` and `@here`, each once, in the order of the text.
    pub mentions: Vec<String>,
    /// Its links to web pages that may have a preview, each once, in the order of the text.
    pub links: Vec<String>,
}

/// A rendered preview.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = TextPreview)]
pub struct Preview {
    /// The sanitized HTML.
    pub html: String,
}

/// Renders `body` and finds its mentions. Raw HTML is shown as text: in a chat `Vec<String>` should mean what it says, and a
/// vanishing tag would lose words. The sanitizer is a second line of defense.
pub fn render(body: &str, names: &Names) -> Rendered {
    if body.is_empty() {
        return Rendered::default();
    }
    if is_plain(body) {
        return Rendered { html: format!("<p>{body}</p>\n"), ..Rendered::default() };
    }
    render_in_full(body, names)
}

/// Renders a body that is not plain.
fn render_in_full(body: &str, names: &Names) -> Rendered {
    let options = if cells(body) > MAX_CELLS { &*WITHOUT_TABLES } else { &*OPTIONS };
    let guarded = guard::guard(body, options);
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, &guarded.text, options);
    let Some(mentions) = walk::dress(&arena, root, &guarded.text, names) else { return as_typed(body) };
    let links = links::of(root).into_iter().map(|link| guarded.lift(link)).collect();
    let mut html = String::with_capacity(body.len() * 2);
    format::html(root, options, &mut html).expect("writing to a string does not fail");
    let html = sanitize::clean(&guarded.lift(html));
    if shows_words(&html) { Rendered { html, mentions, links } } else { as_typed(body) }
}

/// Shows the source as plain text, without mentions.
fn as_typed(body: &str) -> Rendered {
    Rendered { html: format!("<p>{}</p>\n", sanitize::escape(body.trim())), ..Rendered::default() }
}

/// Whether the HTML shows any text: a lone rule or an empty quote is not a message.
fn shows_words(html: &str) -> bool {
    let mut texts = html.split('<').map(|tag| tag.split_once('>').map_or(tag, |(_, text)| text));
    texts.any(|text| shows_something(&text.replace("&nbsp;", " ")))
}

/// Whether no character of `body` has a meaning in CommonMark, HTML or chat, so that the paragraph is the text itself, as in most
/// messages. ASCII only: no entity, no typography, one line, not indented.
fn is_plain(body: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b',' | b'?' | b'\'' | b'/' | b'%' | b';' | b'.');
    let bytes = body.as_bytes();
    let [first, middle @ .., last] = bytes else { return false };
    // A digit may start a list, spaces at the ends are trimmed, and two colons may enclose an emoji.
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

/// Whether `body` may contain a bare address.
fn may_hold_a_link(body: &str) -> bool {
    let bytes = body.as_bytes();
    bytes.windows(3).any(|three| three == b"://" || three.eq_ignore_ascii_case(b"www"))
}

/// An upper bound on table cells: the maximum number of bars in a line, times the number of lines.
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
    // `\@ada` is not a mention: the walk must see that the sign was escaped.
    options.parse.escaped_char_spans = true;
    options
}
