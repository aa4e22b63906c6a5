//! One socket's seat: who sits there, and what they have going on.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineioxide::backlog::Backlog;
use socketioxide::extract::SocketRef;
use tokio::sync::oneshot;

use super::entrance::Entrance;
use crate::accounts::session::SessionKey;
use crate::chat::types::{RoomId, UserId};
use crate::limits::Turns;

/// How many of a socket's events may wait for their outcome; one more is refused.
const IN_FLIGHT: u32 = 256;
/// How many refusals for haste a socket may collect; one more and it is cut.
const STRIKES: u32 = 2_000;
/// One connected socket's place: who they are and what it has going on.
#[derive(Debug)]
pub struct Seat {
    /// Who.
    pub user: UserId,
    /// Their username.
    pub username: Arc<str>,
    /// Through which session.
    pub session: SessionKey,
    /// How many accesses had ended when the database was asked whether this person has access.
    pub(super) as_of: u64,
    entrance: Arc<Entrance>,
    /// Its person's turns to read.
    pub turns: Turns,
    /// What waits to be written to it.
    pub backlog: Backlog,
    /// Where answers end in what was queued for it; each has its place among the events under way until it has been written.
    departing: Mutex<VecDeque<u64>>,
    lag: Mutex<Lag>,
    pub(super) is_revoked: AtomicBool,
    /// Whether it is in the register.
    pub(super) is_seated: AtomicBool,
    /// Whether its socket has gone; changed only with the register locked.
    pub(super) is_gone: AtomicBool,
    in_flight: AtomicU32,
    strikes: AtomicU32,
    /// The end of the last [`Turn`] that was taken.
    line: Mutex<Option<oneshot::Receiver<()>>>,
    /// When it last said that its person is typing, in milliseconds.
    pub typed_at: AtomicI64,
    rooms: Mutex<HashMap<Arc<str>, Place>>,
    /// Whether it hears of all its person's rooms; changed only with the register locked.
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
pub struct InFlight(Option<Arc<Seat>>);

impl InFlight {
    /// Keeps the place until all that is queued for the socket now has been written.
    pub fn until_written(mut self) {
        if let Some(seat) = self.0.take() {
            seat.release_written();
            let mut departing = seat.departing.lock().unwrap_or_else(PoisonError::into_inner);
            departing.push_back(seat.backlog.queued());
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(seat) = &self.0 {
            seat.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What a socket is in a room of which its person is a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which.
    pub room: RoomId,
    /// Whether it hears what is said there.
    pub is_live: bool,
}

/// A change's turn in its socket's line; those behind it come when it is dropped.
#[derive(Debug)]
pub struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _end: oneshot::Sender<()>,
}

impl Turn {
    /// Waits for those before it.
    pub async fn come(&mut self) {
        if let Some(before) = self.before.take() {
            // Nobody sends: it ends with an error, by the other's drop.
            before.await.ok();
        }
    }
}

impl Seat {
    /// A seat for a person who has just been let in.
    #[must_use]
    pub fn new(user: UserId, username: Arc<str>, session: SessionKey, as_of: u64, entrance: Arc<Entrance>, turns: Turns) -> Self {
        let backlog = entrance.handshake().backlog.clone();
        Self {
            user,
            username,
            session,
            as_of,
            entrance,
            turns,
            backlog,
            departing: Mutex::default(),
            lag: Mutex::default(),
            is_revoked: AtomicBool::new(false),
            is_seated: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            strikes: AtomicU32::new(0),
            line: Mutex::default(),
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
        let mut departing = self.departing.lock().unwrap_or_else(PoisonError::into_inner);
        let left = departing.iter().take_while(|end| **end <= written).count();
        departing.drain(..left);
        self.in_flight.fetch_sub(u32::try_from(left).unwrap_or(0), Ordering::Relaxed);
    }

    /// How much has been broadcast since the oldest of what still waits for it was queued, when that much has been in all. Asked
    /// now and then: it sees what waited already when it was last asked.
    #[must_use]
    pub fn lag(&self, broadcast: u64) -> u64 {
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        if self.backlog.written() >= lag.queued {
            *lag = Lag { queued: self.backlog.queued(), broadcast };
        }
        broadcast - lag.broadcast
    }

    /// Takes the next turn in the line of the changes that take looking up before they are queued.
    #[must_use]
    pub fn line_up(&self) -> Turn {
        let (end, last) = oneshot::channel();
        Turn { before: self.line.lock().unwrap_or_else(PoisonError::into_inner).replace(last), _end: end }
    }

    /// Whether nobody stands in that line.
    #[must_use]
    pub fn is_line_empty(&self) -> bool {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let is_empty = line.as_mut().is_none_or(|last| last.try_recv() == Err(oneshot::error::TryRecvError::Closed));
        if is_empty {
            *line = None;
        }
        is_empty
    }

    /// Counts a refusal for haste; a socket that never listens to them is cut.
    pub fn strike(&self) {
        if self.strikes.fetch_add(1, Ordering::Relaxed) >= STRIKES {
            tracing::warn!(user = %self.user, "a socket floods; cutting it");
            self.cut();
        }
    }

    /// Forgives the refusals so far; called now and then.
    pub fn forgive(&self) {
        self.strikes.store(0, Ordering::Relaxed);
    }

    /// Ends the connection at once, whatever is still queued for it.
    pub fn cut(&self) {
        self.is_revoked.store(true, Ordering::Release);
        self.entrance.cut();
    }

    /// Its socket has left, and its connection may be there still.
    pub(super) fn leave(&self) {
        self.entrance.left();
    }

    /// Its places in rooms, by their slugs.
    pub(super) fn rooms(&self) -> MutexGuard<'_, HashMap<Arc<str>, Place>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A socket with its seat.
#[derive(Clone, Debug)]
pub struct Seated {
    /// The socket.
    pub socket: SocketRef,
    /// Its seat.
    pub seat: Arc<Seat>,
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
