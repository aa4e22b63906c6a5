//! A message and what belongs to it: the unit of history, replay and live events.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Author, UserId};
use crate::clock::Millis;

/// What a message is: somebody's words, or what the room itself recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Words that somebody wrote.
    Text,
    /// The author entered the room.
    Joined,
    /// The author left the room, or was removed from it (then `body` names who removed them).
    Left,
    /// The author set the room's topic to `body`.
    Topic,
    /// The author gave the room the name in `body`.
    Renamed,
    /// The author made the room what `body` says: `public` or `private`.
    Visibility,
}

/// One emoji under a message, with who chose it, in the order in which they did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The emoji itself.
    pub emoji: String,
    /// Usernames.
    pub users: Vec<Arc<str>>,
    /// When each of them chose it, and who that was: what the order is made of. Known only where a reaction is being changed.
    #[serde(skip)]
    pub chosen: Vec<(Millis, UserId)>,
}

/// That a message is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The username of who pinned it.
    pub by: Arc<str>,
    /// When.
    pub at: Millis,
}

/// A message in its present state: the unit of history, replay and live events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The room's slug.
    pub room: Arc<str>,
    /// Its place in the room: 1, 2, 3 … without gaps.
    pub seq: i64,
    /// The room's change number when it last changed.
    pub rev: i64,
    /// Somebody's words, or what the room recorded.
    pub kind: Kind,
    /// Who wrote it, or whom the record is about.
    pub author: Author,
    /// The words as written; empty once deleted.
    pub body: String,
    /// The words as sanitized HTML; empty once deleted.
    pub html: String,
    /// When it was committed.
    pub created_at: Millis,
    /// What its sender chose to tell a retry from a new message; null for what the room records.
    pub nonce: Option<String>,
    /// When its words last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Millis>,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Millis>,
    /// The `seq` of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// Whom it addresses: usernames, `@room` and `@here`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// That it is pinned, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pin>,
    /// The emoji under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

impl Message {
    /// How many bytes it has as JSON at the most: there a byte of a text may take six.
    pub fn most_json(&self) -> usize {
        /// The names of the fields, the numbers, the moments; of a reaction the same.
        const FRAME: usize = 512;
        const REACTION: usize = 32;
        let most = |text: &str| 6 * text.len() + 3;
        let texts = [&*self.room, &self.body, &self.html, &self.author.username, &self.author.name].map(most);
        let others = self.nonce.as_deref().into_iter().chain(self.pinned.as_ref().map(|pin| &*pin.by)).map(most);
        let mentions = self.mentions.iter().map(|name| most(name));
        let reactions =
            self.reactions.iter().map(|one| REACTION + most(&one.emoji) + one.users.iter().map(|user| most(user)).sum::<usize>());
        FRAME + texts.into_iter().chain(others).chain(mentions).chain(reactions).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_heavier_as_json_than_is_reckoned() {
        let worst: Arc<str> = "\u{1}".repeat(64).into();
        let now = Millis(253_402_300_799_999);
        let author = Author { id: UserId(i64::MAX), username: worst.clone(), name: worst.clone(), is_alike: true };
        let reaction =
            Reaction { emoji: "👩‍❤️‍💋‍👨".into(), users: vec![worst.clone(); 9], chosen: Vec::new() };
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
        };
        let json = serde_json::to_string(&message).unwrap().len();
        assert!(json <= message.most_json(), "{json} bytes, {} reckoned", message.most_json());
        // Without its texts, so that they do not hide what the rest takes.
        let short = Message { body: String::new(), html: String::new(), mentions: Vec::new(), reactions: Vec::new(), ..message };
        let json = serde_json::to_string(&short).unwrap().len();
        assert!(json <= short.most_json(), "{json} bytes, {} reckoned", short.most_json());
    }
}
