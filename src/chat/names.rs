//! The names that a message can link: people, and the rooms that everybody may see.
//!
//! Owns a copy of them in memory, because a message is rendered before anything waits. A name that another server learned since the
//! start is missing here until it is met; then `@name` stays plain text, and nothing else is wrong. It must never hold the name of a
//! private room: a link would tell that it exists.

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
    /// The names that are known at the start.
    pub fn new(people: impl IntoIterator<Item = Arc<str>>, public_rooms: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { people: RwLock::new(people.into_iter().collect()), rooms: RwLock::new(public_rooms.into_iter().collect()) }
    }

    /// Whether somebody has this username, in lower case.
    pub fn is_person(&self, username: &str) -> bool {
        self.people.read().contains(username)
    }

    /// Whether a public room has this slug.
    pub fn is_public_room(&self, slug: &str) -> bool {
        self.rooms.read().contains(slug)
    }

    /// Learns of a person.
    pub fn meet(&self, username: &Arc<str>) {
        if !self.is_person(username) {
            self.people.write().insert(username.clone());
        }
    }

    /// Learns of a room, or that it is private now.
    pub fn set_room(&self, slug: &Arc<str>, is_public: bool) {
        let mut rooms = self.rooms.write();
        if is_public {
            rooms.insert(slug.clone())
        } else {
            rooms.remove(slug)
        };
    }
}
