//! What is handed from the database's side of an export to the writing one.
//!
//! Owns these types, and nothing else.

use std::collections::HashMap;

use crate::model::{LinkPreview, RoomId, UserId};
use crate::portable::{Message, Visibility};

/// A person, as far as messages need them.
#[derive(Clone, Debug)]
pub struct Who {
    /// Their place among the people, from 1.
    pub number: usize,
    pub username: String,
    /// The display name, or else the username.
    pub name: String,
    /// Where their photo is.
    pub photo: Option<String>,
}

/// A room, as far as its messages need it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its place among the rooms, from 1.
    pub number: usize,
    pub id: RoomId,
    pub slug: String,
    /// Its name, or those of the people in a conversation.
    pub name: String,
    pub topic: String,
    pub visibility: Visibility,
    pub is_archived: bool,
    pub members: usize,
}

/// A message with what its record lacks.
#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: i64,
    pub author: UserId,
    pub message: Message,
    /// The text as HTML.
    pub html: String,
    /// The message that it replies to.
    pub answered: Option<Answered>,
    /// The previews of its links.
    pub links: Vec<LinkPreview>,
}

/// A line of the message that one replies to.
#[derive(Clone, Debug)]
pub struct Answered {
    pub seq: i64,
    pub name: String,
    pub line: String,
    pub is_deleted: bool,
    /// Whether it is in this export too.
    pub is_here: bool,
}

/// The people of an export.
#[derive(Debug, Default)]
pub struct People {
    people: HashMap<UserId, Who>,
    ids: HashMap<String, UserId>,
}

impl People {
    pub fn len(&self) -> usize {
        self.people.len()
    }

    pub fn add(&mut self, id: UserId, who: Who) {
        self.ids.insert(who.username.clone(), id);
        self.people.insert(id, who);
    }

    pub fn get(&self, id: UserId) -> Option<&Who> {
        self.people.get(&id)
    }

    pub fn by_username(&self, username: &str) -> Option<&Who> {
        self.get(*self.ids.get(username)?)
    }
}
