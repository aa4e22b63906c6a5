//! Who is here: the people who are connected, and those with a live socket in each room.
//!
//! Owns counts of sockets, in memory; it is true again by itself after a restart, when the sockets come back. `realtime` tells it who
//! comes and goes. It must not be asked for permission.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::model::{RoomId, UserId};

/// How many names are told at the most; the count is of everybody.
const NAMES: usize = 100;

/// Who is in a room, as a join is told.
#[derive(Debug, Serialize)]
pub struct Online {
    /// How many people.
    pub count: usize,
    /// Their usernames, up to 100 of them.
    pub users: Vec<Arc<str>>,
}

/// The people in each room, and the people at all.
#[derive(Debug, Default)]
pub struct Presence {
    rooms: Mutex<HashMap<RoomId, HashMap<UserId, Present>>>,
    /// How many sockets each connected person has.
    people: Mutex<HashMap<UserId, usize>>,
}

#[derive(Debug)]
struct Present {
    username: Arc<str>,
    sockets: usize,
}

impl Presence {
    /// Counts a socket in; `true` if it is its person's first.
    pub fn connect(&self, user: UserId) -> bool {
        let mut people = self.people();
        let sockets = people.entry(user).or_default();
        *sockets += 1;
        *sockets == 1
    }

    /// Counts a socket out; `true` if it was its person's last.
    pub fn disconnect(&self, user: UserId) -> bool {
        let mut people = self.people();
        let Entry::Occupied(mut sockets) = people.entry(user) else { return false };
        *sockets.get_mut() -= 1;
        let was_last = *sockets.get() == 0;
        if was_last {
            sockets.remove();
        }
        was_last
    }

    /// Whether somebody is connected, in any room or in none.
    pub fn is_online(&self, user: UserId) -> bool {
        self.people().contains_key(&user)
    }

    /// Everybody who is connected.
    pub fn connected(&self) -> Vec<UserId> {
        self.people().keys().copied().collect()
    }

    fn people(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.people.lock()
    }

    /// Counts a socket in; `true` if it is its person's first in the room.
    pub fn enter(&self, room: RoomId, user: UserId, username: &Arc<str>) -> bool {
        self.with(|rooms| {
            let people = rooms.entry(room).or_default();
            let present = people.entry(user).or_insert_with(|| Present { username: username.clone(), sockets: 0 });
            present.sockets += 1;
            present.sockets == 1
        })
    }

    /// Whether somebody has a socket in a room.
    pub fn is_in(&self, room: RoomId, user: UserId) -> bool {
        self.with(|rooms| rooms.get(&room).is_some_and(|people| people.contains_key(&user)))
    }

    /// Counts a socket out; `true` if it was its person's last in the room.
    pub fn leave(&self, room: RoomId, user: UserId) -> bool {
        self.with(|rooms| {
            let Entry::Occupied(mut people) = rooms.entry(room) else { return false };
            let Entry::Occupied(mut present) = people.get_mut().entry(user) else { return false };
            present.get_mut().sockets -= 1;
            let was_last = present.get().sockets == 0;
            if was_last {
                present.remove();
                if people.get().is_empty() {
                    people.remove();
                }
            }
            was_last
        })
    }

    /// Who is in a room.
    pub fn online(&self, room: RoomId) -> Online {
        self.with(|rooms| {
            let Some(people) = rooms.get(&room) else { return Online { count: 0, users: Vec::new() } };
            let mut users: Vec<_> = people.values().take(NAMES).map(|present| present.username.clone()).collect();
            users.sort_unstable();
            Online { count: people.len(), users }
        })
    }

    fn with<R>(&self, body: impl FnOnce(&mut HashMap<RoomId, HashMap<UserId, Present>>) -> R) -> R {
        body(&mut self.rooms.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_socket_enters_and_the_last_one_leaves() {
        let (presence, room, ada) = (Presence::default(), RoomId(1), UserId(7));
        let name: Arc<str> = "ada".into();
        assert!(presence.enter(room, ada, &name));
        assert!(!presence.enter(room, ada, &name));
        assert_eq!(presence.online(room).count, 1);
        assert!(presence.is_in(room, ada) && !presence.is_in(RoomId(2), ada) && !presence.is_in(room, UserId(8)));
        assert!(!presence.leave(room, ada));
        assert!(presence.leave(room, ada));
        assert!(!presence.leave(room, ada));
        assert_eq!(presence.online(room).users, Vec::<Arc<str>>::new());
        assert!(presence.with(|rooms| rooms.is_empty()));
    }

    #[test]
    fn somebody_is_online_while_they_have_a_socket() {
        let (presence, ada) = (Presence::default(), UserId(7));
        assert!(presence.connect(ada));
        assert!(!presence.connect(ada));
        assert_eq!(presence.connected(), [ada]);
        assert!(!presence.disconnect(ada));
        assert!(presence.is_online(ada));
        assert!(presence.disconnect(ada));
        assert!(!presence.is_online(ada) && !presence.disconnect(ada));
    }
}
