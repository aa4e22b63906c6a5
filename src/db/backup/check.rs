//! Looks for what must never be in a database: gaps in the logs, rows that refer to nothing, counts that are wrong.
//!
//! Owns these statements. They read everything: they are for a scratch copy, not for a server's database.

use sqlx::{AssertSqlSafe, Executor};

use super::super::{Db, read};

/// How many examples of one problem are told.
const EXAMPLES: i64 = 5;

/// What must not be, as a sentence, and what finds it: a text for each case. Rooms that are being deleted are left out: their logs go in
/// steps.
const NEVER: [(&str, &str); 11] = [
    (
        "the log of a room has gaps",
        "select 'room ' || slug || ': ' || coalesce(log.count, 0) || ' messages, the first ' || coalesce(log.first, 0)
                || ', the last ' || coalesce(log.last, 0) || ', and the room is at ' || rooms.seq
         from rooms left join (select room_id, count(*) as count, min(seq) as first, max(seq) as last from messages group by room_id) as log
              on log.room_id = rooms.id
         where removed_at is null and (coalesce(log.count, 0) <> rooms.seq or coalesce(log.last, 0) <> rooms.seq or coalesce(log.first, 1) <> 1)",
    ),
    (
        "the last change of a room is not in its log, or two messages share one",
        "select 'room ' || slug || ': its messages are at ' || coalesce(log.last, 0) || ', and the room is at ' || rooms.rev
         from rooms left join (select room_id, count(*) as count, count(distinct rev) as revs, max(rev) as last from messages group by room_id)
              as log on log.room_id = rooms.id
         where removed_at is null and (coalesce(log.last, 0) <> rooms.rev or log.count <> log.revs or rooms.rev < rooms.seq)",
    ),
    (
        "a room counts its members wrongly",
        "select 'room ' || slug from rooms
         where removed_at is null and members <> (select count(*) from memberships where memberships.room_id = rooms.id)",
    ),
    (
        "somebody has read further than a room goes",
        "select 'room ' || slug || ', person ' || user_id from memberships join rooms on rooms.id = room_id where read_seq > seq",
    ),
    (
        "a message replies to one that is not before it",
        "select 'message ' || id from messages where reply_to is not null and not exists (
             select 1 from messages as first
             where first.room_id = messages.room_id and first.seq = messages.reply_to and first.seq < messages.seq)",
    ),
    (
        "a message is in a thread that does not exist",
        "select 'message ' || id from messages where thread is not null and not exists (
             select 1 from messages as first
             where first.room_id = messages.room_id and first.seq = messages.thread and first.seq < messages.seq)",
    ),
    (
        "a deleted message has kept its text",
        "select 'message ' || id from messages where deleted_at is not null and (body <> '' or html <> '')",
    ),
    (
        "a mention is of another message than it says",
        "select 'message ' || message_id from mentions where not exists (
             select 1 from messages where id = message_id and messages.room_id = mentions.room_id and messages.seq = mentions.seq)",
    ),
    (
        "a file belongs to a message that does not exist",
        "select 'file ' || id from files where room_id is not null and not exists (
             select 1 from messages where messages.room_id = files.room_id and messages.seq = files.seq)",
    ),
    (
        "a file has another size than its content",
        "select 'file ' || id from files join blobs on blobs.hash = files.hash where blobs.bytes <> files.bytes",
    ),
    (
        "a message that is to be indexed does not exist",
        "select 'message ' || message_id from unindexed where not exists (select 1 from messages where id = message_id)",
    ),
];

/// How many steps looking for what is broken has: these, and two of SQLite's own.
pub const CHECKS: u64 = NEVER.len() as u64 + 2;

impl Db {
    /// How many different files there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_blobs(&self) -> sqlx::Result<u64> {
        let count: i64 = read!(self, |pool| sqlx::query_scalar("select count(*) from blobs").fetch_one(pool).await)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// What is wrong with the database, a sentence with some examples each; empty if it is whole.
    ///
    /// # Errors
    /// The database's.
    pub async fn broken_invariants(&self) -> sqlx::Result<Vec<String>> {
        Ok(self.find_broken_invariants(&mut |_| true).await?.unwrap_or_default())
    }

    /// The same. Before each of its [`CHECKS`] steps, `goes_on` is told how many are done; once it says no, nothing more is read, and the
    /// result is `None`.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_broken_invariants(
        &self,
        goes_on: &mut (dyn FnMut(u64) -> bool + Send),
    ) -> sqlx::Result<Option<Vec<String>>> {
        let mut broken = Vec::new();
        for (done, (what, statement)) in (0..).zip(NEVER) {
            if !goes_on(done) {
                return Ok(None);
            }
            let statement = format!("{statement} limit {}", EXAMPLES + 1);
            let mut cases: Vec<String> = read!(self, |pool| sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(pool).await)?;
            let more = if cases.len() as i64 > EXAMPLES { ", and others" } else { "" };
            cases.truncate(EXAMPLES as usize);
            if !cases.is_empty() {
                broken.push(format!("{what} ({}{more})", cases.join("; ")));
            }
        }
        if let Self::Sqlite(sqlite) = self {
            if !goes_on(NEVER.len() as u64) {
                return Ok(None);
            }
            let told: Vec<String> = sqlx::query_scalar("pragma integrity_check(5)").fetch_all(&sqlite.read).await?;
            if told != ["ok"] {
                broken.push(format!("SQLite finds the file damaged ({})", told.join("; ")));
            }
            if !goes_on(NEVER.len() as u64 + 1) {
                return Ok(None);
            }
            let index = sqlite.write.execute("insert into words (words) values ('integrity-check')").await;
            if let Err(sqlx::Error::Database(refusal)) = index {
                broken.push(format!("the search index is damaged ({})", refusal.message()));
            }
        }
        Ok(goes_on(CHECKS).then_some(broken))
    }
}
