//! Whose turn it is to search.
//!
//! Owns how many searches run at once: half as many as there are connections, and one for each person, whether they ask by pages or by
//! sockets. Who must wait does so in the order of coming, and first for their own turn: so nobody stands in the common line more than
//! once. It must not know what a search is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::model::UserId;

/// How long a search waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many searches of one person there may be, the one that runs and those that wait.
const MOST: usize = 9;

/// The turns.
#[derive(Debug)]
pub struct Turns {
    all: Arc<Semaphore>,
    people: Arc<People>,
}

type People = Mutex<HashMap<UserId, Line>>;

/// Somebody's searches.
#[derive(Debug)]
struct Line {
    turn: Arc<Semaphore>,
    count: usize,
}

/// A place in somebody's line; the line goes with the last one.
#[derive(Debug)]
struct Place {
    people: Arc<People>,
    person: UserId,
}

/// A turn, for as long as it is held.
#[derive(Debug)]
pub struct Turn {
    // In this order: whoever is next in the line must find it still there.
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _place: Place,
}

impl Turns {
    /// So many at once.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(count)), people: Arc::default() }
    }

    /// A turn for somebody.
    ///
    /// # Errors
    /// `busy`, at once when too many of their searches wait already, and after some time in any case.
    pub async fn take(&self, person: UserId) -> Result<Turn> {
        let (place, turn) = self.line_up(person).ok_or(Error::BUSY)?;
        let come = async { Some((turn.acquire_owned().await.ok()?, self.all.clone().acquire_owned().await.ok()?)) };
        let (own, all) = tokio::time::timeout(PATIENCE, come).await.ok().flatten().ok_or(Error::BUSY)?;
        Ok(Turn { _all: all, _own: own, _place: place })
    }

    fn line_up(&self, person: UserId) -> Option<(Place, Arc<Semaphore>)> {
        let mut people = self.people.lock();
        let line = people.entry(person).or_insert_with(|| Line { turn: Arc::new(Semaphore::new(1)), count: 0 });
        if line.count == MOST {
            return None;
        }
        line.count += 1;
        Some((Place { people: self.people.clone(), person }, line.turn.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut people = self.people.lock();
        if let Some(line) = people.get_mut(&self.person) {
            line.count -= 1;
            if line.count == 0 {
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

    fn poll<F: Future<Output = Result<Turn>>>(taking: Pin<&mut F>) -> Option<Result<Turn>> {
        match taking.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_has_one_at_a_time_and_the_others_wait_in_order() {
        let turns = Turns::new(3);
        let first = turns.take(ADA).await.unwrap();
        let (mut second, mut third) = (pin!(turns.take(ADA)), pin!(turns.take(ADA)));
        assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
        // Nobody else waits for her.
        drop(turns.take(EVE).await.unwrap());
        drop(first);
        assert!(poll(third.as_mut()).is_none());
        let second = poll(second.as_mut()).unwrap().unwrap();
        assert!(poll(third.as_mut()).is_none());
        drop(second);
        drop(poll(third.as_mut()).unwrap().unwrap());
        assert!(turns.people.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_or_with_too_many_is_told_that_the_server_is_busy() {
        let turns = Turns::new(1);
        let first = turns.take(ADA).await.unwrap();
        let mut waiting: Vec<_> = (1..MOST).map(|_| Box::pin(turns.take(ADA))).collect();
        assert!(waiting.iter_mut().all(|taking| poll(taking.as_mut()).is_none()));
        let one_more = poll(pin!(turns.take(ADA)).as_mut()).unwrap();
        assert_eq!(one_more.unwrap_err().code(), "busy");
        // However many there are of hers, somebody else waits behind the one that runs, and behind no other.
        let mut eves = pin!(turns.take(EVE));
        assert!(poll(eves.as_mut()).is_none());
        drop(first);
        assert!(poll(waiting[0].as_mut()).is_none());
        let eves = poll(eves.as_mut()).unwrap().unwrap();
        for taking in waiting {
            assert_eq!(taking.await.unwrap_err().code(), "busy");
        }
        drop(eves);
        assert!(turns.people.lock().is_empty());
    }
}
