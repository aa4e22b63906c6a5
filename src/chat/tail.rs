//! The ends of the rooms in use, in memory: the last messages, already encoded.
//!
//! Owns a bounded cache of what a join or the room's page asks for first. The ledger feeds it in commit order, before anybody
//! is told, so that whoever subscribes first and then reads a tail misses nothing. It must not be trusted for
//! permission, and whatever it cannot answer is asked of the database.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::change::Logged;
use super::types::{Head, RoomId, UserId};

/// How many messages a tail holds: what a join replays.
pub const LENGTH: usize = 50;
/// How many rooms have their tail in memory.
const ROOMS: usize = 512;
/// How many changes a tail still loading may collect before it is given up.
const PENDING: usize = 4096;

/// The end of one room's log.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// How far the log had come.
    pub head: Head,
    /// The last messages, oldest first; at most [`LENGTH`].
    pub messages: VecDeque<Arc<Logged>>,
    /// The highest `rev` among the messages before these: a client that knows at least this much needs only the tail.
    pub floor: i64,
}

impl Tail {
    /// Whether the room has older messages than these.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.messages.front().is_some_and(|first| first.message.seq > 1)
    }

    /// All that changed since `rev`, in rev order; `None` when older messages may have changed too.
    #[must_use]
    pub fn changes_since(&self, rev: i64) -> Option<Vec<Arc<Logged>>> {
        if rev < self.floor {
            return None;
        }
        let mut changed: Vec<_> = self.messages.iter().filter(|logged| logged.message.rev > rev).cloned().collect();
        changed.sort_unstable_by_key(|logged| logged.message.rev);
        Some(changed)
    }

    /// Takes in one change; `false` when it does not follow what the tail knows.
    fn apply(&mut self, logged: &Arc<Logged>) -> bool {
        let message = &logged.message;
        if message.rev <= self.head.rev {
            return true; // Known already: it was committed before the tail was loaded.
        }
        if message.rev != self.head.rev + 1 {
            return false;
        }
        self.head.rev = message.rev;
        if message.seq > self.head.seq {
            self.head.seq = message.seq;
            self.messages.push_back(logged.clone());
            if self.messages.len() > LENGTH
                && let Some(oldest) = self.messages.pop_front()
            {
                self.floor = self.floor.max(oldest.message.rev);
            }
        } else {
            match self.messages.iter_mut().find(|held| held.message.seq == message.seq) {
                Some(held) => *held = logged.clone(),
                None => self.floor = message.rev,
            }
        }
        true
    }
}

enum Slot {
    /// Somebody reads it from the database; what is published meanwhile waits here.
    Loading(Vec<Arc<Logged>>),
    Ready {
        tail: Arc<Tail>,
        used: u64,
    },
}

/// The tails of the rooms in use.
#[derive(Default)]
pub struct Tails {
    slots: Mutex<(HashMap<RoomId, Slot>, u64)>,
    /// One reader of the database at a time, so that a crowd that comes back at once loads a room once.
    loading: tokio::sync::Mutex<()>,
}

impl Tails {
    /// The tail of a room, read by `load` if it is not in memory.
    ///
    /// # Errors
    /// What `load` gives.
    pub async fn get<E>(&self, room: RoomId, load: impl AsyncFnOnce() -> Result<Tail, E>) -> Result<Arc<Tail>, E> {
        if let Some(tail) = self.ready(room) {
            return Ok(tail);
        }
        let _turn = self.loading.lock().await;
        if let Some(tail) = self.ready(room) {
            return Ok(tail);
        }
        self.with(|slots, _| slots.insert(room, Slot::Loading(Vec::new())));
        let loaded = load().await;
        self.with(|slots, clock| {
            let pending = match slots.remove(&room) {
                Some(Slot::Loading(pending)) => Some(pending),
                _ => None,
            };
            let mut tail = loaded?;
            // Given up while loading, or not in step: answer with what was read, and read again next time.
            if pending.is_some_and(|pending| pending.iter().all(|logged| tail.apply(logged))) {
                Self::make_room(slots);
                let tail = Arc::new(tail);
                slots.insert(room, Slot::Ready { tail: tail.clone(), used: *clock });
                return Ok(tail);
            }
            Ok(Arc::new(tail))
        })
    }

    /// Forgets a room's tail, if it has not come as far as `rev`: another server has written there.
    pub fn expect(&self, room: RoomId, rev: i64) {
        self.with(|slots, _| {
            if matches!(slots.get(&room), Some(Slot::Ready { tail, .. }) if tail.head.rev < rev) {
                slots.remove(&room);
            }
        });
    }

    /// Takes in a committed change.
    pub fn apply(&self, logged: &Arc<Logged>) {
        self.with(|slots, _| {
            let keep = match slots.get_mut(&logged.room) {
                None => return,
                Some(Slot::Loading(pending)) => {
                    pending.push(logged.clone());
                    pending.len() <= PENDING
                }
                Some(Slot::Ready { tail, .. }) => Arc::make_mut(tail).apply(logged),
            };
            if !keep {
                slots.remove(&logged.room);
            }
        });
    }

    /// Drops every tail with a message of this person's, and those that are being read just now: they may hold a name that is out of date.
    pub fn forget_author(&self, person: UserId) {
        self.with(|slots, _| {
            slots.retain(|_, slot| match slot {
                Slot::Loading(_) => false,
                Slot::Ready { tail, .. } => tail.messages.iter().all(|logged| logged.message.author.id != person),
            });
        });
    }

    fn ready(&self, room: RoomId) -> Option<Arc<Tail>> {
        self.with(|slots, clock| match slots.get_mut(&room) {
            Some(Slot::Ready { tail, used }) => {
                *clock += 1;
                *used = *clock;
                Some(tail.clone())
            }
            _ => None,
        })
    }

    /// Drops the tail that was not used for the longest time, if there are too many.
    fn make_room(slots: &mut HashMap<RoomId, Slot>) {
        if slots.len() < ROOMS {
            return;
        }
        let oldest = slots
            .iter()
            .filter_map(|(room, slot)| match slot {
                Slot::Ready { used, .. } => Some((*used, *room)),
                Slot::Loading(_) => None,
            })
            .min();
        if let Some((_, room)) = oldest {
            slots.remove(&room);
        }
    }

    fn with<R>(&self, body: impl FnOnce(&mut HashMap<RoomId, Slot>, &mut u64) -> R) -> R {
        // Nothing in here can panic half-way through a change, so a poisoned lock still guards a whole map.
        let mut guard = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let (slots, clock) = &mut *guard;
        body(slots, clock)
    }
}
