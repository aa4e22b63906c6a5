//! One live connection: whose it is, which rooms it is in, and what it has in flight.
//!
//! Owns the bounds on what one connection may have in flight, and the order of its changes. It must not ask the database.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use engineioxide::backlog::Backlog;
use parking_lot::{Mutex, MutexGuard};
use socketioxide::extract::SocketRef;
use tokio::sync::oneshot;

use crate::limits::ReadPermits;
use crate::model::SessionKey;
use crate::model::{ConnectionId, RoomId, UserId};
use crate::realtime::guard::ConnectionGuard;

/// How many of a socket's events may wait for their outcome; one more is refused.
const IN_FLIGHT: u32 = 256;
/// How many rate-limited events a connection may send before it is cut.
const VIOLATIONS: u32 = 2_000;

/// One live connection.
#[derive(Debug)]
pub struct Connection {
    /// Who.
    pub user: UserId,
    /// Their username.
    pub username: Arc<str>,
    /// Through which session.
    pub session: SessionKey,
    /// How many accesses had ended when the database was asked whether this person has access.
    pub(super) as_of: u64,
    guard: Arc<ConnectionGuard>,
    /// Its person's turns to read.
    pub read_permits: ReadPermits,
    /// What waits to be written to it.
    pub backlog: Backlog,
    /// Where answers end in what was queued for it; each has its place among the events under way until it has been written.
    departing: Mutex<VecDeque<u64>>,
    lag: Mutex<Lag>,
    pub(super) is_revoked: AtomicBool,
    /// Whether it is in the registry.
    pub(super) is_registered: AtomicBool,
    /// Whether its socket has gone; changed only with the registry locked.
    pub(super) is_gone: AtomicBool,
    in_flight: AtomicU32,
    violations: AtomicU32,
    /// Ends with the last [`Ticket`] that was taken.
    queue: Mutex<Option<oneshot::Receiver<()>>>,
    /// When it last said that its person is typing, in milliseconds.
    pub typed_at: AtomicI64,
    rooms: Mutex<HashMap<Arc<str>, RoomState>>,
    /// Whether it hears of all its person's rooms; changed only with the registry locked.
    pub(super) is_watching: AtomicBool,
}

/// How far a socket is behind what is broadcast: what was queued for it at one moment, when that much had been broadcast.
#[derive(Debug, Default)]
struct Lag {
    queued: u64,
    broadcast: u64,
}

/// One event on its way; gives its place back when dropped, or when its answer has been written.
#[derive(Debug)]
pub struct InFlight(Option<Arc<Connection>>);

impl InFlight {
    /// Keeps the place until all that is queued for the socket now has been written.
    pub fn until_written(mut self) {
        if let Some(connection) = self.0.take() {
            connection.release_written();
            let mut departing = connection.departing.lock();
            departing.push_back(connection.backlog.queued());
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What a socket is in a room of which its person is a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoomState {
    /// Which.
    pub room: RoomId,
    /// Whether it hears what is said there.
    pub is_live: bool,
}

/// A change's place in its connection's queue; the next one's turn comes when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    before: Option<oneshot::Receiver<()>>,
    _end: oneshot::Sender<()>,
}

impl Ticket {
    /// Waits until it is first.
    pub async fn ready(&mut self) {
        if let Some(before) = self.before.take() {
            // Nobody sends: it ends with an error, by the other's drop.
            before.await.ok();
        }
    }
}

impl Connection {
    /// A connection of a person who has just been let in.
    #[must_use]
    pub fn new(
        user: UserId,
        username: Arc<str>,
        session: SessionKey,
        as_of: u64,
        guard: Arc<ConnectionGuard>,
        read_permits: ReadPermits,
    ) -> Self {
        let backlog = guard.handshake().backlog.clone();
        Self {
            user,
            username,
            session,
            as_of,
            guard,
            read_permits,
            backlog,
            departing: Mutex::default(),
            lag: Mutex::default(),
            is_revoked: AtomicBool::new(false),
            is_registered: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            violations: AtomicU32::new(0),
            queue: Mutex::default(),
            typed_at: AtomicI64::new(0),
            rooms: Mutex::default(),
            is_watching: AtomicBool::new(false),
        }
    }

    /// Whether its access has ended; every event asks first.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.is_revoked.load(Ordering::Acquire)
    }

    /// Whether it hears of all its person's rooms.
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.is_watching.load(Ordering::Acquire)
    }

    /// Takes a place for one more event, if the socket has not too many on their way, answers that it has not read included.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> Option<InFlight> {
        let guard = InFlight(Some(self.clone()));
        if self.in_flight.fetch_add(1, Ordering::Relaxed) < IN_FLIGHT {
            return Some(guard);
        }
        self.release_written();
        (self.in_flight.load(Ordering::Relaxed) <= IN_FLIGHT).then_some(guard)
    }

    /// Gives back the places of the answers that have been written.
    fn release_written(&self) {
        let written = self.backlog.written();
        let mut departing = self.departing.lock();
        let left = departing.iter().take_while(|end| **end <= written).count();
        departing.drain(..left);
        self.in_flight.fetch_sub(u32::try_from(left).unwrap_or(0), Ordering::Relaxed);
    }

    /// How much has been broadcast since the oldest of what still waits for it was queued, when that much has been in all. Asked
    /// now and then: it sees what waited already when it was last asked.
    #[must_use]
    pub fn lag(&self, broadcast: u64) -> u64 {
        let mut lag = self.lag.lock();
        if self.backlog.written() >= lag.queued {
            *lag = Lag { queued: self.backlog.queued(), broadcast };
        }
        broadcast - lag.broadcast
    }

    /// Queues a change whose room must be looked up before it can go to the ledger.
    #[must_use]
    pub fn enqueue(&self) -> Ticket {
        let (end, last) = oneshot::channel();
        Ticket { before: self.queue.lock().replace(last), _end: end }
    }

    /// Whether no such change is waiting.
    #[must_use]
    pub fn is_queue_empty(&self) -> bool {
        let mut queue = self.queue.lock();
        let is_empty = queue.as_mut().is_none_or(|last| last.try_recv() == Err(oneshot::error::TryRecvError::Closed));
        if is_empty {
            *queue = None;
        }
        is_empty
    }

    /// Counts a rate-limited event; a client that ignores too many of them is cut.
    pub fn count_violation(&self) {
        if self.violations.fetch_add(1, Ordering::Relaxed) >= VIOLATIONS {
            tracing::warn!(user = %self.user, "a socket floods; cutting it");
            self.cut();
        }
    }

    /// Starts the count anew; called periodically.
    pub fn reset_violations(&self) {
        self.violations.store(0, Ordering::Relaxed);
    }

    /// Ends the connection at once, whatever is still queued for it.
    pub fn cut(&self) {
        self.is_revoked.store(true, Ordering::Release);
        self.guard.cut();
    }

    /// Its socket has left, and its connection may be there still.
    pub(super) fn leave(&self) {
        self.guard.left();
    }

    /// Its places in rooms, by their slugs.
    pub(super) fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, RoomState>> {
        self.rooms.lock()
    }

    /// The room that a slug names, if its person is known for a member there.
    #[must_use]
    pub fn own_room(&self, slug: &str) -> Option<RoomId> {
        self.rooms().get(slug).map(|place| place.room)
    }

    /// The room that a slug names, if it is live in it.
    #[must_use]
    pub fn live_room(&self, slug: &str) -> Option<RoomId> {
        self.rooms().get(slug).filter(|place| place.is_live).map(|place| place.room)
    }

    /// Whether it is live in a room.
    #[must_use]
    pub fn is_live_in(&self, room: RoomId) -> bool {
        self.rooms().values().any(|place| place.room == room && place.is_live)
    }
}

/// A socket with its connection.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The socket.
    pub socket: SocketRef,
    /// Its connection.
    pub connection: Arc<Connection>,
}

impl Connected {
    /// What events call this connection.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        ConnectionId(self.socket.id.to_string())
    }
}

/// What socketioxide calls those who watch a room.
#[must_use]
pub fn watchers(room: RoomId) -> String {
    format!("w{room}")
}

/// What socketioxide calls a room.
#[must_use]
pub fn channel(room: RoomId) -> String {
    room.to_string()
}
