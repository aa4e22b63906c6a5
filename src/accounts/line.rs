//! Who may hash a password next.
//!
//! Owns the turns of one line: a few work, a few more wait, and one more is told `busy`. Nobody fills it alone: whoever failed of
//! late, or has others waiting already, goes behind those who have not, and is the first to be sent away. Those who guess at an
//! account that many guess at wait apart, and have every other turn. It must not know what is hashed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, Result};
use crate::model::UserId;

/// How many may wait for a turn.
pub const WAITING: usize = 64;
/// How many may wait apart from them, who guess at an account that many guess at: among strangers from so many places, its owner at a
/// new one is served as well.
pub const GUESSING: usize = 256;
/// More tickets than there ever are.
const TICKETS: u64 = 1 << 48;
/// How many may wait for one account until it is one that many guess at.
const CROWD: usize = 8;
/// By how many places one goes back for each failure of late, and for each of one's own that waits: behind a whole line.
const BACK: u64 = WAITING as u64;
/// For how many of those at the most: then it is their turn in any case.
const MOST: u32 = 16;

/// For whom a turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Somebody who shows that they were here before.
    Person(UserId),
    /// Whoever is at this address, or in this network.
    Network(IpAddr),
}

/// What somebody asks for a turn with.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// For whom it is.
    pub party: Option<Party>,
    /// How often they failed of late.
    pub failures: u32,
    /// The account at which they may be guessing: many who wait for the same wait apart from all others.
    pub account: Option<String>,
    /// For how long nobody else has a turn for that account after them; some where many guess at it.
    pub pause: Duration,
}

/// A line.
#[derive(Clone)]
pub struct Line(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    free: usize,
    waiting: Vec<Waiting>,
    tickets: u64,
    /// Whether those who guess are next, where others wait as well.
    guess_is_next: bool,
    /// Until when nobody has a turn for these accounts.
    paused: HashMap<String, Instant>,
}

struct Waiting {
    ticket: u64,
    /// The lowest is next.
    order: u64,
    /// Whether they wait among those who guess.
    guesses: bool,
    place: Place,
}

/// What somebody who waits is to do.
enum Next {
    Go,
    Wait(Option<Instant>),
    GiveUp,
}

impl Line {
    /// One in which so many work at once.
    #[must_use]
    pub fn new(turns: usize) -> Self {
        let state = State { free: turns, waiting: Vec::new(), tickets: 0, guess_is_next: false, paused: HashMap::new() };
        Self(Arc::new(Inner { state: Mutex::new(state), changed: Notify::new() }))
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait who go before: at once, or when they come.
    pub async fn turn(&self, place: Place) -> Result<Turn> {
        let ticket = self.0.enter(place)?;
        let queued = Queued { line: &self.0, ticket };
        loop {
            // Made before the look: what changes in between is not missed.
            let changed = self.0.changed.notified();
            match self.0.next(queued.ticket) {
                Next::Go => return Ok(Turn(self.0.clone())),
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

    /// Whether somebody would be told `busy` at once: for whoever has something to look at before they ask for a turn.
    #[must_use]
    pub fn is_full_for(&self, place: &Place) -> bool {
        self.0.state().rank(place).is_none()
    }

    /// How many wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.0.state().waiting.len()
    }
}

/// Where somebody would wait.
struct Rank {
    guesses: bool,
    order: u64,
    /// Who would be sent away for them.
    instead_of: Option<usize>,
}

impl State {
    /// Where somebody would wait who comes now; nowhere when it is full of those who go before them.
    fn rank(&self, place: &Place) -> Option<Rank> {
        let for_the_same = |other: &&Waiting| place.account.is_some() && other.place.account == place.account;
        let guesses = !place.pause.is_zero() || self.waiting.iter().filter(for_the_same).count() >= CROWD;
        let of_theirs = self.waiting.iter().filter(|other| place.party.is_some() && other.place.party == place.party).count();
        let of_theirs = u32::try_from(of_theirs).unwrap_or(u32::MAX);
        let back = u64::from(place.failures.saturating_add(of_theirs).min(MOST));
        // Of those who guess the newest is the first, so that nobody holds the owner up by waiting in numbers.
        let order = if guesses { (back + 1) * TICKETS - self.tickets } else { self.tickets + BACK * back };
        let alike = |at: &usize| self.waiting[*at].guesses == guesses;
        if (0..self.waiting.len()).filter(alike).count() < if guesses { GUESSING } else { WAITING } {
            return Some(Rank { guesses, order, instead_of: None });
        }
        let last = (0..self.waiting.len()).filter(alike).max_by_key(|&at| self.waiting[at].order)?;
        (self.waiting[last].order > order).then_some(Rank { guesses, order, instead_of: Some(last) })
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way.
        self.state.lock()
    }

    fn enter(&self, place: Place) -> Result<u64> {
        let mut state = self.state();
        let Some(Rank { guesses, order, instead_of }) = state.rank(&place) else { return Err(Error::BUSY) };
        if let Some(at) = instead_of {
            state.waiting.swap_remove(at);
            self.changed.notify_waiters();
        }
        let ticket = state.tickets;
        state.tickets += 1;
        state.waiting.push(Waiting { ticket, order, guesses, place });
        Ok(ticket)
    }

    fn next(&self, ticket: u64) -> Next {
        let mut state = self.state();
        let Some(at) = state.waiting.iter().position(|one| one.ticket == ticket) else { return Next::GiveUp };
        if state.free == 0 {
            return Next::Wait(None);
        }
        let now = Instant::now();
        let paused = |one: &Waiting| {
            let account = one.place.account.as_ref()?;
            state.paused.get(account).copied().filter(|until| *until > now)
        };
        let me = &state.waiting[at];
        if let Some(until) = paused(me) {
            return Next::Wait(Some(until));
        }
        let first = |guesses| {
            let able = state.waiting.iter().filter(|one| one.guesses == guesses && paused(one).is_none());
            able.min_by_key(|one| (one.order, one.ticket)).map(|one| one.ticket)
        };
        let next = if state.guess_is_next { first(true).or_else(|| first(false)) } else { first(false).or_else(|| first(true)) };
        if next != Some(ticket) {
            return Next::Wait(None);
        }
        let me = state.waiting.swap_remove(at);
        state.guess_is_next = !me.guesses;
        state.free -= 1;
        if let Some(account) = me.place.account.filter(|_| !me.place.pause.is_zero()) {
            state.paused.retain(|_, until| *until > now);
            state.paused.insert(account, now + me.place.pause);
        }
        // Where there are more turns, the next one need not wait for the end of this one.
        if state.free > 0 {
            self.changed.notify_waiters();
        }
        Next::Go
    }
}

/// Somebody in the line, who may go away before their turn.
struct Queued<'a> {
    line: &'a Inner,
    ticket: u64,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut state = self.line.state();
        let before = state.waiting.len();
        state.waiting.retain(|one| one.ticket != self.ticket);
        if state.waiting.len() < before {
            self.line.changed.notify_waiters();
        }
    }
}

/// The right to work now.
pub struct Turn(Arc<Inner>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.state().free += 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn from(host: u8) -> Place {
        Place { party: Some(Party::Network([192, 0, 2, host].into())), ..Place::default() }
    }

    /// Somebody waits, under a name that is told when their turn comes, and lasts no time.
    async fn wait(line: &Line, place: Place, name: &'static str, told: &Arc<Mutex<Vec<&'static str>>>) {
        let (waiting, order) = (line.waiting(), told.clone());
        let line_of_theirs = line.clone();
        tokio::spawn(async move {
            let turn = line_of_theirs.turn(place).await;
            order.lock().push(if turn.is_ok() { name } else { "sent away" });
        });
        while line.waiting() == waiting {
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
        let (line, told) = (Line::new(1), Arc::default());
        let turn = line.turn(from(0)).await.unwrap();
        wait(&line, Place { failures: 1, ..from(1) }, "failed", &told).await;
        wait(&line, from(2), "first of two", &told).await;
        wait(&line, from(2), "second of two", &told).await;
        wait(&line, from(3), "somebody else", &told).await;
        drop(turn);
        assert_eq!(all_told(&told, 4).await, ["first of two", "somebody else", "failed", "second of two"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let (line, told) = (Line::new(1), Arc::default());
        let mut turn = line.turn(from(0)).await.unwrap();
        wait(&line, Place { failures: 1, ..from(1) }, "failed", &told).await;
        for round in 0..=BACK {
            wait(&line, from(2), "fresh", &told).await;
            let next = line.turn(from(3));
            drop(turn);
            turn = next.await.unwrap();
            if told.lock().contains(&"failed") {
                return assert!(round > 2, "the failure was no matter");
            }
        }
        panic!("those who came later always went before");
    }

    #[tokio::test]
    async fn only_so_many_wait_and_the_last_is_sent_away() {
        let (line, told) = (Line::new(1), Arc::default());
        let turn = line.turn(from(0)).await.unwrap();
        for _ in 0..WAITING {
            wait(&line, from(1), "of many", &told).await;
        }
        assert_eq!(line.turn(from(1)).await.err().map(|error| error.code()), Some("busy"), "one more of the same");
        let waiting = line.turn(from(2));
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none(), "somebody else takes the place of one of them");
        assert_eq!((all_told(&told, 1).await, line.waiting()), (vec!["sent away"], WAITING));
        drop(turn);
        waiting.await.unwrap();
        all_told(&told, WAITING).await;
    }

    #[tokio::test]
    async fn those_who_guess_at_one_account_take_nobody_elses_place() {
        let (line, told) = (Line::new(1), Arc::default());
        let turn = line.turn(from(0)).await.unwrap();
        let guess = |host| Place { account: Some("ada".into()), ..from(host) };
        for nth in 0..CROWD + GUESSING {
            wait(&line, guess((nth % 256) as u8), "guess", &told).await;
        }
        let again = Place { failures: 1, ..guess(0) };
        assert_eq!(line.turn(again).await.err().map(|error| error.code()), Some("busy"));
        wait(&line, from(1), "somebody else", &told).await;
        // The newest goes before all who waited, and the oldest is sent away for them.
        let owner = line.turn(Place { party: None, ..guess(0) });
        tokio::pin!(owner);
        assert!(owner.as_mut().now_or_never().is_none());
        assert_eq!(all_told(&told, 1).await, ["sent away"]);
        drop(turn);
        drop(owner.await.unwrap());
        let all = all_told(&told, CROWD + GUESSING + 1).await;
        let place = all.iter().position(|name| *name == "somebody else");
        assert!(place.is_some_and(|place| place < 2 * CROWD + 4), "others have every other turn: {all:?}");
    }

    #[tokio::test]
    async fn who_gives_up_makes_room() {
        let line = Line::new(1);
        let turn = line.turn(from(0)).await.unwrap();
        {
            let waiting = line.turn(from(1));
            tokio::pin!(waiting);
            assert!(waiting.as_mut().now_or_never().is_none());
            assert_eq!(line.waiting(), 1);
        }
        assert_eq!(line.waiting(), 0);
        drop(turn);
        line.turn(from(1)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_at_one_account_are_paused_and_others_are_not() {
        let (line, told) = (Line::new(1), Arc::default());
        let guess = |host| Place { account: Some("ada".into()), pause: Duration::from_secs(1), ..from(host) };
        let began = Instant::now();
        drop(line.turn(guess(1)).await.unwrap());
        wait(&line, Place { failures: 3, ..guess(1) }, "guess", &told).await;
        wait(&line, guess(2), "owner", &told).await;
        drop(line.turn(Place { failures: 9, ..from(3) }).await.unwrap());
        assert_eq!(began.elapsed(), Duration::ZERO, "others go on");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(*told.lock(), ["owner"]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(*told.lock(), ["owner", "guess"]);
    }
}
