//! The one way of events to this node's subscribers: what it published itself, what other nodes published, and what was missed.
//!
//! Owns the order: changes of a room are delivered in `rev` order, and what does not arrive is read from the database. Never waits for
//! Redis; reads gaps in tasks of their own, so that no room waits for another. While this node cannot trust that it hears of ended access,
//! it delivers no messages; they are read when it can.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::Cluster;
use super::frame::Frame;
use super::node::RedisStatus;
use super::sequencer::{Missing, Sequencer};
use crate::chat::presence::nodes::Item;
use crate::db::cluster::RoomAhead;
use crate::events::{Batch, Event, Removal};
use crate::model::{Head, Kind, RoomId};

/// How often the database is asked for changes that did not arrive: so often that nothing is a second late.
const POLL: Duration = Duration::from_millis(700);
/// The same while Redis is down.
const POLL_ALONE: Duration = Duration::from_millis(200);
/// How long a change that the poll found may still be on its way over Redis. Its own frame says more than the log does: each change by
/// itself, and whom a message addressed before.
const IN_FLIGHT: Duration = Duration::from_millis(150);
/// How long somebody whose node has gone may take to connect to another one, before others hear that they are offline.
const RETURN: Duration = Duration::from_secs(5);
/// How many gaps are read at the same time.
const READERS: usize = 3;

/// What arrives from this node's own tasks.
enum Found {
    /// Rooms that are further than was delivered.
    Ahead(Vec<RoomAhead>),
    /// The changes in a gap, and how far they reach.
    Gap(RoomId, Option<(Vec<Event>, Head)>),
}

/// Delivers until the process ends.
pub async fn run(cluster: Arc<Cluster>, mut own: mpsc::Receiver<Batch>, mut remote: mpsc::Receiver<Frame>) {
    let (found, mut finds) = mpsc::unbounded_channel();
    let readers = Arc::new(Semaphore::new(READERS));
    let mut sequencer = Sequencer::default();
    let mut next_poll = Instant::now();
    let mut is_polling = false;
    loop {
        let is_trusted = cluster.lease().is_valid();
        let due = sequencer.next_due().filter(|_| is_trusted);
        let gap_due = async move {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            batch = own.recv() => {
                let Some(batch) = batch else { return };
                let events = batch.events.clone();
                cluster.deliver_own(&mut sequencer, batch).await;
                if let Some(redis) = cluster.node.outgoing() {
                    redis.offer(events);
                }
            }
            Some(frame) = remote.recv() => {
                let mut out = cluster.in_order(&mut sequencer, frame.events);
                let is_last = frame.presence.as_ref().is_some_and(|report| report.is_last);
                if let Some(report) = frame.presence {
                    out.extend(moves(cluster.chat.presence().apply(&frame.node, report)));
                }
                cluster.distribute(out).await;
                if is_last {
                    cluster.forget_gone_nodes().await;
                }
            }
            Some(found) = finds.recv() => match found {
                Found::Ahead(rooms) => {
                    is_polling = false;
                    let wait = if cluster.node.redis() == RedisStatus::Up { IN_FLIGHT } else { Duration::ZERO };
                    for ahead in rooms {
                        sequencer.expect_up_to(ahead.room, &ahead.slug, ahead.head.rev, wait);
                    }
                }
                Found::Gap(room, read) => {
                    let read = read.filter(|_| cluster.lease().is_valid());
                    for event in read.iter().flat_map(|(events, _)| events) {
                        cluster.absorb(event);
                    }
                    let mut out: Vec<_> = read.iter().flat_map(|(events, _)| events).filter_map(membership_in).collect();
                    sequencer.read(cluster.bus.heads(), room, read, &mut out);
                    cluster.node.set_lag(sequencer.lag());
                    cluster.distribute(out).await;
                }
            },
            () = gap_due => {
                for missing in sequencer.take_due(cluster.bus.heads()) {
                    let (cluster, readers, found) = (cluster.clone(), readers.clone(), found.clone());
                    tokio::spawn(async move {
                        let _permit = readers.acquire().await;
                        let room = missing.room;
                        found.send(Found::Gap(room, cluster.read_gap(missing).await)).ok();
                    });
                }
            }
            () = sleep_until(next_poll), if !is_polling => {
                cluster.forget_gone_nodes().await;
                let is_alone = cluster.node.redis() == RedisStatus::Down;
                cluster.node.set_lag(sequencer.lag());
                next_poll = Instant::now() + if is_alone { POLL_ALONE } else { POLL };
                is_polling = true;
                let (cluster, found) = (cluster.clone(), found.clone());
                tokio::spawn(async move {
                    found.send(Found::Ahead(cluster.poll().await)).ok();
                });
            }
            () = cluster.missed.notified() => next_poll = Instant::now(),
        }
    }
}

/// What the sockets here are to know of people who came or went elsewhere. Whoever is online is published by the node where they are.
fn moves(items: Vec<Item>) -> impl Iterator<Item = Event> {
    items.into_iter().filter_map(|Item { user, username, room, is_here }| {
        room.map(|(room, slug)| Event::PresenceMoved { room, slug, user, username, is_online: is_here })
    })
}

/// The membership that a message of another node begins or ends. It goes before the message, which whoever has left is not to get; a
/// notification says it again, for rooms that are not followed here.
fn membership_in(event: &Event) -> Option<Event> {
    let Event::Message { logged, is_new: true, .. } = event else { return None };
    let (room, message) = (logged.room, &logged.message);
    let (user, rev) = (message.author.id, message.rev);
    match message.kind {
        Kind::Joined => Some(Event::MemberAdded { room, user, rev }),
        Kind::Left => {
            let reason = if message.body.is_empty() { Removal::Left } else { Removal::Removed };
            Some(Event::MemberRemoved { room, slug: message.room.clone(), user, rev, reason })
        }
        Kind::Text | Kind::Topic | Kind::Renamed | Kind::Visibility | Kind::Role | Kind::Archived => None,
    }
}

impl Cluster {
    /// Publishes here that the people of nodes that are gone are offline.
    async fn forget_gone_nodes(&self) {
        let gone = self.chat.presence().forget_gone_nodes();
        if gone.is_empty() {
            return;
        }
        let (chat, bus) = (self.chat.clone(), self.bus.clone());
        let offline: Vec<_> = gone.iter().filter(|item| item.room.is_none()).cloned().collect();
        tokio::spawn(async move {
            // They are about to come back, on another node.
            tokio::time::sleep(RETURN).await;
            for Item { user, username, .. } in offline {
                if let Ok(audience) = chat.participants(user).await
                    && !chat.presence().is_online(user)
                {
                    let audience = audience.into_iter().collect();
                    bus.distribute(Batch::of(vec![Event::OnlineChanged { audience, username, is_online: false }])).await;
                }
            }
        });
        self.distribute(moves(gone).collect()).await;
    }

    /// Delivers a batch of this node's own, in the order of the logs.
    async fn deliver_own(&self, sequencer: &mut Sequencer, batch: Batch) {
        let (heads, is_trusted) = (self.bus.heads(), self.lease().is_valid());
        let mut out = Vec::with_capacity(batch.events.len());
        for event in &*batch.events {
            match event {
                Event::Message { .. } if !is_trusted => {}
                Event::Message { logged, .. } => sequencer.offer(heads, logged, event.clone(), &mut out),
                _ => out.push(event.clone()),
            }
        }
        // An empty batch too: somebody waits for it.
        self.bus.distribute(batch.with(out)).await;
    }

    /// The events of another node that are to be delivered now.
    fn in_order(&self, sequencer: &mut Sequencer, events: Vec<Event>) -> Vec<Event> {
        let is_trusted = self.lease().is_valid();
        let mut out = Vec::with_capacity(events.len());
        for event in events {
            self.absorb(&event);
            out.extend(membership_in(&event));
            match &event {
                Event::Message { .. } if !is_trusted => {}
                Event::Message { logged, .. } => {
                    let logged = logged.clone();
                    sequencer.offer(self.bus.heads(), &logged, event, &mut out);
                }
                _ => out.push(event),
            }
        }
        out
    }

    /// Brings the caches up to date, before anybody hears of the event.
    fn absorb(&self, event: &Event) {
        if let Event::Message { logged, .. } = event {
            self.chat.absorb(logged);
        }
    }

    async fn distribute(&self, events: Vec<Event>) {
        if !events.is_empty() {
            self.bus.distribute(Batch::of(events)).await;
        }
    }

    /// The rooms that are further than was delivered; none if the database does not answer, which the next poll finds out again.
    async fn poll(&self) -> Vec<RoomAhead> {
        let known = self.bus.heads().list();
        if known.is_empty() {
            return Vec::new();
        }
        self.postgres().list_rooms_ahead(&known).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "could not ask for missed changes");
            Vec::new()
        })
    }

    async fn read_gap(&self, Missing { room, slug, from }: Missing) -> Option<(Vec<Event>, Head)> {
        match self.chat.changes_between_nodes(room, &slug, from).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::debug!(%error, room = %slug, "could not read missed changes");
                None
            }
        }
    }
}
