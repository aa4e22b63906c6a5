//! A message's text: Markdown to HTML.

use std::collections::HashSet;
use std::sync::LazyLock;

use parlor::chat::markdown::render;
use parlor::chat::names::Names;
use parlor::model::validate;

use crate::{bounded, html};

const PEOPLE: [&str; 3] = ["ada", "grace.hopper", "c-3po"];
const ROOMS: [&str; 2] = ["general", "the-lab"];
static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(PEOPLE.map(Into::into), ROOMS.map(Into::into)));

/// How many characters a message may have by default.
const CHARS: usize = 8_000;
/// The allowed size of the HTML beyond the text: cells of tables, mentions, the colors of code.
const TABLES: usize = 250_000;
const NAMED: usize = 100 * 120;
const COLOURS: usize = 1_500 * 32;

/// A body becomes safe HTML of bounded size in bounded time, and mentions only people who are in it.
pub fn check(data: &[u8]) {
    let Ok(written) = std::str::from_utf8(data) else { return };
    let Ok(body) = validate::body(written, CHARS) else { return };
    let rendered = bounded("rendering", || render(&body, &NAMES));
    assert_eq!(rendered, render(&body, &NAMES), "the same words look otherwise the second time");
    html::check(&rendered.html);
    let most = 32 * body.len() + NAMED + COLOURS + if body.contains('|') { TABLES } else { 0 };
    assert!(rendered.html.len() <= most, "{} bytes became {}", body.len(), rendered.html.len());
    let mut seen = HashSet::new();
    for name in &rendered.mentions {
        assert!(PEOPLE.contains(&&**name) || matches!(&**name, "@room" | "@here"), "nobody is called {name:?}");
        assert!(seen.insert(name), "{name} is addressed twice");
    }
}
