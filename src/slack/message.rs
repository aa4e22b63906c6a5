//! A message as Slack's incoming webhooks take it.
//!
//! Owns which of its parts are shown, and in which order. It is lenient: what it does not know is left out, and only a message with nothing to
//! show is refused.

use jiff::Timestamp;
use serde_json::Value;

use super::{blocks, formatted, link, list_of, plain, plain_line, text_of};

/// The most attachments of a message, which is Slack's bound.
const MOST_ATTACHMENTS: usize = 100;
/// The most blocks of a message or an attachment, which is Slack's bound.
const MOST_BLOCKS: usize = 50;
/// What stands below a text that was cut.
const CUT: &str = "\n\n*(shortened)*";

/// Why a message is refused. Each has the name that Slack gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no message.
    InvalidPayload,
    /// There is nothing to show.
    NoText,
    /// It has too many attachments.
    TooManyAttachments,
    /// It has too many blocks.
    InvalidBlocks,
}

impl Refusal {
    /// What Slack answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidPayload => "invalid_payload",
            Self::NoText => "no_text",
            Self::TooManyAttachments => "too_many_attachments",
            Self::InvalidBlocks => "invalid_blocks",
        }
    }
}

/// A message as Markdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub text: String,
    /// Whether its links may have previews.
    pub has_previews: bool,
}

/// Reads a message. Blocks stand for its text; attachments come below.
///
/// # Errors
/// It is none, shows nothing, or has too many parts.
pub fn read(payload: &Value) -> Result<Message, Refusal> {
    if !payload.is_object() {
        return Err(Refusal::InvalidPayload);
    }
    let attachments = list_of(payload, "attachments");
    if attachments.len() > MOST_ATTACHMENTS {
        return Err(Refusal::TooManyAttachments);
    }
    let mut parts = all_blocks(payload)?;
    if parts.is_empty() {
        let text = text_of(payload, "text");
        parts.push(if payload.get("mrkdwn") == Some(&Value::Bool(false)) { plain(&text) } else { formatted(&text) });
    }
    for attachment in attachments.iter() {
        parts.extend(attached(attachment)?);
    }
    let text = joined(parts);
    if text.is_empty() {
        return Err(Refusal::NoText);
    }
    Ok(Message { text, has_previews: has_previews(payload) })
}

/// Whether the links of a message may have previews: not if `unfurl_links` is false.
pub fn has_previews(payload: &Value) -> bool {
    payload.get("unfurl_links") != Some(&Value::Bool(false))
}

fn joined(mut parts: Vec<String>) -> String {
    parts.retain(|part| !part.trim().is_empty());
    // A rule separates: at an end there is nothing to separate.
    while parts.last().is_some_and(|part| part == blocks::RULE) {
        parts.pop();
    }
    let start = parts.iter().take_while(|part| *part == blocks::RULE).count();
    parts.drain(..start);
    parts.join("\n\n").replace('\0', "")
}

fn all_blocks(object: &Value) -> Result<Vec<String>, Refusal> {
    let list = list_of(object, "blocks");
    if list.len() > MOST_BLOCKS {
        return Err(Refusal::InvalidBlocks);
    }
    Ok(list.iter().map(blocks::markdown).filter(|block| !block.is_empty()).collect())
}

/// An attachment; its parts in the order in which Slack shows them.
fn attached(attachment: &Value) -> Result<Vec<String>, Refusal> {
    let text = |field| text_of(attachment, field);
    let mut parts = vec![formatted(&text("pretext"))];
    let inner = all_blocks(attachment)?;
    if inner.is_empty() {
        let author = plain_line(&text("author_name"));
        parts.push(link(&author, &text("author_link")));
        let title = plain_line(&text("title"));
        if !title.is_empty() {
            parts.push(format!("**{}**", link(&title, &text("title_link"))));
        }
        parts.push(formatted(&text("text")));
        parts.push(fields(attachment));
    } else {
        parts.extend(inner);
    }
    let image = text("image_url");
    if !image.is_empty() {
        parts.push(link("Image", &image));
    }
    let buttons = list_of(attachment, "actions");
    parts.push(buttons.iter().map(blocks::button).filter(|link| !link.is_empty()).collect::<Vec<_>>().join(" · "));
    let below = [plain_line(&text("footer")), moment(attachment)].into_iter().filter(|part| !part.is_empty());
    parts.push(below.collect::<Vec<_>>().join(" · "));
    // When it was is nothing by itself.
    let shows_something = parts[..parts.len() - 1].iter().any(|part| !part.is_empty()) || !text("footer").is_empty();
    Ok(if shows_something { parts } else { vec![formatted(&text("fallback"))] })
}

/// A line for each field; a value of several lines is below its title.
fn fields(attachment: &Value) -> String {
    let lines = list_of(attachment, "fields")
        .iter()
        .map(|field| {
            let (title, value) = (plain_line(&text_of(field, "title")), formatted(&text_of(field, "value")));
            match (title.is_empty(), value.is_empty()) {
                (true, _) => value,
                (false, true) => format!("**{title}**"),
                (false, false) if value.contains('\n') => format!("**{title}:**\n\n{value}\n"),
                (false, false) => format!("**{title}:** {value}"),
            }
        })
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>();
    lines.join("\n").trim_end().to_owned()
}

/// When something happened, in UTC: senders write seconds as a number or as a text.
fn moment(attachment: &Value) -> String {
    let seconds = text_of(attachment, "ts");
    let seconds = seconds.split('.').next().unwrap_or_default().parse().ok();
    let moment = seconds.filter(|seconds| *seconds > 0).and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map(|moment| moment.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}

/// The text with at most so many characters, cut at the end of a line or a word if there is one near. Code that is cut is closed.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    const FENCE: &str = "\n```";
    let room = most.saturating_sub(CUT.chars().count() + FENCE.len());
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let head = &text[..end];
    let near = |at: Option<usize>| at.filter(|at| *at >= end / 2);
    let head = &head[..near(head.rfind('\n')).or_else(|| near(head.rfind(' '))).unwrap_or(end)];
    let is_open = head.lines().filter(|line| line.trim_start().starts_with("```")).count() % 2 == 1;
    format!("{}{}{CUT}", head.trim_end(), if is_open { FENCE } else { "" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(payload: &Value) -> String {
        read(payload).map(|message| message.text).unwrap_or_else(|refusal| refusal.as_str().to_owned())
    }

    #[test]
    fn the_parts_of_a_message_are_shown_in_their_order() {
        for (payload, expected) in [
            (
                json!({ "text": "*Down*: <https://a.example|the page> &amp; more" }),
                "**Down**: [the page](https://a.example) & more",
            ),
            (json!({ "text": "**Firing** since _noon_" }), "**Firing** since _noon_"),
            (json!({ "text": "*as it is*", "mrkdwn": false }), "\\*as it is\\*"),
            (json!({ "text": 5 }), "5"),
            (
                json!({ "text": "only read", "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": "*shown*" } }] }),
                "**shown**",
            ),
            (json!({ "text": "shown", "blocks": [{ "type": "unheard_of" }] }), "shown"),
            (
                json!({ "text": "above", "attachments": [{
                    "fallback": "never", "color": "danger", "pretext": "_before_", "author_name": "Ada", "author_link": "https://a.example/ada",
                    "title": "[FIRING:1] Disk", "title_link": "https://a.example/1", "text": "is *full*",
                    "fields": [{ "title": "Host", "value": "db1", "short": true }, { "title": "Log", "value": "one\ntwo" }, { "value": "alone" }],
                    "image_url": "https://a.example/i.png", "actions": [{ "type": "button", "text": "Silence", "url": "https://a.example/s" }, { "text": "no" }],
                    "footer": "Monitor", "ts": 1_790_000_000,
                }] }),
                "above\n\n_before_\n\n[Ada](https://a.example/ada)\n\n**[\\[FIRING:1\\] Disk](https://a.example/1)**\n\nis **full**\n\n\
                 **Host:** db1\n**Log:**\n\none\ntwo\n\nalone\n\n[Image](https://a.example/i.png)\n\n[Silence](https://a.example/s)\n\nMonitor · 2026-09-21 14:13 UTC",
            ),
            (json!({ "attachments": [{ "fallback": "only this", "ts": "1790000000.5" }] }), "only this"),
            (json!({ "attachments": { "text": "alone" } }), "alone"),
            (json!({ "attachments": "[{\"text\":\"as text\"}]" }), "as text"),
            (json!({ "attachments": [{ "title": "no", "title_link": "javascript:alert(1)" }] }), "**no**"),
            (json!({}), "no_text"),
            (json!({ "text": " ", "attachments": [{}], "blocks": [{ "type": "divider" }] }), "no_text"),
            (json!([]), "invalid_payload"),
            (json!({ "text": "x", "attachments": vec![json!({}); 101] }), "too_many_attachments"),
            (json!({ "text": "x", "blocks": vec![json!({}); 51] }), "invalid_blocks"),
        ] {
            assert_eq!(text(&payload), expected, "{payload}");
        }
        assert!(!read(&json!({ "text": "x", "unfurl_links": false })).unwrap().has_previews);
        assert!(read(&json!({ "text": "x" })).unwrap().has_previews);
    }

    #[test]
    fn a_long_text_ends_at_a_line_or_a_word_and_says_so() {
        assert_eq!(shortened("short", 10), "short");
        let cut = shortened(&"a word ".repeat(100), 100);
        assert!(cut.chars().count() <= 100 && cut.contains("word a\n\n*(shortened)*"), "{cut}");
        let code = shortened(&format!("```\n{}", "line of code\n".repeat(100)), 200);
        assert!(code.chars().count() <= 200 && code.ends_with("code\n```\n\n*(shortened)*"), "{code}");
        assert!(shortened(&"é".repeat(300), 100).chars().count() <= 100);
    }
}
