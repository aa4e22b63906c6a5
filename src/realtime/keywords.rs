//! Whose keyword is in a new message, of those who watch their rooms on this node.
//!
//! Owns which keywords these people have, from their first `watch` until their last connection ends. What a keyword is found in is decided by
//! `push`, for pages that are open as for browsers that are not.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::model::UserId;
use crate::push::Keywords;

/// The keywords of those who watch.
#[derive(Debug, Default)]
pub struct Watched(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Of those who have some.
    keywords: HashMap<UserId, Keywords>,
    /// How often anybody's have changed.
    changes: u64,
}

impl Watched {
    /// How often anybody's have changed; to be read before the database is.
    pub fn changes(&self) -> u64 {
        self.0.read().changes
    }

    /// Takes in what the database said. `false` if somebody's have changed since: then it may be what was before.
    pub fn learn(&self, user: UserId, keywords: Keywords, as_of: u64) -> bool {
        let mut known = self.0.write();
        if known.changes != as_of {
            return false;
        }
        known.set(user, keywords);
        true
    }

    /// Takes in a change, if the person is here.
    pub fn change(&self, user: UserId, keywords: Keywords, is_here: bool) {
        let mut known = self.0.write();
        known.changes += 1;
        known.set(user, if is_here { keywords } else { Keywords::default() });
    }

    /// The person has no connection any more.
    pub fn forget(&self, user: UserId) {
        self.0.write().set(user, Keywords::default());
    }

    /// Those who have a keyword in a text, but for its author.
    pub fn in_text(&self, text: &str, author: UserId) -> Vec<UserId> {
        let known = self.0.read();
        if known.keywords.is_empty() {
            return Vec::new();
        }
        let text = text.to_lowercase();
        let found = known.keywords.iter().filter(|(user, keywords)| **user != author && keywords.are_in(&text));
        found.map(|(user, _)| *user).collect()
    }
}

impl Known {
    fn set(&mut self, user: UserId, keywords: Keywords) {
        if keywords.is_empty() {
            self.keywords.remove(&user);
        } else {
            self.keywords.insert(user, keywords);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_does_not_replace_it() {
        let (watched, [ada, eve]) = (Watched::default(), [UserId(1), UserId(2)]);
        let keywords = |word: &str| Keywords::new(&[word.to_owned()]);
        let as_of = watched.changes();
        watched.change(ada, keywords("Tea"), true);
        assert!(!watched.learn(ada, keywords("coffee"), as_of));
        assert!(watched.learn(eve, keywords("tea"), watched.changes()));
        let mut found = watched.in_text("TEA, or coffee?", UserId(3));
        found.sort_unstable();
        assert_eq!(found, [ada, eve]);
        assert_eq!(watched.in_text("tea", ada), [eve], "not its author");
        watched.forget(eve);
        watched.change(ada, keywords("tea"), false);
        assert!(watched.in_text("tea", UserId(3)).is_empty());
    }
}
