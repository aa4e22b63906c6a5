//! How Postgres finds the newest matches.
//!
//! Owns the choice between its two ways. Its index gives matches in no order, so a common word would mean to fetch and sort all of
//! them: for one, walking back from the newest message is faster. For a rare word the index is. How common it is shows in the first
//! stretch of the walk, and the planner's statistics, which know little of words, are not asked.

use std::time::Instant;

use futures_util::TryStreamExt;
use sqlx::{Connection, Postgres, Transaction};

use super::{HitRow, Matches, SearchQuery, dialect, is_visible};
use crate::db::Connections;

/// How many messages the walk looks at before the ways are compared.
const FIRST: i64 = 4_000;
/// How many it looks at after that, at the most.
const MOST: i64 = 120_000;
/// How many messages are walked in the time in which one that the index names is fetched from anywhere in the table.
const FETCH: f64 = 15.0;

/// The statement of either way: `near` are messages by number, newest first. `offset 0` keeps the planner from rearranging what is
/// in the brackets; the numbers are looked up one by one until the page is full.
macro_rules! hits {
    ($near:literal, $is_match:literal) => {
        concat!(
            "select told.id, told.room_id, told.slug, told.name, told.seq from (",
            $near,
            ") as near
             cross join lateral (
                select messages.id, messages.room_id, slug, rooms.name, messages.seq
                from messages join rooms on rooms.id = messages.room_id
                left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
                where messages.id = near.message_id and",
            is_visible!(),
            "offset 0
             ) as told
             where ",
            $is_match,
            " order by near.message_id desc limit $8"
        )
    };
}

const WALK: &str = hits!(
    "select message_id, words from words where message_id > $3 and message_id < $4 order by message_id desc limit $9",
    "near.words @@ cast($2 as tsquery)"
);
const BY_INDEX: &str = hits!(
    "select message_id from words where words @@ cast($2 as tsquery) and message_id > $3 and message_id < $4
     order by message_id desc offset 0",
    "$9 = 0"
);

/// Pinned messages are few: each is looked up in the index by its number.
const PINNED: &str = hits!(
    "select message_id, words from words where message_id in (select id from messages where pinned_at is not null)
     and message_id > $3 and message_id < $4 order by message_id desc offset 0",
    "near.words @@ cast($2 as tsquery) and $9 = 0"
);

/// What Postgres calls it when a statement's time was up: `query_canceled`.
const CANCELED: &str = "57014";

struct Search<'a> {
    tx: Transaction<'a, Postgres>,
    wanted: &'a SearchQuery,
    query: String,
    low: i64,
    limit: i64,
    until: Option<Instant>,
    matches: Matches,
}

/// The newest matches between two numbers, newest first. Of the messages between them the last `late` ones were most likely said after the
/// moment until which is searched. In a transaction, which is what a limit of time can be set for; it only reads.
pub(super) async fn search(
    pool: &Connections<Postgres>,
    wanted: &SearchQuery,
    low: i64,
    high: i64,
    limit: i64,
    until: Option<Instant>,
    late: i64,
) -> sqlx::Result<Matches> {
    let mut guard = pool.acquire().await?;
    let matches = {
        let tx = guard.begin().await?;
        let query = dialect::tsquery(&wanted.all, &wanted.none);
        let mut search = Search { tx, wanted, query, low, limit, until, matches: Matches::default() };
        match search.find(high, late).await {
            Ok(()) => {}
            Err(sqlx::Error::Database(refusal)) if until.is_some() && refusal.code().as_deref() == Some(CANCELED) => {
                search.matches.is_limited = true;
            }
            Err(error) => return Err(error),
        }
        search.tx.rollback().await?;
        search.matches
    };
    // Where a statement was stopped the pool looks whether the connection is well.
    if !matches.is_limited {
        guard.release();
    }
    Ok(matches)
}

impl Search<'_> {
    /// Looks below a number; the first `late` messages there tell nothing of how common the words are.
    async fn find(&mut self, high: i64, late: i64) -> sqlx::Result<()> {
        if self.wanted.is_pinned == Some(true) {
            return self.run(PINNED, high, 0).await;
        }
        let first = FIRST + late.clamp(0, MOST);
        self.run(WALK, high, first).await?;
        if self.missing() <= 0 {
            return Ok(());
        }
        let Some(mut floor) = self.floor(high, first).await? else { return Ok(()) };
        // How many more messages the walk would look at, and how many the index would name.
        let share = (self.matches.hits.len() as f64 + 0.5) / FIRST as f64;
        let on_foot = self.missing() as f64 / share;
        let by_index = (floor - self.low) as f64 * share;
        if on_foot < by_index * FETCH {
            let steps = ((1.5 * on_foot) as i64).clamp(FIRST, MOST);
            self.run(WALK, floor, steps).await?;
            if self.missing() <= 0 {
                return Ok(());
            }
            let Some(further) = self.floor(floor, steps).await? else { return Ok(()) };
            floor = further;
        }
        self.run(BY_INDEX, floor, 0).await
    }

    fn missing(&self) -> i64 {
        self.limit - self.matches.hits.len() as i64
    }

    /// Looks for what is missing before number `high`. What was found before a statement is stopped is kept.
    async fn run(&mut self, statement: &'static str, high: i64, steps: i64) -> sqlx::Result<()> {
        if let Some(until) = self.until {
            let rest = until.saturating_duration_since(Instant::now()).as_millis().max(1);
            // A bitmap of what the index names has a place for each, up to this size; beyond it whole pages are read again.
            sqlx::query("select set_config('statement_timeout', $1, true), set_config('work_mem', '32MB', true)")
                .bind(rest.to_string())
                .execute(&mut *self.tx)
                .await?;
        }
        let missing = self.missing();
        let mut rows = sqlx::query_as::<_, HitRow>(statement)
            .bind(self.wanted.reader)
            .bind(&self.query)
            .bind(self.low)
            .bind(high)
            .bind(self.wanted.since())
            .bind(self.wanted.until())
            .bind(self.wanted.addressed())
            .bind(missing)
            .bind(steps)
            .bind(self.wanted.pinned())
            // Planned anew each time, for these very words.
            .persistent(false)
            .fetch(&mut *self.tx);
        while let Some(row) = rows.try_next().await? {
            self.matches.hits.push(row.into());
        }
        Ok(())
    }

    /// The number at which a walk of so many steps ended; nothing, if it came to the end of all.
    async fn floor(&mut self, high: i64, steps: i64) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar(
            "select message_id from words where message_id > $1 and message_id < $2 order by message_id desc offset $3 limit 1",
        )
        .bind(self.low)
        .bind(high)
        .bind(steps - 1)
        .fetch_optional(&mut *self.tx)
        .await
    }
}
