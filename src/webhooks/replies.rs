//! What a webhook's answer posts.
//!
//! Owns which deliveries can be replied to, and how an answer is read. The id of the delivery is the nonce of the message, so that one which is
//! delivered twice is replied to once. A webhook without a bot never replies, and nobody replies to bots: two could go on for ever.

use serde_json::Value;

use super::Webhooks;
use super::signature::Message;
use crate::chat::messages::NewMessage;
use crate::db::outbox::Row;
use crate::db::webhooks::Webhook;
use crate::error::{Error, Result};
use crate::model::{Occurrence, UserId};
use crate::outbox::Delivery;
use crate::permissions::Caller;
use crate::slack::message;

impl Webhooks {
    /// Posts what a webhook answered, if it is a reply. The delivery was taken anyway: what the room refuses is only logged. If the server
    /// cannot write now, the delivery is made again, or the reply would be lost.
    pub(super) async fn reply(&self, webhook: &Webhook, row: &Row, sent: &Message<'_>, said: &[u8]) -> Delivery {
        let (Some(bot), Some(answer)) = (webhook.bot_id.filter(|_| is_answerable(row, sent.body)), read(said)) else {
            return Delivery::Done(1);
        };
        match self.post(bot, webhook, row, sent.id, &answer).await {
            Ok(()) => Delivery::Done(1),
            Err(error @ (Error::Busy { .. } | Error::Unavailable | Error::NotSaved)) => {
                Delivery::failed(format!("its reply could not be posted: {error}"))
            }
            Err(error) => {
                tracing::debug!(webhook = webhook.id, %error, "the reply of a webhook was not posted");
                Delivery::Done(1)
            }
        }
    }

    async fn post(&self, bot: UserId, webhook: &Webhook, row: &Row, id: &str, answer: &message::Message) -> Result<()> {
        let Some(room) = row.room_id else { return Ok(()) };
        let Some(room) = self.db.find_told_room(room).await? else { return Ok(()) };
        if !webhook.may_know(room.id, room.visibility, room.is_direct) {
            return Ok(());
        }
        // It is a member since an administrator chose the room.
        let body = message::shortened(&answer.text, self.chat.max_chars());
        let new = NewMessage { body, nonce: Some(id.to_owned()), hides_links: !answer.has_previews, ..NewMessage::default() };
        self.chat.post(Caller::as_member(bot), room.id, new)?.message().await.map(drop)
    }
}

/// Whether a delivery asks for a reply: a command, or a message that somebody wrote.
fn is_answerable(row: &Row, sent: &str) -> bool {
    if row.event == Occurrence::CommandUsed.as_str() {
        return true;
    }
    let is_by_bot = || {
        let sent: Option<Value> = serde_json::from_str(sent).ok();
        sent.is_none_or(|sent| sent["data"]["kind"] != "text" || sent["data"]["author"]["bot"] == true)
    };
    row.event == Occurrence::MessagePosted.as_str() && !is_by_bot()
}

/// What an answer says: its `body`, which is Markdown, or a message as Slack reads it.
fn read(said: &[u8]) -> Option<message::Message> {
    let answer: Value = serde_json::from_slice(said).ok()?;
    let read = match answer.get("body").and_then(Value::as_str) {
        Some(body) => message::Message { text: body.to_owned(), has_previews: message::has_previews(&answer) },
        None => message::read(&answer).ok()?,
    };
    (!read.text.trim().is_empty()).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_if_it_is_a_message() {
        for (said, text) in [
            (r#"{"body": "**done**"}"#, "**done**"),
            (r#"{"text": "*done*", "response_type": "in_channel"}"#, "**done**"),
            (r#"{"body": "this", "text": "not this"}"#, "this"),
        ] {
            assert_eq!(read(said.as_bytes()), Some(message::Message { text: text.into(), has_previews: true }), "{said}");
        }
        for plain in [r#"{"body": "this", "unfurl_links": false}"#, r#"{"text": "this", "unfurl_links": false}"#] {
            assert_eq!(read(plain.as_bytes()), Some(message::Message { text: "this".into(), has_previews: false }), "{plain}");
        }
        for other in
            ["", "ok", "{}", "[]", "\"text\"", r#"{"ok": true}"#, r#"{"text": ""}"#, r#"{"body": " "}"#, r#"{"body": 1}"#]
        {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
    }
}
