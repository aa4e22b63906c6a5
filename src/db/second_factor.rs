//! Statements on second factors: authenticator apps and recovery codes.
//!
//! Owns that a code is accepted once, also if two nodes check it at the same time: each acceptance is one conditional statement. It must
//! not compute codes.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// Deletes the recovery codes of a user without a second factor.
pub(super) const DELETE_UNUSED_CODES: &str = "delete from recovery_codes where user_id = $1
    and not exists (select 1 from totp where user_id = $1 and confirmed_at is not null)
    and not exists (select 1 from passkeys where user_id = $1)";

/// An authenticator app.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct TotpRow {
    /// The secret in Base32.
    pub secret: String,
    /// When its first code was right; until then it does not count.
    pub confirmed_at: Option<Millis>,
}

impl Db {
    /// The authenticator app of a user.
    pub async fn find_totp(&self, user: UserId) -> sqlx::Result<Option<TotpRow>> {
        read!(self, |pool| sqlx::query_as("select secret, confirmed_at from totp where user_id = $1")
            .bind(user)
            .fetch_optional(pool)
            .await)
    }

    /// Whether a user has a second factor.
    pub async fn has_second_factor(&self, user: UserId) -> sqlx::Result<bool> {
        let found: i64 = read!(self, |pool| sqlx::query_scalar(
            "select (select count(*) from totp where user_id = $1 and confirmed_at is not null)
                + (select count(*) from passkeys where user_id = $1)"
        )
        .bind(user)
        .fetch_one(pool)
        .await?);
        Ok(found > 0)
    }

    /// Stores a secret that is not confirmed yet, in place of an earlier such one; `false` if there is a confirmed one.
    pub async fn start_totp(&self, user: UserId, secret: &str, now: Millis) -> sqlx::Result<bool> {
        let stored = write!(self, |pool| sqlx::query(
            "insert into totp (user_id, secret, created_at) values ($1, $2, $3)
             on conflict (user_id) do update set secret = excluded.secret, created_at = excluded.created_at
             where totp.confirmed_at is null",
        )
        .bind(user)
        .bind(secret)
        .bind(now)
        .execute(pool)
        .await?
        .rows_affected());
        Ok(stored > 0)
    }

    /// Confirms a secret, whose code of `step` was right, and replaces the recovery codes; `false` if it is not the one that waits for it.
    pub async fn confirm_totp(
        &self,
        user: UserId,
        secret: String,
        step: i64,
        now: Millis,
        code_hashes: Vec<String>,
        event: &Event,
    ) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let confirmed = sqlx::query(
                "update totp set confirmed_at = $4, last_step = $3 where user_id = $1 and secret = $2 and confirmed_at is null",
            )
            .bind(user)
            .bind(&secret)
            .bind(step)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            if confirmed.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query("delete from recovery_codes where user_id = $1").bind(user).execute(&mut *tx).await?;
            for hash in &code_hashes {
                sqlx::query("insert into recovery_codes (user_id, code_hash) values ($1, $2)")
                    .bind(user)
                    .bind(hash)
                    .execute(&mut *tx)
                    .await?;
            }
            record!(tx, rows);
            true
        })
    }

    /// Accepts the code of a time step; `false` if that step's code, or a later one, was accepted before.
    pub async fn accept_totp_step(&self, user: UserId, step: i64) -> sqlx::Result<bool> {
        let accepted = write!(self, |pool| sqlx::query(
            "update totp set last_step = $2 where user_id = $1 and confirmed_at is not null and last_step < $2"
        )
        .bind(user)
        .bind(step)
        .execute(pool)
        .await?
        .rows_affected());
        Ok(accepted > 0)
    }

    /// Uses a recovery code up; `false` if the user has none with this hash.
    pub async fn use_recovery_code(&self, user: UserId, code_hash: &str) -> sqlx::Result<bool> {
        let used = write!(self, |pool| sqlx::query("delete from recovery_codes where user_id = $1 and code_hash = $2")
            .bind(user)
            .bind(code_hash)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(used > 0)
    }

    /// How many recovery codes a user has left.
    pub async fn count_recovery_codes(&self, user: UserId) -> sqlx::Result<i64> {
        read!(self, |pool| sqlx::query_scalar("select count(*) from recovery_codes where user_id = $1")
            .bind(user)
            .fetch_one(pool)
            .await)
    }

    /// Replaces the recovery codes.
    pub async fn replace_recovery_codes(&self, user: UserId, code_hashes: Vec<String>, event: &Event) -> sqlx::Result<()> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            sqlx::query("delete from recovery_codes where user_id = $1").bind(user).execute(&mut *tx).await?;
            for hash in &code_hashes {
                sqlx::query("insert into recovery_codes (user_id, code_hash) values ($1, $2)")
                    .bind(user)
                    .bind(hash)
                    .execute(&mut *tx)
                    .await?;
            }
            record!(tx, rows);
        })
    }

    /// Removes the authenticator app, and the recovery codes with the last second factor; `false` if there was none.
    pub async fn remove_totp(&self, user: UserId, event: &Event) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let removed = sqlx::query("delete from totp where user_id = $1 and confirmed_at is not null")
                .bind(user)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if removed > 0 {
                sqlx::query(DELETE_UNUSED_CODES).bind(user).execute(&mut *tx).await?;
                record!(tx, rows);
            }
            removed > 0
        })
    }

    /// Removes every second factor of a user and ends all their sessions and unfinished log-ins, by somebody else: `announcement` is shown
    /// in their next session. Returns the keys of the sessions; `None` if they had no second factor.
    pub async fn remove_second_factor(
        &self,
        user: UserId,
        announcement: String,
        event: &Event,
    ) -> sqlx::Result<Option<Vec<String>>> {
        let (rows, has_nodes) = (rows([event]), self.shared().is_some());
        transaction!(self, |tx| {
            if has_nodes {
                // The trigger of migration 21 reads the reason.
                let statement = "select set_config('parlor.session_end', 'ended:' || $1, true)";
                sqlx::query(statement).bind(user).execute(&mut *tx).await?;
            }
            let removed = sqlx::query("delete from totp where user_id = $1 and confirmed_at is not null")
                .bind(user)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            let passkeys = sqlx::query("delete from passkeys where user_id = $1").bind(user).execute(&mut *tx).await?;
            if removed + passkeys.rows_affected() == 0 {
                return Ok(None);
            }
            sqlx::query("delete from recovery_codes where user_id = $1").bind(user).execute(&mut *tx).await?;
            sqlx::query("delete from pending_log_ins where user_id = $1").bind(user).execute(&mut *tx).await?;
            sqlx::query("update users set announcement = $2 where id = $1")
                .bind(user)
                .bind(&announcement)
                .execute(&mut *tx)
                .await?;
            let keys: Vec<String> = sqlx::query_scalar("delete from sessions where user_id = $1 returning key")
                .bind(user)
                .fetch_all(&mut *tx)
                .await?;
            record!(tx, rows);
            Some(keys)
        })
    }
}
