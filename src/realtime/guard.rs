//! What a connection may do: who may use it, what it may carry, and how often it may ask to be let in.
//!
//! Owns the checks of raw packets, before socketioxide parses or keeps anything of them, and the end of a transport, whichever it is. It
//! must not let anybody in: that is decided at each connect.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Extensions;
use engineioxide::Str;
use engineioxide::guard::{Close, Guard, Guarded, Message, Verdict};
use parking_lot::{Mutex, MutexGuard};
use socketioxide::TransportType;

use super::NAMESPACE;
use super::handshake::Handshake;
use crate::server::{ConnectionControl, ConnectionPermit, Connections};

/// How often one connection may ask to be let in, whatever comes of it.
const CONNECTS: u32 = 8;
/// How many bytes a WebSocket connection may send while nobody is let in: one packet of 30 bytes is needed.
const UNADMITTED: u32 = 16 * 1024;
/// The longest namespace that is told back to a client, in bytes.
const NAMED: usize = 64;
/// How long a refused client has to read why.
const FAREWELL: Duration = Duration::from_millis(250);

/// Guards one transport.
pub struct ConnectionGuard {
    handshake: Handshake,
    connections: Connections,
    connects: AtomicU32,
    /// Whether its client has been told that it is closed.
    is_closing: AtomicBool,
    transport: Mutex<Transport>,
}

/// How the transport can be ended.
enum Transport {
    /// Over WebSocket: with its connection. Before it is open: with the request's.
    Connection(ConnectionControl),
    /// Over polling: with the session, which takes a permit among the connections. The connections of its requests may be a proxy's,
    /// and carry the requests of others.
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

    /// The one that a request brought.
    #[must_use]
    pub fn of(request: &Extensions) -> Option<Arc<Self>> {
        request.get::<Guarded>()?.0.clone().into_any().downcast().ok()
    }

    /// What came with the request that opened it.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    fn transport(&self) -> MutexGuard<'_, Transport> {
        self.transport.lock()
    }

    /// Somebody has been let in.
    pub fn let_in(&self) {
        match &mut *self.transport() {
            Transport::Connection(cut) => cut.allow_all(),
            Transport::Session { permit, .. } => permit.set_authenticated(),
        }
    }

    /// Whoever was let in has left; the transport may be there still.
    pub fn left(&self) {
        if let Transport::Connection(cut) = &*self.transport() {
            cut.allow(UNADMITTED);
        }
    }

    /// Ends the transport at once, whatever is still queued for it.
    pub fn cut(&self) {
        let end = self.transport().end();
        end.now();
    }

    /// Ends it when its client has had time to read why. Whoever does not read is not waited for.
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
            // A client that is told so does not come back by itself.
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
                // Until it is open there is nothing to close.
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
        // The connection has a permit of its own.
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
            // No event carries any.
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

/// What can be said of a Socket.IO packet by its first bytes.
#[derive(Debug, PartialEq, Eq)]
struct Packet<'a> {
    is_connect: bool,
    namespace: &'a str,
}

impl<'a> Packet<'a> {
    /// Nothing for a kind that clients do not send: `connect_error`, and whatever has binary attachments.
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
    use engineioxide::backlog::Backlog;

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
