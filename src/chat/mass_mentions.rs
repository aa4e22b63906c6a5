//! What it costs to call a whole room with `@room` or `@here`.
//!
//! Owns the sizes of large rooms in memory: a message is checked before anything waits, and each member whom it mentions is a row in the
//! database. Whoever looks at a room tells its size, so nobody can post into one that is not known here. It must not count anything itself.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::markdown::Rendered;
use crate::model::RoomId;
use parking_lot::RwLock;

/// From how many members on a room is large. In smaller ones a call costs less than the message does.
const LARGE: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// How many members each large room had when somebody last looked.
#[derive(Debug, Default)]
pub struct LargeRooms(RwLock<HashMap<RoomId, NonZeroU32>>);

impl LargeRooms {
    /// Learns how many members a room has.
    pub fn learn(&self, room: RoomId, members: i64) {
        let size = u32::try_from(members).ok().and_then(NonZeroU32::new).filter(|size| *size >= LARGE);
        if size == self.size(room) {
            return;
        }
        let mut rooms = self.0.write();
        match size {
            Some(size) => rooms.insert(room, size),
            None => rooms.remove(&room),
        };
    }

    /// How many people a message mentions by `@room` or `@here` at the most, with so many connected; nothing where that is no matter.
    pub fn mentioned(&self, room: RoomId, rendered: &Rendered, connected: usize) -> Option<NonZeroU32> {
        let mentions = |group: &str| rendered.mentions.iter().any(|name| name == group);
        if mentions("@room") {
            self.size(room)
        } else if mentions("@here") {
            let connected = NonZeroU32::new(u32::try_from(connected).unwrap_or(u32::MAX))?;
            // Everybody who is connected has to be looked for in the room, however small it is.
            Some(self.size(room).unwrap_or(LARGE).min(connected))
        } else {
            None
        }
    }

    fn size(&self, room: RoomId) -> Option<NonZeroU32> {
        self.0.read().get(&room).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_in_large_rooms_count() {
        let rooms = LargeRooms::default();
        let words =
            |names: &[&str]| Rendered { mentions: names.iter().map(|&name| name.to_owned()).collect(), ..Rendered::default() };
        let mentioned = |names: &[&str]| rooms.mentioned(RoomId(1), &words(names), 30).map(NonZeroU32::get);
        rooms.learn(RoomId(1), 49);
        assert_eq!((mentioned(&["@room"]), mentioned(&["@here"])), (None, Some(30)));
        assert_eq!(rooms.mentioned(RoomId(1), &words(&["@here"]), 20_000), Some(LARGE));
        rooms.learn(RoomId(1), 5_000);
        assert_eq!(
            (mentioned(&["ada", "@room", "@here"]), mentioned(&["@here"]), mentioned(&["ada"])),
            (Some(5_000), Some(30), None)
        );
        rooms.learn(RoomId(1), 12);
        assert_eq!(mentioned(&["@room"]), None);
        assert!(rooms.0.read().is_empty());
    }
}
