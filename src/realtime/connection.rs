//! One live connection: whose it is, which rooms it is in, and what it has in flight.
//!
//! Owns the bounds on what one connection may have in flight, and the order of its changes. It must not ask the database.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use socketioxide::extract::SocketRef;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::accounts::session::SessionUser;
use crate::limits::ReadPermits;
use crate::model::SessionKey;
use crate::model::{ConnectionId, RoomId, Scope, Scopes, UserId};
use crate::permissions::Caller;
use crate::realtime::guard::ConnectionGuard;
use crate::realtime::measures::Measures;
use crate::security_log::Source;
use crate::transport::Backlog;

/// The most events of a connection that may be in flight; further ones are refused.
const IN_FLIGHT: u32 = 256;
/// How long a client that is told goodbye has to read it.
const FAREWELL: Duration = Duration::from_millis(250);
/// How many rate-limited events a connection may send before it is cut.
const VIOLATIONS: u32 = 2_000;

/// One live connection.
#[derive(Debug)]
pub struct Connection {
    /// Whose it is.
    pub user: UserId,
    /// Their username.
    pub username: Arc<str>,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// Whether it is a bot, which nobody is told is present.
    pub is_bot: bool,
    /// What the session permits, if it is an access token.
    token: Option<Scopes>,
    /// The session behind it.
    pub session: SessionKey,
    /// How many times access had ended (`Registry::endings`) when the database confirmed this person's access.
    pub(super) as_of: u64,
    guard: Arc<ConnectionGuard>,
    /// The read turns of its person, shared by all their connections.
    pub read_permits: ReadPermits,
    /// The bytes queued for it and written to it.
    pub backlog: Backlog,
    /// Where each reply ends in the stream of queued bytes. An event counts as in flight until its reply has been written.
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
    /// When it last sent `typing`, in milliseconds.
    pub typed_at: AtomicI64,
    rooms: Mutex<HashMap<Arc<str>, RoomState>>,
    /// Whether it watches all its person's rooms; changed only with the registry locked.
    pub(super) is_watching: AtomicBool,
    measures: Arc<Measures>,
}

/// A sample of how far a connection lags behind the broadcasts: the bytes queued for it at one moment, and the bytes broadcast by then.
#[derive(Debug, Default)]
struct Lag {
    queued: u64,
    broadcast: u64,
}

/// One event in flight. It stops counting when dropped, or once its reply has been written.
#[derive(Debug)]
pub struct InFlight(Option<Arc<Connection>>);

impl InFlight {
    /// Counts until everything that is queued for the socket now has been written.
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

/// A connection's state in a room of which its person is a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoomState {
    /// The room.
    pub room: RoomId,
    /// Whether it receives the room's messages.
    pub is_live: bool,
    /// The room's last change when its person was known to be a member.
    pub as_of: i64,
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
            // Nothing is ever sent: the channel closes when the ticket before it is dropped.
            before.await.ok();
        }
    }
}

impl Connection {
    /// A connection that has just been admitted.
    #[must_use]
    pub fn new(
        user: &SessionUser,
        session: SessionKey,
        as_of: u64,
        guard: Arc<ConnectionGuard>,
        read_permits: ReadPermits,
        measures: Arc<Measures>,
    ) -> Self {
        let backlog = guard.handshake().backlog.clone();
        Self {
            user: user.id,
            username: user.username.clone(),
            is_guest: user.is_guest,
            is_bot: user.is_bot,
            token: user.token,
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
            measures,
        }
    }

    /// The origin of what it sends, for security events.
    #[must_use]
    pub fn source(&self) -> Source {
        let address = Some(self.guard.handshake().address);
        Source { address, session: Some(self.session.public_id().into()), ..Source::default() }
    }

    /// Whether its session is an access token.
    pub fn is_program(&self) -> bool {
        self.token.is_some()
    }

    /// Whether its session permits this: everything but for an access token.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.token.is_none_or(|scopes| scopes.allow(scope))
    }

    /// Its person as whoever asks for a change: as much of an administrator as the session permits.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { id: self.user, may_administer: self.allows(Scope::Admin) }
    }

    /// Whether its access has ended. Every event checks this first.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.is_revoked.load(Ordering::Acquire)
    }

    /// Whether it watches all its person's rooms.
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.is_watching.load(Ordering::Acquire)
    }

    /// Counts one more event as in flight; none if there are too many, including replies that the client has not read.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> Option<InFlight> {
        let guard = InFlight(Some(self.clone()));
        if self.in_flight.fetch_add(1, Ordering::Relaxed) < IN_FLIGHT {
            return Some(guard);
        }
        self.release_written();
        (self.in_flight.load(Ordering::Relaxed) <= IN_FLIGHT).then_some(guard)
    }

    /// Stops counting the events whose replies have been written.
    fn release_written(&self) {
        let written = self.backlog.written();
        let mut departing = self.departing.lock();
        let left = departing.iter().take_while(|end| **end <= written).count();
        departing.drain(..left);
        self.in_flight.fetch_sub(u32::try_from(left).unwrap_or(0), Ordering::Relaxed);
    }

    /// How many bytes were broadcast since the oldest bytes that still wait for it were queued; `broadcast` is the total so far. It samples:
    /// only what already waited at the last call is seen.
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

    /// Whether no change is waiting in that queue.
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
            if !self.is_revoked() {
                self.measures.flooding.inc();
            }
            self.cut();
        }
    }

    /// Starts the count anew; called periodically.
    pub fn reset_violations(&self) {
        self.violations.store(0, Ordering::Relaxed);
    }

    /// Cuts the connection at once and drops what is queued for it.
    pub fn cut(&self) {
        self.is_revoked.store(true, Ordering::Release);
        self.guard.cut();
    }

    /// Cuts the connection when its client has had time to read what is queued for it now, if that is written within `time`.
    pub(super) fn cut_once_read(self: &Arc<Self>, time: Duration) {
        let (connection, position) = (self.clone(), self.backlog.queued());
        tokio::spawn(async move {
            // From when it was written: its writer may have to wait for its turn.
            timeout(time, connection.backlog.written_up_to(position)).await.ok();
            sleep(FAREWELL).await;
            connection.cut();
        });
    }

    /// Cuts a connection that reads too slowly.
    pub fn cut_slow(&self) {
        if !self.is_revoked.swap(true, Ordering::AcqRel) {
            self.measures.slow.inc();
        }
        self.cut();
    }

    /// The socket has left the namespace; the transport may still be open.
    pub(super) fn leave(&self) {
        self.guard.left();
    }

    /// Its state in rooms, by slug.
    pub(super) fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, RoomState>> {
        self.rooms.lock()
    }

    /// The room with this slug, if its person is known to be a member.
    #[must_use]
    pub fn own_room(&self, slug: &str) -> Option<RoomId> {
        self.rooms().get(slug).map(|place| place.room)
    }

    /// The room with this slug, if the connection is live in it.
    #[must_use]
    pub fn live_room(&self, slug: &str) -> Option<RoomId> {
        self.rooms().get(slug).filter(|place| place.is_live).map(|place| place.room)
    }

    /// Whether its person was known to be a member of a room after `rev`.
    pub(super) fn was_member_after(&self, room: RoomId, rev: i64) -> bool {
        self.rooms().values().any(|state| state.room == room && state.as_of >= rev)
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

/// The socketioxide room of the connections that watch a room.
#[must_use]
pub fn watchers(room: RoomId) -> String {
    format!("w{room}")
}

/// The socketioxide room of the connections that are live in a room.
#[must_use]
pub fn channel(room: RoomId) -> String {
    room.to_string()
}

/// The room of a [`channel`] or of [`watchers`].
pub(super) fn room_of(name: &str) -> Option<RoomId> {
    name.trim_start_matches('w').parse().ok().map(RoomId)
}
