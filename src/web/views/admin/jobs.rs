//! The job queue.

use askama::Template;

use super::count;
use crate::clock::Millis;
use crate::db::jobs::{Job, JobState};
use crate::jobs::administration::JobPage;
use crate::web::query::query_string;
use crate::web::views::AppLayout;

/// `GET /admin/jobs`.
#[derive(Debug, Template)]
#[template(path = "admin/jobs.html")]
pub struct JobsPage {
    layout: AppLayout,
    found: JobPage,
    filter: String,
    is_first: bool,
}

impl JobsPage {
    /// A page of the list.
    pub fn new(layout: AppLayout, found: JobPage, filter: String, is_first: bool) -> Self {
        Self { layout, found, filter: if filter == "all" { String::new() } else { filter }, is_first }
    }

    /// The links to other selections: name, query string, and whether it is this one.
    fn filters(&self) -> [(String, String, bool); 4] {
        let counts = self.found.counts;
        [
            ("All".to_owned(), ""),
            (format!("Waiting ({})", count(counts.waiting)), "waiting"),
            (format!("Running ({})", count(counts.running)), "running"),
            (format!("Dead ({})", count(counts.dead)), "dead"),
        ]
        .map(|(name, filter)| (name, query_string(&[("filter", filter)]), filter == self.filter))
    }

    /// The query string of the first page, or of the one before an id.
    fn query(&self, before: Option<&i64>) -> String {
        let before = before.map(ToString::to_string).unwrap_or_default();
        query_string(&[("filter", &self.filter), ("before", &before)])
    }

    fn is_running(&self, job: &Job) -> bool {
        job.state(self.found.now) == JobState::Running
    }

    fn is_dead(&self, job: &Job) -> bool {
        job.dead_at.is_some()
    }

    /// What it does, in words; the name of a kind of a newer version.
    fn work<'j>(&self, job: &'j Job) -> &'j str {
        match &*job.kind {
            "delete_blob" => "Delete a file that nothing refers to",
            "delete_chunks" => "Delete the parts of an upload that was given up",
            "preview" => "Make the previews of a file",
            "link_previews" => "Add link previews to a message",
            "remind" => "Say a reminder",
            "reset_link" => "Look up who forgot their password",
            "data_export" => "Put somebody’s own data together",
            other => other,
        }
    }

    fn attempts(&self, job: &Job) -> String {
        match job.attempts {
            0 => "Not tried yet".to_owned(),
            1 => "Tried once".to_owned(),
            attempts => format!("Tried {} times", count(attempts)),
        }
    }

    /// When it is tried next, if that is later.
    fn next_attempt(&self, job: &Job) -> Option<Millis> {
        (job.state(self.found.now) == JobState::Waiting && job.due_at > self.found.now).then_some(job.due_at)
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }
}
