//! The overview: how much there is, and what is wrong.
//!
//! Owns the numbers and the warnings. They are read at most once a minute, because counting messages takes a while.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::Administration;
use crate::clock::Millis;
use crate::db::backup::state::{BackupState, LastBackup};
use crate::db::deliveries::OutboxCounts;
use crate::db::overview::{Counts, Engine};
use crate::db::retention::RetentionState;
use crate::db::search::IndexProgress;
use crate::error::Result;
use crate::permissions::{self, Actor, ServerAction};
use crate::timekeeping;

/// How many days the chart has.
const DAYS: usize = 30;
/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;
/// With less room on the disk there is a warning, in bytes.
const LITTLE_SPACE: i64 = 1024 * 1024 * 1024;
/// How long the numbers are kept, in milliseconds.
const KEPT: i64 = 60 * 1000;

/// The overview.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Overview {
    /// How many people there are.
    pub people: People,
    /// How many rooms there are.
    pub rooms: Rooms,
    /// How many messages there are.
    pub messages: Messages,
    /// The size of the database, in bytes.
    pub storage: Storage,
    /// Parlor's version.
    pub version: &'static str,
    /// The database's name and version.
    pub database: Database,
    /// How the database is.
    pub health: Health,
    /// The server's own backups; none: it makes none.
    pub backups: Option<Backups>,
    /// The deletion of what has expired.
    pub retention: RetentionState,
    /// What is to be delivered elsewhere.
    pub deliveries: Deliveries,
    /// What is wrong, or probably a mistake.
    pub warnings: Vec<Warning>,
}

/// What is to be delivered elsewhere.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = OverviewDeliveries)]
pub struct Deliveries {
    /// What will be delivered.
    pub waiting: i64,
    /// What was given up.
    pub dead: i64,
    /// Receivers whose last attempt failed.
    pub failing: i64,
    /// Receivers that nothing is kept for: they are paused, or too much waits.
    pub paused: i64,
}

/// The server's own backups.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewBackups)]
pub struct Backups {
    /// The moment whose state the last one holds.
    pub last_at: Option<Millis>,
    /// Its name.
    pub name: Option<String>,
    /// Its size, in bytes.
    pub bytes: Option<u64>,
    /// How many files are not in it, because they were missing or damaged.
    pub left_out: u64,
    /// Whether it is more than twice as old as it should get.
    pub is_late: bool,
    /// Why the last attempt failed, if it did.
    pub problem: Option<String>,
}

/// How the database is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewHealth)]
pub struct Health {
    /// How long the database took for a simple question, in milliseconds.
    pub database_ms: u64,
    /// How fast that is.
    pub database: Speed,
    /// Whether searches find everything.
    pub search: IndexState,
    /// How much room is left on the disk of a SQLite file, in bytes.
    pub disk_free_bytes: Option<i64>,
}

/// How fast the database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// As it should.
    Fast,
    /// Pages are noticeably slower.
    Slow,
    /// People wait.
    VerySlow,
}

impl Speed {
    fn of(took: Duration) -> Self {
        match took.as_millis() {
            0..50 => Self::Fast,
            50..500 => Self::Slow,
            _ => Self::VerySlow,
        }
    }
}

/// How far the search index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// Every message is in it.
    Whole,
    /// Some messages are not.
    Behind,
    /// Nodes of another version build it.
    OtherVersion,
}

/// How many people there are.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewPeople)]
pub struct People {
    /// All accounts.
    pub total: i64,
    /// Those that are not banned.
    pub active: i64,
    /// Active administrators.
    pub admins: i64,
    /// Banned people.
    pub banned: i64,
    /// Deactivated accounts.
    pub deactivated: i64,
}

/// How many rooms there are.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewRooms)]
pub struct Rooms {
    /// Public and private rooms.
    pub total: i64,
    /// Public rooms.
    pub public: i64,
    /// Private rooms.
    pub private: i64,
    /// Conversations.
    pub direct: i64,
}

/// How many messages there are.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewMessages)]
pub struct Messages {
    /// Entries of all rooms' logs: messages, deleted ones too, and notices.
    pub total: i64,
    /// Messages that people wrote on each of the last days (UTC), oldest first.
    pub per_day: Vec<Day>,
}

/// A day.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewDay)]
pub struct Day {
    /// The date.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// How many messages were written.
    pub count: i64,
}

/// What is stored.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewStorage)]
pub struct Storage {
    /// The size of the database, in bytes.
    pub database_bytes: i64,
}

/// The database.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OverviewDatabase)]
pub struct Database {
    /// Its name.
    pub kind: &'static str,
    /// Its version.
    pub version: String,
}

/// Something that is wrong, or probably a mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Warning {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// An overview, and when it was made.
#[derive(Debug)]
pub(super) struct Cached {
    at: Millis,
    overview: Overview,
}

impl Administration {
    /// The overview; up to a minute old.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn overview(&self, actor: Actor) -> Result<Overview> {
        permissions::may_administer(actor, ServerAction::SeeAdministration)?;
        let now = self.clock.now();
        // Held while it is made: of several who ask at once, one counts.
        let mut cached = self.overview.lock().await;
        if let Some(Cached { at, overview }) = &*cached
            && (now.0 - at.0).abs() < KEPT
        {
            return Ok(overview.clone());
        }
        let overview = self.new_overview(now).await?;
        *cached = Some(Cached { at: now, overview: overview.clone() });
        Ok(overview)
    }

    async fn new_overview(&self, now: Millis) -> Result<Overview> {
        let today = now.0.div_euclid(DAY);
        let first = today - DAYS as i64 + 1;
        let Counts { people, admins, banned, deactivated, public, private, direct, entries } = self.db.counts().await?;
        let counted = self.db.count_messages_by_day(Millis(first * DAY)).await?;
        let count_of = |day| counted.iter().find(|(counted, _)| *counted == day).map_or(0, |(_, count)| *count);
        let per_day = (first..=today).map(|day| Day { day: date(day), count: count_of(day) }).collect();
        let engine = self.db.engine().await?;
        let OutboxCounts { waiting, dead, failing, paused } = self.db.count_outbox().await?;
        let deliveries = Deliveries { waiting, dead, failing, paused };
        let backups = match self.backup_every {
            Some(every) => Some(backups(self.db.backup_state().await?, every, now)),
            None => None,
        };
        let mut warnings = self.warnings(&engine, admins, (self.db.count_dead_jobs().await?, deliveries), backups.as_ref());
        let doubt = self.db.clock_state().await?.doubt;
        warnings.extend(doubt.map(|doubt| Warning {
            code: "clock_ahead",
            message: format!("The clock is not believed: {}. See Doctor for what to do.", timekeeping::said(doubt)),
        }));
        Ok(Overview {
            people: People { total: people, active: people - banned - deactivated, admins, banned, deactivated },
            rooms: Rooms { total: public + private, public, private, direct },
            messages: Messages { total: entries, per_day },
            storage: Storage { database_bytes: engine.bytes },
            version: env!("CARGO_PKG_VERSION"),
            health: Health {
                database_ms: u64::try_from(engine.took.as_millis()).unwrap_or(u64::MAX),
                database: Speed::of(engine.took),
                search: match self.db.index_progress().await? {
                    IndexProgress::Whole => IndexState::Whole,
                    IndexProgress::Behind => IndexState::Behind,
                    IndexProgress::OtherVersion => IndexState::OtherVersion,
                },
                disk_free_bytes: engine.free_bytes,
            },
            warnings,
            deliveries,
            backups,
            retention: RetentionState { claim: None, ..self.db.retention_state().await? },
            database: Database { kind: engine.kind, version: engine.version },
        })
    }

    fn warnings(
        &self,
        engine: &Engine,
        admins: i64,
        (dead_jobs, deliveries): (i64, Deliveries),
        backups: Option<&Backups>,
    ) -> Vec<Warning> {
        let known = [
            (
                backups.is_some_and(|backups| backups.is_late),
                "backup_late",
                "The last backup is too old: more than two intervals (BACKUP_EVERY) have passed since.",
            ),
            (!engine.has_fsync, "fsync", "Postgres runs with fsync off: a power failure can destroy the database."),
            (
                !engine.has_full_page_writes,
                "full_page_writes",
                "Postgres runs with full_page_writes off: a power failure can destroy pages.",
            ),
            (
                !engine.has_synchronous_commit,
                "synchronous_commit",
                "Commits do not wait for the disk: a crash can lose acknowledged messages.",
            ),
            (
                admins == 1,
                "one_admin",
                "There is only one administrator. Make somebody else one as well, in case they lose access.",
            ),
            (
                engine.free_bytes.is_some_and(|free| free < LITTLE_SPACE),
                "disk_space",
                "The disk of the database is almost full: less than 1 GB is left.",
            ),
            (
                dead_jobs > 0,
                "dead_jobs",
                "Work in the background failed and was given up, such as previews of files. See Jobs for the reasons.",
            ),
            (
                deliveries.dead > 0 || deliveries.paused > 0,
                "dead_deliveries",
                "Deliveries to other services were given up, or what happens is not kept for some. See Deliveries for the reasons.",
            ),
            (
                !self.has_mail,
                "mail_off",
                "No mail is sent (SMTP_URL): people who forget their password need a link from an administrator.",
            ),
            (
                Speed::of(engine.took) == Speed::VerySlow,
                "database_slow",
                "The database is very slow: it took more than half a second to answer a simple question.",
            ),
        ];
        let known = known.into_iter().filter(|(applies, ..)| *applies);
        let mut warnings: Vec<_> = known.map(|(_, code, message)| Warning { code, message: message.to_owned() }).collect();
        if let Some(why) = backups.and_then(|backups| backups.problem.as_ref()) {
            warnings.push(Warning { code: "backup_failed", message: format!("The last backup failed: {why}") });
        }
        warnings.extend(self.doubts.iter().map(|doubt| Warning { code: "setting", message: doubt.clone() }));
        warnings
    }
}

/// How the server's own backups are.
fn backups(state: BackupState, every: i64, now: Millis) -> Backups {
    let is_late = state.is_late(every, now);
    let problem = state.failed.map(|failed| failed.why);
    match state.last {
        Some(LastBackup { at, name, bytes, left_out }) => {
            Backups { last_at: Some(at), name: Some(name), bytes: Some(bytes), left_out, is_late, problem }
        }
        None => Backups { last_at: None, name: None, bytes: None, left_out: 0, is_late, problem },
    }
}

fn as_text<S: Serializer>(day: &Date, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

/// The date that is so many days after 1970-01-01.
fn date(days: i64) -> Date {
    Date::constant(1970, 1, 1).saturating_add(days.days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_databases_are_told_from_fast_ones() {
        let of = |ms| Speed::of(Duration::from_millis(ms));
        assert_eq!([0, 49, 50, 499, 500].map(of), [Speed::Fast, Speed::Fast, Speed::Slow, Speed::Slow, Speed::VerySlow]);
    }

    #[test]
    fn days_are_counted_from_the_epoch() {
        assert_eq!([0, 1, 20_785].map(|day| date(day).to_string()), ["1970-01-01", "1970-01-02", "2026-11-28"]);
    }
}
