//! What the rooms tell: everything that the ledger commits, to everybody who is live, in commit order.
//!
//! Owns the one task that broadcasts changes. It must not tell anything before it is committed, and never waits for a socket:
//! one that cannot keep up is cut, and catches up by `rev` when it comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Serialize, Serializer};
use socketioxide::extract::SocketRef;
use socketioxide::{BroadcastError, SendError, SocketError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Realtime;
use super::outgoing::{Described, Emit, Outgoing, Removed};
use super::seat::{Seat, Seated};
use crate::chat::change::Event;
use crate::chat::types::RoomId;

/// Publishes until the ledger ends; then cancels `done`.
pub async fn run(realtime: Arc<Realtime>, mut events: mpsc::Receiver<Vec<Event>>, done: CancellationToken) {
    while let Some(batch) = events.recv().await {
        for event in &batch {
            realtime.publish(event).await;
        }
        realtime.count_broadcast(&batch);
        // A whole batch is queued before the sockets wake: each then sends all of it with one write.
        tokio::task::yield_now().await;
    }
    done.cancel();
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
        for Seated { socket, seat } in self.seats.everybody() {
            if seat.lag(now) > self.unwritten {
                tracing::info!(user = %seat.user, "a socket is too far behind; cutting it");
                socket.leave_all();
                seat.cut();
            }
        }
    }

    async fn publish(self: &Arc<Self>, event: &Event) {
        match event {
            Event::Message { logged, is_new, addressed } => {
                self.broadcast(logged.room, &**logged).await;
                if *is_new {
                    self.tell_watchers(logged).await;
                } else if let Some(addressed) = addressed {
                    self.tell_watchers_of_change(logged, addressed).await;
                }
            }
            Event::Entered { room, user, .. } => self.entered(*room, *user),
            Event::Described(room) if room.is_direct => self.describe_direct(room.slug.clone(), room.id),
            Event::Described(room) => self.broadcast(room.id, &Described { room: &room.slug, now: room }).await,
            Event::Removed { room, slug, user, rev, reason } => {
                let lost = self.seats.unsubscribe_user(*room, *user, *rev);
                for (seated, _) in &lost {
                    if seated.socket.tell(&Removed { room: slug, reason }).is_err() {
                        seated.seat.cut();
                    }
                }
                if let Some((seated, _)) = lost.iter().find(|(_, was_live)| *was_live) {
                    self.say_gone(*room, slug, &seated.seat);
                }
            }
        }
    }
}

/// Cuts the sockets of a room whose queue was full when `event` was to enter it. socketioxide says how many there were, not
/// which, so each is asked whether it has room now; if some had room again by then, the event goes to everybody once more
/// (a client ignores a `rev` that it knows), and those who miss it this time are known.
pub fn cut_the_slow<E: Outgoing>(realtime: &Realtime, audience: Audience, event: &E, error: &BroadcastError) {
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
            cut_if_full(socket, is_refused(&socket.tell(event)));
        }
    }
}

fn cut_if_full(socket: &SocketRef, is_full: bool) -> bool {
    if is_full {
        tracing::info!(socket = "slow", "a socket cannot keep up; cutting it");
        // Out of its rooms at once, so that it is not found full again before its connection has ended.
        socket.leave_all();
        if let Some(seat) = socket.extensions.get::<Arc<Seat>>() {
            seat.cut();
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
