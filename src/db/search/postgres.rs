//! How Postgres finds the newest matches.
//!
//! Owns the choice between its two ways. Its index gives matches in no order, so a common word would mean to fetch and sort all of
//! them: for one, walking back from the newest message is faster. For a rare word the index is. How common it is shows in the first
//! stretch of the walk, and the planner's statistics, which know little of words, are not asked.

use sqlx::Postgres;

use super::{Hit, HitRow, Wanted, dialect, may_be_told};
use crate::db::Connections;

/// How many messages the walk looks at before the ways are compared.
const FIRST: i64 = 2_000;
/// How many it looks at in all.
const MOST: i64 = 60_000;

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
            may_be_told!(),
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

struct Search<'a> {
    pool: &'a Connections<Postgres>,
    wanted: &'a Wanted,
    query: String,
    low: i64,
}

/// The newest matches between two numbers, newest first.
pub(super) async fn search(
    pool: &Connections<Postgres>,
    wanted: &Wanted,
    low: i64,
    high: i64,
    limit: i64,
) -> sqlx::Result<Vec<Hit>> {
    let search = Search { pool, wanted, query: dialect::tsquery(&wanted.all, &wanted.none), low };
    let mut hits = search.run(WALK, high, limit, FIRST).await?;
    let missing = |hits: &[Hit]| limit - hits.len() as i64;
    if missing(&hits) <= 0 {
        return Ok(hits);
    }
    let Some(mut floor) = search.floor(high, FIRST).await? else { return Ok(hits) };
    // How many more messages the walk would look at, and how many the index would name.
    let share = (hits.len() as f64 + 0.5) / FIRST as f64;
    let on_foot = missing(&hits) as f64 / share;
    let by_index = (floor - low) as f64 * share;
    if on_foot < by_index {
        let steps = ((1.5 * on_foot) as i64).clamp(FIRST, MOST);
        hits.extend(search.run(WALK, floor, missing(&hits), steps).await?);
        if missing(&hits) <= 0 {
            return Ok(hits);
        }
        let Some(further) = search.floor(floor, steps).await? else { return Ok(hits) };
        floor = further;
    }
    hits.extend(search.run(BY_INDEX, floor, missing(&hits), 0).await?);
    Ok(hits)
}

impl Search<'_> {
    async fn run(&self, statement: &'static str, high: i64, limit: i64, steps: i64) -> sqlx::Result<Vec<Hit>> {
        let rows: Vec<HitRow> = sqlx::query_as(statement)
            .bind(self.wanted.reader)
            .bind(&self.query)
            .bind(self.low)
            .bind(high)
            .bind(self.wanted.since())
            .bind(self.wanted.until())
            .bind(self.wanted.addressed())
            .bind(limit)
            .bind(steps)
            // Planned anew each time, for these very words.
            .persistent(false)
            .fetch_all(self.pool)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The number at which a walk of so many steps ended; nothing, if it came to the end of all.
    async fn floor(&self, high: i64, steps: i64) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar(
            "select message_id from words where message_id > $1 and message_id < $2 order by message_id desc offset $3 limit 1",
        )
        .bind(self.low)
        .bind(high)
        .bind(steps - 1)
        .fetch_optional(self.pool)
        .await
    }
}
