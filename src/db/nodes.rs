//! Statements on the `nodes` table: the nodes on this Postgres, with times by the database's clock.

use std::time::Duration;

use sqlx::FromRow;

use super::open::Postgres;
use crate::clock::Millis;

/// A node's row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct NodeRow {
    /// Its id.
    pub id: String,
    /// The name that pages show.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started_at: Millis,
    /// How long ago the row was written, in milliseconds.
    pub silent_ms: i64,
    /// The rest, as JSON.
    pub status: String,
}

impl Postgres {
    /// Writes this node's row, and deletes those that are older than a day. `status` is a JSON object.
    pub async fn write_node(&self, name: &str, version: &str, uptime_ms: u64, status: &str) -> sqlx::Result<()> {
        sqlx::query(
            "with clock as (select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms),
                  old as (delete from nodes using clock where id <> $1 and seen_at < ms - 86400000)
             insert into nodes (id, name, version, started_at, seen_at, status)
             select $1, $2, $3, ms - $4, ms, ($5::jsonb || jsonb_build_object('search_version', $6::bigint))::text from clock
             on conflict (id) do update set seen_at = excluded.seen_at, status = excluded.status",
        )
        .bind(&*self.node)
        .bind(name)
        .bind(version)
        .bind(i64::try_from(uptime_ms).unwrap_or_default())
        .bind(status)
        .bind(self.search_version)
        .execute(&self.write)
        .await
        .map(drop)
    }

    /// The rows of up to 200 nodes, by name; the latest start first.
    pub async fn list_nodes(&self) -> sqlx::Result<Vec<NodeRow>> {
        sqlx::query_as(
            "select id, name, version, started_at, (extract(epoch from clock_timestamp()) * 1000)::bigint - seen_at as silent_ms, status
             from nodes order by name, started_at desc limit 200",
        )
        .fetch_all(&self.read)
        .await
    }

    /// How many other nodes have written their row within this time.
    pub async fn count_other_nodes(&self, within: Duration) -> sqlx::Result<i64> {
        sqlx::query_scalar(
            "select count(*) from nodes
             where id <> $1 and seen_at > (extract(epoch from clock_timestamp()) * 1000)::bigint - $2",
        )
        .bind(&*self.node)
        .bind(i64::try_from(within.as_millis()).unwrap_or_default())
        .fetch_one(&self.read)
        .await
    }

    /// Deletes this node's row.
    pub async fn delete_node(&self) -> sqlx::Result<()> {
        sqlx::query("delete from nodes where id = $1").bind(&*self.node).execute(&self.write).await.map(drop)
    }
}
