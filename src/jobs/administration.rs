//! What administrators see of jobs, and can do with them.
//!
//! Owns these use-cases. What a job is about is not shown: administrators need not know rooms that they cannot read.

use std::sync::Arc;

use super::Jobs;
use crate::clock::Millis;
use crate::db::jobs::{Job, JobCounts, JobState};
use crate::error::{Error, Result};
use crate::permissions::{self, Actor, ServerAction};
use crate::security_log::{Action, Event, Source};

/// Jobs per page.
const PAGE: usize = 50;

/// A page of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPage {
    /// The jobs, the latest first.
    pub jobs: Vec<Job>,
    /// The `before` of the next page.
    pub next: Option<i64>,
    /// How many there are in all.
    pub counts: JobCounts,
    /// The moment at which they stood like that.
    pub now: Millis,
}

impl Jobs {
    /// A page of jobs.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `invalid` for `filter` or `before`.
    pub async fn list(&self, actor: Actor, filter: &str, before: &str) -> Result<JobPage> {
        permissions::may_administer(actor, ServerAction::SeeJobs)?;
        let state = match filter {
            "" | "all" => None,
            filter => Some(
                JobState::parse(filter).ok_or_else(|| Error::invalid("filter", "Filter by all, waiting, running or dead."))?,
            ),
        };
        let before = match before {
            "" => i64::MAX,
            before => before.parse().map_err(|_| Error::invalid("before", "This isn’t a place in the list."))?,
        };
        let now = self.0.clock.now();
        let counts = self.0.db.count_jobs(now).await?;
        let mut jobs = self.0.db.list_jobs(state, before, now, PAGE + 1).await?;
        let has_more = jobs.len() > PAGE;
        jobs.truncate(PAGE);
        let next = jobs.last().filter(|_| has_more).map(|last| last.id);
        Ok(JobPage { jobs, next, counts, now })
    }

    /// Has a job tried now, even one that was given up.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`; `invalid` while it runs.
    pub async fn retry(&self, actor: Actor, username: &Arc<str>, id: &str, source: &Source) -> Result<()> {
        let (job, event) = self.job_to_change(actor, username, id, Action::RetryJob, source).await?;
        if !self.0.db.retry_job(job.id, event.at, &event).await? {
            return Err(is_running());
        }
        event.write_line();
        self.wake();
        Ok(())
    }

    /// Deletes a job: it will never be done.
    ///
    /// # Errors
    /// As [`Self::retry`].
    pub async fn delete(&self, actor: Actor, username: &Arc<str>, id: &str, source: &Source) -> Result<()> {
        let (job, event) = self.job_to_change(actor, username, id, Action::DeleteJob, source).await?;
        if !self.0.db.delete_job(job.id, event.at, &event).await? {
            return Err(is_running());
        }
        event.write_line();
        Ok(())
    }

    /// Has all jobs tried again that were given up.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn retry_dead(&self, actor: Actor, username: &Arc<str>, source: &Source) -> Result<()> {
        permissions::may_administer(actor, ServerAction::ManageJobs)?;
        let event = Event::new(self.0.clock.now(), Action::RetryJob, source).by(actor.id, username).note("all dead jobs");
        if self.0.db.retry_dead_jobs(event.at, &event).await? > 0 {
            event.write_line();
            self.wake();
        }
        Ok(())
    }

    async fn job_to_change(
        &self,
        actor: Actor,
        username: &Arc<str>,
        id: &str,
        action: Action,
        source: &Source,
    ) -> Result<(Job, Event)> {
        permissions::may_administer(actor, ServerAction::ManageJobs)?;
        // What is not a number is no job.
        let job = self.0.db.find_job(id.parse().unwrap_or(0)).await?.ok_or(Error::NotFound("job"))?;
        let event = Event::new(self.0.clock.now(), action, source).by(actor.id, username);
        let event = event.about(&*job.id.to_string()).note(&job.kind);
        Ok((job, event))
    }
}

/// The refusal to change a job that somebody works on.
fn is_running() -> Error {
    Error::invalid("id", "This job is running, or was done just now. Look at the list again.")
}
