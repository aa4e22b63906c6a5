//! Searching messages.
//!
//! Owns the statements that query the index, where the SQL of the two databases differs. Each joins rooms and memberships at the
//! time of the query: messages that the reader cannot see are never found. New messages are indexed by `follow` on SQLite and by
//! the ledger on Postgres, older ones by `build`.

mod build;
pub mod dialect;
mod follow;
mod merge;
mod postgres;
mod reach;
mod sqlite;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

pub use self::build::IndexProgress;
pub(super) use self::build::SourceRow;
pub(super) use self::follow::Follower;
pub(super) use self::merge::{MERGE, due};
use sqlx::FromRow;

use super::messages::messages;
use super::{Db, read};
use crate::clock::Millis;
use crate::fulltext::term::Expression;
use crate::model::{Message, RoomId, UserId};

/// Adds documents to SQLite's index: a JSON array of ids with words.
const PUT: &str = "insert into words (rowid, body) select value->>0, value->>1 from jsonb_each(?)";

/// Assumed clock skew between message timestamps: a day.
const CLOCKS: i64 = 24 * 60 * 60 * 1000;

/// A search of the index.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// The reader, who finds only what they can see.
    pub reader: UserId,
    /// Expressions that a message must match; never empty.
    pub all: Vec<Expression>,
    /// Expressions that it must not match.
    pub none: Vec<Expression>,
    /// Earliest time.
    pub since: Option<Millis>,
    /// Latest time, exclusive.
    pub until: Option<Millis>,
    /// Whether the message must, or must not, mention the reader.
    pub addressed: Option<bool>,
    /// Whether the message must, or must not, be pinned.
    pub is_pinned: Option<bool>,
}

/// A matching message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its id. Never sent to clients: ids count the messages of all rooms.
    pub id: i64,
    /// Its room.
    pub room: RoomId,
    /// The room's slug.
    pub slug: Arc<str>,
    /// The room's name.
    pub name: String,
    /// Its `seq`.
    pub seq: i64,
}

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// Whether the time limit was reached: there may be more.
    pub is_limited: bool,
}

type HitRow = (i64, RoomId, String, String, i64);

impl From<HitRow> for Hit {
    fn from((id, room, slug, name, seq): HitRow) -> Self {
        Self { id, room, slug: slug.into(), name, seq }
    }
}

/// Conditions on an indexed message, for both databases: `$1` is the reader, `$5` and `$6` the period, `$7` whether it must
/// mention the reader, `$10` whether it must be pinned.
macro_rules! is_visible {
    () => {
        concat!(" messages.kind = 'text' and messages.deleted_at is null and messages.created_at >= $5 and messages.created_at < $6
          and ", crate::db::visible!("$1"), "
          and ($7 = 0 or exists (select 1 from mentions where mentions.user_id = $1 and mentions.message_id = messages.id) = ($7 = 1))
          and ($10 = 0 or (messages.pinned_at is not null) = ($10 = 1)) ")
    };
}
pub(super) use is_visible;

/// Encodes an optional condition for the statements.
fn choice(must: Option<bool>) -> i64 {
    must.map_or(0, |must| if must { 1 } else { 2 })
}

impl SearchQuery {
    fn addressed(&self) -> i64 {
        choice(self.addressed)
    }

    fn pinned(&self) -> i64 {
        choice(self.is_pinned)
    }

    fn since(&self) -> i64 {
        self.since.map_or(i64::MIN, |moment| moment.0)
    }

    fn until(&self) -> i64 {
        self.until.map_or(i64::MAX, |moment| moment.0)
    }
}

impl Db {
    /// The newest matches below the id `below`, newest first. At `until` it stops and returns what it has found.
    ///
    /// Call it from a task of its own: a cancelled statement keeps running on Postgres.
    pub async fn search(&self, wanted: &SearchQuery, below: i64, limit: i64, until: Option<Instant>) -> sqlx::Result<Matches> {
        let (low, high) = self.between(wanted).await?;
        let high = high.min(below);
        match self {
            Self::Sqlite(sqlite) => sqlite::search(&sqlite.read, wanted, low, high, limit, until).await,
            Self::Postgres(pools) => {
                let late = match wanted.until {
                    Some(until) => high.saturating_sub(self.number_at(until).await?),
                    None => 0,
                };
                postgres::search(&pools.read, wanted, low, high, limit, until, late).await
            }
        }
    }

    /// The range of ids for a period. Ids follow the clock except for clock skew, so the range is a day wider, and timestamps are
    /// compared as well. The ids of imported messages do not, nor do those before them (`unordered_until`): all of these are in the range,
    /// unless even the first message after them is too early.
    async fn between(&self, wanted: &SearchQuery) -> sqlx::Result<(i64, i64)> {
        let low = match wanted.since {
            Some(since) => {
                let low = self.number_at(since.plus(-CLOCKS)).await?;
                if low <= self.unordered_until().await? { 0 } else { low }
            }
            None => 0,
        };
        let high = match wanted.until {
            Some(until) => self.number_at(until.plus(CLOCKS)).await?.saturating_add(1),
            None => i64::MAX,
        };
        Ok((low, high))
    }

    /// The last id that an import has written; 0 without one.
    async fn unordered_until(&self) -> sqlx::Result<i64> {
        let statement = "select coalesce(max(cast(value as bigint)), 0) from meta where key = 'unordered_until'";
        read!(self, |pool| sqlx::query_scalar(statement).fetch_one(pool).await)
    }

    /// The last id before a time, found by binary search without an index; not less than the last that an import has written.
    async fn number_at(&self, moment: Millis) -> sqlx::Result<i64> {
        read!(self, |pool| sqlx::query_scalar(
            "with recursive step (low, high) as (
                select (select coalesce(max(cast(value as bigint)), 0) from meta where key = 'unordered_until'),
                       (select coalesce(max(id), 0) + 1 from messages)
                union all
                select case when (select created_at from messages where id >= (low + high) / 2 order by id limit 1) < $1
                       then (low + high) / 2 else low end,
                       case when (select created_at from messages where id >= (low + high) / 2 order by id limit 1) < $1
                       then high else (low + high) / 2 end
                from step where high - low > 1
             )
             select low from step where high - low <= 1",
        )
        .bind(moment)
        .fetch_one(pool)
        .await)
    }

    /// The texts of matching messages.
    pub async fn bodies(&self, hits: &[Hit]) -> sqlx::Result<HashMap<i64, String>> {
        let ids = serde_json::json!(hits.iter().map(|hit| hit.id).collect::<Vec<_>>()).to_string();
        match self {
            Self::Sqlite(sqlite) => {
                let rows: String = sqlx::query_scalar(
                    "select json_group_array(json_array(messages.id, body)) from json_each($1) join messages on messages.id = value",
                )
                .bind(ids)
                .fetch_one(&sqlite.read)
                .await?;
                let rows: Vec<(i64, String)> = serde_json::from_str(&rows).map_err(|error| sqlx::Error::Decode(error.into()))?;
                Ok(rows.into_iter().collect())
            }
            Self::Postgres(postgres) => {
                #[derive(FromRow)]
                struct Row {
                    id: i64,
                    body: String,
                }
                let rows: Vec<Row> = sqlx::query_as(
                    "select id, body from messages where id in (select cast(value as bigint) from json_array_elements_text(cast($1 as json)))",
                )
                .bind(ids)
                .fetch_all(&postgres.read)
                .await?;
                Ok(rows.into_iter().map(|row| (row.id, row.body)).collect())
            }
        }
    }

    /// The matching messages, in the same order.
    pub async fn found(&self, hits: &[Hit]) -> sqlx::Result<Vec<Message>> {
        let mut order: Vec<_> = hits.iter().enumerate().collect();
        order.sort_unstable_by_key(|(_, hit)| hit.id);
        let ids = serde_json::json!(order.iter().map(|(_, hit)| hit.id).collect::<Vec<_>>()).to_string();
        let rows = match self {
            Self::Sqlite(_) => {
                messages!(self, "where messages.id in (select value from json_each($1)) order by messages.id", ids)
            }
            Self::Postgres(_) => messages!(
                self,
                "where messages.id in (select cast(value as bigint) from json_array_elements_text(cast($1 as json))) order by messages.id",
                ids
            ),
        };
        // Message rows are never deleted, so the counts differ only if a whole room was just deleted.
        if rows.len() != order.len() {
            return Err(sqlx::Error::RowNotFound);
        }
        let mut found: Vec<_> =
            order.into_iter().zip(rows).map(|((place, hit), row)| (place, row.into_message(&hit.slug))).collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        Ok(found.into_iter().map(|(_, message)| message).collect())
    }
}
