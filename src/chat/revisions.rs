//! The edit history of a message, in pages.
//!
//! Owns who may read it, the size of a page, and rendering. The ledger writes it, and keeps the first and the last hundred
//! revisions. Rendering must not block the runtime: a page of long messages takes many times as long as a post.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::names::Names;
use super::{Chat, markdown};
use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::limits;
use crate::model::pagination::RevisionWindow;
use crate::permissions::{self, Action, Actor, Caller};

/// Maximum number of revisions in a page.
const PAGE: usize = 20;
/// How many pages may wait to be rendered; further ones are refused.
const QUEUE: usize = 64;

/// A version of a message before an edit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Revision {
    /// The edit that replaced it.
    #[serde(skip)]
    pub rev: i64,
    /// The text as typed.
    pub body: String,
    /// The text as sanitized HTML.
    pub html: String,
    /// When this version was written.
    pub written_at: Millis,
}

/// A page of revisions, newest first.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Revisions {
    /// The revisions.
    pub revisions: Vec<Revision>,
    /// Whether there are older ones.
    pub more: bool,
    /// The `before` of the page with older ones.
    pub next: Option<i64>,
    /// The `after` of the page with newer ones, if there are any; for links on the page.
    #[serde(skip)]
    pub newer: Option<i64>,
    /// Size of the revisions as JSON.
    #[serde(skip)]
    pub bytes: usize,
}

/// Limits concurrent rendering to half of the processors, and the number of waiting pages.
#[derive(Debug)]
pub struct Renderer {
    rendering: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Default for Renderer {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { rendering: Arc::new(Semaphore::new(processors.div_ceil(2))), waiting: Semaphore::new(QUEUE) }
    }
}

impl Chat {
    /// A page of a message's edit history, for its author and administrators.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, or `busy`.
    pub async fn revisions(&self, view: &RoomView, reader: Caller, seq: i64, place: RevisionWindow) -> Result<Revisions> {
        let logged = self.message(view, seq).await?;
        let author = logged.message.author.id;
        // Authors need no check for the administrator role, nor do those who may not use it.
        let is_admin =
            author != reader.id && reader.may_administer && self.db.find_user(reader.id).await?.is_some_and(|user| user.is_admin);
        permissions::may(Actor { id: reader.id, is_admin, is_guest: false }, Action::SeeRevisions(author), &view.facts())?;
        let waiting = self.revision_renderer.waiting.try_acquire().map_err(|_| Error::BUSY)?;
        let permit =
            self.revision_renderer.rendering.clone().acquire_owned().await.map_err(|fault| Error::Internal(fault.to_string()))?;
        drop(waiting);
        // Read after the wait, so that waiting requests hold no data.
        let found = self.db.list_revisions(view.room.id, seq, place, PAGE as i64 + 1).await?;
        let names = self.names.clone();
        let page = tokio::task::spawn_blocking(move || {
            let page = page(found, place, &names);
            // The permit moves into the task: if the request is cancelled, the processor is busy until the work ends.
            drop(permit);
            page
        });
        page.await.map_err(|fault| Error::Internal(fault.to_string()))
    }
}

/// Renders a page from `found`, which starts at `place`: with the oldest for [`RevisionWindow::After`], else with the newest.
fn page(found: Vec<(i64, String, Millis)>, place: RevisionWindow, names: &Names) -> Revisions {
    let count = found.len();
    let (mut revisions, mut bytes) = (Vec::new(), 0);
    for (rev, body, written_at) in found.into_iter().take(PAGE) {
        let html = markdown::render(&body, names).html;
        let revision = Revision { rev, body, html, written_at };
        let weight = serde_json::to_vec(&revision).map_or(0, |json| json.len());
        if bytes + weight > limits::ANSWER && !revisions.is_empty() {
            break;
        }
        revisions.push(revision);
        bytes += weight;
    }
    let is_cut = revisions.len() < count;
    let is_after = matches!(place, RevisionWindow::After(_));
    if is_after {
        revisions.reverse();
    }
    let (first, last) = (revisions.first().map(|it| it.rev), revisions.last().map(|it| it.rev));
    // There is always a page on the side from which the reader came.
    let more = if is_after { last.is_some() } else { is_cut };
    let newer = if is_after { first.filter(|_| is_cut) } else { first.filter(|_| place != RevisionWindow::Newest) };
    Revisions { revisions, more, next: last.filter(|_| more), newer, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(revs: impl Iterator<Item = i64>, body: &str) -> Vec<(i64, String, Millis)> {
        revs.map(|rev| (rev, body.to_owned(), Millis(rev))).collect()
    }

    fn shown(page: &Revisions) -> (Vec<i64>, bool, Option<i64>, Option<i64>) {
        (page.revisions.iter().map(|it| it.rev).collect(), page.more, page.next, page.newer)
    }

    #[test]
    fn a_page_says_where_older_and_newer_ones_are() {
        let names = Names::default();
        let all = page(found((1..=3).rev(), "words"), RevisionWindow::Newest, &names);
        assert_eq!(shown(&all), (vec![3, 2, 1], false, None, None));
        let newest = page(found((30..=50).rev(), "words"), RevisionWindow::Newest, &names);
        assert_eq!(shown(&newest), ((31..=50).rev().collect(), true, Some(31), None));
        let older = page(found((11..31).rev(), "words"), RevisionWindow::Before(31), &names);
        assert_eq!(shown(&older), ((11..31).rev().collect(), false, None, Some(30)));
        let newer = page(found(12..=32, "words"), RevisionWindow::After(11), &names);
        assert_eq!(shown(&newer), ((12..=31).rev().collect(), true, Some(12), Some(31)));
        let top = page(found(49..=50, "words"), RevisionWindow::After(48), &names);
        assert_eq!(shown(&top), (vec![50, 49], true, Some(49), None));
        let none = page(Vec::new(), RevisionWindow::Before(1), &names);
        assert_eq!(shown(&none), (vec![], false, None, None));
    }

    #[test]
    fn a_page_of_long_revisions_ends_early() {
        let (names, body) = (Names::default(), "[](a.bc)".repeat(1000));
        let page = page(found((1..=20).rev(), &body), RevisionWindow::Newest, &names);
        assert!((2..20).contains(&page.revisions.len()), "{}", page.revisions.len());
        assert!(page.more && page.next == page.revisions.last().map(|it| it.rev));
        let bytes = serde_json::to_vec(&page).expect("a page has a JSON form").len();
        assert!(bytes < limits::ANSWER + 100, "{bytes}");
    }
}
