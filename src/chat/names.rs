//! Names that a message can link: users and public rooms.
//!
//! Owns a copy in memory, because messages are rendered without waiting. Other nodes notify this one of new names. It must never contain a private room: a link would
//! reveal it.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;
/// The names.
#[derive(Debug, Default)]
pub struct Names {
    people: RwLock<HashSet<Arc<str>>>,
    rooms: RwLock<HashSet<Arc<str>>>,
}

impl Names {
    /// The names at start.
    pub fn new(people: impl IntoIterator<Item = Arc<str>>, public_rooms: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { people: RwLock::new(people.into_iter().collect()), rooms: RwLock::new(public_rooms.into_iter().collect()) }
    }

    /// Whether there is a user with this lower-case username.
    pub fn is_person(&self, username: &str) -> bool {
        self.people.read().contains(username)
    }

    /// Whether there is a public room with this slug.
    pub fn is_public_room(&self, slug: &str) -> bool {
        self.rooms.read().contains(slug)
    }

    /// Replaces all names.
    pub fn replace(&self, people: impl IntoIterator<Item = Arc<str>>, public_rooms: impl IntoIterator<Item = Arc<str>>) {
        *self.people.write() = people.into_iter().collect();
        *self.rooms.write() = public_rooms.into_iter().collect();
    }

    /// Adds a user.
    pub fn meet(&self, username: &Arc<str>) {
        if !self.is_person(username) {
            self.people.write().insert(username.clone());
        }
    }

    /// Removes a user.
    pub fn forget(&self, username: &str) {
        self.people.write().remove(username);
    }

    /// Adds a public room, or removes one that has become private.
    pub fn set_room(&self, slug: &Arc<str>, is_public: bool) {
        let mut rooms = self.rooms.write();
        if is_public {
            rooms.insert(slug.clone())
        } else {
            rooms.remove(slug)
        };
    }
}
