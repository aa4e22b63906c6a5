//! The subscriber to `events` that tells the sockets: each event, to whom it concerns, in the order of publication.
//!
//! Owns the translation of events into what clients hear. It never waits for a socket: one that cannot keep up is cut, and catches up by
//! `rev` when it comes back. It must not send what has not been published.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Serialize, Serializer};
use socketioxide::extract::SocketRef;
use socketioxide::{BroadcastError, SendError, SocketError};

use super::Realtime;
use super::connection::{Connected, Connection, channel};
use super::outbound::{
    Activity, Blocked, Changed, Described, Entered, FavoriteChanged, Hidden, KeywordFound, LevelChanged, OnlineChanged, Outgoing,
    OwnRoom, Person, Presence, Read, Removed, SectionChanged, SendEvent, Typing,
};
use crate::events::{Event, Removal, Subscription};
use crate::model::{ConnectionId, Kind, Logged, Room, RoomId, UserId};
use crate::push::Keywords;

/// Tells the sockets of each event, until the bus is gone.
pub async fn run(realtime: Arc<Realtime>, mut events: Subscription) {
    while let Some(batch) = events.next().await {
        for event in &*batch.events {
            realtime.publish(event).await;
            realtime.followers.hear(event);
        }
        realtime.count_broadcast(&batch.events);
        drop(batch);
        // A whole batch is queued before the sockets wake: each then sends all of it with one write.
        tokio::task::yield_now().await;
    }
}

/// Whom an event of a room reaches.
#[derive(Clone, Copy, Debug)]
pub enum Audience {
    /// The sockets that joined it.
    Live(RoomId),
    /// The sockets of its members that watch all their rooms and are not live in this one.
    Watching(RoomId),
}

impl Realtime {
    /// Counts what was broadcast, and cuts the sockets that hold the oldest of it when that is too much.
    fn count_broadcast(&self, batch: &[Event]) {
        let bytes = |event: &Event| match event {
            Event::Message { logged, .. } => logged.json().get().len() as u64,
            _ => 0,
        };
        let added: u64 = batch.iter().map(bytes).sum();
        let before = self.broadcast.fetch_add(added, Ordering::Relaxed);
        let now = before + added;
        // Looked at a few times while so much is broadcast as may wait.
        let step = self.unwritten / 8;
        if before / step == now / step {
            return;
        }
        for Connected { socket, connection } in self.registry.everybody() {
            if connection.lag(now) > self.unwritten {
                tracing::info!(user = %connection.user, "a socket is too far behind; cutting it");
                socket.leave_all();
                connection.cut_slow();
            }
        }
    }

    async fn publish(self: &Arc<Self>, event: &Event) {
        match event {
            Event::Message { logged, is_new, mentions_before } => {
                if *is_new {
                    self.send_keywords(logged);
                }
                self.broadcast(Audience::Live(logged.room), &**logged).await;
                self.send_to_watchers(logged, *is_new, mentions_before.as_deref()).await;
            }
            Event::MemberAdded { room, user, rev } => self.member_added(*room, *user, *rev),
            Event::MemberRemoved { room, slug, user, rev, reason } => self.member_removed(*room, slug, *user, *rev, *reason),
            Event::AccessUncertain => self.check_access().await,
            // No socket is to know.
            Event::AttemptsFailed { .. } | Event::SettingsChanged => {}
            Event::HistoryReplaced => self.start_over(),
            Event::RoomChanged { room, is_direct: true, now, .. } => self.conversation_changed(*room, now),
            Event::RoomChanged { room, is_direct: false, now, was } => {
                let described = Described { room: was.as_ref().unwrap_or(&now.slug), now };
                if was.is_some() {
                    self.registry.rename_room(*room, &now.slug);
                }
                self.broadcast(Audience::Live(*room), &described).await;
                self.broadcast(Audience::Watching(*room), &described).await;
            }
            Event::RoomDeleted { room, slug } => self.room_deleted(*room, slug),
            Event::RoleChanged { user } => self.registry.cut_user(*user),
            Event::ReadMarkerMoved { user, slug, seq, unread, mentions, origin } => {
                let read = Read { room: slug, seq: *seq, unread: *unread, mentions: *mentions };
                self.send_to_person(*user, origin.as_ref(), &read);
            }
            Event::NotificationLevelSet { user, slug, level, origin } => {
                self.send_to_person(*user, origin.as_ref(), &LevelChanged { room: slug, level: *level });
            }
            Event::KeywordsSet { user, keywords } => self.registry.change_keywords(*user, Keywords::new(keywords)),
            Event::FavoriteSet { user, slug, is_favorite } => {
                self.send_to_person(*user, None, &FavoriteChanged { room: slug, favorite: *is_favorite });
            }
            Event::SidebarSectionSet { user, section, is_closed } => {
                self.send_to_person(*user, None, &SectionChanged { section, closed: *is_closed });
            }
            Event::ConversationHidden { user, slug, is_hidden } => {
                self.send_to_person(*user, None, &Hidden { room: slug, hidden: *is_hidden });
            }
            Event::BlockSet { user, username, is_blocked } => {
                self.send_to_person(*user, None, &Blocked { user: username, blocked: *is_blocked });
            }
            Event::DraftSaved { user, draft, origin } => self.send_to_person(*user, origin.as_ref(), draft),
            Event::UserRegistered { .. } => {}
            Event::AccountDeleted { person, former_username } => {
                // Clients know people by their usernames.
                let person = Person { username: former_username, name: &person.name, status: "", alike: false, photo: None };
                self.send_to_all(&person);
            }
            Event::ProfileChanged { person, status, .. } => {
                self.send_to_all(&Person {
                    username: &person.username,
                    name: &person.name,
                    status,
                    alike: person.is_alike,
                    photo: person.photo.as_deref(),
                });
            }
            Event::Typing { room, slug, username, name, origin } => {
                self.send_typing(*room, origin, &Typing { room: slug, user: username, name: name.as_deref() }).await;
            }
            Event::PresenceChanged { room, slug, username, is_online } => {
                self.send_presence(*room, slug, username, *is_online).await;
            }
            Event::PresenceMoved { room, slug, user, username, is_online } => {
                self.moved_elsewhere(*room, slug, *user, username, *is_online).await;
            }
            Event::OnlineChanged { audience, username, is_online } => {
                let online = OnlineChanged { user: username, online: *is_online };
                for user in audience {
                    // A dot in a list: the next page has it right.
                    for Connected { socket, .. } in self.registry.watching_of(*user) {
                        socket.send(&online).ok();
                    }
                }
            }
            Event::SessionEnded { session, reason } => self.registry.end_session(session, *reason),
            Event::AccessReduced { user } => self.access_reduced(*user).await,
            Event::AccessEnded { user, reason } => self.registry.end_user(*user, *reason),
        }
    }

    /// Tells those who watch a room that one of their keywords is in a new message, before they hear of it.
    fn send_keywords(&self, logged: &Logged) {
        let message = &logged.message;
        if message.kind != Kind::Text {
            return;
        }
        for Connected { socket, .. } in self.registry.hearing_keyword(logged.room, &message.body, message.author.id) {
            // One whose queue is full is being cut by what fills it, and what it catches up with notifies nobody.
            socket.send(&KeywordFound { room: &message.room, seq: message.seq }).ok();
        }
    }

    /// Tells those who watch a room, and are not live in it, of a new message or of one that counts differently now.
    async fn send_to_watchers(&self, logged: &Logged, is_new: bool, mentions_before: Option<&[String]>) {
        if !self.registry.has_watchers() {
            return;
        }
        let (audience, room) = (Audience::Watching(logged.room), &*logged.message.room);
        if is_new {
            if logged.message.kind == Kind::Text {
                self.broadcast(audience, &Activity { room, message: logged }).await;
            }
        } else if let Some(mentions_before) = mentions_before {
            self.broadcast(audience, &Changed { room, message: logged, addressed: mentions_before }).await;
        }
    }

    /// Lets a new member's watching connections hear of the room, and tells them how it stands.
    fn member_added(self: &Arc<Self>, room: RoomId, user: UserId, rev: i64) {
        let watching = self.registry.watch_user(room, user, rev);
        if watching.is_empty() {
            return;
        }
        let realtime = self.clone();
        // The next event must not wait for a look into the database.
        tokio::spawn(async move {
            match realtime.chat.own_room(user, room).await {
                Ok(None) => {}
                Ok(Some(listed)) => {
                    realtime.registry.follow(room, listed.head);
                    let entered = Entered(OwnRoom::new(&listed, &realtime.chat.epoch()));
                    for connected in watching {
                        if connected.socket.send(&entered).is_err() {
                            connected.connection.cut();
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "a person did not hear of a room that they entered"),
            }
        });
    }

    /// Takes a person's connections out of a room, and tells them.
    pub(super) fn member_removed(&self, room: RoomId, slug: &Arc<str>, user: UserId, rev: i64, reason: Removal) {
        let lost = self.registry.unsubscribe_user(room, user, rev);
        for (connected, _) in &lost {
            if connected.socket.send(&Removed { room: slug, reason }).is_err() {
                connected.connection.cut();
            }
        }
        if let Some((connected, _)) = lost.iter().find(|(_, was_live)| *was_live) {
            self.left_room(room, slug, &connected.connection);
        }
    }

    /// Takes all connections out of a room that is gone, and tells them.
    fn room_deleted(&self, room: RoomId, slug: &Arc<str>) {
        for connected in self.registry.close_room(room) {
            if connected.socket.send(&Removed { room: slug, reason: Removal::Deleted }).is_err() {
                connected.connection.cut();
            }
        }
    }

    /// Tells those who are live in a conversation of its new topic, each under the name that they see.
    fn conversation_changed(self: &Arc<Self>, room: RoomId, now: &Room) {
        let (realtime, slug) = (self.clone(), now.slug.clone());
        // The next event must not wait for a look into the database.
        tokio::spawn(async move {
            for Connected { socket, connection } in realtime.registry.everybody() {
                if !connection.is_live_in(room) {
                    continue;
                }
                let Ok(view) = realtime.chat.view(connection.user, &slug).await else { continue };
                if socket.send(&Described { room: &slug, now: &view.room }).is_err() {
                    connection.cut();
                }
            }
        });
    }

    /// Tells a person's connections, except the one where it began.
    fn send_to_person<E: Outgoing>(&self, user: UserId, origin: Option<&ConnectionId>, event: &E) {
        for Connected { socket, .. } in self.registry.of_user(user) {
            // One whose queue is full is being cut by what fills it, and asks again when it comes back.
            if origin.is_none_or(|origin| origin.0 != socket.id.as_str()) {
                socket.send(event).ok();
            }
        }
    }

    fn send_to_all<E: Outgoing>(&self, event: &E) {
        for Connected { socket, connection } in self.registry.everybody() {
            // One that has no room for it is being cut by what fills it, and its next page is right anyway.
            // Guests do not hear of people whom they may not know.
            if !connection.is_revoked() && !connection.is_guest {
                socket.send(event).ok();
            }
        }
    }

    /// Tells a room that somebody is writing, except the connection on which they write.
    async fn send_typing(&self, room: RoomId, origin: &ConnectionId, typing: &Typing<'_>) {
        // A hint that is stale in 5 s: whoever misses it misses nothing.
        match self.registry.find(origin) {
            Some(socket) => socket.to(channel(room)).emit(Typing::NAME, typing).await.ok(),
            None => self.to(Audience::Live(room)).emit(Typing::NAME, typing).await.ok(),
        };
    }

    /// Tells a room that somebody is there, or no longer.
    pub(super) async fn send_presence(&self, room: RoomId, slug: &str, username: &str, is_online: bool) {
        self.broadcast(Audience::Live(room), &Presence { room: slug, user: username, online: is_online }).await;
    }

    async fn broadcast<E: Outgoing>(&self, audience: Audience, event: &E) {
        // Those who only watch are not counted: their list shows a number, and it is one packet for all rooms.
        if let Audience::Live(room) = audience {
            self.measures.deliveries.inc_by(self.chat.presence().sockets_in(room) as u64);
        }
        if let Err(error) = self.to(audience).emit(E::NAME, event).await {
            cut_the_slow(self, audience, event, &error);
        }
    }
}

/// Cuts the sockets of a room whose queue was full when `event` was to enter it. socketioxide says how many there were, not
/// which, so each is asked whether it has room now; if some had room again by then, the event goes to everybody once more
/// (a client ignores a `rev` that it knows), and those who miss it this time are known.
fn cut_the_slow<E: Outgoing>(realtime: &Realtime, audience: Audience, event: &E, error: &BroadcastError) {
    let BroadcastError::Socket(errors) = error else {
        tracing::error!(%error, "an event could not be encoded");
        return;
    };
    let full = errors.iter().filter(|error| matches!(error, SocketError::InternalChannelFull)).count();
    if full == 0 {
        return; // They have gone: nothing is lost to them.
    }
    let sockets = realtime.to(audience).sockets();
    let mut cut = 0;
    for socket in &sockets {
        cut += usize::from(cut_if_full(socket, is_full(socket)));
    }
    if cut < full {
        for socket in &sockets {
            cut_if_full(socket, is_refused(&socket.send(event)));
        }
    }
}

fn cut_if_full(socket: &SocketRef, is_full: bool) -> bool {
    if is_full {
        tracing::info!(socket = "slow", "a socket cannot keep up; cutting it");
        // Out of its rooms at once, so that it is not found full again before its connection has ended.
        socket.leave_all();
        if let Some(connection) = socket.extensions.get::<Arc<Connection>>() {
            connection.cut_slow();
        }
    }
    is_full
}

/// Whether a socket's queue is full: socketioxide takes a place in it before it encodes, and this cannot be encoded, so that
/// nothing is sent either way.
fn is_full(socket: &SocketRef) -> bool {
    struct Probe;
    impl Serialize for Probe {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("a probe is never sent"))
        }
    }
    is_refused(&socket.emit("probe", &Probe))
}

fn is_refused(sent: &Result<(), SendError>) -> bool {
    matches!(sent, Err(SendError::Socket(SocketError::InternalChannelFull)))
}
