//! How far this machine's clock is from the database's.
//!
//! Owns the comparisons and their limits. Sessions, invitations and clean-up compare stored moments with the clock of whichever node looks,
//! so nodes must agree on the time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Millis};
use crate::db::{Db, OpenError};

/// A node whose clock is further off does not start, and is not ready, in milliseconds. If the database's clock is the wrong one, that is
/// every node: much less must not stop all of them.
const REFUSED: i64 = 30_000;
/// A node whose clock is further off says so, in milliseconds.
const WARNED: i64 = 5_000;
/// A pause is longer than this, in milliseconds: NTP moves a clock by less.
const PAUSE: i64 = 2_000;

/// The last comparison.
#[derive(Debug, Default)]
pub struct Skew {
    /// By how many milliseconds this clock is ahead; negative if it is behind.
    ahead: AtomicI64,
}

impl Skew {
    /// By how many milliseconds this clock is ahead at least; negative if it is behind.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Acquire)
    }

    /// Whether this node should not serve.
    pub fn is_refused(&self) -> bool {
        self.ahead().abs() > REFUSED
    }

    /// Whether sessions would end noticeably too early or too late.
    fn is_too_large(&self) -> bool {
        self.ahead().abs() > WARNED
    }

    /// Notes what the database's clock said between two moments of this one.
    pub(super) fn note(&self, before: Millis, theirs: Millis, after: Millis) {
        let was_too_large = self.is_too_large();
        self.ahead.store(ahead(before, theirs, after), Ordering::Release);
        match (was_too_large, self.is_too_large()) {
            (false, true) => {
                tracing::warn!(
                    "{}: sessions end too early or too late; beyond 30 seconds, this node is not ready",
                    said(self.ahead())
                )
            }
            (true, false) => tracing::info!("this machine’s clock agrees with the database’s again"),
            _ => {}
        }
    }
}

/// Notices that this machine was paused in a way that its own clocks do not show, as some hypervisors do: then the database's clock has
/// advanced further than this one.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// What this machine's uptime was when the database's clock was asked last, and what that said.
    last: Option<(Duration, Millis)>,
}

impl Pauses {
    /// Notes what the database's clock said between two moments of this machine's uptime. Returns whether it was paused since the last call.
    pub(super) fn note(&mut self, before: Duration, theirs: Millis, after: Duration) -> bool {
        let last = self.last.replace((before, theirs));
        last.is_some_and(|(then, said)| {
            let own = i64::try_from(after.saturating_sub(then).as_millis()).unwrap_or(i64::MAX);
            (theirs.0 - said.0).saturating_sub(own) > PAUSE
        })
    }
}

/// Compares the clocks before anything is read or written.
///
/// # Errors
/// With a sentence for the operator if they differ too much.
pub async fn check(db: &Db) -> Result<(), OpenError> {
    let Some(postgres) = db.shared() else { return Ok(()) };
    let before = Clock::system();
    let theirs = postgres.clock().await?;
    let ahead = ahead(before, theirs, Clock::system());
    if ahead.abs() > REFUSED {
        return Err(OpenError::Unusable(format!("{}. Set both, for example with NTP, and start again", said(ahead))));
    }
    Ok(())
}

/// By how many milliseconds a clock is ahead of the database's, at least; negative if it is behind, none if the database is a file here.
pub async fn measure(db: &Db, clock: &Clock) -> sqlx::Result<Option<i64>> {
    let Some(postgres) = db.shared() else { return Ok(None) };
    let before = clock.now();
    let theirs = postgres.clock().await?;
    Ok(Some(ahead(before, theirs, clock.now())))
}

/// By how much this clock is ahead, at least: the answer was given at some moment between `before` and `after`.
fn ahead(before: Millis, theirs: Millis, after: Millis) -> i64 {
    (before.0 - theirs.0).max(0) + (after.0 - theirs.0).min(0)
}

/// The difference in words.
pub fn said(ahead: i64) -> String {
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    format!("this machine’s clock is {} seconds {direction} the database’s", ahead.abs() / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_way_cannot_explain_is_a_difference() {
        for (before, theirs, after, expected) in [
            (1000, 1000, 1000, 0),
            (1000, 9000, 9001, 0),
            (1000, 9000, 8000, -1000),
            (50_000, 9000, 51_000, 41_000),
            (1000, 50_000, 2000, -48_000),
        ] {
            assert_eq!(ahead(Millis(before), Millis(theirs), Millis(after)), expected, "{before} {theirs} {after}");
        }
        assert_eq!(said(41_500), "this machine’s clock is 41 seconds ahead of the database’s");
        assert_eq!(said(-5_001), "this machine’s clock is 5 seconds behind the database’s");
    }

    #[test]
    fn what_was_right_again_is_no_problem_any_more() {
        let skew = Skew::default();
        let compare = |theirs| skew.note(Millis(100_000), Millis(theirs), Millis(100_010));
        for (theirs, is_too_large) in [(100_005, false), (95_001, false), (94_999, true), (105_011, true), (105_009, false)] {
            compare(theirs);
            assert_eq!(skew.is_too_large(), is_too_large, "{theirs}");
            assert!(!skew.is_refused());
        }
        compare(130_011);
        assert!(skew.is_refused());
    }

    #[test]
    fn a_pause_is_what_the_database_saw_and_this_machine_did_not() {
        let mut pauses = Pauses::default();
        let mut note =
            |before, theirs, after| pauses.note(Duration::from_millis(before), Millis(theirs), Duration::from_millis(after));
        assert!(!note(1_000, 700_000, 1_010));
        assert!(!note(3_000, 702_000, 3_010));
        // A slow answer, and a database's clock that is set back.
        assert!(!note(5_000, 712_000, 15_000));
        assert!(!note(17_000, 705_000, 17_010));
        // The clock here went on by two seconds, there by a minute.
        assert!(note(19_000, 765_000, 19_010));
        assert!(!note(21_000, 767_000, 21_010));
        // Within a call.
        assert!(note(23_000, 799_000, 23_010));
    }
}
