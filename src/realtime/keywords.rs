//! Whose keyword is in a new message, of those who watch their rooms on this node.
//!
//! Owns which keywords these people have, from their first `watch` until their last connection that watches ends, and which rooms they hear: a
//! message costs nothing where nobody who hears it has a keyword, and nothing for those who do not. Somebody may be counted in a room a
//! little longer than they hear it; the registry decides who is told. What a keyword is found in is decided by `push`, for pages that are
//! open as for browsers that are not.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::model::{RoomId, UserId};
use crate::push::{Keywords, SearchedText};

/// The keywords of those who watch. They change only with the registry locked; a message is searched without that.
#[derive(Debug, Default)]
pub struct Watched(RwLock<Known>);

/// People, each with their keywords.
type People = HashMap<UserId, Arc<Keywords>>;

#[derive(Debug, Default)]
struct Known {
    /// Those who have keywords, each with the rooms that they hear.
    people: HashMap<UserId, (Arc<Keywords>, HashSet<RoomId>)>,
    /// The same by room. Shared, so that nobody who comes or goes waits for a search.
    rooms: HashMap<RoomId, Arc<People>>,
    /// How often anybody's have changed.
    changes: u64,
}

impl Watched {
    /// How often anybody's have changed; to be read before the database is.
    pub fn changes(&self) -> u64 {
        self.0.read().changes
    }

    /// Takes in what the database said of somebody who hears these rooms; `None`: they do not watch any more, and nothing is kept. `false` if
    /// somebody's have changed since: then it may be what was before.
    pub fn learn(&self, user: UserId, keywords: Keywords, as_of: u64, heard: Option<HashSet<RoomId>>) -> bool {
        let mut known = self.0.write();
        if known.changes != as_of {
            return false;
        }
        known.set(user, keywords, heard);
        true
    }

    /// Takes in a change, likewise.
    pub fn change(&self, user: UserId, keywords: Keywords, heard: Option<HashSet<RoomId>>) {
        let mut known = self.0.write();
        known.changes += 1;
        known.set(user, keywords, heard);
    }

    /// The person does not watch any more.
    pub fn forget(&self, user: UserId) {
        self.0.write().forget(user);
    }

    /// The person hears a room from now on.
    pub fn enter(&self, user: UserId, room: RoomId) {
        // Most people have none. Nobody else changes that meanwhile.
        if self.0.read().people.contains_key(&user) {
            self.0.write().enter(user, room);
        }
    }

    /// The person does not hear a room any more.
    pub fn leave(&self, user: UserId, room: RoomId) {
        if self.0.read().people.contains_key(&user) {
            self.0.write().leave(user, room);
        }
    }

    /// Nobody hears a room any more.
    pub fn close(&self, room: RoomId) {
        let mut known = self.0.write();
        for user in known.rooms.remove(&room).iter().flat_map(|people| people.keys()) {
            if let Some((_, heard)) = known.people.get_mut(user) {
                heard.remove(&room);
            }
        }
    }

    /// Those in a room who have a keyword in a text, but for its author.
    pub fn in_text(&self, room: RoomId, text: &str, author: UserId) -> Vec<UserId> {
        let Some(people) = self.in_room(room) else { return Vec::new() };
        let text = text.to_lowercase();
        let text = SearchedText::new(&text);
        let found = people.iter().filter(|(user, keywords)| **user != author && keywords.are_in(&text));
        found.map(|(user, _)| *user).collect()
    }

    /// Those of a room whose keywords are looked for.
    fn in_room(&self, room: RoomId) -> Option<Arc<People>> {
        self.0.read().rooms.get(&room).cloned()
    }
}

impl Known {
    fn set(&mut self, user: UserId, keywords: Keywords, heard: Option<HashSet<RoomId>>) {
        self.forget(user);
        let Some(heard) = heard.filter(|_| !keywords.is_empty()) else { return };
        self.people.insert(user, (Arc::new(keywords), HashSet::new()));
        for room in heard {
            self.enter(user, room);
        }
    }

    fn forget(&mut self, user: UserId) {
        let Some((_, heard)) = self.people.remove(&user) else { return };
        for room in heard {
            self.take_out(user, room);
        }
    }

    fn enter(&mut self, user: UserId, room: RoomId) {
        if let Some((keywords, heard)) = self.people.get_mut(&user)
            && heard.insert(room)
        {
            Arc::make_mut(self.rooms.entry(room).or_default()).insert(user, keywords.clone());
        }
    }

    fn leave(&mut self, user: UserId, room: RoomId) {
        if self.people.get_mut(&user).is_some_and(|(_, heard)| heard.remove(&room)) {
            self.take_out(user, room);
        }
    }

    fn take_out(&mut self, user: UserId, room: RoomId) {
        if let Entry::Occupied(mut people) = self.rooms.entry(room) {
            Arc::make_mut(people.get_mut()).remove(&user);
            if people.get().is_empty() {
                people.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEA: RoomId = RoomId(1);
    const ENGINES: RoomId = RoomId(2);
    const ADA: UserId = UserId(1);
    const EVE: UserId = UserId(2);
    const MIA: UserId = UserId(3);

    fn keywords(word: &str) -> Keywords {
        Keywords::new(&[word.to_owned()])
    }

    /// Somebody who hears these rooms has this keyword now.
    fn has<const N: usize>(watched: &Watched, user: UserId, word: &str, rooms: [RoomId; N]) {
        watched.change(user, keywords(word), Some(rooms.into()));
    }

    fn found(watched: &Watched, room: RoomId, text: &str) -> Vec<UserId> {
        let mut found = watched.in_text(room, text, MIA);
        found.sort_unstable();
        found
    }

    /// Nothing is left of anybody or of any room.
    fn is_empty(watched: &Watched) -> bool {
        let known = watched.0.read();
        known.people.is_empty() && known.rooms.is_empty()
    }

    #[test]
    fn what_was_read_before_a_change_does_not_replace_it() {
        let watched = Watched::default();
        let as_of = watched.changes();
        has(&watched, ADA, "Tea", [TEA]);
        assert!(!watched.learn(ADA, keywords("coffee"), as_of, Some([TEA].into())));
        assert!(watched.learn(EVE, keywords("tea"), watched.changes(), Some([TEA].into())));
        assert_eq!(found(&watched, TEA, "TEA, or coffee?"), [ADA, EVE]);
        assert_eq!(watched.in_text(TEA, "tea", ADA), [EVE], "not its author");
        watched.forget(EVE);
        watched.change(ADA, keywords("tea"), None);
        assert!(found(&watched, TEA, "tea").is_empty() && is_empty(&watched));
    }

    #[test]
    fn of_whoever_went_while_they_were_read_nothing_is_kept() {
        let watched = Watched::default();
        let as_of = watched.changes();
        watched.forget(ADA);
        assert!(watched.learn(ADA, keywords("tea"), as_of, None), "that is no reason to read them again");
        watched.enter(ADA, TEA);
        assert!(is_empty(&watched));
    }

    #[test]
    fn keywords_are_looked_for_in_the_rooms_that_their_people_hear() {
        let watched = Watched::default();
        has(&watched, ADA, "tea", [TEA]);
        has(&watched, EVE, "tea", []);
        watched.enter(EVE, ENGINES);
        assert_eq!([found(&watched, TEA, "tea"), found(&watched, ENGINES, "tea")], [[ADA], [EVE]]);
        // Other keywords count in the same rooms.
        has(&watched, ADA, "pot", [TEA, ENGINES]);
        assert_eq!([found(&watched, TEA, "tea pot"), found(&watched, ENGINES, "tea pot")], [vec![ADA], vec![ADA, EVE]]);
        watched.leave(ADA, ENGINES);
        assert_eq!([found(&watched, TEA, "tea pot"), found(&watched, ENGINES, "tea pot")], [[ADA], [EVE]]);
        watched.close(TEA);
        watched.enter(ADA, ENGINES);
        assert_eq!([found(&watched, TEA, "tea pot"), found(&watched, ENGINES, "tea pot")], [vec![], vec![ADA, EVE]]);
        watched.change(EVE, Keywords::default(), Some([ENGINES].into()));
        watched.forget(ADA);
        assert!(is_empty(&watched));
    }

    #[test]
    fn nothing_is_looked_for_on_behalf_of_those_who_are_elsewhere() {
        let watched = Watched::default();
        for id in 0..5_000 {
            watched.change(UserId(10 + id), keywords("tea"), Some([ENGINES].into()));
        }
        assert!(watched.in_room(TEA).is_none(), "nothing is read of the text");
        has(&watched, ADA, "tea", [TEA]);
        assert_eq!(watched.in_room(TEA).expect("ada's").keys().collect::<Vec<_>>(), [&ADA]);
        // Who goes during a search does not disturb it.
        let searched = watched.in_room(ENGINES).expect("theirs");
        watched.forget(UserId(10));
        assert_eq!([searched.len(), watched.in_room(ENGINES).expect("theirs").len()], [5_000, 4_999]);
    }
}
