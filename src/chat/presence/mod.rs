//! Who is connected, and who has a live socket in which room: here, and on other nodes.
//!
//! Owns counts in memory: of this node's sockets, which `realtime` updates, and of the other nodes that report a person (`nodes`). After
//! a restart they are rebuilt as sockets reconnect. It must not be used for permissions.

pub mod nodes;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use self::nodes::Reports;
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
    state: Mutex<State>,
    /// Notified when there is something to report to other nodes.
    changed: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomId, Room>,
    people: HashMap<UserId, Present>,
    reports: Reports,
}

#[derive(Debug)]
struct Room {
    slug: Arc<str>,
    people: HashMap<UserId, Present>,
    /// How many sockets of this node are in it.
    sockets: usize,
}

/// A person who is connected, or in a room.
#[derive(Debug)]
struct Present {
    username: Arc<str>,
    /// How many sockets of theirs are on this node.
    sockets: usize,
    /// How many other nodes report them.
    nodes: usize,
}

impl Present {
    fn new(username: &Arc<str>) -> Self {
        Self { username: username.clone(), sockets: 0, nodes: 0 }
    }

    fn is_nowhere(&self) -> bool {
        self.sockets == 0 && self.nodes == 0
    }
}

impl Presence {
    /// Adds a socket of this node; `true` for the user's first anywhere.
    pub fn connect(&self, user: UserId, username: &Arc<str>) -> bool {
        self.with(|state| {
            let present = state.people.entry(user).or_insert_with(|| Present::new(username));
            present.sockets += 1;
            let (is_first_here, is_first) = (present.sockets == 1, present.sockets == 1 && present.nodes == 0);
            if is_first_here {
                self.note_person(&mut state.reports, user);
            }
            is_first
        })
    }

    /// Removes a socket of this node; `true` for the user's last one here.
    pub fn disconnect(&self, user: UserId) -> bool {
        self.with(|state| {
            let Entry::Occupied(mut present) = state.people.entry(user) else { return false };
            if present.get().sockets == 0 {
                return false;
            }
            present.get_mut().sockets -= 1;
            let was_last = present.get().sockets == 0;
            if present.get().is_nowhere() {
                present.remove();
            }
            if was_last {
                self.note_person(&mut state.reports, user);
            }
            was_last
        })
    }

    /// Whether a user is connected.
    pub fn is_online(&self, user: UserId) -> bool {
        self.with(|state| state.people.contains_key(&user))
    }

    /// All connected users.
    pub fn connected(&self) -> Vec<UserId> {
        self.with(|state| state.people.keys().copied().collect())
    }

    /// Reports a room under its new slug from now on.
    pub fn rename_room(&self, room: RoomId, slug: &Arc<str>) {
        self.with(|state| {
            if let Some(room) = state.rooms.get_mut(&room) {
                room.slug = slug.clone();
            }
        });
    }

    /// Adds a socket of this node to a room; `true` for the user's first there anywhere.
    pub fn enter(&self, room: RoomId, slug: &Arc<str>, user: UserId, username: &Arc<str>) -> bool {
        self.with(|state| {
            let entered = state.rooms.entry(room).or_insert_with(|| Room::new(slug));
            entered.sockets += 1;
            let people = &mut entered.people;
            let present = people.entry(user).or_insert_with(|| Present::new(username));
            present.sockets += 1;
            let (is_first_here, is_first) = (present.sockets == 1, present.sockets == 1 && present.nodes == 0);
            if is_first_here {
                self.note_room(&mut state.reports, room, user, Some((slug, username)));
            }
            is_first
        })
    }

    /// Whether a user has a socket in a room.
    pub fn is_in(&self, room: RoomId, user: UserId) -> bool {
        self.with(|state| state.rooms.get(&room).is_some_and(|room| room.people.contains_key(&user)))
    }

    /// Removes a socket of this node from a room; `true` for the user's last there anywhere.
    pub fn leave(&self, room: RoomId, user: UserId) -> bool {
        self.with(|state| {
            let Some(left) = state.rooms.get_mut(&room) else { return false };
            let Some(present) = left.people.get_mut(&user).filter(|present| present.sockets > 0) else { return false };
            present.sockets -= 1;
            left.sockets -= 1;
            let (was_last_here, was_last) = (present.sockets == 0, present.is_nowhere());
            if was_last_here {
                self.note_room(&mut state.reports, room, user, None);
            }
            state.forget_absent(room, user);
            was_last
        })
    }

    /// How many sockets of this node are in a room.
    pub fn sockets_in(&self, room: RoomId) -> usize {
        self.with(|state| state.rooms.get(&room).map_or(0, |room| room.sockets))
    }

    /// The people in a room.
    pub fn online(&self, room: RoomId) -> Online {
        self.with(|state| {
            let Some(Room { people, .. }) = state.rooms.get(&room) else { return Online { count: 0, users: Vec::new() } };
            let mut users: Vec<_> = people.values().take(NAMES).map(|present| present.username.clone()).collect();
            users.sort_unstable();
            Online { count: people.len(), users }
        })
    }

    fn with<R>(&self, body: impl FnOnce(&mut State) -> R) -> R {
        body(&mut self.state.lock())
    }
}

impl Room {
    fn new(slug: &Arc<str>) -> Self {
        Self { slug: slug.clone(), people: HashMap::new(), sockets: 0 }
    }
}

impl State {
    /// Forgets somebody who is nowhere in a room any more, and a room without people.
    fn forget_absent(&mut self, room: RoomId, user: UserId) {
        let Entry::Occupied(mut entry) = self.rooms.entry(room) else { return };
        let people = &mut entry.get_mut().people;
        if people.get(&user).is_some_and(Present::is_nowhere) {
            people.remove(&user);
        }
        if people.is_empty() {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_socket_enters_and_the_last_one_leaves() {
        let (presence, room, ada) = (Presence::default(), RoomId(1), UserId(7));
        let (name, slug): (Arc<str>, Arc<str>) = ("ada".into(), "tea".into());
        assert!(presence.enter(room, &slug, ada, &name));
        assert!(!presence.enter(room, &slug, ada, &name));
        assert_eq!(presence.online(room).count, 1);
        assert_eq!(presence.sockets_in(room), 2);
        assert!(presence.is_in(room, ada) && !presence.is_in(RoomId(2), ada) && !presence.is_in(room, UserId(8)));
        assert!(!presence.leave(room, ada));
        assert_eq!(presence.sockets_in(room), 1);
        assert!(presence.leave(room, ada));
        assert!(!presence.leave(room, ada));
        assert_eq!(presence.sockets_in(room), 0);
        assert_eq!(presence.online(room).users, Vec::<Arc<str>>::new());
        assert!(presence.with(|state| state.rooms.is_empty()));
    }

    #[test]
    fn somebody_is_online_while_they_have_a_socket() {
        let (presence, ada, name): (_, _, Arc<str>) = (Presence::default(), UserId(7), "ada".into());
        assert!(presence.connect(ada, &name));
        assert!(!presence.connect(ada, &name));
        assert_eq!(presence.connected(), [ada]);
        assert!(!presence.disconnect(ada));
        assert!(presence.is_online(ada));
        assert!(presence.disconnect(ada));
        assert!(!presence.is_online(ada) && !presence.disconnect(ada));
    }
}
