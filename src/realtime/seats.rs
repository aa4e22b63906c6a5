//! Who sits at which socket.
//!
//! Owns the register of connected sockets by person and by session, and the ways to end them: a session's sockets when it
//! ends, a person's place in a room when they lose it, and one socket that cannot keep up. It must not ask the database.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;

use super::outgoing::{Emit, SignedOut};
use super::recent::Recent;
use super::seat::{Place, Seat, Seated, channel, watchers};
use crate::accounts::session::SessionKey;
use crate::chat::presence::{Online, Presence};
use crate::chat::types::{RoomId, UserId};

/// How long a socket that is being ended has to read why.
const FAREWELL: Duration = Duration::from_millis(250);

/// Every connected socket.
#[derive(Debug)]
pub struct Seats {
    all: Mutex<Register>,
    /// Changed only with `all` locked, so that a socket is counted in and out of a room exactly as it enters and leaves it.
    presence: Arc<Presence>,
    /// How many sockets watch: while none does, nothing is told to watchers.
    watching: AtomicUsize,
}

#[derive(Debug, Default)]
struct Register {
    by_socket: HashMap<Sid, Seated>,
    by_user: HashMap<UserId, Vec<Sid>>,
    /// Who lost which room, and at which change: a join decided on older news must not seat them again.
    lost: Recent<(RoomId, UserId), i64>,
    /// Sessions that have ended: a connect that was let in on older news must not stay.
    ended: Recent<SessionKey, ()>,
    /// Whose sessions have all ended, and as which ending: a connect that was let in on news from before it must not stay, and one with a
    /// newer session may.
    ended_users: Recent<UserId, u64>,
    /// How many times a person's access has ended.
    endings: u64,
}

impl Register {
    /// Whether somebody has lost a room after change `as_of`.
    fn has_lost(&self, room: RoomId, user: UserId, as_of: i64) -> bool {
        self.lost.get(&(room, user)).is_some_and(|rev| *rev > as_of)
    }

    /// Whether a seat's access has ended since it was decided on.
    fn has_ended(&self, seat: &Seat) -> bool {
        self.ended.get(&seat.session).is_some() || self.ended_users.get(&seat.user).is_some_and(|ending| *ending > seat.as_of)
    }

    /// Takes the sockets of the seats that are meant out of everything, in one step: none of them can join anything from here on.
    fn revoke(&self, which: impl Fn(&Seat) -> bool) -> Vec<Seated> {
        let ended: Vec<_> = self.by_socket.values().filter(|seated| which(&seated.seat)).cloned().collect();
        for Seated { socket, seat } in &ended {
            seat.is_revoked.store(true, Ordering::Release);
            socket.leave_all();
        }
        ended
    }
}

impl Seats {
    /// An empty register, which counts people in and out of `presence`.
    #[must_use]
    pub fn new(presence: Arc<Presence>) -> Self {
        Self { all: Mutex::default(), presence, watching: AtomicUsize::new(0) }
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seats a socket, once. Called when it has connected and again at each event, because a client can be quicker with its first
    /// event than the connecting task is.
    pub fn add(&self, socket: &SocketRef, seat: &Arc<Seat>) {
        if seat.is_seated.load(Ordering::Acquire) {
            return;
        }
        let mut all = self.register();
        if seat.is_gone.load(Ordering::Acquire) || seat.is_seated.swap(true, Ordering::AcqRel) {
            return;
        }
        if all.has_ended(seat) {
            seat.cut();
        }
        self.presence.connect(seat.user);
        all.by_user.entry(seat.user).or_default().push(socket.id);
        all.by_socket.insert(socket.id, Seated { socket: socket.clone(), seat: seat.clone() });
    }

    /// Forgets a socket that has gone; gives the rooms in which its person is no longer, and whether it was their last.
    #[must_use]
    pub fn remove(&self, socket: Sid, seat: &Seat) -> (Vec<(Arc<str>, RoomId)>, bool) {
        let mut all = self.register();
        seat.is_gone.store(true, Ordering::Release);
        seat.leave();
        let Some(Seated { seat, .. }) = all.by_socket.remove(&socket) else { return (Vec::new(), false) };
        let was_last = self.presence.disconnect(seat.user);
        if seat.is_watching.load(Ordering::Acquire) {
            self.watching.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(sockets) = all.by_user.get_mut(&seat.user) {
            sockets.retain(|sid| *sid != socket);
            if sockets.is_empty() {
                all.by_user.remove(&seat.user);
            }
        }
        let rooms = std::mem::take(&mut *seat.rooms());
        let live = rooms.into_iter().filter(|(_, place)| place.is_live).map(|(slug, place)| (slug, place.room));
        (live.filter(|(_, room)| self.presence.leave(*room, seat.user)).collect(), was_last)
    }

    /// Who is in a room.
    #[must_use]
    pub fn online(&self, room: RoomId) -> Online {
        self.presence.online(room)
    }

    /// How many sockets there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.register().by_socket.len()
    }

    /// Every socket of one person.
    #[must_use]
    pub fn of_user(&self, user: UserId) -> Vec<Seated> {
        let all = self.register();
        let sids = all.by_user.get(&user).map(Vec::as_slice).unwrap_or_default();
        sids.iter().filter_map(|sid| all.by_socket.get(sid)).cloned().collect()
    }

    /// Every socket.
    #[must_use]
    pub fn everybody(&self) -> Vec<Seated> {
        self.register().by_socket.values().cloned().collect()
    }

    /// The sessions that somebody is connected with.
    #[must_use]
    pub fn sessions(&self) -> HashSet<SessionKey> {
        self.register().by_socket.values().map(|seated| seated.seat.session.clone()).collect()
    }

    /// Makes a socket live in a room, for a person who could see it at change `as_of`. `None` if they have lost it since, or the
    /// socket has gone; else whether it is its person's first there.
    #[must_use]
    pub fn subscribe(&self, seated: &Seated, room: RoomId, slug: &Arc<str>, as_of: i64) -> Option<bool> {
        let all = self.register();
        let Seated { socket, seat } = seated;
        if all.has_lost(room, seat.user, as_of) || seat.is_revoked() || !all.by_socket.contains_key(&socket.id) {
            return None;
        }
        // A join after the disconnect would stay in the adapter for ever. `by_socket` says whether it has gone: `remove` runs, under the
        // same lock, before socketioxide clears the socket's rooms. `connected()` would not do: it is set only after the client has
        // been told that it is in, and a quick client's first join can come before that.
        socket.join(channel(room));
        let before = seat.rooms().insert(slug.clone(), Place { room, is_live: true });
        Some(!before.is_some_and(|place| place.is_live) && self.presence.enter(room, seat.user, &seat.username))
    }

    /// Notes that a socket's person was a member of a room at change `as_of`, whether or not the socket is live there.
    pub fn remember(&self, seat: &Seat, room: RoomId, slug: &Arc<str>, as_of: i64) {
        let all = self.register();
        if !all.has_lost(room, seat.user, as_of) {
            seat.rooms().entry(slug.clone()).or_insert(Place { room, is_live: false });
        }
    }

    /// Takes one socket out of a room; `true` if its person is no longer there.
    #[must_use]
    pub fn unsubscribe(&self, seated: &Seated, room: RoomId) -> bool {
        let _all = self.register();
        self.leave(seated, room)
    }

    /// Notes that a socket hears of all its person's rooms.
    pub fn begin_to_watch(&self, seated: &Seated) {
        let all = self.register();
        if all.by_socket.contains_key(&seated.socket.id) && !seated.seat.is_watching.swap(true, Ordering::AcqRel) {
            self.watching.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether anybody watches.
    #[must_use]
    pub fn has_watchers(&self) -> bool {
        self.watching.load(Ordering::Relaxed) > 0
    }

    /// Lets a watching socket hear of a room of which its person was a member at change `as_of`.
    pub fn watch(&self, seated: &Seated, room: RoomId, as_of: i64) {
        let all = self.register();
        let Seated { socket, seat } = seated;
        if !all.has_lost(room, seat.user, as_of) && !seat.is_revoked() && all.by_socket.contains_key(&socket.id) {
            socket.join(watchers(room));
        }
    }

    /// Lets a person's watching sockets hear of a room that they have just become a member of; gives those sockets.
    #[must_use]
    pub fn watch_user(&self, room: RoomId, user: UserId) -> Vec<Seated> {
        let all = self.register();
        let sids = all.by_user.get(&user).map(Vec::as_slice).unwrap_or_default();
        let seated = sids.iter().filter_map(|sid| all.by_socket.get(sid));
        let watching: Vec<_> = seated.filter(|seated| seated.seat.is_watching.load(Ordering::Acquire)).cloned().collect();
        for Seated { socket, .. } in watching.iter().filter(|seated| !seated.seat.is_revoked()) {
            socket.join(watchers(room));
        }
        watching
    }

    /// Takes all of a person's sockets out of a room that they lost at change `rev`; gives those that heard of it, each with
    /// whether it was live in it.
    #[must_use]
    pub fn unsubscribe_user(&self, room: RoomId, user: UserId, rev: i64) -> Vec<(Seated, bool)> {
        let mut all = self.register();
        all.lost.insert((room, user), rev);
        let sids = all.by_user.get(&user).cloned().unwrap_or_default();
        let mut heard = Vec::new();
        for seated in sids.iter().filter_map(|sid| all.by_socket.get(sid)) {
            seated.socket.leave(watchers(room));
            let was_live = seated.seat.is_live_in(room);
            self.leave(seated, room);
            if was_live || seated.seat.is_watching.load(Ordering::Acquire) {
                heard.push((seated.clone(), was_live));
            }
        }
        heard
    }

    fn leave(&self, seated: &Seated, room: RoomId) -> bool {
        seated.socket.leave(channel(room));
        let was_live = seated.seat.is_live_in(room);
        seated.seat.rooms().retain(|_, place| place.room != room);
        was_live && self.presence.leave(room, seated.seat.user)
    }

    /// Forgets what was lost or ended before the last call; called now and then, far apart from any join or connect that may be under
    /// way.
    pub fn forget_losses(&self) {
        let mut all = self.register();
        all.lost.turn();
        all.ended.turn();
        all.ended_users.turn();
    }

    /// How many times a person's access has ended; asked before the database is whether somebody has it.
    #[must_use]
    pub fn endings(&self) -> u64 {
        self.register().endings
    }

    /// Ends every socket of a session, also those that are just being let in.
    pub fn end_session(&self, key: &SessionKey, reason: &'static str) {
        let mut all = self.register();
        all.ended.insert(key.clone(), ());
        let ended = all.revoke(|seat| seat.session == *key);
        drop(all);
        say_goodbye(ended, reason);
    }

    /// Ends every socket of a person, also those that are just being let in.
    pub fn end_user(&self, user: UserId, reason: &'static str) {
        let mut all = self.register();
        all.endings += 1;
        let ending = all.endings;
        all.ended_users.insert(user, ending);
        let ended = all.revoke(|seat| seat.user == user);
        drop(all);
        say_goodbye(ended, reason);
    }

    /// Ends every socket of some sessions, which have run out.
    pub fn end_sessions(&self, keys: &HashSet<SessionKey>, reason: &'static str) {
        let ended = self.register().revoke(|seat| keys.contains(&seat.session));
        say_goodbye(ended, reason);
    }
}

/// Tells sockets whose access has ended why, and cuts them. Not with the register locked: a socket that disconnects is taken out of it.
fn say_goodbye(ended: Vec<Seated>, reason: &'static str) {
    for Seated { socket, seat } in ended {
        // One whose queue is full cannot be told why, and is cut all the same. Leaving the namespace tells an official client that
        // it need not come back by itself.
        let told = socket.tell(&SignedOut { reason }).is_ok() && socket.disconnect().is_ok();
        tokio::spawn(async move {
            if told {
                tokio::time::sleep(FAREWELL).await;
            }
            seat.cut();
        });
    }
}
