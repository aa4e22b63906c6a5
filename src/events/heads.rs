//! How far this node has delivered the log of each room that its connections listen to.
//!
//! Owns one head for each such room, where several nodes write to the same logs: it tells the next change from one that came before and
//! from one that comes too early. It must not read the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::model::{Head, RoomId};

/// The heads. Empty, and without cost, where one process writes everything in order.
#[derive(Debug, Default)]
pub struct Heads {
    is_shared: AtomicBool,
    rooms: Mutex<HashMap<RoomId, Head>>,
}

/// Where a change stands in what has been delivered of its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Nobody here listens to the room, so its order is not followed.
    Unfollowed,
    /// It is the next one, and now counts as delivered.
    Next,
    /// It was delivered before.
    Known,
    /// Changes before it are missing.
    Ahead,
}

impl Heads {
    /// Begins to follow rooms: there are other nodes.
    pub fn share(&self) {
        self.is_shared.store(true, Ordering::Release);
    }

    /// Follows a room from `head` on, unless it is followed already. Called before a connection reads the room: what is committed after
    /// `head` is delivered, and what was committed before is read.
    pub fn follow(&self, room: RoomId, head: Head) {
        if self.is_shared.load(Ordering::Acquire) {
            self.rooms.lock().entry(room).or_insert(head);
        }
    }

    /// Stops following the rooms for which `is_heard` is false.
    pub fn retain(&self, is_heard: impl Fn(RoomId) -> bool) {
        self.rooms.lock().retain(|room, _| is_heard(*room));
    }

    /// How far a followed room is.
    pub fn of(&self, room: RoomId) -> Option<Head> {
        self.rooms.lock().get(&room).copied()
    }

    /// All followed rooms.
    pub fn list(&self) -> Vec<(RoomId, Head)> {
        self.rooms.lock().iter().map(|(room, head)| (*room, *head)).collect()
    }

    /// Takes in a change, and says whether it is to be delivered.
    pub fn advance(&self, room: RoomId, change: Head) -> Position {
        let mut rooms = self.rooms.lock();
        let Some(head) = rooms.get_mut(&room) else { return Position::Unfollowed };
        if change.rev <= head.rev {
            return Position::Known;
        }
        if change.rev > head.rev + 1 {
            return Position::Ahead;
        }
        *head = Head { seq: head.seq.max(change.seq), rev: change.rev };
        Position::Next
    }

    /// Everything up to `to` has been delivered.
    pub fn reach(&self, room: RoomId, to: Head) {
        if let Some(head) = self.rooms.lock().get_mut(&room)
            && to.rev > head.rev
        {
            *head = Head { seq: head.seq.max(to.seq), rev: to.rev };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(1);

    fn at(seq: i64, rev: i64) -> Head {
        Head { seq, rev }
    }

    #[test]
    fn changes_of_a_followed_room_have_an_order() {
        let heads = Heads::default();
        heads.share();
        assert_eq!(heads.advance(ROOM, at(1, 1)), Position::Unfollowed);
        heads.follow(ROOM, at(3, 5));
        heads.follow(ROOM, at(9, 9));
        assert_eq!(heads.advance(ROOM, at(3, 5)), Position::Known);
        assert_eq!(heads.advance(ROOM, at(5, 7)), Position::Ahead);
        assert_eq!(heads.advance(ROOM, at(1, 6)), Position::Next);
        assert_eq!(heads.of(ROOM), Some(at(3, 6)));
        heads.reach(ROOM, at(8, 12));
        heads.reach(ROOM, at(5, 7));
        assert_eq!(heads.list(), [(ROOM, at(8, 12))]);
        heads.retain(|_| false);
        assert_eq!(heads.of(ROOM), None);
    }

    #[test]
    fn a_single_process_follows_nothing() {
        let heads = Heads::default();
        heads.follow(ROOM, at(3, 5));
        assert!(heads.list().is_empty());
    }
}
