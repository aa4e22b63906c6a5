//! The Socket.IO namespace: who may connect, what clients can ask for, and what they are sent.
//!
//! Owns event names, their payloads and everything that knows of sockets. It must not decide what is allowed in a room or
//! write anything: `chat` does. What clients are sent unasked comes from `events`.
//!
//! Reading order: `handshake` (a connection's request), `guard` (what the connection may carry), `connection` and `registry` (whose it is),
//! `inbound` (what clients ask for, one file for each event), `publish` (what they are sent), `presence`.

pub mod connection;
pub mod followers;
pub mod guard;
pub mod handshake;
pub mod inbound;
mod keywords;
pub mod measures;
pub mod outbound;
mod presence;
mod publish;
mod recent_map;
pub mod registry;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde::Deserialize;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::operators::BroadcastOperators;
use socketioxide::{SocketIo, TransportType};
use tokio::time::MissedTickBehavior;

use self::connection::{Connected, Connection, channel, watchers};
use self::followers::Followers;
use self::guard::ConnectionGuard;
use self::measures::Measures;
use self::presence::{Debounce, Leavers};
use self::publish::Audience;
use self::registry::Registry;
use crate::accounts::{Accounts, tokens};
use crate::chat::Chat;
use crate::clock::Clock;
use crate::cluster::node::Node;
use crate::config::{Config, Transports};
use crate::error::Result;
use crate::events::{Removal, SessionEnd, Subscription};
use crate::model::UserId;
use crate::push::{Keywords, Notifications};

/// The only namespace.
pub const NAMESPACE: &str = "/chat";
/// The largest packet that a client may send, in bytes: the longest message in any script, and its envelope.
const MAX_PACKET: usize = 64 * 1024;
/// The most packets that may wait for one socket. It bounds bursts, not memory: a broadcast packet is shared. A socket that falls further
/// behind is cut, and catches up by `rev`.
const OUTGOING: usize = 2048;
/// How long a transport has to connect to the namespace.
const ENTERING: Duration = Duration::from_secs(10);
/// How long the database may take of that; the rest is for sending the refusal.
const ADMITTING: Duration = Duration::from_secs(8);
/// How often the sessions of open sockets are checked in the database.
const SWEEP: Duration = Duration::from_secs(15);
/// How long it may take until sockets hear why their session was ended, by whoever ended it.
const TELLING: Duration = Duration::from_secs(1);
/// The same, where there is one process: from its commit to its event.
const SAYING: Duration = Duration::from_millis(300);

/// How long a server that stops has to tell a socket.
const STOPPING: Duration = Duration::from_secs(2);

/// The live side of Parlor.
pub struct Realtime {
    io: SocketIo,
    chat: Arc<Chat>,
    accounts: Arc<Accounts>,
    notifications: Arc<Notifications>,
    clock: Clock,
    registry: Registry,
    /// Those who wait for what happens in rooms without a socket.
    followers: Arc<Followers>,
    leavers: Leavers,
    debounce: Debounce,
    /// This node: whether it may trust that it hears of ended access, and whether it is about to stop.
    node: Arc<Node>,
    /// How many bytes of messages have been broadcast.
    broadcast: AtomicU64,
    /// How many broadcast bytes sockets may still have to write, each byte counted once.
    unwritten: u64,
    measures: Arc<Measures>,
}

/// What a client may send when it connects to the namespace: the official clients call it `auth`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConnectData {
    /// An access token, in the place of a header: browsers and some libraries cannot set one.
    token: Option<String>,
}

/// Why a connection is refused; the client gets the text as `connect_error`.
#[derive(Debug)]
enum Refusal {
    Unauthenticated,
    ForbiddenOrigin,
    Unavailable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unauthenticated => "unauthenticated",
            Self::ForbiddenOrigin => "forbidden_origin",
            Self::Unavailable => "unavailable",
        })
    }
}

impl Realtime {
    /// Opens the namespace, and sends clients what `events` brings.
    pub fn start(
        config: &Config,
        chat: Arc<Chat>,
        accounts: Arc<Accounts>,
        notifications: Arc<Notifications>,
        clock: Clock,
        events: Subscription,
        node: Arc<Node>,
    ) -> (SocketIoLayer, Arc<Self>) {
        let builder = SocketIo::builder()
            .req_path(handshake::PATH)
            .max_buffer_size(OUTGOING)
            .max_payload(MAX_PACKET as u64)
            .ws_read_buffer_size(512)
            .ws_max_message_size(MAX_PACKET)
            .ws_max_frame_size(MAX_PACKET)
            .connect_timeout(ENTERING);
        let builder = match config.transports {
            Transports::WebSocket => builder.transports([TransportType::Websocket]),
            Transports::WebSocketAndPolling => builder.transports([TransportType::Websocket, TransportType::Polling]),
        };
        let (layer, io) = builder.build_layer();
        let registry = Registry::new(chat.presence().clone(), chat.events().clone());
        let followers = Followers::new(chat.events().clone());
        let realtime = Arc::new(Self {
            io,
            chat,
            accounts,
            notifications,
            clock,
            registry,
            followers,
            leavers: Leavers::default(),
            debounce: Debounce::default(),
            node,
            broadcast: AtomicU64::new(0),
            unwritten: config.memory_limit as u64 / 4,
            measures: Arc::default(),
        });
        realtime.open();
        tokio::spawn(publish::run(realtime.clone(), events));
        tokio::spawn(realtime.clone().sweep());
        tokio::spawn(realtime.clone().publish_leavers());
        (layer, realtime)
    }

    fn open(self: &Arc<Self>) {
        // Weak, because the namespace belongs to `io`, which belongs to this.
        let (admitting, welcoming) = (Arc::downgrade(self), Arc::downgrade(self));
        let admit = move |socket: SocketRef, TryData(auth): TryData<ConnectData>| {
            let realtime = admitting.upgrade();
            async move {
                match realtime {
                    Some(realtime) => realtime.admit(socket, auth.unwrap_or_default()).await,
                    None => Err(Refusal::Unavailable),
                }
            }
        };
        let welcome = move |socket: SocketRef| {
            // Runs in the connecting task, before anything else can happen to the socket.
            if let Some(realtime) = welcoming.upgrade()
                && let Some(connection) = socket.extensions.get::<Arc<Connection>>()
            {
                realtime.registry.add(&socket, &connection);
            }
            async {}
        };
        self.io.ns(NAMESPACE, welcome.with(admit));
    }

    /// Checks the session in the database at each connect: a transport can outlive its session.
    async fn admit(self: Arc<Self>, socket: SocketRef, data: ConnectData) -> std::result::Result<(), Refusal> {
        let guard = ConnectionGuard::of(&socket.req_parts().extensions).ok_or(Refusal::Unauthenticated)?;
        let key = match data.token {
            // Whoever has the socket's id can send polling requests, unless they are bound to what the first one presented.
            Some(_) if socket.transport_type() != TransportType::Websocket => return Err(Refusal::Unauthenticated),
            Some(token) => tokens::key(&token),
            None if !guard.handshake().is_origin_allowed => return Err(Refusal::ForbiddenOrigin),
            None => guard.handshake().session.clone(),
        };
        let key = key.ok_or(Refusal::Unauthenticated)?;
        if self.node.is_draining() || !self.node.lease().is_valid() {
            return Err(Refusal::Unavailable);
        }
        // Read before the database: access that ends after this is noticed when the connection is registered.
        let as_of = self.registry.endings();
        let user = match tokio::time::timeout(ADMITTING, self.accounts.session_user(&key)).await {
            Ok(Ok(Some(user))) => user,
            Ok(Ok(None)) => return Err(Refusal::Unauthenticated),
            Ok(Err(_)) | Err(_) => return Err(Refusal::Unavailable),
        };
        self.chat.names().meet(&user.username);
        guard.let_in();
        let read_permits = self.chat.reads().permits_of(user.id);
        let connection = Arc::new(Connection::new(&user, key, as_of, guard, read_permits, self.measures.clone()));
        socket.extensions.insert(connection.clone());
        // Registered here, before the client hears that it is in: an event without a handler would be dropped.
        inbound::listen(&self, &socket, connection);
        Ok(())
    }

    /// Those who wait for what happens in rooms without a socket.
    #[must_use]
    pub fn followers(&self) -> &Arc<Followers> {
        &self.followers
    }

    /// Tells every socket that the server stops, and cuts them. Nobody waits any longer.
    pub fn stop(&self) {
        self.followers.close();
        self.registry.everybody().into_iter().for_each(disconnect);
    }

    /// The same, but each at a random moment within `time`, so that not everybody comes to the other nodes at once.
    pub async fn stop_within(&self, time: Duration) {
        let begin = tokio::time::Instant::now();
        let mut turns: Vec<_> =
            self.registry.everybody().into_iter().map(|connected| (time.mul_f64(rand::random()), connected)).collect();
        turns.sort_unstable_by_key(|(after, _)| *after);
        for (after, connected) in turns {
            tokio::time::sleep_until(begin + after).await;
            disconnect(connected);
        }
    }

    /// Checks in the database that those who are connected still have access, and ends what has ended. When the database does not answer,
    /// all sockets are cut: they are checked when they come back.
    pub(super) async fn check_access(self: &Arc<Self>) {
        if tokio::time::timeout(ADMITTING, self.end_lost_access()).await.is_ok_and(|checked| checked.is_ok()) {
            return;
        }
        tracing::warn!("could not check who still has access; cutting all sockets");
        self.cut_all();
    }

    /// Ends a person's connections if they must have a second factor and have none; also if that is unknown.
    pub(super) async fn access_reduced(&self, user: UserId) {
        let lacks = tokio::time::timeout(ADMITTING, self.accounts.lacks_second_factor(user)).await;
        if !matches!(lacks, Ok(Ok(false))) {
            self.registry.end_user(user, SessionEnd::SecondFactorRequired);
        }
    }

    /// Has every client start over: the database lacks changes that were told, and gives their numbers out again.
    fn start_over(&self) {
        self.cut_all();
        self.registry.forget_history();
    }

    /// Cuts every socket; the clients come back.
    fn cut_all(&self) {
        for Connected { socket, connection } in self.registry.everybody() {
            socket.leave_all();
            connection.cut();
        }
    }

    async fn end_lost_access(self: &Arc<Self>) -> Result<()> {
        let ended = self.accounts.ended_among(self.registry.sessions()).await?;
        if self.node.lease().is_unlimited() && !ended.is_empty() {
            let realtime = self.clone();
            // One that was ended just now is ended by whoever did it in this process, who knows why; the next event must not wait for that.
            tokio::spawn(async move {
                tokio::time::sleep(SAYING).await;
                realtime.registry.end_sessions(&ended, SessionEnd::Expired);
            });
        } else {
            self.registry.end_sessions(&ended, SessionEnd::Expired);
        }
        for (room, user, slug, rev) in self.chat.ended_memberships(self.registry.memberships()).await? {
            self.member_removed(room, &slug, user, rev, Removal::Left);
        }
        Ok(())
    }

    /// Has the keywords of somebody known who watches from now on.
    pub(super) async fn learn_keywords(&self, user: UserId) -> Result<()> {
        loop {
            let as_of = self.registry.keyword_changes();
            let keywords = Keywords::new(&self.notifications.settings(user).await?.keywords);
            if self.registry.learn_keywords(user, keywords, as_of) {
                return Ok(());
            }
        }
    }

    /// How many sockets are connected.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.registry.count()
    }

    /// What the sockets have counted.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// How many bytes wait to be written to sockets; what several wait for counts for each.
    #[must_use]
    pub fn unwritten(&self) -> u64 {
        let waiting = |connected: &Connected| {
            let backlog = &connected.connection.backlog;
            backlog.queued().saturating_sub(backlog.written())
        };
        self.registry.everybody().iter().map(waiting).sum()
    }

    fn to(&self, audience: Audience) -> BroadcastOperators {
        let namespace = self.io.of(NAMESPACE).expect("the namespace is open");
        match audience {
            Audience::Live(room) => namespace.within(channel(room)),
            Audience::Watching(room) => namespace.within(watchers(room)).except(channel(room)),
        }
    }

    /// Periodically ends the sockets whose sessions ended elsewhere or expired, and discards stale state.
    async fn sweep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.node.lease().is_lost() && self.registry.count() > 0 {
                tracing::warn!("Postgres was not heard for too long; cutting all sockets");
                self.cut_all();
            }
            self.followers.with_rooms(|rooms| self.registry.forget_heads(rooms));
            let sessions = self.registry.sessions();
            match self.accounts.ended_among(sessions).await {
                Ok(ended) if ended.is_empty() => {}
                Ok(ended) => {
                    // One that was ended just now is ended by whoever did it, who knows why.
                    tokio::time::sleep(TELLING).await;
                    self.registry.end_sessions(&ended, SessionEnd::Expired);
                }
                Err(error) => tracing::warn!(%error, "could not check the sessions under open sockets"),
            }
            for connected in self.registry.everybody() {
                connected.connection.reset_violations();
            }
            self.registry.forget_losses();
            self.chat.forget_quiet_people();
            self.debounce.forget(SWEEP);
            if let Err(error) = self.chat.forget_old_drafts().await {
                tracing::warn!(%error, "old drafts could not be deleted");
            }
        }
    }
}

/// Tells a socket that the server stops, and cuts it.
fn disconnect(Connected { socket, connection }: Connected) {
    // A socket that cannot be told is cut all the same, and reconnects.
    socket.disconnect().ok();
    connection.cut_once_read(STOPPING);
}
