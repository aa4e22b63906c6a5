//! Taking access away, and giving it back: a new password, a ban.
//!
//! Owns that the sessions end in the same transaction. Sockets are not its business.

use super::{Db, transaction, write};
use crate::clock::Millis;
use crate::model::UserId;

impl Db {
    /// Stores a new password's hash and ends every session of its person, in one transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_password(&self, user: UserId, password_hash: String) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            sqlx::query("update users set password_hash = $2 where id = $1")
                .bind(user)
                .bind(&password_hash)
                .execute(&mut *tx)
                .await?;
            sqlx::query("delete from sessions where user_id = $1").bind(user).execute(&mut *tx).await?;
        })
    }

    /// Bans somebody and ends every session of theirs, in one transaction. Who is banned already stays so.
    ///
    /// # Errors
    /// The database's.
    pub async fn ban(&self, user: UserId, now: Millis) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            sqlx::query("update users set banned_at = coalesce(banned_at, $2) where id = $1")
                .bind(user)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            sqlx::query("delete from sessions where user_id = $1").bind(user).execute(&mut *tx).await?;
        })
    }

    /// Lets somebody back in. They log in anew.
    ///
    /// # Errors
    /// The database's.
    pub async fn lift_ban(&self, user: UserId) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query("update users set banned_at = null where id = $1")
            .bind(user)
            .execute(pool)
            .await
            .map(drop))
    }
}
