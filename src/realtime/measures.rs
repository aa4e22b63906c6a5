//! What the sockets count of their work.

use prometheus_client::metrics::counter::Counter;

/// Counts since the start.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Events of rooms that were queued for sockets that have the room open: one for each socket.
    pub deliveries: Counter,
    /// Sockets that were cut because they read too slowly.
    pub slow: Counter,
    /// Sockets that were cut because they went on in spite of being refused.
    pub flooding: Counter,
}
