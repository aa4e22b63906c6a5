//! The cost of mentioning a whole room with `@room` or `@here`.
//!
//! Owns the sizes of large rooms in memory: messages are checked without waiting, and each mentioned member is a row in the
//! database. Each view of a room updates its size, so nobody can post to a room of unknown size. It must not count mentions.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::markdown::Rendered;
use crate::model::RoomId;
use parking_lot::RwLock;

/// Minimum size of a large room. In smaller ones a mass mention costs less than the message.
const LARGE: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// The sizes of large rooms when they were last viewed.
#[derive(Debug, Default)]
pub struct LargeRooms(RwLock<HashMap<RoomId, NonZeroU32>>);

impl LargeRooms {
    /// Updates the size of a room.
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

    /// The maximum number of people that a message mentions by `@room` or `@here`; `None` if it is negligible.
    pub fn mentioned(&self, room: RoomId, rendered: &Rendered, connected: usize) -> Option<NonZeroU32> {
        let mentions = |group: &str| rendered.mentions.iter().any(|name| name == group);
        if mentions("@room") {
            self.size(room)
        } else if mentions("@here") {
            let connected = NonZeroU32::new(u32::try_from(connected).unwrap_or(u32::MAX))?;
            // Every connected user has to be looked up in the room, however small it is.
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
