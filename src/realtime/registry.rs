//! The registry of live connections.
//!
//! Owns the index of connections by person and by session, and the ways to end them: a session's connections when it
//! ends, a person's connections to a room when they lose it; and that the keywords of those who watch follow their connections. It must
//! not ask the database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;

use super::keywords::Watched;
use super::outbound::{SendEvent, SignedOut};
use super::recent_map::RecentMap;
use crate::chat::presence::{Online, Presence};
use crate::events::{Bus, SessionEnd};
use crate::model::{ConnectionId, Head, RoomId, SessionKey, UserId};
use crate::push::Keywords;
use crate::realtime::connection::{Connected, Connection, RoomState, channel, room_of, watchers};

/// How long it may take to tell a socket why its access has ended: one that reads slowly still gets what was queued before.
const WRITING: Duration = Duration::from_millis(500);

/// Every live connection.
#[derive(Debug)]
pub struct Registry {
    all: Mutex<Entries>,
    /// Changed only with `all` locked, so that counts match the sockets exactly.
    presence: Arc<Presence>,
    /// Whom the words of a message notify; changed only with `all` locked.
    keywords: Watched,
    /// Which rooms are listened to, where there are other nodes; changed only with `all` locked.
    events: Bus,
    /// How many sockets watch; while none does, nothing is encoded for watchers.
    watching: AtomicUsize,
}

#[derive(Debug, Default)]
struct Entries {
    by_socket: HashMap<Sid, Connected>,
    by_user: HashMap<UserId, Vec<Sid>>,
    /// Who recently lost which room, and at which `rev`: a join that was decided before must be refused.
    lost: RecentMap<(RoomId, UserId), i64>,
    /// Who recently became a member of which room, and at which `rev`: of two nodes' changes, the older one may be heard later.
    gained: RecentMap<(RoomId, UserId), i64>,
    /// Rooms that were recently deleted: likewise.
    closed: RecentMap<RoomId, ()>,
    /// Sessions that recently ended: a connect that was admitted before must not stay.
    ended: RecentMap<SessionKey, ()>,
    /// People whose sessions all ended recently, each with the number of that ending: a connect that was admitted before it must not stay, one
    /// with a newer session may.
    ended_users: RecentMap<UserId, u64>,
    /// How many times a person's access has ended.
    endings: u64,
}

impl Entries {
    /// Whether somebody lost a room after `rev` `as_of`.
    fn has_lost(&self, room: RoomId, user: UserId, as_of: i64) -> bool {
        self.closed.get(&room).is_some() || self.lost.get(&(room, user)).is_some_and(|rev| *rev > as_of)
    }

    /// Whether a connection's access has ended since it was admitted.
    fn has_ended(&self, connection: &Connection) -> bool {
        self.ended.get(&connection.session).is_some()
            || self.ended_users.get(&connection.user).is_some_and(|ending| *ending > connection.as_of)
    }

    /// A person's connections.
    fn of(&self, user: UserId) -> impl Iterator<Item = &Connected> {
        let sids = self.by_user.get(&user).map(Vec::as_slice).unwrap_or_default();
        sids.iter().filter_map(|sid| self.by_socket.get(sid))
    }

    /// The rooms in which a person's keywords are looked for: those that they hear, if they watch. `None`: nothing is kept of them.
    fn heard_by(&self, user: UserId, keywords: &Keywords) -> Option<HashSet<RoomId>> {
        let counts = !keywords.is_empty() && self.of(user).any(|connected| connected.connection.is_watching());
        counts.then(|| self.of(user).flat_map(rooms_of).collect())
    }

    /// Revokes the matching connections in one step: from here on none of them can join anything. Those that are revoked already have heard
    /// why.
    fn revoke(&self, which: impl Fn(&Connection) -> bool) -> Vec<Connected> {
        let is_meant = |connection: &Connection| !connection.is_revoked() && which(connection);
        let ended: Vec<_> = self.by_socket.values().filter(|connected| is_meant(&connected.connection)).cloned().collect();
        for Connected { socket, connection } in &ended {
            connection.is_revoked.store(true, Ordering::Release);
            socket.leave_all();
        }
        ended
    }
}

impl Registry {
    /// An empty registry, which counts people in and out of `presence`, and has the logs of their rooms followed.
    #[must_use]
    pub fn new(presence: Arc<Presence>, events: Bus) -> Self {
        let (all, keywords) = (Mutex::default(), Watched::default());
        Self { all, presence, keywords, events, watching: AtomicUsize::new(0) }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.all.lock()
    }

    /// Registers a connection, once. Called when it has connected and again at each event, because a client's first event can come before
    /// the connecting task is done.
    pub fn add(&self, socket: &SocketRef, connection: &Arc<Connection>) {
        if connection.is_registered.load(Ordering::Acquire) {
            return;
        }
        let mut all = self.entries();
        if connection.is_gone.load(Ordering::Acquire) || connection.is_registered.swap(true, Ordering::AcqRel) {
            return;
        }
        if all.has_ended(connection) {
            connection.cut();
        }
        if !connection.is_bot {
            self.presence.connect(connection.user, &connection.username);
        }
        all.by_user.entry(connection.user).or_default().push(socket.id);
        all.by_socket.insert(socket.id, Connected { socket: socket.clone(), connection: connection.clone() });
    }

    /// Removes a socket that is gone. Returns the rooms that its person has left with it, and whether it was their last connection.
    #[must_use]
    pub fn remove(&self, socket: Sid, connection: &Connection) -> (Vec<(Arc<str>, RoomId)>, bool) {
        let mut all = self.entries();
        connection.is_gone.store(true, Ordering::Release);
        connection.leave();
        let Some(Connected { connection, .. }) = all.by_socket.remove(&socket) else { return (Vec::new(), false) };
        let was_last = self.presence.disconnect(connection.user);
        if let Some(sockets) = all.by_user.get_mut(&connection.user) {
            sockets.retain(|sid| *sid != socket);
            if sockets.is_empty() {
                all.by_user.remove(&connection.user);
            }
        }
        if connection.is_watching() {
            self.watching.fetch_sub(1, Ordering::Relaxed);
            if !all.of(connection.user).any(|other| other.connection.is_watching()) {
                self.keywords.forget(connection.user);
            }
        }
        let rooms = std::mem::take(&mut *connection.rooms());
        let live = rooms.into_iter().filter(|(_, place)| place.is_live).map(|(slug, place)| (slug, place.room));
        (live.filter(|(_, room)| self.presence.leave(*room, connection.user)).collect(), was_last)
    }

    /// Who is online in a room.
    #[must_use]
    pub fn online(&self, room: RoomId) -> Online {
        self.presence.online(room)
    }

    /// How many sockets there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries().by_socket.len()
    }

    /// Every socket of one person.
    #[must_use]
    pub fn of_user(&self, user: UserId) -> Vec<Connected> {
        self.entries().of(user).cloned().collect()
    }

    /// Those of a person's connections that watch all their rooms.
    #[must_use]
    pub fn watching_of(&self, user: UserId) -> Vec<Connected> {
        self.of_user(user).into_iter().filter(|connected| connected.connection.is_watching()).collect()
    }

    /// How often anybody's keywords have changed; to be read before the database is.
    pub fn keyword_changes(&self) -> u64 {
        self.keywords.changes()
    }

    /// Takes in what the database said of a person's keywords, if they still watch. `false` if somebody's have changed since: then it may be what
    /// was before.
    pub fn learn_keywords(&self, user: UserId, keywords: Keywords, as_of: u64) -> bool {
        let all = self.entries();
        let heard = all.heard_by(user, &keywords);
        self.keywords.learn(user, keywords, as_of, heard)
    }

    /// Takes in that a person has other keywords.
    pub fn change_keywords(&self, user: UserId, keywords: Keywords) {
        let all = self.entries();
        let heard = all.heard_by(user, &keywords);
        self.keywords.change(user, keywords, heard);
    }

    /// The connections that watch and hear a room, of those who have a keyword in a text, but for its author.
    #[must_use]
    pub fn hearing_keyword(&self, room: RoomId, text: &str, author: UserId) -> Vec<Connected> {
        let hears = |connected: &Connected| rooms_of(connected).any(|heard| heard == room);
        let people = self.keywords.in_text(room, text, author);
        people.into_iter().flat_map(|user| self.watching_of(user)).filter(hears).collect()
    }

    /// The socket of a connection, if it is here.
    #[must_use]
    pub fn find(&self, connection: &ConnectionId) -> Option<SocketRef> {
        let id = connection.0.parse::<Sid>().ok()?;
        self.entries().by_socket.get(&id).map(|connected| connected.socket.clone())
    }

    /// Every socket.
    #[must_use]
    pub fn everybody(&self) -> Vec<Connected> {
        self.entries().by_socket.values().cloned().collect()
    }

    /// The sessions of all connections.
    #[must_use]
    pub fn sessions(&self) -> HashSet<SessionKey> {
        self.entries().by_socket.values().map(|connected| connected.connection.session.clone()).collect()
    }

    /// Makes a socket live in a room that its person could see at `rev` `as_of`. Returns whether it is the person's first there; none if they
    /// have lost the room since, or the socket is gone.
    #[must_use]
    pub fn subscribe(&self, connected: &Connected, room: RoomId, slug: &Arc<str>, as_of: Head) -> Option<bool> {
        let all = self.entries();
        let Connected { socket, connection } = connected;
        if all.has_lost(room, connection.user, as_of.rev) || connection.is_revoked() || !all.by_socket.contains_key(&socket.id) {
            return None;
        }
        // A join after the disconnect would stay in the adapter for ever. `by_socket` knows whether the socket is gone: `remove` runs under
        // the same lock before socketioxide clears the socket's rooms. `connected()` is not enough: it is set after the client hears that it
        // is connected, and a quick client's first join can come before that.
        socket.join(channel(room));
        self.keywords.enter(connection.user, room);
        self.events.heads().follow(room, as_of);
        let before = connection.rooms().insert(slug.clone(), RoomState { room, is_live: true, as_of: as_of.rev });
        let is_new = !before.is_some_and(|place| place.is_live) && !connection.is_bot;
        Some(is_new && self.presence.enter(room, slug, connection.user, &connection.username))
    }

    /// Remembers that a connection's person was a member of a room at `rev` `as_of`, whether or not it is live there.
    pub fn remember(&self, connection: &Connection, room: RoomId, slug: &Arc<str>, as_of: i64) {
        let all = self.entries();
        if !all.has_lost(room, connection.user, as_of) {
            connection.rooms().entry(slug.clone()).or_insert(RoomState { room, is_live: false, as_of });
        }
    }

    /// Takes one socket out of a room; `true` if it was its person's last there.
    #[must_use]
    pub fn unsubscribe(&self, connected: &Connected, room: RoomId) -> bool {
        let _all = self.entries();
        self.leave(connected, room)
    }

    /// Marks a connection as watching all its person's rooms.
    pub fn begin_to_watch(&self, connected: &Connected) {
        let all = self.entries();
        if all.by_socket.contains_key(&connected.socket.id) && !connected.connection.is_watching.swap(true, Ordering::AcqRel) {
            self.watching.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether any connection watches.
    #[must_use]
    pub fn has_watchers(&self) -> bool {
        self.watching.load(Ordering::Relaxed) > 0
    }

    /// Adds a watching connection to a room of which its person was a member at `rev` `as_of`.
    pub fn watch(&self, connected: &Connected, room: RoomId, as_of: Head) {
        let all = self.entries();
        let Connected { socket, connection } = connected;
        if !all.has_lost(room, connection.user, as_of.rev) && !connection.is_revoked() && all.by_socket.contains_key(&socket.id) {
            socket.join(watchers(room));
            self.keywords.enter(connection.user, room);
            self.events.heads().follow(room, as_of);
        }
    }

    /// Has a room followed that its new members watch.
    pub fn follow(&self, room: RoomId, head: Head) {
        let _all = self.entries();
        self.events.heads().follow(room, head);
    }

    /// Stops following the rooms that no socket here listens to any more, but these.
    pub fn forget_heads(&self, but: &HashSet<RoomId>) {
        let all = self.entries();
        if !self.events.heads().list().is_empty() {
            let heard: HashSet<RoomId> = all.by_socket.values().flat_map(rooms_of).collect();
            self.events.heads().retain(|room| heard.contains(&room) || but.contains(&room));
        }
    }

    /// The rooms of all connections, each with their people.
    #[must_use]
    pub fn memberships(&self) -> HashSet<(RoomId, UserId)> {
        let all = self.entries();
        let of = |connected: &Connected| {
            let user = connected.connection.user;
            let known: Vec<_> = connected.connection.rooms().values().map(|state| state.room).collect();
            rooms_of(connected).chain(known).map(move |room| (room, user)).collect::<Vec<_>>()
        };
        all.by_socket.values().flat_map(of).collect()
    }

    /// Adds a person's watching connections to a room that they became a member of at `rev`, and returns them.
    #[must_use]
    pub fn watch_user(&self, room: RoomId, user: UserId, rev: i64) -> Vec<Connected> {
        let mut all = self.entries();
        if all.has_lost(room, user, rev) {
            return Vec::new();
        }
        all.gained.insert((room, user), rev);
        let watching: Vec<_> = all.of(user).filter(|connected| connected.connection.is_watching()).cloned().collect();
        for Connected { socket, .. } in watching.iter().filter(|connected| !connected.connection.is_revoked()) {
            socket.join(watchers(room));
            self.keywords.enter(user, room);
        }
        watching
    }

    /// Takes all of a person's connections out of a room that they lost at `rev`. Returns those that were live in it or watch, each with
    /// whether it was live.
    #[must_use]
    pub fn unsubscribe_user(&self, room: RoomId, user: UserId, rev: i64) -> Vec<(Connected, bool)> {
        let mut all = self.entries();
        let gained = all.gained.get(&(room, user)).copied().unwrap_or(-1);
        if gained > rev {
            return Vec::new();
        }
        // Another node's removal is heard twice: with the message about it, and as a notification.
        let before = all.lost.get(&(room, user)).copied().unwrap_or(-1);
        let is_known = before > gained;
        all.lost.insert((room, user), rev.max(before));
        let sids = all.by_user.get(&user).cloned().unwrap_or_default();
        let (mut heard, mut stays) = (Vec::new(), false);
        for connected in sids.iter().filter_map(|sid| all.by_socket.get(sid)) {
            if connected.connection.was_member_after(room, rev) {
                stays = true;
                continue;
            }
            connected.socket.leave(watchers(room));
            let was_live = connected.connection.is_live_in(room);
            self.leave(connected, room);
            if was_live || (!is_known && connected.connection.is_watching.load(Ordering::Acquire)) {
                heard.push((connected.clone(), was_live));
            }
        }
        if !stays {
            self.keywords.leave(user, room);
        }
        heard
    }

    /// Has connections know a room by its new slug. The earlier one still leads to it.
    pub fn rename_room(&self, room: RoomId, slug: &Arc<str>) {
        let all = self.entries();
        for connected in all.by_socket.values() {
            let mut rooms = connected.connection.rooms();
            let old: Vec<_> =
                rooms.iter().filter(|(key, state)| state.room == room && *key != slug).map(|(key, _)| key.clone()).collect();
            for key in old {
                if let Some(state) = rooms.get(&key).copied() {
                    rooms.insert(slug.clone(), state);
                    rooms.insert(key, RoomState { is_live: false, ..state });
                }
            }
        }
        self.presence.rename_room(room, slug);
    }

    /// Takes all connections out of a room that is gone. Returns those that were live in it or watch it.
    #[must_use]
    pub fn close_room(&self, room: RoomId) -> Vec<Connected> {
        let mut all = self.entries();
        all.closed.insert(room, ());
        self.keywords.close(room);
        let heard = |connected: &&Connected| rooms_of(connected).any(|heard| heard == room);
        let closed: Vec<_> = all.by_socket.values().filter(heard).cloned().collect();
        for connected in &closed {
            connected.socket.leave(watchers(room));
            self.leave(connected, room);
        }
        closed
    }

    /// Cuts a person's connections, which come back with what is true then.
    pub fn cut_user(&self, user: UserId) {
        for Connected { socket, connection } in self.of_user(user) {
            socket.leave_all();
            connection.cut();
        }
    }

    fn leave(&self, connected: &Connected, room: RoomId) -> bool {
        connected.socket.leave(channel(room));
        let was_live = connected.connection.is_live_in(room);
        connected.connection.rooms().retain(|_, place| place.room != room);
        was_live && self.presence.leave(room, connected.connection.user)
    }

    /// Discards losses and endings that are older than any join or connect under way.
    pub fn forget_losses(&self) {
        let mut all = self.entries();
        all.lost.forget();
        all.gained.forget();
        all.closed.forget();
        all.ended.forget();
        all.ended_users.forget();
    }

    /// Discards who lost and gained which rooms, by the `rev`s of a log that is not the log any more.
    pub fn forget_history(&self) {
        let mut all = self.entries();
        (all.lost, all.gained, all.closed) = Default::default();
    }

    /// How many times anybody's access has ended; read before the database confirms access.
    #[must_use]
    pub fn endings(&self) -> u64 {
        self.entries().endings
    }

    /// Ends every connection of a session, also those that are just being admitted.
    pub fn end_session(&self, key: &SessionKey, reason: SessionEnd) {
        let mut all = self.entries();
        all.ended.insert(key.clone(), ());
        let ended = all.revoke(|connection| connection.session == *key);
        drop(all);
        say_goodbye(ended, reason);
    }

    /// Ends every connection of a person, also those that are just being admitted.
    pub fn end_user(&self, user: UserId, reason: SessionEnd) {
        let mut all = self.entries();
        all.endings += 1;
        let ending = all.endings;
        all.ended_users.insert(user, ending);
        let ended = all.revoke(|connection| connection.user == user);
        drop(all);
        say_goodbye(ended, reason);
    }

    /// Ends every connection of expired sessions.
    pub fn end_sessions(&self, keys: &HashSet<SessionKey>, reason: SessionEnd) {
        let ended = self.entries().revoke(|connection| keys.contains(&connection.session));
        say_goodbye(ended, reason);
    }
}

/// The rooms that a connection is live in or watches.
fn rooms_of(connected: &Connected) -> impl Iterator<Item = RoomId> + use<> {
    connected.socket.rooms().into_iter().filter_map(|name| room_of(&name))
}

/// Sends the reason to sockets whose access has ended, and cuts them. The registry must not be locked: a disconnect removes the socket from
/// it.
fn say_goodbye(ended: Vec<Connected>, reason: SessionEnd) {
    for Connected { socket, connection } in ended {
        // A socket whose queue is full gets no reason, and is cut all the same. After leaving the namespace an official client does not
        // reconnect by itself.
        if socket.send(&SignedOut { reason }).is_ok() && socket.disconnect().is_ok() {
            connection.cut_once_read(WRITING);
        } else {
            connection.cut();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the log that takes its place, the numbers begin again at lower ones.
    #[test]
    fn what_was_lost_in_a_lost_history_can_be_joined_again() {
        let (room, ada) = (RoomId(1), UserId(7));
        let registry = Registry::new(Arc::default(), Bus::default());
        assert!(registry.unsubscribe_user(room, ada, 100).is_empty() && registry.close_room(RoomId(2)).is_empty());
        let has_lost = |room, as_of| registry.entries().has_lost(room, ada, as_of);
        assert!(has_lost(room, 99) && !has_lost(room, 100) && has_lost(RoomId(2), 100));
        registry.forget_history();
        assert!(!has_lost(room, 99) && !has_lost(RoomId(2), 100));
    }
}
