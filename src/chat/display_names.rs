//! Display names by username, for pins, reactions and notices, which store usernames only.
//!
//! Owns a copy in memory, loaded at start and updated when a name changes. Messages come with their author's name and must not
//! use this.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Author;
use parking_lot::RwLock;

/// Names that differ from the username, by username.
#[derive(Debug, Default)]
pub struct DisplayNames(RwLock<HashMap<Arc<str>, Arc<str>>>);

impl DisplayNames {
    /// The names at start.
    pub fn new(people: impl IntoIterator<Item = Author>) -> Self {
        Self(RwLock::new(by_username(people)))
    }

    /// Replaces all names; returns whether any is different.
    pub fn replace(&self, people: impl IntoIterator<Item = Author>) -> bool {
        let new = by_username(people);
        let mut names = self.0.write();
        let is_different = *names != new;
        *names = new;
        is_different
    }

    /// A user's display name, if it differs from the username.
    pub fn known(&self, username: &str) -> Option<Arc<str>> {
        self.0.read().get(username).cloned()
    }

    /// A user's display name; the username if nothing else is known.
    pub fn of(&self, username: &str) -> Arc<str> {
        self.known(username).unwrap_or_else(|| username.into())
    }

    /// Updates a user's display name.
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

fn by_username(people: impl IntoIterator<Item = Author>) -> HashMap<Arc<str>, Arc<str>> {
    people.into_iter().map(|person| (person.username.clone(), person.shown())).collect()
}
