//! The queue for password hashing.
//!
//! Owns a fixed number of slots and a bounded queue; beyond it requests are refused as `busy`. Nobody can fill the queue alone:
//! clients with recent failures or queued requests wait behind the others, and are evicted first. Guesses at an account under
//! attack have a queue of their own, which gets every other slot. It must not know what is hashed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, Result};
use crate::model::UserId;

/// Capacity of the queue.
pub const CAPACITY: usize = 64;
/// Capacity of the queue for guesses at accounts under attack: large, so that the owner at a new address is served even during a
/// distributed attack.
pub const GUESS_CAPACITY: usize = 256;
/// More than the number of tickets ever issued.
const NUMBERS: u64 = 1 << 48;
/// From this many queued requests for one account on, further ones count as guesses.
const GUESS_THRESHOLD: usize = 8;
/// Positions lost per recent failure or queued request of the same client: a whole queue.
const PENALTY: u64 = CAPACITY as u64;
/// Maximum number of penalties, so that everybody is served eventually.
const MAX_PENALTIES: u32 = 16;

/// The client for whom a password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A signed-in user, or one on a known device.
    Person(UserId),
    /// An address, or an IPv6 network.
    Network(IpAddr),
}

/// A request for a slot.
#[derive(Clone, Debug, Default)]
pub struct Ticket {
    /// The client.
    pub client: Option<Client>,
    /// The number of recent failures.
    pub failures: u32,
    /// The account that may be guessed at; many requests for one account are queued apart.
    pub account: Option<String>,
    /// Time during which nobody else gets a slot for the account; not zero if many guess at it.
    pub pause: Duration,
}

/// A queue for a fixed number of slots.
#[derive(Clone)]
pub struct HashingQueue(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    free: usize,
    waiting: Vec<Waiter>,
    next_number: u64,
    /// Whether a guess gets the next slot, if others wait as well.
    guess_goes_next: bool,
    /// Accounts without slots, and until when.
    paused: HashMap<String, Instant>,
}

struct Waiter {
    number: u64,
    /// The lowest is next.
    order: u64,
    /// Whether it is in the queue for guesses.
    is_guess: bool,
    ticket: Ticket,
}

/// What a waiter has to do.
enum Next {
    Go,
    Wait(Option<Instant>),
    GiveUp,
}

impl HashingQueue {
    /// A queue for this many slots.
    pub fn new(slots: usize) -> Self {
        let state = State { free: slots, waiting: Vec::new(), next_number: 0, guess_goes_next: false, paused: HashMap::new() };
        Self(Arc::new(Inner { state: Mutex::new(state), changed: Notify::new() }))
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// [`Error::Busy`] if the queue is full, or when a request with priority evicts this one.
    pub async fn acquire(&self, ticket: Ticket) -> Result<Slot> {
        let number = self.0.enqueue(ticket)?;
        let queued = Queued { queue: &self.0, number };
        loop {
            // Created before the check, so that no notification is missed.
            let changed = self.0.changed.notified();
            match self.0.next(queued.number) {
                Next::Go => return Ok(Slot(self.0.clone())),
                Next::GiveUp => return Err(Error::BUSY),
                Next::Wait(None) => changed.await,
                Next::Wait(Some(until)) => {
                    tokio::select! {
                        () = changed => {}
                        () = sleep_until(until) => {}
                    }
                }
            }
        }
    }

    /// Whether `acquire` would be refused at once; lets callers skip work that would be in vain.
    pub fn is_full_for(&self, ticket: &Ticket) -> bool {
        self.0.state().position_of(ticket).is_none()
    }

    /// The number of waiters.
    pub fn waiting(&self) -> usize {
        self.0.state().waiting.len()
    }
}

/// A position in the queue.
struct Position {
    is_guess: bool,
    order: u64,
    /// The waiter to evict for it.
    evicts: Option<usize>,
}

impl State {
    /// The position for a new request; `None` if the queue is full of requests with priority.
    fn position_of(&self, ticket: &Ticket) -> Option<Position> {
        let for_the_same = |other: &&Waiter| ticket.account.is_some() && other.ticket.account == ticket.account;
        let is_guess = !ticket.pause.is_zero() || self.waiting.iter().filter(for_the_same).count() >= GUESS_THRESHOLD;
        let of_theirs =
            self.waiting.iter().filter(|other| ticket.client.is_some() && other.ticket.client == ticket.client).count();
        let of_theirs = u32::try_from(of_theirs).unwrap_or(u32::MAX);
        let penalties = u64::from(ticket.failures.saturating_add(of_theirs).min(MAX_PENALTIES));
        // Among guesses the newest is first, so that a flood of waiting guesses does not delay the owner.
        let order = if is_guess { (penalties + 1) * NUMBERS - self.next_number } else { self.next_number + PENALTY * penalties };
        let alike = |at: &usize| self.waiting[*at].is_guess == is_guess;
        if (0..self.waiting.len()).filter(alike).count() < if is_guess { GUESS_CAPACITY } else { CAPACITY } {
            return Some(Position { is_guess, order, evicts: None });
        }
        let last = (0..self.waiting.len()).filter(alike).max_by_key(|&at| self.waiting[at].order)?;
        (self.waiting[last].order > order).then_some(Position { is_guess, order, evicts: Some(last) })
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn enqueue(&self, ticket: Ticket) -> Result<u64> {
        let mut state = self.state();
        let Some(Position { is_guess, order, evicts }) = state.position_of(&ticket) else { return Err(Error::BUSY) };
        if let Some(at) = evicts {
            state.waiting.swap_remove(at);
            self.changed.notify_waiters();
        }
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push(Waiter { number, order, is_guess, ticket });
        Ok(number)
    }

    fn next(&self, number: u64) -> Next {
        let mut state = self.state();
        let Some(at) = state.waiting.iter().position(|one| one.number == number) else { return Next::GiveUp };
        if state.free == 0 {
            return Next::Wait(None);
        }
        let now = Instant::now();
        let paused = |one: &Waiter| {
            let account = one.ticket.account.as_ref()?;
            state.paused.get(account).copied().filter(|until| *until > now)
        };
        let me = &state.waiting[at];
        if let Some(until) = paused(me) {
            return Next::Wait(Some(until));
        }
        let first = |is_guess| {
            let able = state.waiting.iter().filter(|one| one.is_guess == is_guess && paused(one).is_none());
            able.min_by_key(|one| (one.order, one.number)).map(|one| one.number)
        };
        let next =
            if state.guess_goes_next { first(true).or_else(|| first(false)) } else { first(false).or_else(|| first(true)) };
        if next != Some(number) {
            return Next::Wait(None);
        }
        let me = state.waiting.swap_remove(at);
        state.guess_goes_next = !me.is_guess;
        state.free -= 1;
        if let Some(account) = me.ticket.account.filter(|_| !me.ticket.pause.is_zero()) {
            state.paused.retain(|_, until| *until > now);
            state.paused.insert(account, now + me.ticket.pause);
        }
        // More slots are free, so the next waiter need not wait for this one to finish.
        if state.free > 0 {
            self.changed.notify_waiters();
        }
        Next::Go
    }
}

/// A waiter that may be cancelled before it gets a slot.
struct Queued<'a> {
    queue: &'a Inner,
    number: u64,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let before = state.waiting.len();
        state.waiting.retain(|one| one.number != self.number);
        if state.waiting.len() < before {
            self.queue.changed.notify_waiters();
        }
    }
}

/// The right to hash a password; released on drop.
pub struct Slot(Arc<Inner>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state().free += 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn from(host: u8) -> Ticket {
        Ticket { client: Some(Client::Network([192, 0, 2, host].into())), ..Ticket::default() }
    }

    /// Waits in the background and records its name when it gets a slot, which it releases at once.
    async fn wait(queue: &HashingQueue, ticket: Ticket, name: &'static str, told: &Arc<Mutex<Vec<&'static str>>>) {
        let (waiting, order) = (queue.waiting(), told.clone());
        let their_queue = queue.clone();
        tokio::spawn(async move {
            let slot = their_queue.acquire(ticket).await;
            order.lock().push(if slot.is_ok() { name } else { "sent away" });
        });
        while queue.waiting() == waiting {
            tokio::task::yield_now().await;
        }
    }

    async fn all_told(told: &Arc<Mutex<Vec<&'static str>>>, count: usize) -> Vec<&'static str> {
        while told.lock().len() < count {
            tokio::task::yield_now().await;
        }
        told.lock().clone()
    }

    #[tokio::test]
    async fn whoever_failed_or_has_others_waiting_goes_behind_those_who_have_not() {
        let (queue, told) = (HashingQueue::new(1), Arc::default());
        let slot = queue.acquire(from(0)).await.unwrap();
        wait(&queue, Ticket { failures: 1, ..from(1) }, "failed", &told).await;
        wait(&queue, from(2), "first of two", &told).await;
        wait(&queue, from(2), "second of two", &told).await;
        wait(&queue, from(3), "somebody else", &told).await;
        drop(slot);
        assert_eq!(all_told(&told, 4).await, ["first of two", "somebody else", "failed", "second of two"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let (queue, told) = (HashingQueue::new(1), Arc::default());
        let mut slot = queue.acquire(from(0)).await.unwrap();
        wait(&queue, Ticket { failures: 1, ..from(1) }, "failed", &told).await;
        for round in 0..=PENALTY {
            wait(&queue, from(2), "fresh", &told).await;
            let next = queue.acquire(from(3));
            drop(slot);
            slot = next.await.unwrap();
            if told.lock().contains(&"failed") {
                return assert!(round > 2, "the failure was no matter");
            }
        }
        panic!("those who came later always went before");
    }

    #[tokio::test]
    async fn only_so_many_wait_and_the_last_is_sent_away() {
        let (queue, told) = (HashingQueue::new(1), Arc::default());
        let slot = queue.acquire(from(0)).await.unwrap();
        for _ in 0..CAPACITY {
            wait(&queue, from(1), "of many", &told).await;
        }
        assert_eq!(queue.acquire(from(1)).await.err().map(|error| error.code()), Some("busy"), "one more of the same");
        let waiting = queue.acquire(from(2));
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none(), "somebody else takes the place of one of them");
        assert_eq!((all_told(&told, 1).await, queue.waiting()), (vec!["sent away"], CAPACITY));
        drop(slot);
        waiting.await.unwrap();
        all_told(&told, CAPACITY).await;
    }

    #[tokio::test]
    async fn those_who_guess_at_one_account_take_nobody_elses_place() {
        let (queue, told) = (HashingQueue::new(1), Arc::default());
        let slot = queue.acquire(from(0)).await.unwrap();
        let guess = |host| Ticket { account: Some("ada".into()), ..from(host) };
        for nth in 0..GUESS_THRESHOLD + GUESS_CAPACITY {
            wait(&queue, guess((nth % 256) as u8), "guess", &told).await;
        }
        let again = Ticket { failures: 1, ..guess(0) };
        assert_eq!(queue.acquire(again).await.err().map(|error| error.code()), Some("busy"));
        wait(&queue, from(1), "somebody else", &told).await;
        // The newest guess goes first, and the oldest is evicted.
        let owner = queue.acquire(Ticket { client: None, ..guess(0) });
        tokio::pin!(owner);
        assert!(owner.as_mut().now_or_never().is_none());
        assert_eq!(all_told(&told, 1).await, ["sent away"]);
        drop(slot);
        drop(owner.await.unwrap());
        let all = all_told(&told, GUESS_THRESHOLD + GUESS_CAPACITY + 1).await;
        let ticket = all.iter().position(|name| *name == "somebody else");
        assert!(ticket.is_some_and(|ticket| ticket < 2 * GUESS_THRESHOLD + 4), "others have every other slot: {all:?}");
    }

    #[tokio::test]
    async fn who_gives_up_makes_room() {
        let queue = HashingQueue::new(1);
        let slot = queue.acquire(from(0)).await.unwrap();
        {
            let waiting = queue.acquire(from(1));
            tokio::pin!(waiting);
            assert!(waiting.as_mut().now_or_never().is_none());
            assert_eq!(queue.waiting(), 1);
        }
        assert_eq!(queue.waiting(), 0);
        drop(slot);
        queue.acquire(from(1)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_at_one_account_are_paused_and_others_are_not() {
        let (queue, told) = (HashingQueue::new(1), Arc::default());
        let guess = |host| Ticket { account: Some("ada".into()), pause: Duration::from_secs(1), ..from(host) };
        let began = Instant::now();
        drop(queue.acquire(guess(1)).await.unwrap());
        wait(&queue, Ticket { failures: 3, ..guess(1) }, "guess", &told).await;
        wait(&queue, guess(2), "owner", &told).await;
        drop(queue.acquire(Ticket { failures: 9, ..from(3) }).await.unwrap());
        assert_eq!(began.elapsed(), Duration::ZERO, "others go on");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(*told.lock(), ["owner"]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(*told.lock(), ["owner", "guess"]);
    }
}
