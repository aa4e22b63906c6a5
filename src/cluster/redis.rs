//! The fast path between nodes: Redis, or Valkey, publish and subscribe.
//!
//! Owns two connections, and the proof that they work: a frame of one's own every half second, which must come back. Nothing waits for it:
//! what cannot be sent is dropped, and the other nodes read it from the database.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, RedisResult};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::frame::Codec;
use super::frame::Frame;
use super::inbox::Inbox;
use crate::chat::presence::Presence;
use crate::chat::presence::nodes::{FULL, Report};
use crate::cluster::lease::Lease;
use crate::events::Event;
use crate::measure::Times;

/// How many batches may wait to be sent, and about how many bytes.
const QUEUE: usize = 256;
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// How many bytes of messages go into one frame, about.
const FRAME: usize = 256 * 1024;
/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a frame is sent at least.
const BEAT: Duration = Duration::from_millis(500);
/// Without a frame of one's own for so long, the subscription is made anew.
const SILENCE: Duration = Duration::from_secs(2);
/// For how long changes of presence are gathered.
const GATHER: Duration = Duration::from_millis(20);
/// How long until a failed connection is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// How a node reaches Redis.
#[derive(Clone)]
pub struct Link {
    client: Client,
    channel: Arc<str>,
    node: Arc<str>,
    codec: Codec,
    presence: Arc<Presence>,
    lease: Arc<Lease>,
    /// Notified when a node has appeared that has not heard of this one's people.
    appeared: Arc<Notify>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    start: Instant,
    /// When the last frame of one's own came back, in milliseconds after `start`.
    heard: AtomicU64,
    /// How many frames were not sent.
    dropped: AtomicU64,
    /// How many frames arrived that are of an unknown version, or that no node of this cluster has signed.
    refused: AtomicU64,
    /// The bytes of messages that wait.
    waiting: AtomicUsize,
    measures: Measures,
}

/// What is counted of the way to Redis.
#[derive(Debug, Default)]
pub struct Measures {
    /// How long Redis took to take a frame.
    pub round_trips: Times,
    /// Connections that were made to publish, and to subscribe.
    publishers: Counter,
    subscriptions: Counter,
}

impl Measures {
    /// How many connections were made again: the first of each kind is none.
    pub fn reconnections(&self) -> u64 {
        [&self.publishers, &self.subscriptions].map(|made| made.get().saturating_sub(1)).iter().sum()
    }
}

/// Where events wait to be sent.
#[derive(Debug)]
pub struct Outgoing {
    queue: mpsc::Sender<Arc<[Event]>>,
    goodbyes: mpsc::Sender<oneshot::Sender<()>>,
    state: Arc<State>,
}

impl Outgoing {
    /// Sends what other nodes need of these events, or drops it if Redis cannot keep up.
    pub fn offer(&self, events: Arc<[Event]>) {
        if !events.iter().any(is_shared) {
            return;
        }
        let bytes = weigh(&events);
        let is_full = self.state.waiting.fetch_add(bytes, Ordering::AcqRel) > QUEUE_BYTES;
        if is_full || self.queue.try_send(events).is_err() {
            self.state.waiting.fetch_sub(bytes, Ordering::AcqRel);
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what still waits, and that this node stops. Nothing is sent after that. Returns when it is sent, or Redis is too slow.
    pub async fn say_goodbye(&self) {
        let (said, is_said) = oneshot::channel();
        if self.goodbyes.try_send(said).is_ok() {
            timeout(PATIENCE, is_said).await.ok();
        }
    }

    /// How many frames were not sent.
    pub fn dropped(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }

    /// How many frames were refused.
    pub fn refused(&self) -> u64 {
        self.state.refused.load(Ordering::Relaxed)
    }

    /// Whether frames come back.
    pub fn is_up(&self) -> bool {
        self.state.is_up()
    }

    /// What is counted of the way there.
    pub fn measures(&self) -> &Measures {
        &self.state.measures
    }
}

impl State {
    fn is_up(&self) -> bool {
        let heard = self.heard.load(Ordering::Acquire);
        heard > 0 && self.now().saturating_sub(heard) < millis(SILENCE)
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

/// The bytes of the messages among events.
fn weigh(events: &[Event]) -> usize {
    let bytes = |event: &Event| if let Event::Message { logged, .. } = event { logged.json().get().len() } else { 0 };
    events.iter().map(bytes).sum()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether an event goes over Redis. Ended access, memberships, profiles and rooms go with their transaction instead (`notices`), presence
/// as reports (`chat::presence::nodes`).
fn is_shared(event: &Event) -> bool {
    match event {
        Event::Message { .. }
        | Event::ReadMarkerMoved { .. }
        | Event::NotificationLevelSet { .. }
        | Event::KeywordsSet { .. }
        | Event::FavoriteSet { .. }
        | Event::SidebarSectionSet { .. }
        | Event::ConversationHidden { .. }
        | Event::BlockSet { .. }
        | Event::DraftSaved { .. }
        | Event::Typing { .. }
        | Event::OnlineChanged { .. } => true,
        Event::MemberAdded { .. }
        | Event::MemberRemoved { .. }
        | Event::RoomChanged { .. }
        | Event::RoomDeleted { .. }
        | Event::RoleChanged { .. }
        | Event::UserRegistered { .. }
        | Event::ProfileChanged { .. }
        | Event::AccountDeleted { .. }
        | Event::PresenceChanged { .. }
        | Event::PresenceMoved { .. }
        | Event::SessionEnded { .. }
        | Event::AccessUncertain
        | Event::SettingsChanged
        | Event::AttemptsFailed { .. }
        | Event::HistoryReplaced
        | Event::AccessReduced { .. }
        | Event::AccessEnded { .. } => false,
    }
}

/// Distributes events and reports over frames of a bounded size. There is always one.
fn contents(events: Vec<&Event>, reports: Vec<Report>) -> Vec<(Vec<&Event>, Option<Report>)> {
    let mut contents: Vec<(Vec<&Event>, Option<Report>)> = reports.into_iter().map(|report| (Vec::new(), Some(report))).collect();
    let mut bytes = FRAME;
    for event in events {
        if bytes >= FRAME {
            contents.push((Vec::new(), None));
            bytes = 0;
        }
        if let Event::Message { logged, .. } = event {
            bytes += logged.json().get().len();
        }
        if let Some((some, _)) = contents.last_mut() {
            some.push(event);
        }
    }
    if contents.is_empty() {
        contents.push((Vec::new(), None));
    }
    contents
}

/// How long a Redis takes to answer.
///
/// # Errors
/// When it does not, or the URL is not one.
pub async fn ping(url: &str) -> RedisResult<Duration> {
    let began = std::time::Instant::now();
    let mut connection = Client::open(url)?.get_multiplexed_async_connection().await?;
    redis::cmd("PING").query_async::<()>(&mut connection).await?;
    Ok(began.elapsed())
}

impl Link {
    /// A link to the Redis at `url`. Clusters that share a Redis have different keys, and so different channels.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(url: &str, key: &str, node: Arc<str>, presence: Arc<Presence>, lease: Arc<Lease>) -> RedisResult<Self> {
        use sha2::{Digest, Sha256};
        let channel = format!("parlor:{}", &crate::encoding::hex(&Sha256::digest(key))[..16]).into();
        let state = State {
            start: Instant::now(),
            heard: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            measures: Measures::default(),
        };
        let (appeared, state) = (Arc::new(Notify::new()), Arc::new(state));
        // Version 3 of the protocol: only there can a subscription be bounded.
        let address = url.into_connection_info()?;
        let settings = address.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(address.set_redis_settings(settings))?;
        Ok(Self { client, channel, node, codec: Codec::new(key), presence, lease, appeared, state })
    }

    /// Starts sending and receiving. `missed` is notified when frames of other nodes may be missing.
    pub fn start(self, remote: mpsc::Sender<Frame>, missed: Arc<Notify>) -> Outgoing {
        self.presence.begin_reports();
        let (queue, events) = mpsc::channel(QUEUE);
        let (goodbyes, last) = mpsc::channel(1);
        let outgoing = Outgoing { queue, goodbyes, state: self.state.clone() };
        tokio::spawn(self.clone().send(events, last));
        tokio::spawn(self.receive(remote, missed));
        outgoing
    }

    async fn send(self, mut events: mpsc::Receiver<Arc<[Event]>>, mut goodbyes: mpsc::Receiver<oneshot::Sender<()>>) {
        let mut connection: Option<MultiplexedConnection> = None;
        let mut number = 0;
        let mut batches = Vec::new();
        let mut next_full = tokio::time::Instant::now();
        let mut next_report = next_full;
        loop {
            batches.clear();
            let mut reports = Vec::new();
            let mut goodbye = None;
            tokio::select! {
                count = events.recv_many(&mut batches, 64) => if count == 0 { return },
                () = self.presence_changed(next_report) => {
                    next_report = tokio::time::Instant::now() + GATHER;
                    reports = self.report(Presence::changes, &mut next_full);
                }
                Some(said) = goodbyes.recv() => {
                    while let Ok(batch) = events.try_recv() {
                        batches.push(batch);
                    }
                    reports = vec![Presence::farewell()];
                    goodbye = Some(said);
                }
                () = self.appeared.notified() => reports = self.report(Presence::full_report, &mut next_full),
                () = tokio::time::sleep_until(next_full) => {
                    next_full = tokio::time::Instant::now() + FULL;
                    reports = self.report(Presence::full_report, &mut next_full);
                }
                // An empty frame is a heartbeat.
                () = tokio::time::sleep(BEAT) => {}
            }
            let taken: usize = batches.iter().map(|events: &Arc<[Event]>| weigh(events)).sum();
            self.state.waiting.fetch_sub(taken, Ordering::AcqRel);
            let shared = batches.iter().flat_map(|events| events.iter()).filter(|event| is_shared(event));
            for (events, presence) in contents(shared.collect(), reports) {
                number += 1;
                let frame = self.codec.encode(&self.node, number, events, presence.as_ref());
                if !self.publish(&mut connection, frame).await {
                    self.state.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            if let Some(said) = goodbye {
                said.send(()).ok();
                return;
            }
        }
    }

    /// A report; none while this node may have missed that some of its people lost a room or their access. A full one follows afterwards.
    fn report(&self, make: impl FnOnce(&Presence) -> Vec<Report>, next_full: &mut tokio::time::Instant) -> Vec<Report> {
        if self.lease.is_valid() {
            return make(&self.presence);
        }
        *next_full = tokio::time::Instant::now() + BEAT;
        Vec::new()
    }

    /// Waits for a change of presence, but gathers those of a moment.
    async fn presence_changed(&self, not_before: tokio::time::Instant) {
        tokio::time::sleep_until(not_before).await;
        self.presence.changed().await;
    }

    /// Sends a frame, on a new connection if there is none; `false` if it was not sent.
    async fn publish(&self, connection: &mut Option<MultiplexedConnection>, frame: Vec<u8>) -> bool {
        let sent = timeout(PATIENCE, async {
            if connection.is_none() {
                *connection = Some(self.client.get_multiplexed_async_connection().await?);
                self.state.measures.publishers.inc();
            }
            let open = connection.as_mut().expect("it was made just now");
            let began = Instant::now();
            redis::cmd("PUBLISH").arg(&*self.channel).arg(frame).query_async::<i64>(open).await?;
            RedisResult::Ok(began.elapsed())
        });
        match sent.await {
            Ok(Ok(took)) => {
                self.state.measures.round_trips.add(took);
                true
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "Redis did not take a frame");
                *connection = None;
                false
            }
            Err(_) => {
                *connection = None;
                false
            }
        }
    }

    async fn receive(self, remote: mpsc::Sender<Frame>, missed: Arc<Notify>) {
        let mut was_up = true;
        loop {
            let ended = self.subscribe(&remote, &missed).await;
            if std::mem::replace(&mut was_up, false) {
                match ended {
                    Ok(()) => tracing::warn!("Redis is silent; messages of other nodes come up to a second late"),
                    Err(error) => tracing::warn!(%error, "Redis is down; messages of other nodes come up to a second late"),
                }
            }
            let before = self.state.heard.load(Ordering::Acquire);
            tokio::time::sleep(RETRY).await;
            was_up = was_up || self.state.heard.load(Ordering::Acquire) != before;
        }
    }

    /// Receives frames until the connection ends or is silent.
    async fn subscribe(&self, remote: &mpsc::Sender<Frame>, missed: &Notify) -> RedisResult<()> {
        let mut inbox = Inbox::new();
        let settings = AsyncConnectionConfig::new().set_push_sender(inbox.entrance());
        let connected = timeout(PATIENCE, async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&settings).await?;
            connection.subscribe(&*self.channel).await?;
            RedisResult::Ok(connection)
        });
        let Ok(connection) = connected.await else { return Ok(()) };
        let _connection = connection?;
        self.state.measures.subscriptions.inc();
        // What was published before this is read.
        missed.notify_one();
        let mut numbers: HashMap<String, u64> = HashMap::new();
        let mut own = Instant::now();
        let mut is_behind = false;
        loop {
            let Ok(Some(bytes)) = timeout(SILENCE, inbox.next()).await else { return Ok(()) };
            // An unknown version, or somebody else's.
            let Some(frame) = self.codec.decode(&bytes) else {
                self.state.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            if is_behind && remote.capacity() > 0 {
                missed.notify_one();
            }
            if frame.node == *self.node {
                own = Instant::now();
                if self.state.heard.swap(self.state.now().max(1), Ordering::AcqRel) == 0 {
                    tracing::info!("Redis is up");
                }
                continue;
            }
            if own.elapsed() > SILENCE {
                return Ok(());
            }
            let last = numbers.insert(frame.node.clone(), frame.number);
            if last.is_some_and(|last| frame.number != last + 1) {
                missed.notify_one();
            }
            if numbers.len() > 1024 {
                numbers.clear();
            }
            if last.is_none() && !self.presence.knows(&frame.node) {
                self.appeared.notify_one();
            }
            if !frame.events.is_empty() || frame.presence.is_some() {
                // Waits for delivery once. Then it reads on, and what does not fit is read from the database.
                let patience = if is_behind { Duration::ZERO } else { BEAT };
                is_behind = remote.send_timeout(frame, patience).await.is_err();
            }
        }
    }
}
