//! The queue for searches.
//!
//! Owns how many run at once: half as many as there are database connections, and one per user. Others wait in order, first for
//! their user's own permit, so that a user has at most one place in the common queue. It must not know what a search is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::model::UserId;

/// How long a search waits.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of running and waiting searches per user.
const MAX_PER_PERSON: usize = 9;

/// Limits concurrent searches.
#[derive(Debug)]
pub struct SearchQueue {
    all: Arc<Semaphore>,
    people: Arc<People>,
}

type People = Mutex<HashMap<UserId, PersonQueue>>;

/// The searches of a user.
#[derive(Debug)]
struct PersonQueue {
    permit: Arc<Semaphore>,
    count: usize,
}

/// A place in a user's queue, which is dropped with the last one.
#[derive(Debug)]
struct QueueEntry {
    people: Arc<People>,
    person: UserId,
}

/// The right to search; released on drop.
#[derive(Debug)]
pub struct SearchPermit {
    // In this order: the next waiter needs the user's queue to exist.
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _entry: QueueEntry,
}

impl SearchQueue {
    /// Allows `count` searches at once.
    pub fn new(count: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(count)), people: Arc::default() }
    }

    /// How many searches run or wait.
    pub fn count(&self) -> usize {
        self.people.lock().values().map(|queue| queue.count).sum()
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// `busy`, at once if too many searches of the user wait, and after a timeout.
    pub async fn acquire(&self, person: UserId) -> Result<SearchPermit> {
        let (entry, permit) = self.enqueue(person).ok_or(Error::BUSY)?;
        let permits = async { Some((permit.acquire_owned().await.ok()?, self.all.clone().acquire_owned().await.ok()?)) };
        let (own, all) = tokio::time::timeout(TIMEOUT, permits).await.ok().flatten().ok_or(Error::BUSY)?;
        Ok(SearchPermit { _all: all, _own: own, _entry: entry })
    }

    fn enqueue(&self, person: UserId) -> Option<(QueueEntry, Arc<Semaphore>)> {
        let mut people = self.people.lock();
        let queue = people.entry(person).or_insert_with(|| PersonQueue { permit: Arc::new(Semaphore::new(1)), count: 0 });
        if queue.count == MAX_PER_PERSON {
            return None;
        }
        queue.count += 1;
        Some((QueueEntry { people: self.people.clone(), person }, queue.permit.clone()))
    }
}

impl Drop for QueueEntry {
    fn drop(&mut self) {
        let mut people = self.people.lock();
        if let Some(queue) = people.get_mut(&self.person) {
            queue.count -= 1;
            if queue.count == 0 {
                people.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    const ADA: UserId = UserId(1);
    const EVE: UserId = UserId(2);

    fn poll<F: Future<Output = Result<SearchPermit>>>(acquiring: Pin<&mut F>) -> Option<Result<SearchPermit>> {
        match acquiring.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_has_one_at_a_time_and_the_others_wait_in_order() {
        let queue = SearchQueue::new(3);
        let first = queue.acquire(ADA).await.unwrap();
        let (mut second, mut third) = (pin!(queue.acquire(ADA)), pin!(queue.acquire(ADA)));
        assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
        // Other users do not wait for her.
        drop(queue.acquire(EVE).await.unwrap());
        drop(first);
        assert!(poll(third.as_mut()).is_none());
        let second = poll(second.as_mut()).unwrap().unwrap();
        assert!(poll(third.as_mut()).is_none());
        drop(second);
        drop(poll(third.as_mut()).unwrap().unwrap());
        assert!(queue.people.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_or_with_too_many_is_told_that_the_server_is_busy() {
        let queue = SearchQueue::new(1);
        let first = queue.acquire(ADA).await.unwrap();
        let mut waiting: Vec<_> = (1..MAX_PER_PERSON).map(|_| Box::pin(queue.acquire(ADA))).collect();
        assert!(waiting.iter_mut().all(|acquiring| poll(acquiring.as_mut()).is_none()));
        let one_more = poll(pin!(queue.acquire(ADA)).as_mut()).unwrap();
        assert_eq!(one_more.unwrap_err().code(), "busy");
        // However many are hers, another user waits only for the one that runs.
        let mut eves = pin!(queue.acquire(EVE));
        assert!(poll(eves.as_mut()).is_none());
        drop(first);
        assert!(poll(waiting[0].as_mut()).is_none());
        let eves = poll(eves.as_mut()).unwrap().unwrap();
        for acquiring in waiting {
            assert_eq!(acquiring.await.unwrap_err().code(), "busy");
        }
        drop(eves);
        assert!(queue.people.lock().is_empty());
    }
}
