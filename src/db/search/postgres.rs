//! Search on Postgres.
//!
//! Owns the choice between two plans. The GIN index returns matches in no order, so for a common word Postgres would fetch and
//! sort all of them; scanning back from the newest message is faster. For a rare word the index is faster. How common a word is
//! shows in the first part of the scan; the planner's statistics know little about words.

use std::time::Instant;

use futures_util::TryStreamExt;
use sqlx::{Connection, Postgres, Transaction};

use super::{HitRow, Matches, SearchQuery, dialect, is_visible};
use crate::db::Connections;

/// How many messages are scanned before the plans are compared.
const FIRST: i64 = 4_000;
/// Maximum number of messages scanned after that.
const MOST: i64 = 120_000;
/// How many messages can be scanned in the time of one random fetch through the index.
const FETCH: f64 = 15.0;

/// The statement of both plans: `near` yields message ids, newest first. `offset 0` keeps the planner from reordering the
/// subquery; ids are looked up one by one until the page is full.
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

/// Pinned messages are few: each is looked up in the index by id.
const PINNED: &str = hits!(
    "select message_id, words from words where message_id in (select id from messages where pinned_at is not null)
     and message_id > $3 and message_id < $4 order by message_id desc offset 0",
    "near.words @@ cast($2 as tsquery) and $9 = 0"
);

/// Error code of a statement that reached its time limit: `query_canceled`.
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

/// The newest matches between two ids, newest first. About `late` of the messages below `high` are probably newer than the
/// searched period. It runs in a transaction, which allows a time limit; it only reads.
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
    // After a cancelled statement, the pool tests the connection.
    if !matches.is_limited {
        guard.release();
    }
    Ok(matches)
}

impl Search<'_> {
    /// Searches below an id. The first `late` messages say nothing about how common the words are.
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
        // Estimated number of messages to scan, and of matches from the index.
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

    /// Searches for the missing matches below `high`. Matches found before a cancellation are kept.
    async fn run(&mut self, statement: &'static str, high: i64, steps: i64) -> sqlx::Result<()> {
        if let Some(until) = self.until {
            let rest = until.saturating_duration_since(Instant::now()).as_millis().max(1);
            // Up to this size the bitmap is exact; above it, whole pages are rechecked.
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
            // Planned anew for these words.
            .persistent(false)
            .fetch(&mut *self.tx);
        while let Some(row) = rows.try_next().await? {
            self.matches.hits.push(row.into());
        }
        Ok(())
    }

    /// The id at which a scan of `steps` messages ended; `None` if it reached the end.
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
