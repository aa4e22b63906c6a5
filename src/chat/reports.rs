//! Reported messages.
//!
//! Owns these use-cases: reporting, the queues of administrators and of each room, and closing a report. A report keeps the text of its
//! moment: administrators who cannot read a private room see what was reported and nothing else.

use std::sync::Arc;

use serde_json::json;

use super::Chat;
use crate::chat::ledger::change::{Change, CleanUp};
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::reports::{NewReport, Outcome, Report, ReportFilter};
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::model::{Kind, UserId, validate};
use crate::permissions::{self, Action, Actor, Caller, ServerAction};
use crate::security_log::{self, Event, Source};

/// Maximum length of a reason, in characters.
const REASON: usize = 500;
/// Reports per page.
const PAGE: usize = 50;

/// A page of reports.
#[derive(Debug)]
pub struct Reports {
    /// The reports, the newest first.
    pub reports: Vec<Report>,
    /// The `before` of the next page.
    pub next: Option<i64>,
}

/// Where a person's own report stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnReport {
    /// Nobody has handled it yet.
    Open,
    /// It was handled.
    Closed,
}

impl Chat {
    /// Reports a message. A second report of the same person on it changes nothing while the first is open.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, `invalid` or `too_long` for `reason`, or `invalid` for a message that cannot be reported.
    pub async fn report(
        &self,
        (reporter, username): (UserId, &Arc<str>),
        slug: &str,
        seq: i64,
        reason: &str,
        source: &Source,
    ) -> Result<()> {
        let view = self.view(reporter, slug).await?;
        let message = self.message(&view, seq).await?.message.clone();
        if message.kind != Kind::Text || message.deleted_at.is_some() || message.author.id == reporter {
            return Err(Error::invalid("seq", "This message can’t be reported."));
        }
        let reason = validate::line("reason", reason, REASON)?;
        if reason.is_empty() {
            return Err(Error::invalid("reason", "Say what’s wrong with the message."));
        }
        self.allow(reporter, ActionKind::Report)?;
        let now = self.clock.now();
        let target = format!("{}/{seq}", view.room.slug);
        let event = Event::new(now, security_log::Action::ReportMessage, source).by(reporter, username).about(&*target);
        let report = NewReport {
            room: view.room.id,
            seq,
            body: message.body.clone(),
            author: message.author.id,
            reporter,
            reason,
            created_at: now,
        };
        if self.db.insert_report(&report, &event).await? {
            event.write_line();
        }
        Ok(())
    }

    /// Where the person's own latest report on a message stands.
    pub async fn own_report(&self, person: UserId, view: &RoomView, seq: i64) -> Result<Option<OwnReport>> {
        let found = self.db.own_report(person, view.room.id, seq).await?;
        Ok(found.map(|closed_at| if closed_at.is_some() { OwnReport::Closed } else { OwnReport::Open }))
    }

    /// A page of all reports.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `invalid` for `before`.
    pub async fn all_reports(&self, actor: Actor, is_open: bool, before: &str) -> Result<Reports> {
        permissions::may_administer(actor, ServerAction::SeeReports)?;
        self.list_reports(actor.id, ReportFilter { room: None, is_open, before: cursor(before)? }).await
    }

    /// A page of a room's reports.
    ///
    /// # Errors
    /// `forbidden` for those who do not moderate it; `invalid` for `before`.
    pub async fn room_reports(&self, actor: Actor, view: &RoomView, is_open: bool, before: &str) -> Result<Reports> {
        permissions::may(actor, Action::Moderate, &view.facts())?;
        self.list_reports(actor.id, ReportFilter { room: Some(view.room.id), is_open, before: cursor(before)? }).await
    }

    async fn list_reports(&self, reader: UserId, filter: ReportFilter) -> Result<Reports> {
        let mut reports = self.db.list_reports(reader, filter, PAGE as i64 + 1).await?;
        let has_more = reports.len() > PAGE;
        reports.truncate(PAGE);
        let next = reports.last().filter(|_| has_more).map(|last| last.id);
        Ok(Reports { reports, next })
    }

    /// A report that the actor may close: any for administrators, those of `room` for whoever moderates it.
    ///
    /// # Errors
    /// `forbidden`; `not_found`.
    pub async fn report_to_close(&self, actor: Actor, room: Option<&RoomView>, id: i64) -> Result<Report> {
        match room {
            Some(view) => permissions::may(actor, Action::Moderate, &view.facts())?,
            None => permissions::may_administer(actor, ServerAction::SeeReports)?,
        }
        let found = self.db.find_report(actor.id, id).await?;
        found.filter(|report| room.is_none_or(|view| view.room.id == report.room_id)).ok_or(Error::NotFound("report"))
    }

    /// Closes a report, and deletes the message if that is the outcome.
    ///
    /// # Errors
    /// `busy`.
    pub async fn close_report(
        &self,
        (closer, username): (UserId, &Arc<str>),
        report: &Report,
        outcome: Outcome,
        source: &Source,
    ) -> Result<()> {
        let now = self.clock.now();
        let target = format!("{}/{}", report.slug, report.seq);
        let event = |action| Event::new(now, action, source).by(closer, username).about(&*target);
        let mut events = vec![event(security_log::Action::CloseReport).note(outcome.as_str())];
        if outcome == Outcome::Deleted {
            // The server deletes it: the closer need not be a member.
            let seqs = vec![report.seq];
            let change = CleanUp { seqs, deletes_since: Some(Millis(0)), former_username: None, is_by_hand: true };
            self.ledger.submit(Caller::as_member(report.author_id), report.room_id, Change::CleanUp(change))?.outcome().await?;
            let deleted = event(security_log::Action::DeleteMessage);
            events.push(deleted.changed(Some(json!({ "author": report.author })), None));
        }
        if self.db.close_report(report, closer, outcome, now, &events).await? {
            events.iter().for_each(Event::write_line);
        }
        Ok(())
    }
}

fn cursor(before: &str) -> Result<i64> {
    if before.is_empty() {
        return Ok(i64::MAX);
    }
    before.parse().map_err(|_| Error::invalid("before", "`before` must be the `next` of an earlier answer."))
}
