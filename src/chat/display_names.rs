//! Display names by username, for pins, reactions and notices, which store usernames only; and the version of all names and photos.
//!
//! Owns a copy in memory, loaded at start and updated when a name or a photo changes. Messages come with their author's name and
//! photo and must not use this.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::model::Author;

/// Names that differ from the username, and photos, by username.
#[derive(Debug, Default)]
pub struct DisplayNames(RwLock<Names>);

/// A digest of all names and photos: equal on nodes that know the same ones, and after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version(u128);

#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    by_username: HashMap<Arc<str>, Shown>,
    /// The sum of all entries' digests, which has no order.
    version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    name: Arc<str>,
    is_alike: bool,
    photo: Option<Arc<str>>,
}

impl From<&Author> for Shown {
    fn from(person: &Author) -> Self {
        Self { name: person.shown(), is_alike: person.is_alike, photo: person.photo.clone() }
    }
}

impl DisplayNames {
    /// The names at start.
    pub fn new(people: impl IntoIterator<Item = Author>) -> Self {
        Self(RwLock::new(people.into_iter().collect()))
    }

    /// Replaces all names; returns whether any is different.
    pub fn replace(&self, people: impl IntoIterator<Item = Author>) -> bool {
        let new = people.into_iter().collect();
        let mut names = self.0.write();
        let is_different = *names != new;
        *names = new;
        is_different
    }

    /// A user's display name, if it differs from the username.
    pub fn known(&self, username: &str) -> Option<Arc<str>> {
        self.0.read().by_username.get(username).map(|shown| shown.name.clone()).filter(|name| **name != *username)
    }

    /// A user's display name; the username if nothing else is known.
    pub fn of(&self, username: &str) -> Arc<str> {
        self.known(username).unwrap_or_else(|| username.into())
    }

    /// Updates a user's display name and photo.
    pub fn set(&self, person: &Author) {
        self.0.write().set(person);
    }

    /// The version of all names and photos.
    pub fn version(&self) -> Version {
        self.0.read().version
    }

    /// Whether the names have this version, and these people have the names and photos that it says. Cached messages can have older ones,
    /// and those just read can have newer ones.
    pub fn agree<'a>(&self, version: Version, people: impl IntoIterator<Item = &'a Author>) -> bool {
        let names = self.0.read();
        names.version == version
            && people.into_iter().all(|person| match names.by_username.get(&person.username) {
                None => person.name == person.username && !person.is_alike && person.photo.is_none(),
                Some(shown) => Shown::from(person) == *shown,
            })
    }
}

impl Names {
    fn set(&mut self, person: &Author) {
        let shown = Shown::from(person);
        let before = if shown.name == person.username && shown.photo.is_none() {
            self.by_username.remove(&person.username)
        } else {
            self.version.0 = self.version.0.wrapping_add(digest(&person.username, &shown));
            self.by_username.insert(person.username.clone(), shown)
        };
        if let Some(before) = before {
            self.version.0 = self.version.0.wrapping_sub(digest(&person.username, &before));
        }
    }
}

impl FromIterator<Author> for Names {
    fn from_iter<T: IntoIterator<Item = Author>>(people: T) -> Self {
        let mut names = Self::default();
        people.into_iter().for_each(|person| names.set(&person));
        names
    }
}

fn digest(username: &str, shown: &Shown) -> u128 {
    let photo = shown.photo.as_deref().unwrap_or_default();
    let text = Sha256::new()
        .chain_update(username)
        .chain_update([0, shown.is_alike.into()])
        .chain_update(&*shown.name)
        .chain_update([0])
        .chain_update(photo)
        .finalize();
    u128::from_le_bytes(text[..16].try_into().expect("it has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    fn person(username: &str, name: &str, is_alike: bool) -> Author {
        Author { id: UserId(1), username: username.into(), name: name.into(), is_alike, is_bot: false, photo: None }
    }

    fn with_photo(username: &str) -> Author {
        Author { photo: Some("1234".into()), ..person(username, username, false) }
    }

    #[test]
    fn equal_names_have_one_version_in_any_order() {
        let people = [person("ada", "Ada", false), person("eve", "eve", true), person("bob", "bob", false)];
        let all = DisplayNames::new(people.clone());
        let others = DisplayNames::default();
        assert_ne!(all.version(), others.version());
        people.iter().rev().for_each(|person| others.set(person));
        assert_eq!(all.version(), others.version());
        let before = all.version();
        for changed in [person("ada", "Countess", false), person("ada", "Ada", true), person("bob", "Bob", false)] {
            others.set(&changed);
            assert_ne!(others.version(), before, "{changed:?}");
            assert!(others.replace(people.clone()));
            assert_eq!(others.version(), before);
        }
        others.set(&with_photo("bob"));
        assert_ne!(others.version(), before, "a photo");
        assert_eq!(others.known("bob"), None, "it is no name");
        others.set(&person("bob", "bob", false));
        assert_eq!(others.version(), before);
        others.set(&person("eve", "eve", false));
        others.set(&person("ada", "ada", false));
        assert_eq!(others.version(), DisplayNames::default().version(), "nobody has another name than the username");
        assert!(!all.replace(people));
    }

    #[test]
    fn a_page_with_another_name_has_not_this_version() {
        let names = DisplayNames::new([person("ada", "Ada", false), person("eve", "eve", true)]);
        let version = names.version();
        let known = [person("ada", "Ada", false), person("eve", "eve", true), person("bob", "bob", false)];
        assert!(names.agree(version, &known));
        for other in [
            person("ada", "ada", false),
            person("ada", "Ada", true),
            person("eve", "eve", false),
            person("eve", "Eve", true),
            person("bob", "Bob", false),
            person("bob", "bob", true),
            with_photo("bob"),
        ] {
            assert!(!names.agree(version, [&other]), "{other:?}");
        }
        names.set(&person("bob", "Bob", false));
        assert!(!names.agree(version, &known[..1]));
    }
}
