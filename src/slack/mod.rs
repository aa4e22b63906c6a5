//! What other programs write for Slack: its markup, and the messages that its webhooks take.
//!
//! Owns what becomes of them in Markdown. Pure functions: it must not know a room, a person or a request.

pub mod blocks;
pub mod markup;
pub mod message;

use std::borrow::Cow;

use serde_json::Value;

use self::markup::unescaped;

/// A text of a JSON object; empty if there is none. Senders put numbers where a text belongs.
fn text_of<'v>(object: &'v Value, field: &str) -> Cow<'v, str> {
    match object.get(field) {
        Some(Value::String(text)) => text.as_str().into(),
        Some(Value::Number(number)) => number.to_string().into(),
        _ => "".into(),
    }
}

/// The list in a field of a JSON object. Senders leave out the brackets around a single item, and encode the list as a text.
fn list_of<'v>(object: &'v Value, field: &str) -> Cow<'v, [Value]> {
    match object.get(field) {
        Some(Value::Array(list)) => list.as_slice().into(),
        Some(Value::String(text)) => serde_json::from_str::<Vec<Value>>(text).unwrap_or_default().into(),
        Some(single @ Value::Object(_)) => std::slice::from_ref(single).into(),
        _ => Vec::new().into(),
    }
}

/// Formatted text as Markdown. Many senders write `**bold**`, which has no meaning for Slack.
fn formatted(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let is_double = !line.contains('`') && line.matches("**").count() % 2 == 0;
        if is_double { line.replace("**", "*") } else { line.to_owned() }
    });
    markup::markdown(&lines.collect::<Vec<_>>().join("\n"), &markup::Known::default())
}

/// Text without formatting as Markdown that shows it as it is, but for names of emoji.
fn plain(text: &str) -> String {
    let text = unescaped(text.trim());
    let mut escaped = String::with_capacity(text.len() + 8);
    for line in text.split('\n') {
        if !escaped.is_empty() {
            escaped.push('\n');
        }
        let marks = line.trim_start_matches('#').starts_with(' ') && line.starts_with('#');
        if marks || line.starts_with(['>', '+']) || line.starts_with("- ") {
            escaped.push('\\');
        }
        for c in line.chars() {
            if matches!(c, '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '<' | '@') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
    }
    escaped
}

/// The same on one line.
fn plain_line(text: &str) -> String {
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A link with a label that is Markdown; the label alone if the address is none of the web.
fn link(label: &str, url: &str) -> String {
    let url = unescaped(url.trim());
    let is_web = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if is_web && !label.is_empty() { format!("[{label}]({})", markup::target(&url)) } else { label.to_owned() }
}
