//! How large an answer may be, and how much memory may be held for people.
//!
//! Owns the sizes, the budget of the answers that are being made or have not left yet, and the permits in which one person's reads run.
//! It must not know what is read or how it is sent. The limit on the number of connections is `server::limits`.
//!
//! | what | how much |
//! |---|---|
//! | one answer | [`ANSWER`] bytes of messages, or one message |
//! | the reads of one person at once, pages and sockets together | [`READS`]; the next ones wait in their order |
//! | an answer that is being made | [`MAKING`] bytes are reserved; then its size, until it has left |
//! | the time that a read waits for its permit | [`WAITING`]; then it is `busy` |
//! | what waits for one socket | [`SOCKET`] bytes; then its connection is cut |
//! | all answers together | half of `MEMORY_LIMIT` |
//! | the recent messages of rooms, in memory | the other half |
//! | broadcasts that a socket has not written | a quarter of `MEMORY_LIMIT` among all, each counted once; then the sockets that hold them are cut |

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::model::UserId;

/// Maximum size of the messages in an answer, unless a single message is larger.
pub const ANSWER: usize = 1024 * 1024;
/// Memory reserved while an answer is being built: its rows, messages and encoding.
pub const MAKING: usize = 12 * ANSWER;
/// Maximum number of concurrent reads per user.
pub const READS: usize = 4;
/// How long a read waits for its permits.
pub const WAITING: Duration = Duration::from_secs(10);
/// Answers up to this size fit into the system's socket buffer and are not tracked until they are sent.
pub const SMALL: usize = 16 * 1024;
/// How many bytes may wait for one socket.
pub const SOCKET: u64 = crate::transport::MAX_BYTES;
/// Bytes per permit of the memory semaphore.
const UNIT: usize = 1024;

/// The contiguous range of items around `anchor` whose weights fit into `limit`; always includes the anchor.
pub fn fit(weights: &[usize], anchor: usize, limit: usize) -> Range<usize> {
    fit_with(weights.len(), anchor, limit, |at| weights[at])
}

/// The same for `count` items that are weighed lazily: at most one more than fits on each side.
pub fn fit_with(count: usize, anchor: usize, limit: usize, mut weigh: impl FnMut(usize) -> usize) -> Range<usize> {
    if count == 0 {
        return 0..0;
    }
    let anchor = anchor.min(count - 1);
    let (mut from, mut to, mut total) = (anchor, anchor + 1, weigh(anchor));
    let (mut grows_down, mut grows_up) = (true, true);
    while grows_down || grows_up {
        let before = from.checked_sub(1).filter(|_| grows_down).map(|at| (at, weigh(at)));
        let before = before.filter(|(_, weight)| total.saturating_add(*weight) <= limit);
        grows_down = before.is_some();
        if let Some((at, weight)) = before {
            from = at;
            total += weight;
        }
        let behind = Some(to).filter(|at| grows_up && *at < count).map(&mut weigh);
        let behind = behind.filter(|weight| total.saturating_add(*weight) <= limit);
        grows_up = behind.is_some();
        if let Some(weight) = behind {
            to += 1;
            total += weight;
        }
    }
    from..to
}

/// Limits on concurrent reads, per user and in total memory.
#[derive(Debug)]
pub struct Reads {
    memory: Arc<Semaphore>,
    /// All units of memory.
    units: usize,
    /// Permits reserved per answer, never more than all.
    making: u32,
    people: Mutex<HashMap<UserId, Weak<Semaphore>>>,
}

/// The permits of a user. Each connection holds them, so that all of them share one semaphore.
#[derive(Clone, Debug)]
pub struct ReadPermits(Arc<Semaphore>);

/// A read in progress, and its answer until it is sent.
#[derive(Debug)]
pub struct Reading {
    memory: OwnedSemaphorePermit,
    _permit: OwnedSemaphorePermit,
}

impl Reads {
    /// Limits the memory of all answers to `memory` bytes.
    pub fn new(memory: usize) -> Self {
        let units = (memory / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        let making = u32::try_from((MAKING / UNIT).min(units)).unwrap_or(u32::MAX);
        Self { memory: Arc::new(Semaphore::new(units)), units, making, people: Mutex::default() }
    }

    /// How many bytes are held for answers.
    pub fn held(&self) -> usize {
        (self.units - self.memory.available_permits().min(self.units)) * UNIT
    }

    /// The permits of a user.
    pub fn permits_of(&self, person: UserId) -> ReadPermits {
        let mut people = self.people.lock();
        let held = people.get(&person).and_then(Weak::upgrade);
        ReadPermits(held.unwrap_or_else(|| {
            let permits = Arc::new(Semaphore::new(READS));
            people.insert(person, Arc::downgrade(&permits));
            permits
        }))
    }

    /// Waits for one of the user's permits and then for memory, in order of arrival: at most [`READS`] reads of one user are
    /// ahead of anybody else's.
    ///
    /// # Errors
    /// `busy` after [`WAITING`].
    pub async fn begin(&self, permits: &ReadPermits) -> Result<Reading> {
        let begin = async {
            let permit = permits.0.clone().acquire_owned().await.ok()?;
            let memory = self.memory.clone().acquire_many_owned(self.making).await.ok()?;
            Some(Reading { memory, _permit: permit })
        };
        tokio::time::timeout(WAITING, begin).await.ok().flatten().ok_or(Error::Busy { retry_after: Duration::from_secs(1) })
    }

    /// Drops the permits of users without connections; called regularly.
    pub fn forget_absent(&self) {
        let mut people = self.people.lock();
        people.retain(|_, permits| permits.strong_count() > 0);
    }
}

impl Reading {
    /// Releases all reserved memory above the size of the finished answer.
    pub fn made(&mut self, bytes: usize) {
        let surplus = self.memory.num_permits().saturating_sub(bytes.div_ceil(UNIT));
        drop(self.memory.split(surplus));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_grows_from_its_anchor() {
        let weights = [5, 1, 1, 1, 5];
        assert_eq!(fit(&weights, 0, 7), 0..3, "the first ones");
        assert_eq!(fit(&weights, 4, 7), 2..5, "the last ones");
        assert_eq!(fit(&weights, 2, 3), 1..4, "those around the middle");
        assert_eq!(fit(&weights, 2, 100), 0..5, "all");
        assert_eq!(fit(&weights, 0, 1), 0..1, "one, however heavy");
        assert_eq!(fit(&weights, 9, 1), 4..5, "an anchor behind the end is the last one");
        assert_eq!(fit(&[], 0, 9), 0..0);
        let mut weighed = Vec::new();
        let kept = fit_with(100, 50, 5, |at| {
            weighed.push(at);
            1
        });
        assert_eq!(kept, 48..53);
        assert!(weighed.len() <= 7, "{weighed:?} were weighed");
    }

    #[tokio::test]
    async fn one_person_waits_for_themselves_and_for_nobody_else() {
        let reads = Reads::new(100 * MAKING);
        let (ada, grace) = (reads.permits_of(UserId(1)), reads.permits_of(UserId(2)));
        let mut held = Vec::new();
        for _ in 0..READS {
            held.push(reads.begin(&ada).await.unwrap());
        }
        let again = reads.permits_of(UserId(1));
        let mut next = Box::pin(reads.begin(&again));
        assert!(futures_util::poll!(&mut next).is_pending(), "the fifth read of one person runs");
        reads.begin(&grace).await.unwrap();
        held.pop();
        next.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_that_is_made_holds_its_size() {
        let reads = Reads::new(MAKING + 2 * ANSWER);
        let mut first = reads.begin(&reads.permits_of(UserId(1))).await.unwrap();
        let permits = reads.permits_of(UserId(2));
        let mut next = Box::pin(reads.begin(&permits));
        assert!(futures_util::poll!(&mut next).is_pending(), "more is held than there is");
        first.made(2 * ANSWER);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn a_small_budget_serves_one_after_the_other() {
        let reads = Reads::new(1);
        drop(reads.begin(&reads.permits_of(UserId(1))).await.unwrap());
        drop(reads.begin(&reads.permits_of(UserId(2))).await.unwrap());
        reads.forget_absent();
        assert!(reads.people.lock().is_empty());
    }
}
