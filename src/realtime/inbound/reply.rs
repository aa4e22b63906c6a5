//! What an event is answered with.
//!
//! Owns the acknowledgement's form, `{"ok": true, …}` or `{"ok": false, "error": {…}}`, and how much memory a reply counts as.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::SendError;
use socketioxide::extract::AckSender;

use crate::error::Ack;
use crate::model::Logged;

/// What a small reply counts as, and one entry of a list, in bytes.
pub const SMALL: usize = 400;

/// The reply to one event.
pub trait Reply: Serialize + Send + 'static {
    /// About how many bytes it has.
    fn weight(&self) -> usize {
        SMALL
    }
}

/// Any reply.
pub trait AnyReply: Send {
    /// About how many bytes it has.
    fn weight(&self) -> usize;

    /// Sends it.
    ///
    /// # Errors
    /// When the client's queue is full.
    fn send(self: Box<Self>, ack: AckSender) -> Result<(), SendError>;
}

impl<T: Reply> AnyReply for T {
    fn weight(&self) -> usize {
        Reply::weight(self)
    }

    fn send(self: Box<Self>, ack: AckSender) -> Result<(), SendError> {
        ack.send(&Ack(Ok(self)))
    }
}

/// The reply to an event that has nothing to say.
#[derive(Debug, Serialize)]
pub struct Nothing {}

impl Reply for Nothing {}

/// About how many bytes messages have.
pub fn weigh(messages: &[Arc<Logged>]) -> usize {
    messages.iter().map(|logged| logged.json().get().len()).sum()
}
