//! Statements on log-ins whose second factor is due.
//!
//! Owns that such a log-in is completed once. It is no session: nothing else reads this table.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::UserId;

/// How many unfinished log-ins a user may have; the oldest ones end.
const MOST: i64 = 20;

/// A log-in whose password was right.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PendingLogIn {
    /// Whose it is.
    pub user_id: UserId,
    /// The digest of the stored password hash at that moment.
    pub password_digest: String,
    /// Where it leads.
    pub next: String,
}

impl Db {
    /// Stores a pending log-in by the hash of its token, and deletes expired ones.
    pub async fn insert_pending_log_in(
        &self,
        token_hash: String,
        log_in: PendingLogIn,
        now: Millis,
        expires_at: Millis,
    ) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            sqlx::query(
                "delete from pending_log_ins where expires_at <= $2 or token_hash in (
                    select token_hash from pending_log_ins where user_id = $1 order by created_at desc limit 100 offset $3)",
            )
            .bind(log_in.user_id)
            .bind(now)
            .bind(MOST - 1)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "insert into pending_log_ins (token_hash, user_id, password_digest, next, created_at, expires_at)
                 values ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&token_hash)
            .bind(log_in.user_id)
            .bind(&log_in.password_digest)
            .bind(&log_in.next)
            .bind(now)
            .bind(expires_at)
            .execute(&mut *tx)
            .await?;
        })
    }

    /// A pending log-in that has not expired.
    pub async fn find_pending_log_in(&self, token_hash: &str, now: Millis) -> sqlx::Result<Option<PendingLogIn>> {
        read!(self, |pool| sqlx::query_as(
            "select user_id, password_digest, next from pending_log_ins where token_hash = $1 and expires_at > $2"
        )
        .bind(token_hash)
        .bind(now)
        .fetch_optional(pool)
        .await)
    }

    /// Ends a pending log-in; `false` if it had ended.
    pub async fn take_pending_log_in(&self, token_hash: &str, now: Millis) -> sqlx::Result<bool> {
        let taken = write!(self, |pool| sqlx::query("delete from pending_log_ins where token_hash = $1 and expires_at > $2")
            .bind(token_hash)
            .bind(now)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(taken > 0)
    }
}
