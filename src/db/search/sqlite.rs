//! How SQLite finds the newest matches.
//!
//! Owns the one statement, and its end when the time is up: SQLite asks now and then whether to go on. FTS5 gives its matches newest first
//! as it finds them, and each is handed over by itself, so what was found until then is kept.

use std::time::Instant;

use futures_util::TryStreamExt;
use sqlx::Sqlite;

use super::{HitRow, Sought, Wanted, dialect, may_be_told};
use crate::db::Connections;

/// After how many steps of its machine SQLite asks whether to go on. FTS5 takes a few for each page of the index that it reads.
const STEPS: i32 = 50;
/// What SQLite calls it when it was told not to: `INTERRUPT`.
const INTERRUPTED: &str = "9";

/// The newest matches between two numbers, newest first.
pub(super) async fn search(
    pool: &Connections<Sqlite>,
    wanted: &Wanted,
    low: i64,
    high: i64,
    limit: i64,
    until: Option<Instant>,
) -> sqlx::Result<Sought> {
    let mut lent = pool.lend().await?;
    if let Some(until) = until {
        lent.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < until);
    }
    let mut sought = Sought::default();
    let mut rows = sqlx::query_scalar::<_, String>(concat!(
        "select json_array(messages.id, messages.room_id, slug, rooms.name, messages.seq)
         from words cross join messages on messages.id = words.rowid cross join rooms on rooms.id = messages.room_id
         left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
         where words match $2 and words.rowid > $3 and words.rowid < $4 and",
        may_be_told!(),
        "order by words.rowid desc limit $8"
    ))
    .bind(wanted.reader)
    .bind(dialect::fts_query(&wanted.all, &wanted.none))
    .bind(low)
    .bind(high)
    .bind(wanted.since())
    .bind(wanted.until())
    .bind(wanted.addressed())
    .bind(limit)
    .fetch(&mut *lent);
    loop {
        match rows.try_next().await {
            Ok(Some(row)) => {
                let row: HitRow = serde_json::from_str(&row).map_err(|error| sqlx::Error::Decode(error.into()))?;
                sought.hits.push(row.into());
            }
            Ok(None) => break,
            Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some(INTERRUPTED) => {
                sought.is_limited = true;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    drop(rows);
    // What does not come to here goes back to the pool, which takes the question away as well: it would stop whoever is next.
    if until.is_some() {
        lent.lock_handle().await?.remove_progress_handler();
    }
    if !sought.is_limited {
        lent.done();
    }
    Ok(sought)
}
