//! Statements on passkeys.
//!
//! Owns that a challenge is answered once and that a counter only grows, also on two nodes. It must not verify anything.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PasskeyRow {
    /// Its public id.
    pub id: String,
    /// Whose it is.
    pub user_id: UserId,
    /// The authenticator's id of it, in hexadecimal digits.
    pub credential_id: String,
    /// The public key and what is known of the authenticator, as JSON.
    pub credential: String,
    /// The authenticator's counter; 0 where it has none.
    pub counter: i64,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Millis,
    /// When it was last used.
    pub last_used_at: Option<Millis>,
}

/// A challenge that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The hash of the challenge.
    pub challenge_hash: String,
    /// When it expires.
    pub expires_at: Millis,
}

/// Uses a challenge up in a transaction; ends it with `$refused` if that happened before.
macro_rules! use_challenge {
    ($tx:expr, $answered:expr, $now:expr, $refused:expr) => {
        sqlx::query("delete from used_challenges where expires_at <= $1").bind($now).execute(&mut *$tx).await?;
        let used = sqlx::query(
            "insert into used_challenges (challenge_hash, expires_at) values ($1, $2) on conflict (challenge_hash) do nothing",
        )
        .bind(&$answered.challenge_hash)
        .bind($answered.expires_at)
        .execute(&mut *$tx)
        .await?;
        if used.rows_affected() == 0 {
            return Ok($refused);
        }
    };
}

impl Db {
    /// A user's passkeys, the oldest first.
    pub async fn list_passkeys(&self, user: UserId) -> sqlx::Result<Vec<PasskeyRow>> {
        read!(self, |pool| sqlx::query_as(
            "select id, user_id, credential_id, credential, counter, name, created_at, last_used_at from passkeys
             where user_id = $1 order by created_at, id"
        )
        .bind(user)
        .fetch_all(pool)
        .await)
    }

    /// The passkey with this credential id.
    pub async fn find_passkey(&self, credential_id: &str) -> sqlx::Result<Option<PasskeyRow>> {
        read!(self, |pool| sqlx::query_as(
            "select id, user_id, credential_id, credential, counter, name, created_at, last_used_at from passkeys
             where credential_id = $1"
        )
        .bind(credential_id)
        .fetch_optional(pool)
        .await)
    }

    /// Stores a new passkey, and recovery codes if the user has none; returns whether these were stored, or `None` if the challenge was
    /// answered before, the credential exists, or the user has `most` passkeys.
    pub async fn insert_passkey(
        &self,
        new: PasskeyRow,
        code_hashes: Vec<String>,
        most: i64,
        answered: Answered,
        event: &Event,
    ) -> sqlx::Result<Option<bool>> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            use_challenge!(tx, answered, new.created_at, None);
            let count: i64 = sqlx::query_scalar("select count(*) from passkeys where user_id = $1")
                .bind(new.user_id)
                .fetch_one(&mut *tx)
                .await?;
            if count >= most {
                return Ok(None);
            }
            let stored = sqlx::query(
                "insert into passkeys (id, user_id, credential_id, credential, counter, name, created_at)
                 values ($1, $2, $3, $4, $5, $6, $7) on conflict (credential_id) do nothing",
            )
            .bind(&new.id)
            .bind(new.user_id)
            .bind(&new.credential_id)
            .bind(&new.credential)
            .bind(new.counter)
            .bind(&new.name)
            .bind(new.created_at)
            .execute(&mut *tx)
            .await?;
            if stored.rows_affected() == 0 {
                return Ok(None);
            }
            let codes: i64 = sqlx::query_scalar("select count(*) from recovery_codes where user_id = $1")
                .bind(new.user_id)
                .fetch_one(&mut *tx)
                .await?;
            if codes == 0 {
                for hash in &code_hashes {
                    sqlx::query("insert into recovery_codes (user_id, code_hash) values ($1, $2)")
                        .bind(new.user_id)
                        .bind(hash)
                        .execute(&mut *tx)
                        .await?;
                }
            }
            record!(tx, rows);
            Some(codes == 0)
        })
    }

    /// Records the use of a passkey; `false` if the challenge was answered before, the passkey is gone, or its counter did not grow.
    pub async fn use_passkey(
        &self,
        id: String,
        credential: String,
        counter: i64,
        answered: Answered,
        now: Millis,
    ) -> sqlx::Result<bool> {
        transaction!(self, |tx| {
            use_challenge!(tx, answered, now, false);
            let used = sqlx::query(
                "update passkeys set credential = $2, counter = $3, last_used_at = $4
                 where id = $1 and (counter < $3 or (counter = 0 and $3 = 0))",
            )
            .bind(&id)
            .bind(&credential)
            .bind(counter)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            if used.rows_affected() == 0 {
                return Ok(false);
            }
            true
        })
    }

    /// Removes one of a user's passkeys, and the recovery codes with the last second factor; `false` if there is none with this id.
    pub async fn remove_passkey(&self, user: UserId, id: &str, event: &Event) -> sqlx::Result<bool> {
        let (id, rows) = (id.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let removed = sqlx::query("delete from passkeys where user_id = $1 and id = $2")
                .bind(user)
                .bind(&id)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if removed > 0 {
                sqlx::query(super::second_factor::DELETE_UNUSED_CODES).bind(user).execute(&mut *tx).await?;
                record!(tx, rows);
            }
            removed > 0
        })
    }
}
