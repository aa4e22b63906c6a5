//! What clients ask for: each event, checked, queued or answered.
//!
//! Owns the incoming half of the protocol. What must be in order (parse, check, queue) happens in the handler's closure, which
//! socketioxide calls in the socket's own read loop; the future that it returns only waits, and may end in any order. A change of a room
//! in which its person is not known for a member takes its turn in the socket's line there, and looks first whether they may know of the
//! room: a private one must be like one that is not, in the answer and in its time. It must not decide what is allowed: `chat` does.

use std::sync::Arc;
use std::time::Duration;

use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::{SendError, SocketError};

use super::outgoing::{
    Answer, Emit, FavoriteChanged, HeadAck, Hidden, Joined, Kept, LevelChanged, LevelSet, Nothing, Outgoing, Pinned, Read,
    SectionChanged, Synced, Unread,
};
use super::payload::{Incoming, Payload};
use super::seat::{InFlight, Seat, Seated, Turn};
use super::{Realtime, cost};
use crate::chat::batch::Done;
use crate::chat::ledger::Pending;
use crate::chat::revisions::Place;
use crate::chat::types::{Head, Level, RoomId, UserId, Window};
use crate::chat::{Chat, Draft};
use crate::db::rooms::RoomView;
use crate::error::{Ack, Error, Result};
use crate::limits::{self, Reading};

/// How long an answer may take: a database that says nothing is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many messages a page of history holds when the client does not say.
const PAGE: i64 = 50;

/// Hears everything that one socket sends, and its end.
pub fn listen(realtime: &Arc<Realtime>, socket: &SocketRef, seat: Arc<Seat>) {
    let hearing = realtime.clone();
    let its_seat = seat.clone();
    socket.on_fallback(move |socket: SocketRef, incoming: Incoming, ack: AckSender| {
        hearing.seats.add(&socket, &its_seat);
        let seated = Seated { socket, seat: its_seat };
        let begun = hearing.begin(&seated, incoming);
        // Boxed, because socketioxide and tokio move it several times.
        Box::pin(async move { hearing.end(seated, begun, ack).await })
    });
    let parting = realtime.clone();
    socket.on_disconnect(move |socket: SocketRef| {
        let (left, was_last) = parting.seats.remove(socket.id, &seat);
        async move {
            for (slug, room) in left {
                parting.say_gone(room, &slug, &seat);
            }
            if was_last {
                parting.say_away(&seat).await;
            }
        }
    });
}

/// An event that has been let in.
enum Work {
    /// A change that stands in the ledger's queue.
    Queued(Pending),
    /// One that takes looking up first; a change has its turn in its socket's line.
    Open(Option<Turn>, String, Payload),
}

impl Realtime {
    /// The part of an event that keeps the sender's order.
    fn begin(&self, seated: &Seated, incoming: Incoming) -> Result<(InFlight, Work)> {
        let seat = &seated.seat;
        if seat.is_revoked() {
            return Err(Error::Unauthenticated);
        }
        let in_flight = seat.begin().ok_or(Error::BUSY)?;
        let payload = incoming.payload?;
        let work = match incoming.event {
            event if !CHANGES.contains(&&*event) => Work::Open(None, event, payload),
            event => match payload.optional_text("room").ok().flatten().and_then(|slug| seat.own_room(slug)) {
                Some(room) if seat.is_line_empty() => Work::Queued(self.queue(seat, room, &event, &payload)?),
                _ => Work::Open(Some(seat.line_up()), event, payload),
            },
        };
        Ok((in_flight, work))
    }

    /// The room that a slug names, if the person may know of it.
    async fn room(&self, seat: &Seat, slug: &str) -> Result<RoomId> {
        if let Some(room) = seat.own_room(slug) {
            return Ok(room);
        }
        let view = self.chat.view(seat.user, slug).await?;
        if view.membership.is_some() {
            self.seats.remember(seat, view.room.id, &view.room.slug, view.head.rev);
        }
        Ok(view.room.id)
    }

    /// Queues one of [`CHANGES`].
    fn queue(&self, seat: &Seat, room: RoomId, event: &str, payload: &Payload) -> Result<Pending> {
        let user = seat.user;
        match event {
            "message" => {
                let draft = Draft {
                    body: payload.text("body")?.to_owned(),
                    nonce: Some(payload.text("nonce")?.to_owned()),
                    reply_to: payload.optional_number("reply_to")?,
                };
                self.chat.post(user, room, draft)
            }
            "edit" => self.chat.edit(user, room, payload.number("seq")?, payload.text("body")?),
            "delete" => self.chat.delete(user, room, payload.number("seq")?),
            "pin" => self.chat.pin(user, room, payload.number("seq")?, payload.flag("on")?),
            _ => self.chat.react(user, room, payload.number("seq")?, payload.text("emoji")?, payload.flag("on")?),
        }
    }

    /// Queues a change when those that the socket sent before it are queued.
    async fn change(&self, seat: &Seat, mut turn: Turn, event: &str, payload: &Payload) -> Result<Answer> {
        turn.come().await;
        let room = self.room(seat, payload.text("room")?).await?;
        if seat.is_revoked() {
            return Err(Error::Unauthenticated);
        }
        let pending = self.queue(seat, room, event, payload)?;
        drop(turn);
        kept(pending).await
    }

    /// The part of an event that may take its time.
    async fn end(self: &Arc<Self>, seated: Seated, begun: Result<(InFlight, Work)>, ack: AckSender) {
        let (in_flight, work) = match begun {
            Ok(begun) => begun,
            Err(error) => return send(&seated.seat, ack, Err(error)),
        };
        let mut reading = None;
        let answer = match work {
            Work::Queued(pending) => kept(pending).await,
            Work::Open(turn, event, payload) => {
                let is_reading = turn.is_none();
                // By itself: most events are changes that wait in the queue, and their future need not be as large.
                let mut work = Box::pin(self.work(&seated, turn, &event, &payload));
                match tokio::time::timeout(PATIENCE, work.as_mut()).await {
                    // Who lost their access meanwhile is shown nothing. What they changed before they lost it is changed.
                    Ok(Ok(_)) if is_reading && seated.seat.is_revoked() => Err(Error::Unauthenticated),
                    Ok(Ok((answer, held))) => {
                        reading = held;
                        Ok(answer)
                    }
                    Ok(Err(error)) => Err(error),
                    Err(_) => {
                        ack.send(&Ack(Err::<Answer, _>(Error::Unavailable))).ok();
                        // To its end all the same: what writes must not be dropped half-way. It counts as in flight until then.
                        work.await.ok();
                        return;
                    }
                }
            }
        };
        let bytes = answer.as_ref().map_or(0, Answer::weight);
        send(&seated.seat, ack, answer);
        in_flight.until_written();
        if let Some(mut reading) = reading
            && bytes > limits::SMALL
        {
            // It counts against its person and the server until it has left, or the connection has ended.
            reading.made(bytes);
            let backlog = &seated.seat.backlog;
            backlog.written_up_to(backlog.queued()).await;
        }
    }

    /// Waits for the person's turn, where the event is one of [`READS`], and does what it asks.
    async fn work(
        self: &Arc<Self>,
        seated: &Seated,
        turn: Option<Turn>,
        event: &str,
        payload: &Payload,
    ) -> Result<(Answer, Option<Reading>)> {
        if let Some(act) = cost::of(event) {
            self.chat.allow(seated.seat.user, act)?;
        }
        let reading = if READS.contains(&event) { Some(self.chat.reads().begin(&seated.seat.turns).await?) } else { None };
        Ok((self.answer(seated, turn, event, payload).await?, reading))
    }

    async fn answer(self: &Arc<Self>, seated: &Seated, turn: Option<Turn>, event: &str, payload: &Payload) -> Result<Answer> {
        if let Some(turn) = turn {
            return self.change(&seated.seat, turn, event, payload).await;
        }
        let slug = payload.text("room");
        match event {
            "join" => self.join(seated, slug?, payload.optional_number("after")?).await,
            "sync" => self.sync(seated, slug?, payload.number("after")?).await,
            "leave" => self.leave(seated, slug?).await,
            "history" => self.history(seated, slug?, payload).await,
            "typing" => self.typing(seated, slug?).await,
            "preview" => Ok(Answer::Preview(self.chat.preview(seated.seat.user, payload.text("body")?)?)),
            "read" => self.read(seated, slug?, payload.number("seq")?).await,
            "unread" => self.unread(seated, slug?, payload.number("seq")?).await,
            "watch" => self.watch(seated, payload.optional_text("after")?).await,
            "direct" => self.direct(seated, payload).await,
            "pins" => {
                let view = self.chat.view(seated.seat.user, slug?).await?;
                let pins = self.chat.pins(&view, payload.optional_text("before")?).await?;
                Ok(Answer::Pinned(Pinned { pins, count: self.chat.count_pins(&view).await? }))
            }
            "revisions" => {
                let view = self.chat.view(seated.seat.user, slug?).await?;
                let place = Place::new(payload.optional_number("before")?, payload.optional_number("after")?)?;
                let revisions = self.chat.revisions(&view, seated.seat.user, payload.number("seq")?, place).await?;
                Ok(Answer::Revisions(revisions))
            }
            "level" => self.level(seated, slug?, payload.optional_text("level")?).await,
            "draft" => self.draft(seated, slug?, payload).await,
            "drafts" => self.drafts(seated).await,
            "search" => self.search(seated, payload).await,
            "mentions" => {
                let limit = payload.optional_number("limit")?.unwrap_or(PAGE);
                Ok(Answer::Mentions(self.chat.mentions(seated.seat.user, payload.optional_number("before")?, limit).await?))
            }
            _ => Err(Error::invalid("event", "There is no such event.")),
        }
    }

    async fn join(&self, seated: &Seated, slug: &str, after: Option<i64>) -> Result<Answer> {
        let seat = &seated.seat;
        let view = self.chat.enter(seat.user, slug).await?;
        let room = view.room.id;
        if view.is_hidden {
            self.hide(seat.user, &view, false).await?;
        }
        // Subscribe first, then read: what is committed in between comes twice, never zero times.
        let is_first = self.seats.subscribe(seated, room, &view.room.slug, view.head.rev).ok_or(Error::NotFound("room"))?;
        if is_first {
            self.say_came(room, &view.room.slug, seat).await;
        }
        let (messages, head, complete, more) = match after {
            None => {
                let tail = self.chat.tail(&view).await?;
                (tail.messages.iter().cloned().collect(), tail.head, None, tail.has_more())
            }
            Some(after) => {
                let changes = self.chat.changes(&view, after).await?;
                let more = changes.messages.iter().map(|logged| logged.message.seq).min().is_none_or(|seq| seq > 1);
                (changes.messages, changes.head, Some(changes.complete), more && changes.head.seq > 0)
            }
        };
        let head = self.head(head);
        Ok(Answer::Joined(Joined { room: view.room, messages, head, more, complete, online: self.seats.online(room) }))
    }

    async fn sync(&self, seated: &Seated, slug: &str, after: i64) -> Result<Answer> {
        let view = self.chat.view(seated.seat.user, slug).await?;
        let changes = self.chat.changes(&view, after).await?;
        let head = self.head(changes.head);
        Ok(Answer::Synced(Synced { messages: changes.messages, head, complete: changes.complete }))
    }

    async fn leave(&self, seated: &Seated, slug: &str) -> Result<Answer> {
        let room = self.chat.view(seated.seat.user, slug).await?.room;
        if self.seats.unsubscribe(seated, room.id) {
            self.say_gone(room.id, &room.slug, &seated.seat);
        }
        Ok(Answer::Nothing(Nothing {}))
    }

    async fn history(&self, seated: &Seated, slug: &str, payload: &Payload) -> Result<Answer> {
        let places = [payload.optional_number("before")?, payload.optional_number("after")?, payload.optional_number("around")?];
        let window = match places {
            [None, None, None] => Window::Latest,
            [Some(seq), None, None] => Window::Before(seq),
            [None, Some(seq), None] => Window::After(seq),
            [None, None, Some(seq)] => Window::Around(seq),
            _ => return Err(Error::invalid("before", "Give one of `before`, `after` and `around`.")),
        };
        let limit = payload.optional_number("limit")?.unwrap_or(PAGE);
        let view = self.chat.view(seated.seat.user, slug).await?;
        Ok(Answer::History(self.chat.page(&view, window, limit).await?))
    }

    async fn read(&self, seated: &Seated, slug: &str, seq: i64) -> Result<Answer> {
        let room = self.room(&seated.seat, slug).await?;
        let done = self.chat.read(seated.seat.user, room, seq)?.outcome().await?;
        self.marked(seated.seat.user, room, slug, &done, Some(seated)).await.map(Answer::Unread)
    }

    async fn unread(&self, seated: &Seated, slug: &str, seq: i64) -> Result<Answer> {
        let room = self.room(&seated.seat, slug).await?;
        let done = self.chat.mark_unread(seated.seat.user, room, seq)?.outcome().await?;
        self.marked(seated.seat.user, room, slug, &done, Some(seated)).await.map(Answer::Unread)
    }

    /// Tells a person's sockets, other than the one that did it, where their read marker stands.
    pub async fn marked(&self, user: UserId, room: RoomId, slug: &str, done: &Done, by: Option<&Seated>) -> Result<Unread> {
        let unread = self.chat.unread(room, user).await?;
        let mentions = self.chat.waiting_mentions(room, user).await?;
        if let Done::Read(seq) = done {
            self.tell_others(user, by, &Read { room: slug, seq: *seq, unread, mentions });
        }
        Ok(Unread { unread, mentions })
    }

    async fn level(&self, seated: &Seated, slug: &str, level: Option<&str>) -> Result<Answer> {
        let level = Chat::level(level)?;
        self.set_level(seated.seat.user, slug, level, Some(seated)).await?;
        Ok(Answer::LevelSet(LevelSet { level }))
    }

    /// Sets somebody's notification level for a room, and tells their other sockets.
    ///
    /// # Errors
    /// `not_found`, or `forbidden` for who is no member.
    pub async fn set_level(&self, user: UserId, slug: &str, level: Option<Level>, by: Option<&Seated>) -> Result<()> {
        let room = self.chat.view(user, slug).await?.room.id;
        self.chat.set_level(room, user, level).await?;
        self.tell_others(user, by, &LevelChanged { room: slug, level });
        Ok(())
    }

    /// Tells somebody's sockets that a room is their favorite now, or no longer.
    pub fn favorite(&self, user: UserId, slug: &str, favorite: bool) {
        self.tell_others(user, None, &FavoriteChanged { room: slug, favorite });
    }

    /// Tells somebody's sockets that a section of their sidebar is closed now, or open.
    pub fn section(&self, user: UserId, section: &str, closed: bool) {
        self.tell_others(user, None, &SectionChanged { section, closed });
    }

    /// Hides a conversation from somebody's sidebars, or shows it there again.
    ///
    /// # Errors
    /// `forbidden` where it is none; the database's.
    pub async fn hide(&self, user: UserId, view: &RoomView, on: bool) -> Result<()> {
        self.chat.hide(user, view, on).await?;
        self.tell_others(user, None, &Hidden { room: &view.room.slug, hidden: on });
        Ok(())
    }

    pub(super) fn tell_others<E: Outgoing>(&self, user: UserId, by: Option<&Seated>, event: &E) {
        for other in self.seats.of_user(user).iter().filter(|other| by.is_none_or(|by| by.socket.id != other.socket.id)) {
            // One whose queue is full is being cut by what fills it, and asks again when it comes back.
            other.socket.tell(event).ok();
        }
    }

    fn head(&self, head: Head) -> HeadAck {
        HeadAck { head, epoch: self.chat.epoch().clone() }
    }
}

/// The events that go through the ledger in their sender's order.
const CHANGES: [&str; 5] = ["message", "edit", "delete", "react", "pin"];

/// The events whose answer may be large. They take turns with all other reads of their person.
const READS: [&str; 10] = ["join", "sync", "history", "pins", "revisions", "mentions", "search", "watch", "direct", "drafts"];

/// Sends an answer.
fn send(seat: &Seat, ack: AckSender, answer: Result<Answer>) {
    match &answer {
        Err(Error::Busy { .. } | Error::RateLimited { .. }) => seat.strike(),
        Err(Error::Internal(fault)) => tracing::error!(fault, user = %seat.user, "an event failed"),
        _ => {}
    }
    if let Err(SendError::Socket(SocketError::InternalChannelFull)) = ack.send(&Ack(answer)) {
        // It asks faster than it reads the answers.
        seat.cut();
    }
}

async fn kept(pending: Pending) -> Result<Answer> {
    Ok(Answer::Kept(Kept { message: pending.message().await? }))
}
