//! What Parlor needs of the transport library beyond what is published: the bytes that wait for a connection, and a guard of its packets.
//!
//! The patched crates in `vendor/` have both. With the published ones (feature `vendored` off) the same types are here without effect:
//! everything works over WebSockets, but a connection's backlog is bounded only by its number of packets, and packets are checked only
//! once they are parsed. Long-polling is not available then (docs/decisions/0017).

#[cfg(feature = "vendored")]
pub use engineioxide::{
    backlog::{Backlog, MAX_BYTES},
    guard::{Close, Guard, Guarded, Message, Verdict},
};

#[cfg(not(feature = "vendored"))]
pub use self::published::{Backlog, Close, Guard, Guarded, MAX_BYTES, Message, Verdict};

#[cfg(not(feature = "vendored"))]
mod published {
    use std::any::Any;
    use std::sync::Arc;

    use axum::http::Extensions;
    use engineioxide::{Str, TransportType};

    /// How many bytes may wait for one connection: not enforced.
    pub const MAX_BYTES: u64 = u64::MAX;

    /// The bytes that wait to be written to one connection: not known.
    #[derive(Clone, Debug, Default)]
    pub struct Backlog;

    impl Backlog {
        /// How many bytes were ever queued.
        pub fn queued(&self) -> u64 {
            0
        }

        /// How many bytes were ever written.
        pub fn written(&self) -> u64 {
            0
        }

        /// Whether the connection has ended: not known.
        pub fn is_closed(&self) -> bool {
            false
        }

        /// Returns at once.
        pub async fn written_up_to(&self, _: u64) {}
    }

    /// Ends the session that it was made for.
    pub type Close = Box<dyn Fn() + Send + Sync>;

    /// Guards one session. Only [`Self::into_any`] is called.
    pub trait Guard: Send + Sync + 'static {
        /// Whether the session may open.
        fn may_open(&self, transport: TransportType) -> bool;
        /// The session is open over polling.
        fn opened(&self, close: Close);
        /// Whether a later request comes from the session's owner.
        fn is_owner(&self, request: &Extensions) -> bool;
        /// The session goes on over WebSocket.
        fn upgraded(&self, request: &Extensions);
        /// Itself.
        fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
        /// Whether a message may go to the handler.
        fn check(&self, message: Message<'_>) -> Verdict;
    }

    /// A message from the client.
    #[derive(Debug, Clone, Copy)]
    pub enum Message<'a> {
        /// A text.
        Text(&'a str),
        /// A binary message.
        Binary,
    }

    /// What becomes of a message.
    #[derive(Debug)]
    pub enum Verdict {
        /// It goes to the handler.
        Pass,
        /// It is dropped, and answered with this.
        Answer(Str),
        /// It is dropped, and the session is closed.
        Close,
    }

    /// In the extensions of a request that opens a session: what guards it.
    #[derive(Clone)]
    pub struct Guarded(pub Arc<dyn Guard>);
}
