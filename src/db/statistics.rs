//! What Postgres's planner knows of the tables, kept near to what they are.
//!
//! Owns the one task that has tables counted which have outgrown their statistics. Postgres counts them by itself, but a minute or
//! two late, and a new server's first busy minutes would be spent reading whole tables: connections keep plans that were made when
//! those were nearly empty. It must not run where the database is SQLite, whose statistics are made at the end (`db::open`).

use std::time::Duration;

use sqlx::Postgres;

use super::Connections;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// The tables that have become several times as large as when they were counted, among those that matter and that may be counted by
/// this role. A table of a few pages is read whole under any plan.
const OUTGROWN: &str =
    "select relname::text from pg_class
     where oid in (select to_regclass(name) from unnest(array['messages', 'words', 'mentions', 'memberships', 'reactions', 'revisions',
                                                              'rooms', 'users', 'sessions']) as named(name))
       and pg_has_role(relowner, 'member')
       and pg_relation_size(oid) > current_setting('block_size')::bigint * (4 * relpages::bigint + 8)";

/// Looks until the pool is closed.
pub(super) async fn keep(write: Connections<Postgres>) {
    let mut told = false;
    while !write.is_closed() {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = write.close_event() => return,
        }
        match renew(&write).await {
            Ok(()) => told = false,
            Err(sqlx::Error::PoolClosed) => return,
            // Once, and not every few seconds for as long as the database is away.
            Err(error) if !told => {
                told = true;
                tracing::warn!(%error, "the tables' statistics could not be renewed");
            }
            Err(_) => {}
        }
    }
}

/// Counts what has outgrown its statistics; every plan that was made with the old ones is made anew.
async fn renew(write: &Connections<Postgres>) -> sqlx::Result<()> {
    let outgrown: Vec<String> = sqlx::query_scalar(OUTGROWN).fetch_all(write).await?;
    for table in outgrown {
        // The names are those in the statement above. One that is being counted or cleaned already is left alone.
        sqlx::query(sqlx::AssertSqlSafe(format!("analyze (skip_locked) {table}"))).execute(write).await?;
    }
    Ok(())
}
