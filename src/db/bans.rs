//! Statements about bans.
//!
//! Owns that sessions end in the same transaction. It must not know about sockets.

use super::audit::{record, rows};
use super::{Db, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

impl Db {
    /// Bans a user and deletes all of their sessions, in one transaction. An earlier ban keeps its date.
    pub async fn ban(&self, user: UserId, now: Millis, event: &Event) -> sqlx::Result<()> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            sqlx::query("update users set banned_at = coalesce(banned_at, $2), closed = null where id = $1")
                .bind(user)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            sqlx::query("delete from sessions where user_id = $1").bind(user).execute(&mut *tx).await?;
            record!(tx, rows);
        })
    }

    /// Lifts a ban. The user has to log in again.
    pub async fn lift_ban(&self, user: UserId, event: &Event) -> sqlx::Result<()> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            sqlx::query("update users set banned_at = null where id = $1 and closed is null")
                .bind(user)
                .execute(&mut *tx)
                .await?;
            record!(tx, rows);
        })
    }
}
