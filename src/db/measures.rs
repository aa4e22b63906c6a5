//! Numbers about the database for monitoring: its pools, its commits, its search index.
//!
//! Owns the statements, which are cheap: they are asked every few seconds.

use super::connections::PoolState;
use super::{Db, read};
use crate::measure::Times;

/// More messages that are not indexed are not counted.
pub const LONGEST_LAG: i64 = 10_000;

impl Db {
    /// The pools of connections that read and that write.
    pub fn pools(&self) -> [(&'static str, PoolState); 2] {
        let (read, write) = match self {
            Self::Sqlite(sqlite) => (sqlite.read.state(), sqlite.write.state()),
            Self::Postgres(postgres) => (postgres.read.state(), postgres.write.state()),
        };
        [("read", read), ("write", write)]
    }

    /// How long the ledger's commits took, in which the disk is waited for.
    pub fn syncs(&self) -> &Times {
        match self {
            Self::Sqlite(sqlite) => &sqlite.syncs,
            Self::Postgres(postgres) => &postgres.syncs,
        }
    }

    /// How many messages searches do not find yet, up to about [`LONGEST_LAG`].
    pub async fn index_lag(&self) -> sqlx::Result<i64> {
        let statement = match self {
            // New messages are indexed by the follower, from `search_after` on.
            Self::Sqlite(_) => {
                "select (select count(*) from (select 1 from messages
                     where id > (select cast(value as bigint) from meta where key = 'search_after')
                       and kind = 'text' and deleted_at is null limit $1) as later)
                 + (select count(*) from (select 1 from messages
                     where id <= (select cast(value as bigint) from meta where key = 'search_before')
                       and kind = 'text' and deleted_at is null limit $1) as older)"
            }
            Self::Postgres(_) => {
                "select (select count(*) from (select 1 from unindexed limit $1) as later)
                 + (select count(*) from (select 1 from messages
                     where id <= (select cast(value as bigint) from meta where key = 'search_before')
                       and kind = 'text' and deleted_at is null limit $1) as older)"
            }
        };
        read!(self, |pool| sqlx::query_scalar(statement).bind(LONGEST_LAG).fetch_one(pool).await)
    }
}
