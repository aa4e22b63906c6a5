//! The guard of a transport: who may use it, which packets it may carry, and how often it may try to connect.
//!
//! Owns the checks of raw packets, before socketioxide parses or keeps them, and the end of a transport of either kind. It must not admit
//! anybody: that is decided at each connect.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Extensions;
use engineioxide::Str;
use parking_lot::{Mutex, MutexGuard};
use socketioxide::TransportType;

use super::NAMESPACE;
use crate::model::SessionKey;
use crate::server::{ConnectionControl, ConnectionPermit, Connections};
use crate::transport::{Backlog, Close, Guard, Guarded, Message, Verdict};

/// The most connect attempts on one transport, successful or not.
const CONNECTS: u32 = 8;
/// The most bytes that a WebSocket may send before anybody is admitted; a connect packet has 30.
const UNADMITTED: u32 = 16 * 1024;
/// The longest namespace that is named in a refusal, in bytes.
const NAMED: usize = 64;
/// How long a refused client has to read why.
const FAREWELL: Duration = Duration::from_millis(250);

/// What is kept of the request that opens a transport.
#[derive(Debug)]
pub struct Handshake {
    /// The session that its access token or its cookie names, if any; whether it is valid is checked at each connect.
    pub session: Option<SessionKey>,
    /// Whether it comes from one of our pages or from no browser, and was addressed to this server.
    pub is_origin_allowed: bool,
    /// Cuts the connection that it came on.
    pub control: ConnectionControl,
    /// The bytes queued for the session that it opens.
    pub backlog: Backlog,
    /// The client's address.
    pub address: IpAddr,
}

/// Guards one transport.
pub struct ConnectionGuard {
    handshake: Handshake,
    connections: Connections,
    connects: AtomicU32,
    /// Whether its client has been refused and the transport is about to close.
    is_closing: AtomicBool,
    transport: Mutex<Transport>,
}

/// What has to be closed to end the transport.
enum Transport {
    /// WebSocket: its connection. Before it is open: the connection of the request.
    Connection(ConnectionControl),
    /// Polling: the session, which counts as a connection. Its requests may arrive over a proxy's connections, which others share.
    Session { permit: ConnectionPermit, close: Arc<dyn Fn() + Send + Sync> },
}

impl Transport {
    fn end(&self) -> End {
        match self {
            Self::Connection(cut) => End::Connection(cut.clone()),
            Self::Session { close, .. } => End::Session(close.clone()),
        }
    }
}

/// What ends a transport.
enum End {
    Connection(ConnectionControl),
    Session(Arc<dyn Fn() + Send + Sync>),
}

impl End {
    fn now(self) {
        match self {
            Self::Connection(cut) => cut.cut(),
            Self::Session(close) => close(),
        }
    }
}

impl ConnectionGuard {
    /// Guards the transport that a request may open.
    #[must_use]
    pub fn new(handshake: Handshake, connections: Connections) -> Self {
        let transport = Mutex::new(Transport::Connection(handshake.control.clone()));
        Self { handshake, connections, connects: AtomicU32::new(0), is_closing: AtomicBool::new(false), transport }
    }

    /// The guard in a request's extensions.
    #[must_use]
    pub fn of(request: &Extensions) -> Option<Arc<Self>> {
        request.get::<Guarded>()?.0.clone().into_any().downcast().ok()
    }

    /// The request that opened it.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    fn transport(&self) -> MutexGuard<'_, Transport> {
        self.transport.lock()
    }

    /// Somebody has been admitted.
    pub fn let_in(&self) {
        match &mut *self.transport() {
            Transport::Connection(cut) => cut.allow_all(),
            Transport::Session { permit, .. } => permit.set_authenticated(),
        }
    }

    /// The admitted person has left; the transport may still be open.
    pub fn left(&self) {
        if let Transport::Connection(cut) = &*self.transport() {
            cut.allow(UNADMITTED);
        }
    }

    /// Ends the transport at once and drops what is queued for it.
    pub fn cut(&self) {
        let end = self.transport().end();
        end.now();
    }

    /// Ends it after the client has had time to read why; a client that does not read is not waited for.
    fn cut_soon(&self) {
        let end = self.transport().end();
        tokio::spawn(async move {
            tokio::time::sleep(FAREWELL).await;
            end.now();
        });
    }

    fn text(&self, text: &str) -> Verdict {
        if self.is_closing.load(Ordering::Relaxed) {
            return Verdict::Close;
        }
        match Packet::read(text) {
            Some(Packet { is_connect: true, namespace: NAMESPACE })
                if self.connects.fetch_add(1, Ordering::Relaxed) < CONNECTS =>
            {
                Verdict::Pass
            }
            Some(Packet { is_connect: false, namespace: NAMESPACE }) => Verdict::Pass,
            // A client that gets this answer does not reconnect by itself.
            Some(Packet { is_connect: true, namespace }) if namespace != NAMESPACE && namespace.len() <= NAMED => {
                self.is_closing.store(true, Ordering::Relaxed);
                let named = if namespace == "/" { String::new() } else { format!("{namespace},") };
                Verdict::Answer(Str::from(format!(r#"4{named}{{"message":"Invalid namespace"}}"#)))
            }
            _ => Verdict::Close,
        }
    }
}

impl Guard for ConnectionGuard {
    fn may_open(&self, transport: TransportType) -> bool {
        match transport {
            TransportType::Websocket => {
                self.handshake.control.allow(UNADMITTED);
                true
            }
            TransportType::Polling => match self.connections.admit_session(self.handshake.address) {
                // Nothing to close until it is open.
                Some(permit) => {
                    *self.transport() = Transport::Session { permit, close: Arc::new(|| ()) };
                    true
                }
                None => false,
            },
        }
    }

    fn opened(&self, session: Close) {
        if let Transport::Session { close, .. } = &mut *self.transport() {
            *close = session.into();
        }
    }

    fn is_owner(&self, request: &Extensions) -> bool {
        let own = &self.handshake;
        Self::of(request)
            .is_some_and(|it| it.handshake.session == own.session && it.handshake.is_origin_allowed == own.is_origin_allowed)
    }

    fn upgraded(&self, request: &Extensions) {
        let Some(cut) = Self::of(request).map(|it| it.handshake.control.clone()) else { return };
        // The WebSocket's connection is counted by itself.
        let mut transport = self.transport();
        if let Transport::Session { permit, .. } = &*transport
            && permit.is_unauthenticated()
        {
            cut.allow(UNADMITTED);
        }
        *transport = Transport::Connection(cut);
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn check(&self, message: Message<'_>) -> Verdict {
        let verdict = match message {
            Message::Text(text) => self.text(text),
            // No event carries binary data.
            Message::Binary => Verdict::Close,
        };
        if !matches!(verdict, Verdict::Pass) {
            // Also where engineioxide closes: it waits for what is queued to be written.
            self.cut_soon();
        }
        verdict
    }
}

impl fmt::Debug for ConnectionGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionGuard").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

/// What the first bytes of a Socket.IO packet say.
#[derive(Debug, PartialEq, Eq)]
struct Packet<'a> {
    is_connect: bool,
    namespace: &'a str,
}

impl<'a> Packet<'a> {
    /// Reads a packet; none for types that clients do not send (`connect_error`) or that have binary attachments.
    fn read(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        if !matches!(kind, "0" | "1" | "2" | "3") {
            return None;
        }
        let namespace = if rest.starts_with('/') { rest.split(',').next()? } else { "/" };
        Some(Self { is_connect: kind == "0", namespace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Limits;

    fn guard() -> ConnectionGuard {
        let handshake = Handshake {
            session: None,
            is_origin_allowed: true,
            control: ConnectionControl::default(),
            backlog: Backlog::default(),
            address: [192, 0, 2, 1].into(),
        };
        ConnectionGuard::new(handshake, Connections::new(Limits::default()))
    }

    fn told(text: &str) -> Option<String> {
        match guard().text(text) {
            Verdict::Pass => Some("passed".to_owned()),
            Verdict::Answer(answer) => Some(answer.to_string()),
            Verdict::Close => None,
        }
    }

    #[test]
    fn only_text_in_the_one_namespace_passes() {
        for fine in ["0/chat,", "0/chat", "1/chat,", r#"2/chat,7["join",{}]"#, "3/chat,1[]", r#"0/chat,{"token":"x"}"#] {
            assert_eq!(told(fine).as_deref(), Some("passed"), "{fine}");
        }
        for not in [
            r#"51-/chat,["join",{"_placeholder":true,"num":0}]"#,
            "61-/chat,1[]",
            "50-/chat,[]",
            "4/chat,",
            "",
            "é",
            "9",
            "2[]",
            "1/admin,",
        ] {
            assert_eq!(told(not), None, "{not}");
        }
    }

    #[test]
    fn another_namespace_is_named_only_if_it_is_short() {
        assert_eq!(told("0").as_deref(), Some(r#"4{"message":"Invalid namespace"}"#));
        assert_eq!(told("0{}").as_deref(), Some(r#"4{"message":"Invalid namespace"}"#));
        assert_eq!(told("0/chat2,").as_deref(), Some(r#"4/chat2,{"message":"Invalid namespace"}"#));
        assert_eq!(told(&format!("0/{},", "a".repeat(100))), None);
    }

    #[test]
    fn only_so_many_connects_pass() {
        let guard = guard();
        let passed = (0..20).filter(|_| matches!(guard.text("0/chat,"), Verdict::Pass)).count();
        assert_eq!(passed, 8);
        assert!(matches!(guard.text("2/chat,[]"), Verdict::Pass));
    }
}
