//! What clients ask for: one module for each event, with its payload and its reply.
//!
//! Owns the inbound half of the protocol: the order of a sender's changes, time limits, and what a reply may cost. What must be in order
//! (parse, check, queue) happens in the handler's closure, which socketioxide calls in the socket's own read loop; the future that it
//! returns only waits, and may end in any order. The first change to a room that this connection has not joined waits for a look into the
//! database, so that a private room cannot be told from a missing one, by the reply or by its timing. It must not decide what is
//! allowed: `chat` does.

mod changes;
mod commands;
mod direct;
mod drafts;
mod history;
mod join;
mod leave;
mod level;
mod mentions;
pub mod payload;
mod pins;
mod preview;
mod read_marker;
mod reply;
mod revisions;
mod search;
mod sync;
mod typing;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::{SendError, SocketError};

use self::payload::{Incoming, Payload};
use self::reply::{AnyReply, Reply};
use super::Realtime;
use super::connection::{Connected, Connection, InFlight, Ticket};
use super::outbound::HeadAck;
use crate::chat::ledger::Pending;
use crate::chat::rate_limits::{self, ActionKind};
use crate::error::{Ack, Error, Result};
use crate::limits::{self, Reading};
use crate::model::{Head, RoomId, Scope};

/// How long an answer may take: a database that does not answer is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The answer to an event.
type Answer = Result<Box<dyn AnyReply>>;

/// What an event counts as, unless its use-case counts it; and whether its answer may be large, so that it takes turns with all other
/// reads of its person.
fn cost(event: &str) -> (Option<ActionKind>, bool) {
    match event {
        "join" => (Some(ActionKind::Join), true),
        "leave" => (Some(ActionKind::Join), false),
        "sync" | "history" | "watch" | "pins" | "revisions" | "mentions" | "drafts" => (Some(ActionKind::Read), true),
        "search" | "direct" => (None, true),
        "typing" => (Some(ActionKind::Type), false),
        _ => (None, false),
    }
}

/// What an event needs of an access token. Entering a room that one is no member of changes it: see `join`.
fn needed(event: &str) -> Scope {
    match event {
        "join" | "sync" | "leave" | "history" | "watch" | "pins" | "revisions" | "drafts" | "search" | "mentions" | "preview" => {
            Scope::Read
        }
        _ => Scope::Write,
    }
}

const LACKING: Error = Error::Forbidden("This access token’s scopes don’t allow that.");

/// Handles everything that one connection sends, and its end.
pub fn listen(realtime: &Arc<Realtime>, socket: &SocketRef, connection: Arc<Connection>) {
    let (hearing, its_connection) = (realtime.clone(), connection.clone());
    socket.on_fallback(move |socket: SocketRef, incoming: Incoming, ack: AckSender| {
        hearing.registry.add(&socket, &its_connection);
        let connected = Connected { socket, connection: its_connection };
        let is_program = connected.connection.is_program();
        let begun = rate_limits::spend_now_as(is_program, || hearing.begin(&connected, incoming));
        // Boxed, because socketioxide and tokio move it several times.
        Box::pin(async move { hearing.end(connected, begun, ack).await })
    });
    let parting = realtime.clone();
    socket.on_disconnect(move |socket: SocketRef| {
        let (left, was_last) = parting.registry.remove(socket.id, &connection);
        async move {
            for (slug, room) in left {
                parting.left_room(room, &slug, &connection);
            }
            if was_last {
                parting.went_offline(&connection).await;
            }
        }
    });
}

/// An event that was accepted.
enum Work {
    /// A change that is in the ledger's queue.
    Queued(Pending),
    /// One that needs the database first; a change also has a ticket in its connection's queue.
    Open(Option<Ticket>, String, Payload),
}

impl Realtime {
    /// The part of an event that keeps the sender's order.
    fn begin(&self, connected: &Connected, incoming: Incoming) -> Result<(InFlight, Work)> {
        let connection = &connected.connection;
        if connection.is_revoked() {
            return Err(Error::Unauthenticated);
        }
        if !self.node.lease().is_valid() {
            return Err(Error::Unavailable);
        }
        let in_flight = connection.begin().ok_or(Error::BUSY)?;
        if !connection.allows(needed(&incoming.event)) {
            return Err(LACKING);
        }
        let payload = incoming.payload?;
        let work = match incoming.event {
            // Something to do, in its turn.
            event if commands::act_of(&event, &payload).is_some() => Work::Open(Some(connection.enqueue()), event, payload),
            event if !changes::NAMES.contains(&&*event) => Work::Open(None, event, payload),
            event => match payload.optional_text("room").ok().flatten().and_then(|slug| connection.own_room(slug)) {
                Some(room) if connection.is_queue_empty() => {
                    Work::Queued(changes::queue(&self.chat, connection, room, &event, &payload)?)
                }
                _ => Work::Open(Some(connection.enqueue()), event, payload),
            },
        };
        Ok((in_flight, work))
    }

    /// The part of an event that may take its time.
    async fn end(self: &Arc<Self>, connected: Connected, begun: Result<(InFlight, Work)>, ack: AckSender) {
        let (in_flight, work) = match begun {
            Ok(begun) => begun,
            Err(error) => return send(&connected.connection, ack, Err(error)),
        };
        let mut reading = None;
        let answer = match work {
            Work::Queued(pending) => boxed(changes::kept(pending).await),
            Work::Open(ticket, event, payload) => {
                let is_reading = ticket.is_none();
                // By itself: most events are changes that wait in the queue, and their future need not be as large.
                let work = self.work(&connected, ticket, &event, &payload);
                let mut work = Box::pin(rate_limits::spend_as(connected.connection.is_program(), work));
                match tokio::time::timeout(PATIENCE, work.as_mut()).await {
                    // Whoever lost their access meanwhile is shown nothing. What they changed before they lost it stays changed.
                    Ok(Ok(_)) if is_reading && connected.connection.is_revoked() => Err(Error::Unauthenticated),
                    Ok(Ok((answer, held))) => {
                        reading = held;
                        Ok(answer)
                    }
                    Ok(Err(error)) => Err(error),
                    Err(_) => {
                        ack.send(&Ack(Err::<(), _>(Error::Unavailable))).ok();
                        // It runs to its end all the same: a write must not be dropped half-way. It counts as in flight until then.
                        work.await.ok();
                        return;
                    }
                }
            }
        };
        let bytes = answer.as_ref().map_or(0, |answer| answer.weight());
        send(&connected.connection, ack, answer);
        in_flight.until_written();
        if let Some(mut reading) = reading
            && bytes > limits::SMALL
        {
            // It counts against its person and the server until it has left, or the connection has ended.
            reading.made(bytes);
            let backlog = &connected.connection.backlog;
            backlog.written_up_to(backlog.queued()).await;
        }
    }

    /// Counts the event, waits for the person's turn where its answer may be large, and does what it asks.
    async fn work(
        self: &Arc<Self>,
        connected: &Connected,
        ticket: Option<Ticket>,
        event: &str,
        payload: &Payload,
    ) -> Result<(Box<dyn AnyReply>, Option<Reading>)> {
        if let Some(ticket) = ticket {
            if let Some(act) = commands::act_of(event, payload) {
                return Ok((boxed(commands::handle(self, &connected.connection, ticket, payload, act).await)?, None));
            }
            return Ok((boxed(self.change(&connected.connection, ticket, event, payload).await)?, None));
        }
        let (act, is_large) = cost(event);
        if let Some(act) = act {
            self.chat.allow(connected.connection.user, act)?;
        }
        let reading = if is_large { Some(self.chat.reads().begin(&connected.connection.read_permits).await?) } else { None };
        // It may have waited for its turn longer than the client did.
        if connected.connection.backlog.is_closed() {
            return Err(Error::Unavailable);
        }
        Ok((self.answer(connected, event, payload).await?, reading))
    }

    async fn answer(&self, connected: &Connected, event: &str, payload: &Payload) -> Answer {
        match event {
            "join" => boxed(join::handle(self, connected, payload).await),
            "sync" => boxed(sync::handle(self, connected, payload).await),
            "leave" => boxed(leave::handle(self, connected, payload).await),
            "history" => boxed(history::handle(self, connected, payload).await),
            "typing" => boxed(typing::handle(self, connected, payload).await),
            "preview" => boxed(preview::handle(self, connected, payload)),
            "read" => boxed(read_marker::read(self, connected, payload).await),
            "unread" => boxed(read_marker::unread(self, connected, payload).await),
            "watch" => boxed(watch::handle(self, connected, payload).await),
            "direct" => boxed(direct::handle(self, connected, payload).await),
            "pins" => boxed(pins::handle(self, connected, payload).await),
            "revisions" => boxed(revisions::handle(self, connected, payload).await),
            "level" => boxed(level::handle(self, connected, payload).await),
            "draft" => boxed(drafts::save(self, connected, payload).await),
            "drafts" => boxed(drafts::list(self, connected).await),
            "search" => boxed(search::handle(self, connected, payload).await),
            "mentions" => boxed(mentions::handle(self, connected, payload).await),
            _ => Err(Error::invalid("event", "There is no such event.")),
        }
    }

    /// Queues a change once those that the connection sent before it are queued.
    async fn change(&self, connection: &Connection, mut ticket: Ticket, event: &str, payload: &Payload) -> Result<changes::Kept> {
        ticket.ready().await;
        let room = self.known_room(connection, payload.text("room")?).await?;
        if connection.is_revoked() {
            return Err(Error::Unauthenticated);
        }
        let pending = changes::queue(&self.chat, connection, room, event, payload)?;
        drop(ticket);
        changes::kept(pending).await
    }

    /// The room that a slug names, if the person may know of it.
    async fn known_room(&self, connection: &Connection, slug: &str) -> Result<RoomId> {
        if let Some(room) = connection.own_room(slug) {
            return Ok(room);
        }
        let view = self.chat.view(connection.user, slug).await?;
        if view.membership.is_some() {
            self.registry.remember(connection, view.room.id, &view.room.slug, view.head.rev);
        }
        Ok(view.room.id)
    }

    fn head(&self, head: Head) -> HeadAck {
        HeadAck { head, epoch: self.chat.epoch().clone() }
    }
}

fn boxed<T: Reply>(reply: Result<T>) -> Answer {
    reply.map(|reply| Box::new(reply) as Box<dyn AnyReply>)
}

/// Sends an answer.
fn send(connection: &Connection, ack: AckSender, answer: Answer) {
    match &answer {
        Err(Error::Busy { .. } | Error::RateLimited { .. }) => connection.count_violation(),
        Err(Error::Internal(fault)) => tracing::error!(fault, user = %connection.user, "an event failed"),
        _ => {}
    }
    let sent = match answer {
        Ok(reply) => reply.send(ack),
        Err(error) => ack.send(&Ack(Err::<(), _>(error))),
    };
    if let Err(SendError::Socket(SocketError::InternalChannelFull)) = sent {
        // It asks faster than it reads the answers.
        connection.cut_slow();
    }
}
