//! Keeps the statistics of Postgres's planner up to date.
//!
//! Owns the task that runs `analyze` on tables that have outgrown their statistics. Autovacuum does it a minute or two late, and
//! until then a new server would scan whole tables with plans made when they were nearly empty. SQLite updates its statistics
//! when it closes (`db::open`).

use std::time::Duration;

use sqlx::Postgres;

use super::Connections;

/// Interval between checks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Tables several times larger than at their last `analyze`, among those that matter and that this role may analyze. Tables of a
/// few pages are scanned under any plan.
const OUTGROWN: &str =
    "select relname::text from pg_class
     where oid in (select to_regclass(name) from unnest(array['messages', 'words', 'mentions', 'memberships', 'reactions', 'revisions',
                                                              'rooms', 'users', 'sessions']) as named(name))
       and pg_has_role(relowner, 'member')
       and pg_relation_size(oid) > current_setting('block_size')::bigint * (4 * relpages::bigint + 8)";

/// Runs until the pool is closed.
pub(super) async fn keep(write: Connections<Postgres>) {
    let mut is_logged = false;
    while !write.is_closed() {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = write.close_event() => return,
        }
        match renew(&write).await {
            Ok(()) => is_logged = false,
            Err(sqlx::Error::PoolClosed) => return,
            // Logged once per outage, not at every attempt.
            Err(error) if !is_logged => {
                is_logged = true;
                tracing::warn!(%error, "the tables' statistics could not be renewed");
            }
            Err(_) => {}
        }
    }
}

/// Analyzes tables that have outgrown their statistics; Postgres then replans cached statements.
async fn renew(write: &Connections<Postgres>) -> sqlx::Result<()> {
    let outgrown: Vec<String> = sqlx::query_scalar(OUTGROWN).fetch_all(write).await?;
    for table in outgrown {
        // The names come from the statement above. A table that is already being analyzed or vacuumed is skipped.
        sqlx::query(sqlx::AssertSqlSafe(format!("analyze (skip_locked) {table}"))).execute(write).await?;
    }
    Ok(())
}
