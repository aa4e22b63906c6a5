//! ## What whoever embeds the server has to say about a session
//!
//! A [`Guarded`] in the extensions of the request that opens a session guards it to its end: it decides whether the session may
//! open, which later requests are its owner's, and which messages get as far as the handler. A session without one is not guarded.
use std::{any::Any, fmt, sync::Arc};

use engineioxide_core::{Str, TransportType};
use http::Extensions;

/// Ends the session that it was made for.
pub type Close = Box<dyn Fn() + Send + Sync>;

/// Guards one session.
pub trait Guard: Send + Sync + 'static {
    /// Whether the session may open. Asked once, before anything is kept of it.
    fn may_open(&self, transport: TransportType) -> bool;

    /// The session is open over polling, where ending a connection does not end it; `close` does.
    fn opened(&self, close: Close);

    /// Whether a later request that names the session (a poll, a post or an upgrade) comes from its owner. To anybody else the
    /// session does not exist.
    fn is_owner(&self, request: &Extensions) -> bool;

    /// The session goes on over WebSocket, on the connection of this request.
    fn upgraded(&self, request: &Extensions);

    /// Itself, for whoever put it into the extensions.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;

    /// Whether a message may go to the handler.
    fn check(&self, message: Message<'_>) -> Verdict;
}

/// A message from the client, before anybody has looked at it.
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

impl Guarded {
    pub(crate) fn of(request: &Extensions) -> Option<&dyn Guard> {
        request.get::<Self>().map(|guarded| &*guarded.0)
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}
