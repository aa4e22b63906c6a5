//! Statements on reported messages.
//!
//! Owns that a person has one open report on a message, and that a report keeps the text of that moment.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::{RoomId, UserId};
use crate::security_log::Event;

/// A new report.
#[derive(Clone, Debug)]
pub struct NewReport {
    /// The room.
    pub room: RoomId,
    /// The message.
    pub seq: i64,
    /// Its text now.
    pub body: String,
    /// Its author.
    pub author: UserId,
    /// Who reports it.
    pub reporter: UserId,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at: Millis,
}

/// What was done about a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing.
    Dismissed,
    /// The message was deleted.
    Deleted,
    /// Its author was banned.
    Banned,
}

impl Outcome {
    /// Its name in JSON and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dismissed => "dismissed",
            Self::Deleted => "deleted",
            Self::Banned => "banned",
        }
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Report {
    /// Its id.
    pub id: i64,
    /// The room.
    pub room_id: RoomId,
    /// The room's slug.
    pub slug: String,
    /// The room's name.
    pub room_name: String,
    /// Whether it is a conversation.
    pub is_direct: bool,
    /// Whether whoever reads the report can read the room.
    pub is_visible: bool,
    /// The message.
    pub seq: i64,
    /// Its text when it was reported.
    pub body: String,
    /// Its author.
    pub author_id: UserId,
    /// The author's username.
    pub author: String,
    /// The author's name.
    pub author_name: String,
    /// The username of whoever reported it.
    pub reporter: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at: Millis,
    /// When it was closed.
    pub closed_at: Option<Millis>,
    /// The username of whoever closed it.
    pub closed_by: Option<String>,
    /// What was done.
    pub outcome: Option<Outcome>,
}

/// Which reports are listed.
#[derive(Clone, Copy, Debug)]
pub struct ReportFilter {
    /// Those of a room, or all.
    pub room: Option<RoomId>,
    /// Open or closed ones.
    pub is_open: bool,
    /// Those before this id.
    pub before: i64,
}

/// Reports with the names in them, as `$1` may read them.
macro_rules! reports {
    ($condition:literal) => {
        concat!(
            "select reports.id, reports.room_id, slug, rooms.name as room_name, direct_key is not null as is_direct,
                    visibility = 'public' or exists (select 1 from memberships
                        where memberships.room_id = rooms.id and memberships.user_id = $1) as is_visible,
                    reports.seq, body, author_id, authors.username as author, authors.name as author_name,
                    reporters.username as reporter, reason, reports.created_at, closed_at, closers.username as closed_by, outcome
             from reports join rooms on rooms.id = reports.room_id join users as authors on authors.id = author_id
             join users as reporters on reporters.id = reporter_id left join users as closers on closers.id = closed_by
             where ",
            $condition
        )
    };
}

impl Db {
    /// Stores a report; `false` if the person has an open one on the message.
    pub async fn insert_report(&self, report: &NewReport, event: &Event) -> sqlx::Result<bool> {
        let (report, rows) = (report.clone(), rows([event]));
        transaction!(self, |tx| {
            let stored = sqlx::query(
                "insert into reports (room_id, seq, body, author_id, reporter_id, reason, created_at)
                 values ($1, $2, $3, $4, $5, $6, $7)
                 on conflict (reporter_id, room_id, seq) where closed_at is null do nothing",
            )
            .bind(report.room)
            .bind(report.seq)
            .bind(&report.body)
            .bind(report.author)
            .bind(report.reporter)
            .bind(&report.reason)
            .bind(report.created_at)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if stored == 0 {
                return Ok(false);
            }
            record!(tx, rows);
            true
        })
    }

    /// A page of reports, the newest first, as `reader` may see them.
    pub async fn list_reports(&self, reader: UserId, filter: ReportFilter, limit: i64) -> sqlx::Result<Vec<Report>> {
        read!(self, |pool| sqlx::query_as(reports!(
            "reports.id < $2 and ($3 = 0 or reports.room_id = $3) and (closed_at is null) = $4 order by reports.id desc limit $5"
        ))
        .bind(reader)
        .bind(filter.before)
        .bind(filter.room.unwrap_or(RoomId(0)))
        .bind(filter.is_open)
        .bind(limit)
        .fetch_all(pool)
        .await)
    }

    /// A report, as `reader` may see it.
    pub async fn find_report(&self, reader: UserId, id: i64) -> sqlx::Result<Option<Report>> {
        read!(self, |pool| sqlx::query_as(reports!("reports.id = $2")).bind(reader).bind(id).fetch_optional(pool).await)
    }

    /// The latest report of a person on a message: when it was closed, if it was.
    pub async fn own_report(&self, reporter: UserId, room: RoomId, seq: i64) -> sqlx::Result<Option<Option<Millis>>> {
        read!(self, |pool| sqlx::query_scalar(
            "select closed_at from reports where reporter_id = $1 and room_id = $2 and seq = $3 order by id desc limit 1"
        )
        .bind(reporter)
        .bind(room)
        .bind(seq)
        .fetch_optional(pool)
        .await)
    }

    /// Closes an open report; if the message was deleted, all open reports on it. `false` if it was closed before.
    pub async fn close_report(
        &self,
        report: &Report,
        by: UserId,
        outcome: Outcome,
        now: Millis,
        events: &[Event],
    ) -> sqlx::Result<bool> {
        let (report, rows) = (report.clone(), rows(events));
        transaction!(self, |tx| {
            let closed = sqlx::query(
                "update reports set closed_at = $2, closed_by = $3, outcome = $4
                 where closed_at is null and (id = $1 or ($5 and room_id = $6 and seq = $7))",
            )
            .bind(report.id)
            .bind(now)
            .bind(by)
            .bind(outcome)
            .bind(outcome == Outcome::Deleted)
            .bind(report.room_id)
            .bind(report.seq)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if closed == 0 {
                return Ok(false);
            }
            record!(tx, rows);
            true
        })
    }
}
