//! The words of the domain: ids, rooms, people as authors, messages.
//!
//! Owns the shapes that pages, sockets and the JSON API all tell. It must not read or write anything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use super::preferences::{Level, Theme};
use crate::clock::Millis;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
id!(
    /// A person's number in the `users` table; never reused.
    UserId
);
id!(
    /// A room's number in the `rooms` table; never reused. Outside clients name rooms by slug.
    RoomId
);

/// Who may find and enter a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everyone signed in may find, read and enter it.
    Public,
    /// Only its members know that it exists.
    Private,
}

impl Visibility {
    /// What forms, data and the room's log call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

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

/// A room as its readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Room {
    /// Inside number; not told to clients.
    #[serde(skip)]
    pub id: RoomId,
    /// What URLs and events call the room; made from its first name, and never changed.
    pub slug: Arc<str>,
    /// Free text of up to 64 characters.
    pub name: String,
    /// One line about what the room is for; empty when nobody set it.
    pub topic: String,
    /// Who may find and enter it.
    pub visibility: Visibility,
    /// When it was created.
    pub created_at: Millis,
    /// Whether it is direct messages: a private room of fixed people, under their names.
    #[serde(skip)]
    pub is_direct: bool,
    /// With whom, for one reader: the others by name, or oneself. Empty where it is no direct messages, or nobody in particular reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<Author>,
}

/// How far a room's log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Head {
    /// The place of the last message; 0 in an empty room.
    pub seq: i64,
    /// The number of the last change; 0 in an empty room.
    pub rev: i64,
}

/// One person's place in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// When they entered.
    pub joined_at: Millis,
    /// The last message that they have read; moves forward only.
    pub read_seq: i64,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Author {
    /// Inside number, stable over renames.
    pub id: UserId,
    /// The unique name: 1–32 of `a-z 0-9 . _ -`.
    pub username: Arc<str>,
    /// The name to show; free text.
    pub name: Arc<str>,
    /// Whether somebody else's name looks the same: then the username is shown beside it.
    #[serde(rename = "alike", skip_serializing_if = "std::ops::Not::not")]
    pub is_alike: bool,
}

impl Author {
    /// The name, so that it is nobody else's: with the username where it takes that.
    #[must_use]
    pub fn shown(&self) -> Arc<str> {
        if self.is_alike { format!("{} @{}", self.name, self.username).into() } else { self.name.clone() }
    }
}

/// One emoji under a message, with who chose it, in the order in which they did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// The username of who pinned it.
    pub by: Arc<str>,
    /// When.
    pub at: Millis,
}

/// A message in its present state: the unit of history, replay and live events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Millis>,
    /// When it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Millis>,
    /// The `seq` of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// Whom it addresses: usernames, `@room` and `@here`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// That it is pinned, and by whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pin>,
    /// The emoji under it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

impl Message {
    /// How many bytes it has as JSON at the most: there a byte of a text may take six.
    #[must_use]
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

/// A stretch of a room's history, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<M = Message> {
    /// The messages, oldest first.
    pub messages: Vec<M>,
    /// Whether the room has older ones.
    pub more_before: bool,
    /// Whether the room has newer ones.
    pub more_after: bool,
}

/// Which stretch of history is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The end of the log.
    Latest,
    /// The messages just before this seq, without it.
    Before(i64),
    /// The messages just after this seq, without it.
    After(i64),
    /// This seq with as many on both sides of it as fit.
    Around(i64),
}

impl Room {
    /// Names direct messages as one reader sees them.
    pub fn name_for(&mut self, reader: UserId, people: Vec<Author>) {
        self.name = match people.as_slice() {
            [own] if own.id == reader => "Notes to self".to_owned(),
            people => people.iter().map(Author::shown).collect::<Vec<_>>().join(", "),
        };
        self.direct = people;
    }
}

impl Window {
    /// The places that the window shows in a log that ends at `last`, both included; an empty range where there is nothing. Places
    /// have no gaps, so `limit` of them are `limit` messages.
    #[must_use]
    pub fn range(self, limit: i64, last: i64) -> (i64, i64) {
        let ending_at = |to: i64| ((to - limit + 1).max(1), to);
        match self {
            Self::Latest => ending_at(last),
            Self::Before(seq) => ending_at((seq - 1).clamp(0, last)),
            Self::After(seq) => {
                let from = seq.clamp(0, last) + 1;
                (from, (from + limit - 1).min(last))
            }
            Self::Around(seq) => {
                // Where one side is short, the other side has its places.
                let from = (seq.clamp(1, last.max(1)) - limit / 2).min(last - limit + 1).max(1);
                (from, (from + limit - 1).min(last))
            }
        }
    }
}

/// A room in somebody's list of rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListedRoom {
    /// The room.
    pub room: Room,
    /// Whether the person is a member.
    pub is_member: bool,
    /// Whether it is a conversation that they have hidden.
    pub is_hidden: bool,
    /// How many people are members.
    pub members: i64,
    /// Whether somebody has written there since the person last read.
    pub is_unread: bool,
    /// How many messages wait behind the read marker; at most 100 are counted, and none where that was not asked for.
    pub unread: i64,
    /// How many behind the read marker address the person; at most 100 are counted, and none where that was not asked for.
    pub mentions: i64,
    /// The person's notification level; `None` is their default.
    pub level: Option<Level>,
    /// The last message that they have read; 0 for who is no member.
    pub read_seq: i64,
    /// When somebody last wrote; known only of direct messages, and in a directory that is sorted by it.
    pub talked_at: Option<Millis>,
    /// How far the room's log has come.
    pub head: Head,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_range_of_places() {
        assert_eq!(Window::Latest.range(50, 120), (71, 120));
        assert_eq!(Window::Latest.range(50, 3), (1, 3));
        assert_eq!(Window::Before(71).range(50, 120), (21, 70));
        assert_eq!(Window::Before(10).range(50, 120), (1, 9));
        assert_eq!(Window::Before(9_999).range(50, 120), (71, 120));
        assert_eq!(Window::After(20).range(50, 120), (21, 70));
        assert_eq!(Window::After(100).range(50, 120), (101, 120));
        assert_eq!(Window::Around(60).range(10, 120), (55, 64));
        assert_eq!(Window::Around(1).range(10, 120), (1, 10));
        assert_eq!(Window::Around(120).range(10, 120), (111, 120));
        assert_eq!(Window::Around(9_999).range(10, 120), (111, 120));
    }

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

    #[test]
    fn an_empty_window_holds_nothing() {
        for (window, last) in
            [(Window::Latest, 0), (Window::Before(1), 5), (Window::After(5), 5), (Window::After(9), 5), (Window::Around(3), 0)]
        {
            let (from, to) = window.range(50, last);
            assert!(from > to, "{window:?} gave {from}..={to}");
        }
    }
}
