//! Puts the changes of each room into the order of its log.
//!
//! Owns the changes that came too early, and when the missing ones are to be read. It must not read anything or deliver anything itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::node::Lag;
use crate::events::{Event, Heads, Position};
use crate::model::{Head, Logged, RoomId};

/// How long a change waits for those before it: frames of two nodes can cross.
const CROSSING: Duration = Duration::from_millis(20);
/// How long until a failed read is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// The most changes of a room that wait, and of all rooms, and how many bytes one may have. Others are read with the gap.
const HELD: usize = 256;
const HELD_IN_ALL: usize = 2048;
const HELD_BYTES: usize = 8 * 1024;

/// The rooms with gaps.
#[derive(Debug, Default)]
pub struct Sequencer {
    gaps: HashMap<RoomId, Gap>,
    /// How many changes wait in all gaps, counted anew whenever a gap closes.
    held: usize,
}

/// Changes are missing in a room.
#[derive(Debug)]
struct Gap {
    slug: Arc<str>,
    /// When it was noticed.
    since: Instant,
    /// The last change that is known to exist.
    target: i64,
    /// Changes from behind the gap, by `rev`.
    held: BTreeMap<i64, Event>,
    /// When to read; none while it is being read.
    due: Option<Instant>,
}

/// A gap that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The room.
    pub room: RoomId,
    /// Its slug.
    pub slug: Arc<str>,
    /// The last change before the gap.
    pub from: Head,
}

impl Sequencer {
    /// Takes in a change. Adds to `out` what is to be delivered now.
    pub fn offer(&mut self, heads: &Heads, logged: &Arc<Logged>, event: Event, out: &mut Vec<Event>) {
        let message = &logged.message;
        match heads.advance(logged.room, Head { seq: message.seq, rev: message.rev }) {
            Position::Unfollowed => out.push(event),
            Position::Known => {}
            Position::Next => {
                out.push(event);
                if !self.gaps.is_empty() {
                    self.close(heads, logged.room, out);
                }
            }
            Position::Ahead => {
                let may_wait = self.held < HELD_IN_ALL && logged.json().get().len() <= HELD_BYTES;
                let gap = self.expect(logged.room, &message.room, message.rev, CROSSING);
                if may_wait && gap.held.len() < HELD && gap.held.insert(message.rev, event).is_none() {
                    self.held += 1;
                }
            }
        }
    }

    /// A room's log is known to reach `rev`; the changes may arrive by themselves for so long.
    pub fn expect_up_to(&mut self, room: RoomId, slug: &Arc<str>, rev: i64, wait: Duration) {
        self.expect(room, slug, rev, wait);
    }

    fn expect(&mut self, room: RoomId, slug: &Arc<str>, rev: i64, wait: Duration) -> &mut Gap {
        let (now, due) = (Instant::now(), Instant::now() + wait);
        let new = || Gap { slug: slug.clone(), since: now, target: 0, held: BTreeMap::new(), due: Some(due) };
        let gap = self.gaps.entry(room).or_insert_with(new);
        gap.due = gap.due.map(|earlier| earlier.min(due));
        gap.target = gap.target.max(rev);
        gap
    }

    /// Delivers what was held and is next, and forgets the gap once nothing is missing.
    fn close(&mut self, heads: &Heads, room: RoomId, out: &mut Vec<Event>) {
        let Some(gap) = self.gaps.get_mut(&room) else { return };
        while let Some((_, event)) = gap.held.first_key_value() {
            let Event::Message { logged, .. } = event else { unreachable!("only messages are held") };
            let change = Head { seq: logged.message.seq, rev: logged.message.rev };
            match heads.advance(room, change) {
                Position::Ahead => break,
                Position::Known => drop(gap.held.pop_first()),
                Position::Next | Position::Unfollowed => out.extend(gap.held.pop_first().map(|(_, event)| event)),
            }
        }
        // A gap that is being read is forgotten when that has ended.
        if gap.due.is_some() && heads.of(room).is_none_or(|head| head.rev >= gap.target) {
            self.gaps.remove(&room);
        }
        self.count();
    }

    fn count(&mut self) {
        self.held = self.gaps.values().map(|gap| gap.held.len()).sum();
    }

    /// How far this node is behind.
    pub fn lag(&self) -> Lag {
        Lag { rooms: self.gaps.len(), since: self.gaps.values().map(|gap| gap.since.into_std()).min() }
    }

    /// When the next gap is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.gaps.values().filter_map(|gap| gap.due).min()
    }

    /// The gaps that are to be read now. Each is due again only when its reading has ended.
    pub fn take_due(&mut self, heads: &Heads) -> Vec<Missing> {
        let now = Instant::now();
        let mut missing = Vec::new();
        self.gaps.retain(|room, gap| {
            if gap.due.is_none_or(|due| due > now) {
                return true;
            }
            match heads.of(*room) {
                Some(from) if from.rev < gap.target => {
                    gap.due = None;
                    missing.push(Missing { room: *room, slug: gap.slug.clone(), from });
                    true
                }
                // It closed by itself, or nobody listens any more.
                _ => false,
            }
        });
        self.count();
        missing
    }

    /// Takes in what was read of a gap: the changes, in order, and how far they reach; none if it could not be read.
    pub fn read(&mut self, heads: &Heads, room: RoomId, found: Option<(Vec<Event>, Head)>, out: &mut Vec<Event>) {
        let Some(gap) = self.gaps.get_mut(&room) else { return };
        let Some((events, head)) = found else {
            gap.due = Some(Instant::now() + RETRY);
            return;
        };
        let known = heads.of(room).map_or(0, |head| head.rev);
        let is_new = |event: &Event| matches!(event, Event::Message { logged, .. } if logged.message.rev > known);
        out.extend(events.into_iter().filter(is_new));
        heads.reach(room, head);
        gap.due = Some(Instant::now() + CROSSING);
        self.close(heads, room, out);
    }
}

#[cfg(test)]
mod tests;
