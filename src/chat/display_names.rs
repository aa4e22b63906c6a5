//! What people are called by others: for pins, reactions and notices, which hold only usernames.
//!
//! Owns a copy in memory, filled at the start and kept up to date by whoever stores a name. Messages have their author's name from the
//! database; they must not get it from here.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Author;
use parking_lot::RwLock;

/// The names that differ from their username, by username.
#[derive(Debug, Default)]
pub struct DisplayNames(RwLock<HashMap<Arc<str>, Arc<str>>>);

impl DisplayNames {
    /// The names that are known at the start.
    pub fn new(people: impl IntoIterator<Item = Author>) -> Self {
        Self(RwLock::new(people.into_iter().map(|person| (person.username.clone(), person.shown())).collect()))
    }

    /// What somebody is called, where that is not their username.
    pub fn known(&self, username: &str) -> Option<Arc<str>> {
        self.0.read().get(username).cloned()
    }

    /// What somebody is called; their username where nothing else is known.
    pub fn of(&self, username: &str) -> Arc<str> {
        self.known(username).unwrap_or_else(|| username.into())
    }

    /// Learns what somebody is called now.
    pub fn set(&self, person: &Author) {
        let shown = person.shown();
        let mut names = self.0.write();
        if *shown == *person.username {
            names.remove(&person.username);
        } else {
            names.insert(person.username.clone(), shown);
        }
    }
}
