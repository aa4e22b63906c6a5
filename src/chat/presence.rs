//! Who is connected, and who has a live socket in which room.
//!
//! Owns counts of sockets in memory, which `realtime` updates; after a restart they are rebuilt as sockets reconnect. It must not
//! be used for permissions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::model::{RoomId, UserId};

/// Maximum number of names in a list; the count covers everybody.
const NAMES: usize = 100;

/// The people in a room, as sent on a join.
#[derive(Debug, Serialize)]
pub struct Online {
    /// The number of people.
    pub count: usize,
    /// Up to 100 usernames.
    pub users: Vec<Arc<str>>,
}

/// The people in each room, and all connected people.
#[derive(Debug, Default)]
pub struct Presence {
    rooms: Mutex<HashMap<RoomId, HashMap<UserId, Present>>>,
    /// Number of sockets per connected user.
    people: Mutex<HashMap<UserId, usize>>,
}

#[derive(Debug)]
struct Present {
    username: Arc<str>,
    sockets: usize,
}

impl Presence {
    /// Adds a socket; `true` for the user's first.
    pub fn connect(&self, user: UserId) -> bool {
        let mut people = self.people();
        let sockets = people.entry(user).or_default();
        *sockets += 1;
        *sockets == 1
    }

    /// Removes a socket; `true` for the user's last.
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

    /// Whether a user is connected.
    pub fn is_online(&self, user: UserId) -> bool {
        self.people().contains_key(&user)
    }

    /// All connected users.
    pub fn connected(&self) -> Vec<UserId> {
        self.people().keys().copied().collect()
    }

    fn people(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.people.lock()
    }

    /// Adds a socket to a room; `true` for the user's first there.
    pub fn enter(&self, room: RoomId, user: UserId, username: &Arc<str>) -> bool {
        self.with(|rooms| {
            let people = rooms.entry(room).or_default();
            let present = people.entry(user).or_insert_with(|| Present { username: username.clone(), sockets: 0 });
            present.sockets += 1;
            present.sockets == 1
        })
    }

    /// Whether a user has a socket in a room.
    pub fn is_in(&self, room: RoomId, user: UserId) -> bool {
        self.with(|rooms| rooms.get(&room).is_some_and(|people| people.contains_key(&user)))
    }

    /// Removes a socket from a room; `true` for the user's last there.
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

    /// The people in a room.
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
