//! How much of something each may do in a time, in bounded memory.
//!
//! Owns the counts. It must not know what is counted, or what follows when there is too much of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::clock::Millis;
use crate::config::Rate;

/// How many are remembered in each kind. What is charged for costs a hash, so that even a flood does not come to this in the time
/// that one is remembered.
const REMEMBERED: usize = 100_000;

/// A rate as the generic cell rate algorithm (ITU-T I.371) has it: each charge costs so much time, and the debt may not exceed
/// the whole of it. In microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    each: i64,
    all: i64,
}

impl Pace {
    /// As a setting says it.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let all = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX / 4);
        Self { each: (all / i64::from(rate.count.get())).max(1), all }
    }

    /// So many times as much at once, in so many times the time.
    #[must_use]
    pub fn for_longer(self, times: i64) -> Self {
        Self { each: self.each, all: self.all.saturating_mul(times) }
    }

    /// So many times as much in the same time.
    #[must_use]
    pub fn more_often(self, times: i64) -> Self {
        Self { each: (self.each / times).max(1), all: self.all }
    }
}

/// That there is nothing left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When there is some again.
    pub retry_after: Duration,
    /// Whether this is the first to be told so since the last charge.
    pub is_news: bool,
}

/// The budgets of many, all of one kind.
pub struct Budgets<K> {
    pace: Pace,
    debts: HashMap<K, Debt>,
}

struct Debt {
    /// When all that was charged is paid off.
    paid_at: i64,
    is_told: bool,
}

impl<K: Hash + Eq + Clone> Budgets<K> {
    /// Budgets that are whole.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, debts: HashMap::new() }
    }

    /// Whether there is room for one more.
    ///
    /// # Errors
    /// [`Spent`] when there is not.
    pub fn check(&mut self, who: &K, now: Millis) -> Result<(), Spent> {
        let (pace, now) = (self.pace, micros(now));
        let Some(debt) = self.debts.get_mut(who) else { return Ok(()) };
        // Where the clock was set back it is forgotten for good: otherwise the wait would begin anew each time it is asked for.
        debt.paid_at = pace.clamp(debt.paid_at, now);
        match debt.paid_at + pace.each - pace.all - now {
            wait @ 1.. => {
                let is_news = !std::mem::replace(&mut debt.is_told, true);
                Err(Spent { retry_after: Duration::from_micros(wait.unsigned_abs()), is_news })
            }
            _ => Ok(()),
        }
    }

    /// How many charges are not paid off yet.
    #[must_use]
    pub fn count(&self, who: &K, now: Millis) -> u32 {
        let now = micros(now);
        let owed = self.debts.get(who).map_or(0, |debt| self.pace.clamp(debt.paid_at, now) - now);
        u32::try_from(owed.div_euclid(self.pace.each) + i64::from(owed % self.pace.each > 0)).unwrap_or(u32::MAX)
    }

    /// Charges for one.
    pub fn charge(&mut self, who: K, now: Millis) {
        let (pace, now) = (self.pace, micros(now));
        if self.debts.len() >= REMEMBERED && !self.debts.contains_key(&who) {
            self.debts.retain(|_, debt| debt.paid_at > now);
            if self.debts.len() >= REMEMBERED
                && let Some(forgotten) = self.debts.keys().next().cloned()
            {
                self.debts.remove(&forgotten);
            }
        }
        let debt = self.debts.entry(who).or_insert(Debt { paid_at: now, is_told: false });
        *debt = Debt { paid_at: pace.clamp(pace.clamp(debt.paid_at, now) + pace.each, now), is_told: false };
    }

    /// Gives the last charge back.
    pub fn refund(&mut self, who: &K) {
        if let Some(debt) = self.debts.get_mut(who) {
            debt.paid_at -= self.pace.each;
        }
    }
}

impl Pace {
    /// A debt is never more than the whole, even where the clock was set back since.
    fn clamp(self, paid_at: i64, now: i64) -> i64 {
        paid_at.clamp(now, now.saturating_add(self.all))
    }
}

fn micros(now: Millis) -> i64 {
    now.0.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn budgets(count: u32) -> Budgets<u32> {
        let count = NonZeroU32::new(count).unwrap();
        Budgets::new(Pace::new(Rate { count, per: Duration::from_secs(60) }))
    }

    fn wait(budgets: &mut Budgets<u32>, now: Millis) -> Option<u128> {
        budgets.check(&1, now).err().map(|spent| spent.retry_after.as_millis())
    }

    #[test]
    fn so_many_at_once_and_then_one_by_one() {
        let mut budgets = budgets(3);
        for count in 0..3 {
            assert_eq!((wait(&mut budgets, NOW), budgets.count(&1, NOW)), (None, count));
            budgets.charge(1, NOW);
        }
        assert_eq!((wait(&mut budgets, NOW), budgets.count(&1, NOW)), (Some(20_000), 3));
        assert_eq!(wait(&mut budgets, NOW.plus(19_000)), Some(1_000));
        assert_eq!(wait(&mut budgets, NOW.plus(20_000)), None);
        budgets.charge(1, NOW.plus(20_000));
        assert_eq!(wait(&mut budgets, NOW.plus(20_000)), Some(20_000));
        assert_eq!((wait(&mut budgets, NOW.plus(80_000)), budgets.count(&1, NOW.plus(80_000))), (None, 0));
        assert!(budgets.check(&2, NOW).is_ok(), "each has a budget of their own");
    }

    #[test]
    fn only_the_first_is_told_something_new() {
        let mut budgets = budgets(1);
        budgets.charge(1, NOW);
        let news = |budgets: &mut Budgets<u32>, now| budgets.check(&1, now).unwrap_err().is_news;
        assert!(news(&mut budgets, NOW));
        assert!(!news(&mut budgets, NOW));
        budgets.charge(1, NOW.plus(60_000));
        assert!(news(&mut budgets, NOW.plus(60_000)));
    }

    #[test]
    fn what_is_given_back_was_never_charged() {
        let mut budgets = budgets(1);
        budgets.charge(1, NOW);
        budgets.refund(&1);
        assert_eq!((wait(&mut budgets, NOW), budgets.count(&1, NOW)), (None, 0));
        budgets.refund(&1);
        budgets.charge(1, NOW);
        assert_eq!(wait(&mut budgets, NOW), Some(60_000), "nobody saves up");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let mut budgets = budgets(2);
        budgets.charge(1, NOW);
        budgets.charge(1, NOW);
        let an_hour_before = NOW.plus(-3_600_000);
        let first = wait(&mut budgets, an_hour_before).unwrap();
        assert!(first <= 60_000);
        assert_eq!(wait(&mut budgets, an_hour_before.plus(1_000)), Some(first - 1_000), "it passes");
        assert_eq!(wait(&mut budgets, an_hour_before.plus(60_000)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut budgets = budgets(1);
        for number in 0..REMEMBERED + 50 {
            budgets.charge(u32::try_from(number).unwrap(), NOW);
        }
        assert_eq!(budgets.debts.len(), REMEMBERED);
        budgets.charge(u32::MAX, NOW.plus(120_000));
        assert_eq!(budgets.debts.len(), 1);
    }
}
