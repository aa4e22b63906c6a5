//! The bus: carries events from those who publish to every subscriber, in the order of publication.
//!
//! With other nodes, what is published here goes through `cluster` first, which delivers it in the order of the logs (`divert`,
//! `distribute`). Owns the queues and their bound. A publisher waits while a subscriber's queue is full, so no event is dropped and no queue grows
//! without a bound. It must not look into events beyond the subscribers' filters.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use tokio::sync::mpsc;

use super::Event;
use super::heads::Heads;

/// How many batches may wait for one subscriber before publishers wait for it.
const QUEUE: usize = 64;

/// Whether a subscriber wants an event.
type Filter = fn(&Event) -> bool;

/// Where use-cases publish. Clones publish to the same subscribers.
#[derive(Clone, Debug, Default)]
pub struct Bus(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    subscribers: RwLock<Vec<Subscriber>>,
    /// What takes events before the subscribers do.
    diversion: OnceLock<mpsc::Sender<Batch>>,
    heads: Heads,
}

#[derive(Clone, Debug)]
struct Subscriber {
    wants: Filter,
    queue: mpsc::Sender<Batch>,
}

/// Events that were published together, such as those of one commit.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The events, in order.
    pub events: Arc<[Event]>,
    /// Dropped once the subscriber has handled them.
    _handled: Option<mpsc::Sender<Infallible>>,
}

/// A subscriber's end of the bus.
#[derive(Debug)]
pub struct Subscription(mpsc::Receiver<Batch>);

impl Bus {
    /// Subscribes to what is published from now on. A batch is delivered whole if `wants` is true of any event in it.
    #[must_use]
    pub fn subscribe(&self, wants: Filter) -> Subscription {
        let (queue, batches) = mpsc::channel(QUEUE);
        self.0.subscribers.write().push(Subscriber { wants, queue });
        Subscription(batches)
    }

    /// Takes everything that is published from now on; whoever holds the queue distributes it.
    ///
    /// # Panics
    /// When called twice.
    pub fn divert(&self) -> mpsc::Receiver<Batch> {
        let (queue, batches) = mpsc::channel(QUEUE);
        self.0.diversion.set(queue).expect("events are diverted once");
        batches
    }

    /// How many batches wait for the slowest subscriber.
    pub fn waiting(&self) -> usize {
        let waiting = |queue: &mpsc::Sender<Batch>| queue.max_capacity() - queue.capacity();
        self.0.subscribers.read().iter().map(|subscriber| waiting(&subscriber.queue)).max().unwrap_or_default()
    }

    /// How far the logs have been delivered, where there are other nodes.
    pub fn heads(&self) -> &Heads {
        &self.0.heads
    }

    /// Publishes events, and returns once they are queued for every subscriber.
    pub async fn publish(&self, events: Vec<Event>) {
        self.send(Batch::of(events)).await;
    }

    /// Publishes an event, and returns once every subscriber has handled it and all events before it.
    pub async fn deliver(&self, event: Event) {
        self.deliver_all(vec![event]).await;
    }

    /// Returns once every subscriber has handled all events that were published before.
    pub async fn flush(&self) {
        self.deliver_all(Vec::new()).await;
    }

    /// As [`Self::deliver`], for several events.
    pub async fn deliver_all(&self, events: Vec<Event>) {
        let (handled, mut all_handled) = mpsc::channel(1);
        self.send(Batch { events: events.into(), _handled: Some(handled) }).await;
        // Nothing is ever sent: it ends when the last subscriber has dropped its batch.
        all_handled.recv().await;
    }

    async fn send(&self, batch: Batch) {
        match self.0.diversion.get() {
            // Its reader ends only with the process.
            Some(queue) => queue.send(batch).await.unwrap_or_default(),
            None => self.distribute(batch).await,
        }
    }

    /// Hands events to the subscribers. Only for whoever diverted them: others publish.
    pub async fn distribute(&self, batch: Batch) {
        let is_flush = batch.events.is_empty();
        let wanting = |subscriber: &&Subscriber| is_flush || batch.events.iter().any(subscriber.wants);
        let subscribers: Vec<_> =
            self.0.subscribers.read().iter().filter(wanting).map(|subscriber| subscriber.queue.clone()).collect();
        for queue in subscribers {
            // A subscriber that has ended, when the server stops, needs no more events.
            queue.send(batch.clone()).await.ok();
        }
    }

    /// Hands events of another node to the subscribers, and returns once all have handled them.
    pub async fn distribute_and_wait(&self, events: Vec<Event>) {
        let (handled, mut all_handled) = mpsc::channel(1);
        self.distribute(Batch { events: events.into(), _handled: Some(handled) }).await;
        all_handled.recv().await;
    }
}

impl Batch {
    /// Other events in the place of these; whoever waits for these waits for them.
    #[must_use]
    pub fn with(self, events: Vec<Event>) -> Self {
        Self { events: events.into(), ..self }
    }

    /// Events that nobody waits for.
    pub fn of(events: Vec<Event>) -> Self {
        Self { events: events.into(), _handled: None }
    }
}

impl Subscription {
    /// The next batch; none once the bus is gone.
    pub async fn next(&mut self) -> Option<Batch> {
        self.0.recv().await
    }
}
