//! The HTML of a message: checked by a strict reader of its own, and then by a browser's parser.
//!
//! Owns a second implementation of what the sanitizer allows: tags, attributes and schemes. It must not use the server's lists.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

const TAGS: &str = "a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong table tbody td th thead tr ul";
const ATTRIBUTES: [(&str, &[&str]); 11] = [
    ("a", &["class", "href", "rel", "target", "title"]),
    ("blockquote", &["dir"]),
    ("code", &["class"]),
    ("li", &["value"]),
    ("ol", &["class", "dir", "start"]),
    ("p", &["class"]),
    ("span", &["aria-label", "class", "role"]),
    ("table", &["dir"]),
    ("td", &["align"]),
    ("th", &["align"]),
    ("ul", &["dir"]),
];

/// Panics unless `html` holds only what a message may show.
pub fn check(html: &str) {
    if let Err(why) = read(html) {
        panic!("{why} in {html:?}");
    }
    // A browser's parser sees the same tree: serialized again, it is the same text.
    let plain = html.replace('\u{A0}', "&nbsp;");
    assert_eq!(BROWSER.clean(html).to_string(), plain, "a browser reads it otherwise");
}

/// A browser's parser that keeps everything that [`read`] accepts.
static BROWSER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let attributes: HashMap<_, HashSet<_>> =
        ATTRIBUTES.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.split(' ').collect())
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(None);
    builder
});

fn read(html: &str) -> Result<(), String> {
    let mut open = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text(&rest[..at])?;
        let (tag, after) = rest[at + 1..].split_once('>').ok_or("a tag that does not end")?;
        match tag.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(name) => return Err(format!("</{name}> closes nothing")),
            None => {
                let name = begin(tag)?;
                if !matches!(name, "br" | "hr") {
                    open.push(name);
                }
            }
        }
        rest = after;
    }
    text(rest)?;
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} stay open")) }
}

/// Text between tags: each `&` begins one of the few allowed entities.
fn text(text: &str) -> Result<(), String> {
    if text.contains(['\0', '>']) {
        return Err("a NUL or a bare > in the text".into());
    }
    unescape(text).map(drop)
}

fn begin(tag: &str) -> Result<&str, String> {
    let (name, mut rest) = tag.split_at(tag.find(' ').unwrap_or(tag.len()));
    if !TAGS.split(' ').any(|tag| tag == name) {
        return Err(format!("<{name}>"));
    }
    let known = ATTRIBUTES.iter().find(|(tag, _)| *tag == name).map_or(&[][..], |(_, known)| known);
    let mut seen = HashSet::new();
    while !rest.is_empty() {
        let parts = rest.strip_prefix(' ').and_then(|rest| rest.split_once("=\""));
        let (attribute, after) = parts.ok_or_else(|| format!("{rest:?} for attributes"))?;
        let (value, after) = after.split_once('"').ok_or("a value that does not end")?;
        if !known.contains(&attribute) || !seen.insert(attribute) {
            return Err(format!("{attribute} of <{name}>"));
        }
        if !is_allowed(name, attribute, &unescape(value)?) {
            return Err(format!("{attribute}={value:?} of <{name}>"));
        }
        rest = after;
    }
    if name == "a" && !(seen.contains("rel") && seen.contains("href")) {
        return Err("a link without rel, or that leads nowhere".into());
    }
    Ok(name)
}

fn is_allowed(tag: &str, attribute: &str, value: &str) -> bool {
    match (tag, attribute) {
        ("a", "href") => leads_somewhere_harmless(value),
        ("a", "rel") => value == "noopener noreferrer nofollow",
        ("a", "class") => matches!(value, "mention" | "room-link"),
        ("code", "class") => value.starts_with("language-") && !value.contains(char::is_whitespace),
        ("a", "target") => value == "_blank",
        ("p", "class") => value == "emoji",
        ("ol", "class") => value == "wide",
        (_, "dir") => value == "rtl",
        ("ol", "start") | ("li", "value") => value.bytes().all(|b| b.is_ascii_digit()),
        ("span", "class") => matches!(value, "mention" | "task") || value.len() == 4 && value.starts_with("hl-"),
        ("span", "role") => value == "img",
        ("span", "aria-label") => matches!(value, "Done" | "To do"),
        (_, "align") => matches!(value, "left" | "center" | "right"),
        _ => attribute == "title",
    }
}

/// Whether the link's scheme is the web's or mail's. As in the URL standard, leading controls and spaces, and tabs and line ends, are
/// ignored.
fn leads_somewhere_harmless(href: &str) -> bool {
    let base = url::Url::parse("https://chat.example/rooms/general").expect("a constant is a URL");
    match base.join(href) {
        Ok(url) => matches!(url.scheme(), "http" | "https" | "mailto"),
        // Invalid in browsers too.
        Err(_) => true,
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&nbsp;", '\u{A0}')];
        let (entity, c) = known.iter().find(|(entity, _)| rest[at..].starts_with(entity)).ok_or("a bare &")?;
        plain.push(*c);
        rest = &rest[at + entity.len()..];
    }
    plain.push_str(rest);
    Ok(plain)
}
