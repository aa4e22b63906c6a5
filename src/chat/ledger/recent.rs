//! The ends of the rooms in use, in memory: the last messages, already encoded.
//!
//! Owns a bounded cache of what a join or the room's page asks for first. The ledger feeds it in commit order, before anybody
//! is told, so that whoever subscribes first and then reads a recent misses nothing. It must not be trusted for
//! permission, and whatever it cannot answer is asked of the database.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::limits;
use crate::model::Logged;
use crate::model::{Head, RoomId, UserId};
use parking_lot::Mutex;

/// How many messages a recent holds: what a join replays.
pub const LENGTH: usize = 50;
/// How many rooms have their recent in memory at the most, however short their messages are.
const ROOMS: usize = 4096;
/// How many changes a recent still loading may collect, and of how many bytes, before it is given up.
const PENDING: usize = 4096;
const PENDING_BYTES: usize = 4 * limits::ANSWER;

/// The end of one room's log.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// How far the log had come.
    pub head: Head,
    /// The last messages, oldest first; at most [`LENGTH`], and no more than fit into one answer.
    pub messages: VecDeque<Arc<Logged>>,
    /// The highest `rev` among the messages before these: a client that knows at least this much needs only the recent.
    pub floor: i64,
}

impl Recent {
    /// Whether the room has older messages than these.
    pub fn has_more(&self) -> bool {
        self.messages.front().is_some_and(|first| first.message.seq > 1)
    }

    /// All that changed since `rev`, in rev order; `None` when older messages may have changed too.
    pub fn changes_since(&self, rev: i64) -> Option<Vec<Arc<Logged>>> {
        if rev < self.floor {
            return None;
        }
        let mut changed: Vec<_> = self.messages.iter().filter(|logged| logged.message.rev > rev).cloned().collect();
        changed.sort_unstable_by_key(|logged| logged.message.rev);
        Some(changed)
    }

    /// Takes in one change; `false` when it does not follow what the recent knows.
    fn apply(&mut self, logged: &Arc<Logged>) -> bool {
        let message = &logged.message;
        if message.rev <= self.head.rev {
            return true; // Known already: it was committed before the recent was loaded.
        }
        if message.rev != self.head.rev + 1 {
            return false;
        }
        self.head.rev = message.rev;
        if message.seq > self.head.seq {
            self.head.seq = message.seq;
            self.messages.push_back(logged.clone());
            self.shorten();
        } else {
            match self.messages.iter_mut().find(|held| held.message.seq == message.seq) {
                Some(held) => {
                    *held = logged.clone();
                    self.shorten();
                }
                None => self.floor = message.rev,
            }
        }
        true
    }

    /// Drops the oldest messages that are too many, or too heavy for one answer together.
    fn shorten(&mut self) {
        let mut bytes: usize = self.messages.iter().map(|logged| logged.json().get().len()).sum();
        while self.messages.len() > LENGTH || (bytes > limits::ANSWER && self.messages.len() > 1) {
            let Some(oldest) = self.messages.pop_front() else { return };
            bytes -= oldest.json().get().len();
            self.floor = self.floor.max(oldest.message.rev);
        }
    }

    /// How many bytes of memory it takes.
    fn weight(&self) -> usize {
        self.messages.iter().map(|logged| logged.weight()).sum()
    }
}

enum Slot {
    /// Somebody reads it from the database; what is published meanwhile waits here.
    Loading(Vec<Arc<Logged>>),
    Ready {
        recent: Arc<Recent>,
        used: u64,
        /// What it weighed when it was last weighed.
        weight: usize,
    },
}

/// The slots, with what they hold in all.
#[derive(Default)]
struct Slots {
    by_room: HashMap<RoomId, Slot>,
    /// Counts the uses.
    clock: u64,
    /// How many bytes the recent take that are ready.
    bytes: usize,
}

/// The recent of the rooms in use.
pub struct RecentCache {
    slots: Mutex<Slots>,
    /// How many bytes they may take together.
    memory: usize,
    /// One reader of the database at a time, so that a crowd that comes back at once loads a room once.
    loading: tokio::sync::Mutex<()>,
}

impl RecentCache {
    /// RecentCache that take up to `memory` bytes together.
    pub fn new(memory: usize) -> Self {
        Self { slots: Mutex::default(), memory, loading: tokio::sync::Mutex::default() }
    }

    /// The recent of a room, read by `load` if it is not in memory.
    ///
    /// # Errors
    /// What `load` gives.
    pub async fn get<E>(&self, room: RoomId, load: impl AsyncFnOnce() -> Result<Recent, E>) -> Result<Arc<Recent>, E> {
        if let Some(recent) = self.ready(room) {
            return Ok(recent);
        }
        let _turn = self.loading.lock().await;
        if let Some(recent) = self.ready(room) {
            return Ok(recent);
        }
        self.with(|slots| slots.by_room.insert(room, Slot::Loading(Vec::new())));
        let loaded = load().await;
        self.with(|slots| {
            let pending = match slots.by_room.remove(&room) {
                Some(Slot::Loading(pending)) => Some(pending),
                _ => None,
            };
            let mut recent = loaded?;
            // Given up while loading, or not in step: answer with what was read, and read again next time.
            if pending.is_some_and(|pending| pending.iter().all(|logged| recent.apply(logged))) {
                let recent = Arc::new(recent);
                let weight = recent.weight();
                slots.bytes += weight;
                slots.by_room.insert(room, Slot::Ready { recent: recent.clone(), used: slots.clock, weight });
                self.make_room(slots);
                return Ok(recent);
            }
            Ok(Arc::new(recent))
        })
    }

    /// Forgets a room's recent, if it has not come as far as `rev`: another server has written there.
    pub fn expect(&self, room: RoomId, rev: i64) {
        self.with(|slots| {
            if matches!(slots.by_room.get(&room), Some(Slot::Ready { recent, .. }) if recent.head.rev < rev) {
                slots.remove(room);
            }
        });
    }

    /// Takes in a committed change.
    pub fn apply(&self, logged: &Arc<Logged>) {
        self.with(|slots| {
            let keep = match slots.by_room.get_mut(&logged.room) {
                None => return,
                Some(Slot::Loading(pending)) => {
                    pending.push(logged.clone());
                    pending.len() <= PENDING && pending.iter().map(|logged| logged.weight()).sum::<usize>() <= PENDING_BYTES
                }
                Some(Slot::Ready { recent, .. }) => Arc::make_mut(recent).apply(logged),
            };
            if keep {
                slots.weigh(logged.room);
                self.make_room(slots);
            } else {
                slots.remove(logged.room);
            }
        });
    }

    /// Weighs a room's recent again, because pages have drawn its messages in a new way.
    pub fn weigh(&self, room: RoomId) {
        self.with(|slots| {
            slots.weigh(room);
            self.make_room(slots);
        });
    }

    /// Drops every recent with a message of this person's, and those that are being read just now: they may hold a name that is out of date.
    pub fn forget_author(&self, person: UserId) {
        self.with(|slots| {
            let is_stale = |slot: &Slot| match slot {
                Slot::Loading(_) => true,
                Slot::Ready { recent, .. } => recent.messages.iter().any(|logged| logged.message.author.id == person),
            };
            let stale: Vec<_> = slots.by_room.iter().filter(|(_, slot)| is_stale(slot)).map(|(room, _)| *room).collect();
            for room in stale {
                slots.remove(room);
            }
        });
    }

    fn ready(&self, room: RoomId) -> Option<Arc<Recent>> {
        self.with(|slots| match slots.by_room.get_mut(&room) {
            Some(Slot::Ready { recent, used, .. }) => {
                slots.clock += 1;
                *used = slots.clock;
                Some(recent.clone())
            }
            _ => None,
        })
    }

    /// Drops the recent that were not used for the longest time, until the rest fits.
    fn make_room(&self, slots: &mut Slots) {
        while slots.bytes > self.memory || slots.by_room.len() > ROOMS {
            let used = |(room, slot): (&RoomId, &Slot)| match slot {
                Slot::Ready { used, .. } => Some((*used, *room)),
                Slot::Loading(_) => None,
            };
            let Some((_, oldest)) = slots.by_room.iter().filter_map(used).min() else { return };
            slots.remove(oldest);
        }
    }

    fn with<R>(&self, body: impl FnOnce(&mut Slots) -> R) -> R {
        body(&mut self.slots.lock())
    }
}

impl Slots {
    fn remove(&mut self, room: RoomId) {
        if let Some(Slot::Ready { weight, .. }) = self.by_room.remove(&room) {
            self.bytes -= weight;
        }
    }

    fn weigh(&mut self, room: RoomId) {
        if let Some(Slot::Ready { recent, weight, .. }) = self.by_room.get_mut(&room) {
            self.bytes -= *weight;
            *weight = recent.weight();
            self.bytes += *weight;
        }
    }
}
