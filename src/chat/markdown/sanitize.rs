//! The final filter on a message's HTML.
//!
//! Owns the allowed tags, attributes and attribute values, whatever the previous steps produce.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use crate::highlight::CLASSES;

/// Removes everything that is not allowed.
pub fn clean(html: &str) -> String {
    SANITIZER.clean(html).to_string()
}

/// Escapes text for HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The allowed tags.
pub const TAGS: [&str; 26] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let attributes = HashMap::from([
        ("a", HashSet::from(["class", "href", "target", "title"])),
        ("blockquote", HashSet::from(["dir"])),
        ("code", HashSet::from(["class"])),
        ("li", HashSet::from(["value"])),
        ("ol", HashSet::from(["class", "dir", "start"])),
        ("p", HashSet::from(["class"])),
        ("span", HashSet::from(["aria-label", "class", "role"])),
        ("table", HashSet::from(["dir"])),
        ("td", HashSet::from(["align"])),
        ("th", HashSet::from(["align"])),
        ("ul", HashSet::from(["dir"])),
    ]);
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(|element, attribute, value| is_known(element, attribute, value).then_some(Cow::Borrowed(value)));
    builder
});

/// Whether an attribute has an allowed value. Classes are the site's own, each on its elements.
fn is_known(element: &str, attribute: &str, value: &str) -> bool {
    match (element, attribute) {
        ("a", "class") => matches!(value, "mention" | "room-link"),
        ("code", "class") => value.strip_prefix("language-").is_some_and(is_language),
        ("span", "class") => matches!(value, "mention" | "task") || CLASSES.contains(&value),
        ("span", "role") => value == "img",
        ("span", "aria-label") => matches!(value, "Done" | "To do"),
        ("td" | "th", "align") => matches!(value, "left" | "center" | "right"),
        ("a", "target") => value == "_blank",
        ("p", "class") => value == "emoji",
        ("ol", "class") => value == "wide",
        (_, "dir") => value == "rtl",
        ("ol", "start") | ("li", "value") => value.bytes().all(|b| b.is_ascii_digit()),
        _ => true,
    }
}

fn is_language(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'_' | b'#' | b'.'))
}
