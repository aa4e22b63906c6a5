//! What a socket has received, and waiting for what should come.
//!
//! Owns the order of arrival and the deadlines. Nothing here sleeps for a result.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{oneshot, watch};

use super::DEADLINE;
use super::packet::{CHAT, Packet};
use super::socket::Refusal;

/// How long an event may take. Sockets are swept every 15 s, and the machine may be busy.
const PATIENCE: Duration = DEADLINE.saturating_mul(2);

/// All that came over one connection.
#[derive(Default)]
pub struct Inbox {
    received: Mutex<Received>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Received {
    /// Events that no test has taken yet, in order of arrival.
    events: Vec<(String, Value)>,
    /// Other packets, in order.
    packets: Vec<Packet>,
    /// Who waits for which acknowledgement.
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    /// Acknowledgements that came twice, or that nobody asked for.
    strays: Vec<u64>,
    is_closed: bool,
}

impl Inbox {
    /// Stores a packet.
    pub fn put(&self, packet: Packet) {
        let mut received = self.lock();
        match packet {
            Packet::Event(_, _, name, mut arguments) => {
                assert!(arguments.len() <= 1, "every event carries one object: {name} {arguments:?}");
                received.events.push((name, arguments.pop().unwrap_or_default()));
            }
            Packet::Acknowledged(_, number, mut arguments) => match received.waiting.remove(&number) {
                Some(waiting) if arguments.len() == 1 => drop(waiting.send(arguments.remove(0))),
                _ => received.strays.push(number),
            },
            other => received.packets.push(other),
        }
        drop(received);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Marks the end of the connection.
    pub fn close(&self) {
        let mut received = self.lock();
        received.is_closed = true;
        received.waiting.clear();
        drop(received);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Waits for the acknowledgement with this number.
    pub fn expect(&self, number: u64) -> oneshot::Receiver<Value> {
        let (sender, acknowledged) = oneshot::channel();
        let mut received = self.lock();
        if !received.is_closed {
            received.waiting.insert(number, sender);
        }
        acknowledged
    }

    /// Takes the next event of that name.
    pub async fn next(&self, event: &str) -> Value {
        self.next_where(event, |_| true).await
    }

    /// Takes the next event of that name that fits.
    pub async fn next_where(&self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = self.until(|received| {
            let place = received.events.iter().position(|(name, data)| name == event && fits(data))?;
            Some(received.events.remove(place).1)
        });
        match found.await {
            Some(data) => data,
            None => panic!("no such `{event}` came; what did: {:#?}", self.peek()),
        }
    }

    /// Takes the next event of any name, without a deadline; nothing once the connection has ended.
    pub async fn next_any(&self) -> Option<(String, Value)> {
        self.search(|received| (!received.events.is_empty()).then(|| received.events.remove(0))).await
    }

    /// Waits for the message with this text.
    pub async fn hears(&self, body: &str) -> Value {
        self.next_where("message", |message| message["body"] == body).await
    }

    /// Waits until there are `count` events of a name, and returns the first of them, in order.
    pub async fn first(&self, count: usize, event: &str) -> Vec<Value> {
        let found = self.until(|received| (received.of(event).len() >= count).then(|| received.of(event)));
        match found.await {
            Some(mut all) => {
                all.truncate(count);
                all
            }
            None => panic!("only {} of {count} `{event}` came", self.peek_at(event).len()),
        }
    }

    /// All events that came and were not taken.
    pub fn peek(&self) -> Vec<(String, Value)> {
        self.lock().events.clone()
    }

    /// Those of one name among them.
    pub fn peek_at(&self, event: &str) -> Vec<Value> {
        self.lock().of(event)
    }

    /// Waits for `count` acknowledgements that came twice or that nobody asked for.
    pub async fn strays(&self, count: usize) -> Vec<u64> {
        let found = self.until(|received| (received.strays.len() >= count).then(|| received.strays.clone()));
        match found.await {
            Some(all) => all,
            None => panic!("of {count} acknowledgements only these came: {:?}", self.lock().strays),
        }
    }

    /// Waits for the answer to a CONNECT.
    pub async fn admission(&self) -> Result<(), Refusal> {
        let answer = self.until(|received| {
            let place = received.packets.iter().position(|packet| match packet {
                Packet::Connected(namespace, _) | Packet::Refused(namespace, _) => namespace == CHAT,
                _ => false,
            });
            match place {
                Some(place) => Some(received.packets.remove(place)),
                None => received.is_closed.then_some(Packet::Close),
            }
        });
        match answer.await {
            Some(Packet::Connected(..)) => Ok(()),
            Some(Packet::Refused(_, data)) => Err(Refusal::ConnectError(data)),
            Some(_) => Err(Refusal::Closed),
            None => Err(Refusal::Silence),
        }
    }

    /// Waits for a packet that is neither an event nor an acknowledgement.
    pub async fn packet(&self, fits: impl Fn(&Packet) -> bool) -> Packet {
        let found = self.until(|received| {
            let place = received.packets.iter().position(&fits)?;
            Some(received.packets.remove(place))
        });
        match found.await {
            Some(packet) => packet,
            None => panic!("no such packet came; what did: {:#?}", self.lock().packets),
        }
    }

    /// Waits until the server has ended the namespace or the connection.
    pub async fn is_out(&self) {
        let out = self.until(|received| {
            let left = received.packets.iter().any(|packet| matches!(packet, Packet::Disconnected(_) | Packet::Close));
            (left || received.is_closed).then_some(())
        });
        assert!(out.await.is_some(), "still connected; what came: {:#?}", self.peek());
    }

    /// Waits until the connection itself has ended.
    pub async fn is_cut(&self) {
        let cut = self.until(|received| received.is_closed.then_some(()));
        assert!(cut.await.is_some(), "the connection is still there; what came: {:#?}", self.peek());
    }

    /// Waits for the end of the connection, without a deadline.
    pub async fn end(&self) {
        let mut changed = self.changed.subscribe();
        // The sender is ours, so there is always an answer.
        drop(changed.wait_for(|_| self.lock().is_closed).await);
    }

    /// Whether the connection has ended, as far as is known now.
    pub fn has_ended(&self) -> bool {
        self.lock().is_closed
    }

    /// Looks whenever something comes, until `look` finds what it wants, nothing more can come, or it takes too long. Says how it ended, for
    /// whoever looks for the fault.
    async fn until<T>(&self, look: impl FnMut(&mut Received) -> Option<T>) -> Option<T> {
        let began = Instant::now();
        let found = tokio::time::timeout(PATIENCE, self.search(look)).await.ok().flatten();
        if found.is_none() {
            let received = self.lock();
            let how = if received.is_closed { "the connection has ended" } else { "still connected" };
            eprintln!("{how} after {:?}; packets: {:?}", began.elapsed(), received.packets);
        }
        found
    }

    async fn search<T>(&self, mut look: impl FnMut(&mut Received) -> Option<T>) -> Option<T> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let is_closed = {
                let mut received = self.lock();
                if let Some(found) = look(&mut received) {
                    return Some(found);
                }
                received.is_closed
            };
            if is_closed {
                return None;
            }
            changed.changed().await.ok()?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    fn of(&self, event: &str) -> Vec<Value> {
        self.events.iter().filter(|(name, _)| name == event).map(|(_, data)| data.clone()).collect()
    }
}
