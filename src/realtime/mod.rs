//! The Socket.IO namespace: who is let in, what they can ask for, and who is told what.
//!
//! Owns event names, their payloads and everything that knows of sockets. It must not decide what is allowed in a room or
//! write anything: that is `chat`.
//!
//! Reading order: `handshake` (a connection's request), `entrance` (what the connection may do), `seat` and `seats` (who sits where),
//! `incoming` (what clients ask for), `publish` (what the rooms tell), `watch` (hearing of all of one's rooms).

mod cost;
pub mod drafts;
pub mod entrance;
pub mod handshake;
mod incoming;
pub mod outgoing;
mod own_room;
pub mod payload;
mod people;
mod presence;
mod publish;
mod recent;
mod search;
pub mod seat;
pub mod seats;
mod typing;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::operators::BroadcastOperators;
use socketioxide::{SocketIo, TransportType};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::entrance::Entrance;
use self::outgoing::Outgoing;
use self::presence::{Company, Leavers};
use self::publish::Audience;
use self::seat::{Seat, Seated};
use self::seats::Seats;
use crate::accounts::Accounts;
use crate::accounts::session::SessionKey;
use crate::chat::Chat;
use crate::chat::change::Event;
use crate::chat::types::{RoomId, UserId};
use crate::clock::Clock;
use crate::config::{Config, Transports};

/// The one namespace.
pub const NAMESPACE: &str = "/chat";
/// The largest packet that a client may send, in bytes: a message of the longest length in any script, with room for its frame.
const MAX_PACKET: usize = 64 * 1024;
/// How many packets may wait for one socket. It is a bound on bursts, not memory that is taken: a packet that goes to many is
/// shared. One that falls further behind than this is cut, and catches up by `rev`.
const OUTGOING: usize = 2048;
/// How long a connection has to enter the namespace.
const ENTERING: Duration = Duration::from_secs(10);
/// How long the database may take of that; the rest is for saying so.
const ADMITTING: Duration = Duration::from_secs(8);
/// How often sessions under open sockets are checked in the database.
const SWEEP: Duration = Duration::from_secs(20);

/// The live side of Parlor.
pub struct Realtime {
    io: SocketIo,
    chat: Arc<Chat>,
    accounts: Arc<Accounts>,
    clock: Clock,
    seats: Seats,
    leavers: Leavers,
    company: Company,
    /// How many bytes of messages have been broadcast.
    broadcast: AtomicU64,
    /// How many of them sockets may still have to write, each counted once.
    unwritten: u64,
}

/// Why a connection is not let in; the text is what the client gets as `connect_error`.
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
    /// Opens the namespace. `events` is what the ledger commits; it is published until the ledger ends, and `done` is cancelled
    /// after the last of it.
    pub fn start(
        config: &Config,
        chat: Arc<Chat>,
        accounts: Arc<Accounts>,
        clock: Clock,
        events: mpsc::Receiver<Vec<Event>>,
        done: CancellationToken,
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
        let seats = Seats::new(chat.presence().clone());
        let realtime = Arc::new(Self {
            io,
            chat,
            accounts,
            clock,
            seats,
            leavers: Leavers::default(),
            company: Company::default(),
            broadcast: AtomicU64::new(0),
            unwritten: config.memory_limit as u64 / 4,
        });
        realtime.clone().open();
        tokio::spawn(publish::run(realtime.clone(), events, done));
        tokio::spawn(realtime.clone().sweep());
        tokio::spawn(realtime.clone().tell_of_leavers());
        (layer, realtime)
    }

    fn open(self: Arc<Self>) {
        let io = self.io.clone();
        let doorkeeper = self.clone();
        let admit = move |socket: SocketRef| {
            let realtime = doorkeeper.clone();
            async move { realtime.admit(socket).await }
        };
        let welcome = move |socket: SocketRef| {
            // Runs in the connecting task itself, before anything else can happen to the socket.
            if let Some(seat) = socket.extensions.get::<Arc<Seat>>() {
                self.seats.add(&socket, &seat);
            }
            async {}
        };
        io.ns(NAMESPACE, welcome.with(admit));
    }

    /// Asks the database whether the connection's session is good, each time it wants in: a transport outlives its welcome.
    async fn admit(self: Arc<Self>, socket: SocketRef) -> Result<(), Refusal> {
        let entrance = Entrance::of(&socket.req_parts().extensions).ok_or(Refusal::Unauthenticated)?;
        if !entrance.handshake().is_origin_allowed {
            return Err(Refusal::ForbiddenOrigin);
        }
        let key = entrance.handshake().session.clone().ok_or(Refusal::Unauthenticated)?;
        // Before the database is asked: whose access ends from here on is turned away when they are seated.
        let as_of = self.seats.endings();
        let user = match tokio::time::timeout(ADMITTING, self.accounts.session_user(&key)).await {
            Ok(Ok(Some(user))) => user,
            Ok(Ok(None)) => return Err(Refusal::Unauthenticated),
            Ok(Err(_)) | Err(_) => return Err(Refusal::Unavailable),
        };
        self.chat.names().meet(&user.username);
        entrance.let_in();
        let turns = self.chat.reads().turns(user.id);
        let seat = Arc::new(Seat::new(user.id, user.username, key, as_of, entrance, turns));
        socket.extensions.insert(seat.clone());
        // Registered here, before the client hears that it is in: an event without a handler would be dropped.
        incoming::listen(&self, &socket, seat);
        Ok(())
    }

    /// Ends every socket of a session, at once; it must have ended in the database before.
    pub fn end_session(&self, key: &SessionKey, reason: &'static str) {
        self.seats.end_session(key, reason);
    }

    /// Ends every socket of a person, at once; their sessions must have ended in the database before.
    pub fn end_user(&self, user: UserId, reason: &'static str) {
        self.seats.end_user(user, reason);
    }

    /// Tells every socket that the server stops, and cuts them.
    pub fn stop(&self) {
        for Seated { socket, seat } in self.seats.everybody() {
            // One that cannot be told is cut all the same, and comes back by itself.
            socket.disconnect().ok();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(250)).await;
                seat.cut();
            });
        }
    }

    /// How many sockets are connected.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.seats.count()
    }

    fn to(&self, audience: Audience) -> BroadcastOperators {
        let namespace = self.io.of(NAMESPACE).expect("the namespace is open");
        match audience {
            Audience::Live(room) => namespace.within(seat::channel(room)),
            Audience::Watching(room) => namespace.within(seat::watchers(room)).except(seat::channel(room)),
        }
    }

    /// Tells everybody who is live in a room, and cuts whoever cannot keep up.
    async fn broadcast<E: Outgoing>(&self, room: RoomId, event: &E) {
        self.broadcast_to(Audience::Live(room), event).await;
    }

    async fn broadcast_to<E: Outgoing>(&self, audience: Audience, event: &E) {
        let sent = self.to(audience).emit(E::NAME, event).await;
        if let Err(error) = sent {
            publish::cut_the_slow(self, audience, event, &error);
        }
    }

    /// Now and then: ends the sockets whose session has ended elsewhere or run out, and tidies up.
    async fn sweep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(SWEEP);
        loop {
            ticks.tick().await;
            let sessions = self.seats.sessions();
            match self.accounts.ended_among(sessions).await {
                Ok(ended) if ended.is_empty() => {}
                Ok(ended) => self.seats.end_sessions(&ended, "expired"),
                Err(error) => tracing::warn!(%error, "could not check the sessions under open sockets"),
            }
            for seated in self.seats.everybody() {
                seated.seat.forgive();
            }
            self.seats.forget_losses();
            self.chat.forget_quiet_people();
            self.company.forget(SWEEP);
            if let Err(error) = self.chat.forget_old_drafts().await {
                tracing::warn!(%error, "old drafts could not be deleted");
            }
        }
    }
}
