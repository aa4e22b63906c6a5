//! The recent messages of rooms in use, in memory and already encoded.
//!
//! Owns a bounded cache of what a join or a room's page needs. The ledger updates it in commit order, before events are
//! published, so that a client that subscribes first and then reads misses nothing. It must not be used for permissions; what it
//! cannot answer is read from the database.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::limits;
use crate::model::Logged;
use crate::model::{Head, RoomId, UserId};
use parking_lot::Mutex;

/// Number of messages cached per room, which is what a join replays.
pub const LENGTH: usize = 50;
/// Maximum number of cached rooms.
const ROOMS: usize = 4096;
/// Maximum number of changes, and bytes, that are buffered while a room is being loaded; beyond it loading is abandoned.
const PENDING: usize = 4096;
const PENDING_BYTES: usize = 4 * limits::ANSWER;

/// The recent messages of a room.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// The head of the log.
    pub head: Head,
    /// The last messages, oldest first: at most [`LENGTH`], and no more than fit into one answer.
    pub messages: VecDeque<Arc<Logged>>,
    /// The highest `rev` among older messages: a client that knows at least this one needs nothing else.
    pub floor: i64,
}

impl Recent {
    /// Whether the room has older messages.
    pub fn has_more(&self) -> bool {
        self.messages.front().is_some_and(|first| first.message.seq > 1)
    }

    /// The changes since `rev`, in rev order; `None` if older messages may have changed as well.
    pub fn changes_since(&self, rev: i64) -> Option<Vec<Arc<Logged>>> {
        if rev < self.floor {
            return None;
        }
        let mut changed: Vec<_> = self.messages.iter().filter(|logged| logged.message.rev > rev).cloned().collect();
        changed.sort_unstable_by_key(|logged| logged.message.rev);
        Some(changed)
    }

    /// Applies a change; `false` if it does not follow the cached state.
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

    /// Drops the oldest messages that exceed the limits.
    fn shorten(&mut self) {
        let mut bytes: usize = self.messages.iter().map(|logged| logged.json().get().len()).sum();
        while self.messages.len() > LENGTH || (bytes > limits::ANSWER && self.messages.len() > 1) {
            let Some(oldest) = self.messages.pop_front() else { return };
            bytes -= oldest.json().get().len();
            self.floor = self.floor.max(oldest.message.rev);
        }
    }

    /// Size in memory.
    fn weight(&self) -> usize {
        self.messages.iter().map(|logged| logged.weight()).sum()
    }
}

enum Slot {
    /// Being loaded; buffers the changes published meanwhile.
    Loading(Vec<Arc<Logged>>),
    Ready {
        recent: Arc<Recent>,
        used: u64,
        /// Its size when it was last measured.
        weight: usize,
    },
}

/// The cached rooms and their total size.
#[derive(Default)]
struct Slots {
    by_room: HashMap<RoomId, Slot>,
    /// A counter of uses.
    clock: u64,
    /// Total size of the ready rooms.
    bytes: usize,
}

/// The cache of recent messages.
pub struct RecentCache {
    slots: Mutex<Slots>,
    /// Maximum total size.
    memory: usize,
    /// Serializes loading, so that a crowd of reconnecting clients loads a room once.
    loading: tokio::sync::Mutex<()>,
}

impl RecentCache {
    /// A cache of up to `memory` bytes.
    pub fn new(memory: usize) -> Self {
        Self { slots: Mutex::default(), memory, loading: tokio::sync::Mutex::default() }
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.with(|slots| slots.bytes)
    }

    /// The recent messages of a room; loads them if they are not cached.
    ///
    /// # Errors
    /// Those of `load`.
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
            // Loading was abandoned, or a change is missing: return what was read, and load again next time.
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

    /// Drops a room whose cached state is older than `rev`: another node has written to it.
    pub fn expect(&self, room: RoomId, rev: i64) {
        self.with(|slots| {
            if matches!(slots.by_room.get(&room), Some(Slot::Ready { recent, .. }) if recent.head.rev < rev) {
                slots.remove(room);
            }
        });
    }

    /// Drops all rooms. Those that are being loaded are not cached either: their changes may have been missed.
    pub fn clear(&self) {
        self.with(|slots| *slots = Slots { clock: slots.clock, ..Slots::default() });
    }

    /// Applies a committed change.
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

    /// Measures a room again after pages have rendered its messages.
    pub fn weigh(&self, room: RoomId) {
        self.with(|slots| {
            slots.weigh(room);
            self.make_room(slots);
        });
    }

    /// Drops a room: it is gone, or its messages have another slug.
    pub fn forget(&self, room: RoomId) {
        self.with(|slots| slots.remove(room));
    }

    /// Drops rooms with a message of this author, and those being loaded: they may hold an outdated name.
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

    /// Drops the least recently used rooms until the rest fits.
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
