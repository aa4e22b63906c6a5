//! The HTML of Campfire's editor as Markdown.
//!
//! Owns which elements mean something here; of others the text stays. Code that converts any HTML would not know mentions
//! (docs/decisions/0089).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use scraper::node::Element;
use scraper::{Html, Node};

/// How deep elements are looked at.
const DEEPEST: usize = 64;

/// The tree's nodes.
type NodeRef<'t> = ego_tree::NodeRef<'t, Node>;

/// Converts a text. `mention` gives the username of the person with an id.
pub fn markdown(html: &str, mention: &dyn Fn(i64) -> Option<String>) -> String {
    let document = Html::parse_fragment(html);
    let mut text = String::new();
    children(*document.root_element(), &mut text, mention, 0);
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let mut tidy = lines.join("\n");
    while tidy.contains("\n\n\n") {
        tidy = tidy.replace("\n\n\n", "\n\n");
    }
    tidy.trim_matches('\n').to_owned()
}

fn children(node: NodeRef<'_>, text: &mut String, mention: &dyn Fn(i64) -> Option<String>, depth: usize) {
    for child in node.children() {
        match child.value() {
            Node::Text(plain) => push_plain(text, plain),
            Node::Element(element) if depth < DEEPEST => one(child, element, text, mention, depth + 1),
            _ => {}
        }
    }
}

fn one(node: NodeRef<'_>, element: &Element, text: &mut String, mention: &dyn Fn(i64) -> Option<String>, depth: usize) {
    let inner = |depth| {
        let mut inner = String::new();
        children(node, &mut inner, mention, depth);
        inner
    };
    match element.name() {
        "br" => text.push('\n'),
        "strong" | "b" => push_marked(text, &inner(depth), "**"),
        "em" | "i" => push_marked(text, &inner(depth), "*"),
        "del" | "s" | "strike" => push_marked(text, &inner(depth), "~~"),
        "code" | "tt" => {
            let code = source(node);
            if !code.trim().is_empty() {
                text.push_str(&format!("`{}`", code.replace(['`', '\n'], " ")));
            }
        }
        "pre" => {
            let code = source(node);
            let fence = if code.contains("```") { "~~~~" } else { "```" };
            new_line(text);
            text.push_str(&format!("{fence}\n{}\n{fence}\n", code.trim_matches('\n')));
        }
        "blockquote" => {
            new_line(text);
            let quoted = inner(depth);
            for line in quoted.trim_matches('\n').lines() {
                text.push_str(&format!("> {line}\n"));
            }
            text.push('\n');
        }
        "ul" | "ol" => {
            new_line(text);
            let mut number = 0;
            for child in node.children().filter(|_| depth < DEEPEST) {
                let Node::Element(item) = child.value() else { continue };
                let mut inner = String::new();
                one(child, item, &mut inner, mention, depth + 1);
                number += 1;
                let mark = if element.name() == "ol" { format!("{number}. ") } else { "- ".to_owned() };
                let indented = inner.trim_matches('\n').replace('\n', &format!("\n{}", " ".repeat(mark.len())));
                text.push_str(&format!("{mark}{indented}\n"));
            }
            text.push('\n');
        }
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
            new_line(text);
            push_marked(text, inner(depth).trim(), "**");
            text.push('\n');
        }
        "div" | "p" | "figure" | "section" => {
            new_line(text);
            text.push_str(&inner(depth));
            new_line(text);
        }
        "a" => {
            let label = inner(depth);
            match element
                .attr("href")
                .filter(|href| ["http://", "https://", "mailto:"].iter().any(|start| href.starts_with(start)))
            {
                Some(href) if plain_of(node).trim() == href || label.trim().is_empty() => text.push_str(href),
                Some(href) => {
                    let href = href.replace(' ', "%20").replace('(', "%28").replace(')', "%29");
                    text.push_str(&format!("[{}]({href})", label.trim()));
                }
                None => text.push_str(&label),
            }
        }
        "action-text-attachment" => {
            // Files in a text are files of the message, and previews of links are beside the links.
            if let Some(id) = element.attr("sgid").and_then(person_of) {
                match mention(id) {
                    Some(username) => text.push_str(&format!("@{username}")),
                    None => text.push_str("@someone"),
                }
            }
        }
        "script" | "style" | "template" => {}
        _ => children(node, text, mention, depth),
    }
}

/// The id of the person in a signed id. The signature is not checked, as Campfire does not: it names somebody, and allows nothing.
fn person_of(sgid: &str) -> Option<i64> {
    let decode = |text: &str| STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok();
    let payload = decode(sgid.split("--").next()?)?;
    let payload: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let payload = payload.get("_rails")?;
    let data = match (payload.get("data"), payload.get("message")) {
        (Some(data), _) => data.as_str()?.to_owned(),
        // Rails 7 wrote it in a form of its own, in which the id stands as it is.
        (None, Some(message)) => String::from_utf8_lossy(&decode(message.as_str()?)?).into_owned(),
        (None, None) => return None,
    };
    let (_, rest) = data.split_once("gid://")?;
    let (_, id) = rest.split_once("/User/")?;
    let digits = id.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The text in an element, as it is.
fn source(node: NodeRef<'_>) -> String {
    let mut source = String::new();
    for inner in node.descendants() {
        match inner.value() {
            Node::Text(text) => source.push_str(text),
            Node::Element(element) if element.name() == "br" => source.push('\n'),
            _ => {}
        }
    }
    source
}

fn plain_of(node: NodeRef<'_>) -> String {
    source(node).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn new_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Adds text in which nothing has a meaning, without line ends.
fn push_plain(text: &mut String, plain: &str) {
    for (number, word) in plain.split([' ', '\n', '\t', '\r']).enumerate() {
        if number > 0 && !text.is_empty() && !text.ends_with([' ', '\n']) {
            text.push(' ');
        }
        let is_address = word.contains("://") || word.starts_with("www.");
        let begins_line = text.is_empty() || text.ends_with('\n');
        if begins_line && matches!(word, "#" | "##" | "###" | "####" | "-" | "+" | ">") {
            text.push('\\');
        }
        for c in word.chars() {
            if !is_address && matches!(c, '*' | '`' | '[' | ']' | '\\' | '~') {
                text.push('\\');
            }
            text.push(c);
        }
    }
}

/// Adds marked text; spaces at its ends stay outside of the marks.
fn push_marked(text: &mut String, inner: &str, mark: &str) {
    let marked = inner.trim();
    if marked.is_empty() {
        return text.push_str(inner);
    }
    let start = inner.len() - inner.trim_start().len();
    let end = inner.trim_end().len();
    text.push_str(&format!("{}{mark}{}{mark}{}", &inner[..start], marked.replace("\n\n", "\n"), &inner[end..]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(html: &str) -> String {
        markdown(html, &|id| (id == 7).then(|| "ada".to_owned()))
    }

    #[test]
    fn the_editors_elements_are_markdown() {
        for (html, expected) in [
            ("<div>one<br>two</div>", "one\ntwo"),
            ("<p>one</p><p>two</p>", "one\ntwo"),
            ("plain text", "plain text"),
            ("<strong>bold </strong>and <em>italic</em> <del>gone</del>", "**bold** and *italic* ~~gone~~"),
            ("a * b [x] `c`", "a \\* b \\[x\\] \\`c\\`"),
            ("<a href=\"https://a.example/x_y\">https://a.example/x_y</a>", "https://a.example/x_y"),
            ("<a href=\"https://a.example/\">a page</a>", "[a page](https://a.example/)"),
            ("<a href=\"javascript:alert(1)\">x</a>", "x"),
            ("<pre>let a = *b*;\nc</pre>", "```\nlet a = *b*;\nc\n```"),
            ("see <code>a*b</code>", "see `a*b`"),
            ("<blockquote>one<br>two</blockquote>three", "> one\n> two\n\nthree"),
            ("<ul><li>one</li><li>two<ul><li>in</li></ul></li></ul>", "- one\n- two\n  - in"),
            ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
            ("<h1>Title</h1>text", "**Title**\ntext"),
            ("<script>alert(1)</script>x<img src=x onerror=alert(1)>", "x"),
            ("https://a.example/*b*", "https://a.example/*b*"),
            ("# no heading", "\\# no heading"),
            ("", ""),
        ] {
            assert_eq!(converted(html), expected, "{html}");
        }
    }

    #[test]
    fn mentions_are_found_in_both_forms() {
        let new = STANDARD.encode(r#"{"_rails":{"data":"gid://campfire/User/7?expires_in","pur":"attachable"}}"#);
        let message = STANDARD.encode(b"\x04\x08I\"\x1dgid://campfire/User/7?expires_in\x06:\x06ET");
        let old = STANDARD.encode(format!(r#"{{"_rails":{{"message":"{message}","exp":null,"pur":"attachable"}}}}"#));
        let other = STANDARD.encode(r#"{"_rails":{"data":"gid://campfire/ActiveStorage::Blob/7"}}"#);
        let html = |sgid: &str| {
            converted(&format!(
                "hi <action-text-attachment sgid=\"{sgid}--sig\" content=\"&lt;b&gt;x&lt;/b&gt;\"></action-text-attachment>!"
            ))
        };
        assert_eq!((html(&new), html(&old)), ("hi @ada!".into(), "hi @ada!".into()));
        assert_eq!((html(&other), html("x"), html("")), ("hi !".into(), "hi !".into(), "hi !".into()));
    }

    #[test]
    fn what_is_nested_deeply_or_broken_does_no_harm() {
        converted(&"<blockquote>".repeat(10_000));
        converted(&"<b>".repeat(10_000));
        converted(&"<ul>".repeat(10_000));
        converted(&"<ul><li>".repeat(10_000));
        converted("<ul><li><ul><li></ul></div></p>");
    }
}
