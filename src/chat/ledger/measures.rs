//! What the ledger counts of its work.

use prometheus_client::metrics::counter::Counter;

use super::change::Outcome;
use crate::events::Event;
use crate::measure::{Sizes, Times};
use crate::model::Kind;

/// Counts since the start.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Committed new messages that people wrote.
    pub posts: Counter,
    /// Committed changes, posts among them, and those that changed nothing.
    pub committed: Counter,
    /// Changes that the rules refused.
    pub refused: Counter,
    /// Changes that the database could not commit.
    pub failed: Counter,
    /// Changes that found the queue full, or the ledger closed.
    pub busy: Counter,
    /// How many changes were committed together.
    pub batches: Sizes,
    /// How long a batch took, from its first statement to the end of its commit.
    pub commits: Times,
}

impl Measures {
    /// Counts a batch that went through.
    pub(super) fn count(&self, outcomes: &[Outcome], events: &[Event]) {
        let committed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        self.committed.inc_by(committed as u64);
        self.refused.inc_by((outcomes.len() - committed) as u64);
        let is_post =
            |event: &&Event| matches!(event, Event::Message { logged, is_new: true, .. } if logged.message.kind == Kind::Text);
        self.posts.inc_by(events.iter().filter(is_post).count() as u64);
    }
}
