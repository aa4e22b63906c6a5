//! The times of a source.
//!
//! Owns that what is stored is between 1970 and now: retention goes by it, and a message of the year 9999 would be the last of
//! its room for ever.

use crate::clock::Millis;
use crate::portable::{Message, Person, Room};

/// What the report says of them.
pub const MOVED: &str = "times before 1970 or after now, which are 1970 or now";

/// Moves times into that range, and counts them.
struct Range {
    now: Millis,
    moved: u64,
}

impl Range {
    fn take(&mut self, at: &mut Millis) {
        let right = (*at).clamp(Millis(0), self.now);
        self.moved += u64::from(right != *at);
        *at = right;
    }

    fn take_all<'t>(&mut self, times: impl IntoIterator<Item = &'t mut Millis>) {
        times.into_iter().for_each(|at| self.take(at));
    }
}

/// Moves the times of a person; returns how many were elsewhere.
pub fn of_person(person: &mut Person, now: Millis) -> u64 {
    let mut range = Range { now, moved: 0 };
    range.take(&mut person.created_at);
    range.moved
}

/// The same for a room.
pub fn of_room(room: &mut Room, now: Millis) -> u64 {
    let mut range = Range { now, moved: 0 };
    range.take(&mut room.created_at);
    range.take_all(&mut room.archived_at);
    range.take_all(room.members.iter_mut().map(|member| &mut member.joined_at));
    range.take_all(room.bans.iter_mut().map(|ban| &mut ban.at));
    range.moved
}

/// The same for a message.
pub fn of_message(message: &mut Message, now: Millis) -> u64 {
    let mut range = Range { now, moved: 0 };
    range.take(&mut message.created_at);
    range.take_all(&mut message.edited_at);
    range.take_all(&mut message.deleted_at);
    range.take_all(message.pin.iter_mut().map(|pin| &mut pin.at));
    range.take_all(message.reactions.iter_mut().map(|reaction| &mut reaction.at));
    range.take_all(message.revisions.iter_mut().map(|revision| &mut revision.written_at));
    range.moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portable::Pin;

    #[test]
    fn times_are_between_1970_and_now() {
        let now = Millis(1_763_801_234_050);
        let mut message = Message {
            created_at: Millis(i64::MAX),
            edited_at: Some(Millis(-1)),
            deleted_at: Some(now),
            pin: Some(Pin { by: String::new(), at: now.plus(1) }),
            ..Message::default()
        };
        assert_eq!(of_message(&mut message, now), 3);
        assert_eq!((message.created_at, message.edited_at), (now, Some(Millis(0))));
        assert_eq!((message.deleted_at, message.pin.map(|pin| pin.at)), (Some(now), Some(now)));
        let mut room = Room { archived_at: Some(Millis(i64::MIN)), ..Room::default() };
        assert_eq!((of_room(&mut room, now), room.archived_at), (1, Some(Millis(0))));
        assert_eq!(of_person(&mut Person::default(), now), 0, "unknown is not wrong");
    }
}
