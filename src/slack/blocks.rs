//! The blocks of a message of Slack's.
//!
//! Owns what of each kind is shown. What is to be pressed or typed and does not lead to an address is left out.

use serde_json::Value;

use super::markup::emoji;
use super::{formatted, link, list_of, plain, plain_line, text_of};

/// A rule between blocks.
pub const RULE: &str = "---";

/// How deep lists of rich text are nested.
const DEEPEST: u64 = 8;

/// A block as Markdown; empty if nothing of it is shown.
pub fn markdown(block: &Value) -> String {
    match &*text_of(block, "type") {
        "divider" => RULE.to_owned(),
        "header" => match plain_line(&text_of(block.get("text").unwrap_or(&Value::Null), "text")) {
            title if title.is_empty() => title,
            title => format!("### {title}"),
        },
        "context" => {
            let elements = list_of(block, "elements");
            words(
                elements.iter().map(|element| {
                    if element.get("alt_text").is_some() {
                        plain_line(&text_of(element, "alt_text"))
                    } else {
                        text(Some(element))
                    }
                }),
                " · ",
            )
        }
        "image" => image(block),
        "actions" => words(list_of(block, "elements").iter().map(button), " · "),
        "video" => link(&text(block.get("title")), &text_of(block, "title_url")),
        // Markdown already.
        "markdown" => text_of(block, "text").trim().to_owned(),
        "rich_text" => words(list_of(block, "elements").iter().map(rich), "\n\n").trim_end().to_owned(),
        // Sections, and whatever else has the parts of one.
        _ => {
            let fields = list_of(block, "fields");
            let accessory = block.get("accessory");
            let beside = accessory.map(|beside| if beside.get("image_url").is_some() { image(beside) } else { button(beside) });
            words(
                [text(block.get("text")), words(fields.iter().map(|field| text(Some(field))), "\n"), beside.unwrap_or_default()]
                    .into_iter(),
                "\n\n",
            )
        }
    }
}

/// A button as a link; empty if it leads nowhere.
pub fn button(button: &Value) -> String {
    let (url, label) = (text_of(button, "url"), button.get("text"));
    let label = match label {
        Some(Value::String(label)) => plain_line(label),
        Some(label) => plain_line(&text_of(label, "text")),
        None => String::new(),
    };
    if url.is_empty() { String::new() } else { link(if label.is_empty() { "Open" } else { &label }, &url) }
}

fn words(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(between)
}

/// A text object.
fn text(object: Option<&Value>) -> String {
    match object {
        Some(Value::String(text)) => formatted(text),
        Some(object) if text_of(object, "type") == "plain_text" => plain(&text_of(object, "text")),
        Some(object) => formatted(&text_of(object, "text")),
        None => String::new(),
    }
}

fn image(block: &Value) -> String {
    let names = [text(block.get("title")), plain_line(&text_of(block, "alt_text")), "Image".to_owned()];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    link(&name.replace('\n', " "), &text_of(block, "image_url"))
}

/// A part of rich text.
fn rich(part: &Value) -> String {
    let elements = list_of(part, "elements");
    let line = || elements.iter().map(inline).collect::<String>();
    match &*text_of(part, "type") {
        "rich_text_list" => {
            let is_ordered = text_of(part, "style") == "ordered";
            let indent = part.get("indent").and_then(Value::as_u64).unwrap_or(0).min(DEEPEST) as usize;
            let items = elements.iter().enumerate().map(|(at, item)| {
                let mark = if is_ordered { format!("{}.", at + 1) } else { "-".to_owned() };
                format!("{}{mark} {}", "   ".repeat(indent), rich(item).replace('\n', " "))
            });
            items.collect::<Vec<_>>().join("\n")
        }
        "rich_text_quote" => line().lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n"),
        "rich_text_preformatted" => {
            let code = elements.iter().map(|element| text_of(element, "text").into_owned()).collect::<String>();
            format!("```\n{}\n```", code.trim_end())
        }
        _ => line(),
    }
}

/// A piece of a line of rich text, whose texts have no markup.
fn inline(element: &Value) -> String {
    let said = text_of(element, "text");
    match &*text_of(element, "type") {
        "link" => {
            let url = text_of(element, "url");
            link(&plain_line(if said.is_empty() { &url } else { &said }), &url)
        }
        "emoji" => {
            let name = text_of(element, "name");
            emoji(&name).map_or_else(|| format!(":{name}:"), ToOwned::to_owned)
        }
        "broadcast" => if text_of(element, "range") == "here" { "@here" } else { "@room" }.to_owned(),
        "user" => plain(&format!("@{}", text_of(element, "user_id"))),
        "channel" => format!("#{}", text_of(element, "channel_id")),
        "date" => plain_line(&text_of(element, "fallback")),
        "color" => plain_line(&text_of(element, "value")),
        _ => styled(&said, element.get("style").unwrap_or(&Value::Null)),
    }
}

fn styled(said: &str, style: &Value) -> String {
    let has = |name: &str| style.get(name) == Some(&Value::Bool(true));
    let inner = said.trim();
    if inner.is_empty() {
        return said.to_owned();
    }
    // Marks do not stand beside a space.
    let start = said.len() - said.trim_start().len();
    let (before, after) = (&said[..start], &said[start + inner.len()..]);
    let mut marked = if has("code") && !inner.contains('`') { format!("`{inner}`") } else { plain(inner) };
    for (name, mark) in [("bold", "**"), ("italic", "_"), ("strike", "~~")] {
        if has(name) {
            marked = format!("{mark}{marked}{mark}");
        }
    }
    format!("{before}{marked}{after}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_block_says_is_shown() {
        for (block, expected) in [
            (json!({ "type": "header", "text": { "type": "plain_text", "text": "Deploy *7*" } }), "### Deploy \\*7\\*"),
            (json!({ "type": "divider" }), "---"),
            (
                json!({ "type": "section", "text": { "type": "mrkdwn", "text": "*Up*" }, "fields": [
                    { "type": "mrkdwn", "text": "*Host*\ndb1" }, { "type": "plain_text", "text": "_raw_" }],
                    "accessory": { "type": "button", "text": { "type": "plain_text", "text": "Open" }, "url": "https://a.example" } }),
                "**Up**\n\n**Host**\ndb1\n\\_raw\\_\n\n[Open](https://a.example)",
            ),
            (
                json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": "by *ada*" }, { "type": "image", "alt_text": "face", "image_url": "https://a.example/f" }] }),
                "by **ada** · face",
            ),
            (
                json!({ "type": "image", "alt_text": "a graph", "image_url": "https://a.example/g.png" }),
                "[a graph](https://a.example/g.png)",
            ),
            (
                json!({ "type": "actions", "elements": [
                    { "type": "button", "text": { "type": "plain_text", "text": "Logs" }, "url": "https://a.example/l" },
                    { "type": "button", "text": { "type": "plain_text", "text": "Approve" }, "value": "yes" },
                    { "type": "button", "text": { "type": "plain_text", "text": "[x](y)" }, "url": "https://a.example/(x)" }] }),
                "[Logs](https://a.example/l) · [\\[x\\](y)](https://a.example/%28x%29)",
            ),
            (
                json!({ "type": "rich_text", "elements": [
                    { "type": "rich_text_section", "elements": [
                        { "type": "text", "text": "Build " }, { "type": "text", "text": "7 ", "style": { "bold": true, "italic": true } },
                        { "type": "link", "url": "https://a.example", "text": "log" }, { "type": "emoji", "name": "tada" },
                        { "type": "text", "text": "x*y", "style": { "code": true } }, { "type": "broadcast", "range": "channel" }] },
                    { "type": "rich_text_list", "style": "ordered", "indent": 0, "elements": [
                        { "type": "rich_text_section", "elements": [{ "type": "text", "text": "one" }] },
                        { "type": "rich_text_section", "elements": [{ "type": "text", "text": "two" }] }] },
                    { "type": "rich_text_quote", "elements": [{ "type": "text", "text": "said" }] },
                    { "type": "rich_text_preformatted", "elements": [{ "type": "text", "text": "let a = *b;\n" }] }] }),
                "Build _**7**_ [log](https://a.example)🎉`x*y`@room\n\n1. one\n2. two\n\n> said\n\n```\nlet a = *b;\n```",
            ),
            (json!({ "type": "markdown", "text": "**as it is**" }), "**as it is**"),
            (json!({ "type": "input", "element": {} }), ""),
            (json!({ "type": "header" }), ""),
            (json!("no block"), ""),
        ] {
            assert_eq!(markdown(&block), expected, "{block}");
        }
    }
}
