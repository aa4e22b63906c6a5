//! Messages: the unit of history, replay and live events.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Attachment, Author, LinkPreview, UserId};
use crate::clock::Millis;

/// The kind of a message: a text, or an event of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text message.
    Text,
    /// The author joined.
    Joined,
    /// The author left, or was removed by the user in `body`.
    Left,
    /// The author set the topic to `body`.
    Topic,
    /// The author renamed the room to `body`.
    Renamed,
    /// The author made the room `public` or `private`, as `body` says.
    Visibility,
    /// The author has another role in the room. `body` is the role, and after a space who gave it: nobody if the room's last owner left.
    Role,
    /// The author `archived` or `restored` the room, as `body` says.
    Archived,
}

/// An emoji with the users who chose it, in that order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Usernames.
    #[schema(value_type = Vec<String>)]
    pub users: Vec<Arc<str>>,
    /// Time and id for each user, which define the order. Only set while a reaction is being changed.
    #[serde(skip)]
    pub chosen: Vec<(Millis, UserId)>,
}

/// The pin of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pin {
    /// Username of who pinned it.
    #[schema(value_type = String)]
    pub by: Arc<str>,
    /// When it was pinned.
    pub at: Millis,
}

/// A message in its current state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The room's slug.
    #[schema(value_type = String)]
    pub room: Arc<str>,
    /// Its position in the room: 1, 2, 3 … without gaps.
    pub seq: i64,
    /// The number of the change that last affected it.
    pub rev: i64,
    /// A text, or an event of the room.
    pub kind: Kind,
    /// Who wrote it, or whom the event is about.
    pub author: Author,
    /// The text as typed; empty once deleted.
    pub body: String,
    /// The text as sanitized HTML; empty once deleted.
    pub html: String,
    /// When it was committed.
    pub created_at: Millis,
    /// Chosen by the sender to identify retries; `None` for events of the room.
    pub nonce: Option<String>,
    /// When its text last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Millis>,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Millis>,
    /// The `seq` of the message that it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// Usernames, `@room` and `@here`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Its pin, if it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pin>,
    /// Its reactions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// Its files, in the sender's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Previews of its links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkPreview>,
    /// Whether previews of its links were turned off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub links_off: bool,
}

impl Message {
    /// A message as it is first recorded: without HTML, a nonce, or anything that replies, edits, pins and reactions add.
    pub fn new(room: Arc<str>, seq: i64, rev: i64, kind: Kind, author: Author, body: String, created_at: Millis) -> Self {
        Self {
            room,
            seq,
            rev,
            kind,
            author,
            body,
            html: String::new(),
            created_at,
            nonce: None,
            edited_at: None,
            deleted_at: None,
            reply_to: None,
            mentions: Vec::new(),
            pinned: None,
            reactions: Vec::new(),
            attachments: Vec::new(),
            links: Vec::new(),
            links_off: false,
        }
    }

    /// An upper bound on its size as JSON, where a byte of text may take six.
    pub fn most_json(&self) -> usize {
        /// Field names, numbers and times; likewise for a reaction.
        const FRAME: usize = 512;
        const REACTION: usize = 32;
        let most = |text: &str| 6 * text.len() + 3;
        let texts = [&*self.room, &self.body, &self.html, &self.author.username, &self.author.name].map(most);
        let others = [self.nonce.as_deref(), self.author.photo.as_deref(), self.pinned.as_ref().map(|pin| &*pin.by)];
        let others = others.into_iter().flatten().map(most);
        let mentions = self.mentions.iter().map(|name| most(name));
        let reactions =
            self.reactions.iter().map(|one| REACTION + most(&one.emoji) + one.users.iter().map(|user| most(user)).sum::<usize>());
        let attachments = self.attachments.iter().map(Attachment::most_json);
        let links = self.links.iter().map(LinkPreview::most_json);
        FRAME + texts.into_iter().chain(others).chain(mentions).chain(reactions).chain(attachments).chain(links).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_heavier_as_json_than_is_reckoned() {
        let worst: Arc<str> = "\u{1}".repeat(64).into();
        let now = Millis(253_402_300_799_999);
        let photo = Some(worst.clone());
        let author =
            Author { id: UserId(i64::MAX), username: worst.clone(), name: worst.clone(), is_alike: true, is_bot: true, photo };
        let reaction =
            Reaction { emoji: "👩‍❤️‍💋‍👨".into(), users: vec![worst.clone(); 9], chosen: Vec::new() };
        let attachment = Attachment {
            id: worst.to_string(),
            name: worst.to_string(),
            media_type: worst.to_string(),
            bytes: i64::MIN,
            alt: worst.to_string(),
            width: Some(i64::MIN),
            height: Some(i64::MIN),
            blur: Some(worst.to_string()),
            excerpt: Some(worst.to_string()),
            url: worst.to_string(),
            preview: Some(worst.to_string()),
            has_expired: true,
        };
        let text = worst.to_string();
        let link = LinkPreview { url: text.clone(), title: text.clone(), description: text.clone(), image: Some(text) };
        let message = Message {
            room: worst.clone(),
            seq: i64::MAX,
            rev: i64::MAX,
            kind: Kind::Visibility,
            author,
            body: worst.repeat(9),
            html: worst.repeat(9),
            created_at: now,
            nonce: Some(worst.to_string()),
            edited_at: Some(now),
            deleted_at: Some(now),
            reply_to: Some(i64::MAX),
            mentions: vec![worst.to_string(); 9],
            pinned: Some(Pin { by: worst, at: now }),
            reactions: vec![reaction; 9],
            attachments: vec![attachment; 9],
            links: vec![link; 9],
            links_off: true,
        };
        let json = serde_json::to_string(&message).unwrap().len();
        assert!(json <= message.most_json(), "{json} bytes, {} reckoned", message.most_json());
        // Without its texts, which would hide the size of the rest.
        let short = Message {
            body: String::new(),
            html: String::new(),
            mentions: Vec::new(),
            reactions: Vec::new(),
            attachments: Vec::new(),
            links: Vec::new(),
            ..message
        };
        let json = serde_json::to_string(&short).unwrap().len();
        assert!(json <= short.most_json(), "{json} bytes, {} reckoned", short.most_json());
    }
}
