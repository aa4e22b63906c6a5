//! Statements on email addresses, and on the links that verify them.
//!
//! Owns that a link works once, and that an address belongs to one account, also if two verify it at the same time. It must not send
//! anything.

use sqlx::FromRow;

use super::account_mails::{AccountMail, mail_account};
use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// What a link verifies.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct EmailLink {
    /// The account.
    pub user_id: UserId,
    /// Its unique name.
    pub username: String,
    /// The address.
    pub address: String,
}

/// An account that can be sent a mail.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Reachable {
    /// The account.
    pub user_id: UserId,
    /// Its unique name.
    pub username: String,
    /// Its verified address.
    pub address: String,
}

/// What happened when a link was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The address is verified.
    Yes,
    /// Another account has it.
    Taken,
    /// The link is not valid any more.
    NoLink,
}

impl Db {
    /// The account with its verified address, unless it is banned.
    pub async fn find_reachable(&self, user: UserId) -> sqlx::Result<Option<Reachable>> {
        read!(self, |pool| sqlx::query_as(
            "select user_id, username, address from emails join users on users.id = user_id
             where user_id = $1 and banned_at is null",
        )
        .bind(user)
        .fetch_optional(pool)
        .await)
    }

    /// The account with this username, or with this folded address, if it has a verified address and is not banned.
    pub async fn find_reachable_by(&self, username: Option<&str>, folded: Option<&str>) -> sqlx::Result<Option<Reachable>> {
        read!(self, |pool| sqlx::query_as(
            "select user_id, username, address from emails join users on users.id = user_id
             where (username = $1 or folded = $2) and banned_at is null limit 1",
        )
        .bind(username)
        .bind(folded)
        .fetch_optional(pool)
        .await)
    }

    /// The verified address of an account, and the one that waits to be verified.
    pub async fn find_emails(&self, user: UserId, now: Millis) -> sqlx::Result<(Option<String>, Option<String>)> {
        read!(self, |pool| sqlx::query_as(
            "select (select address from emails where user_id = $1),
                    (select address from email_links where user_id = $1 and expires_at > $2)",
        )
        .bind(user)
        .bind(now)
        .fetch_one(pool)
        .await)
    }

    /// Stores a link by the hash of a token, and that it is to be mailed: the mail gets another token. It replaces the account's earlier link, and
    /// expired ones; a mail with an earlier one that waits is never sent, because the later of two mails has the link that works.
    pub async fn insert_email_link(
        &self,
        token_hash: String,
        mail: AccountMail,
        expires_at: Millis,
        event: &Event,
    ) -> sqlx::Result<()> {
        let rows = rows([event]);
        let (user, now, address) = (mail.user, mail.at, mail.to.clone());
        transaction!(self, |tx| {
            sqlx::query("delete from email_links where user_id = $1 or expires_at <= $2")
                .bind(user)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "insert into email_links (token_hash, user_id, address, created_at, expires_at) values ($1, $2, $3, $4, $5)
                 on conflict (user_id) do update set token_hash = excluded.token_hash, address = excluded.address,
                     created_at = excluded.created_at, expires_at = excluded.expires_at",
            )
            .bind(&token_hash)
            .bind(user)
            .bind(&address)
            .bind(now)
            .bind(expires_at)
            .execute(&mut *tx)
            .await?;
            let (kind, about) = (mail.kind, mail.event);
            mail_account!(tx, Some(mail));
            // After the receiver, which that locks.
            sqlx::query(
                "delete from outbox where kind = $1 and receiver = $2 and event = $3 and dead_at is null
                     and id < (select max(id) from outbox where kind = $1 and receiver = $2 and event = $3 and dead_at is null)",
            )
            .bind(kind)
            .bind(user)
            .bind(about)
            .execute(&mut *tx)
            .await?;
            record!(tx, rows);
        })
    }

    /// What a valid link verifies. A banned account has none.
    pub async fn find_email_link(&self, token_hash: &str, now: Millis) -> sqlx::Result<Option<EmailLink>> {
        read!(self, |pool| sqlx::query_as(
            "select user_id, username, address from email_links join users on users.id = user_id
             where token_hash = $1 and expires_at > $2 and banned_at is null",
        )
        .bind(token_hash)
        .bind(now)
        .fetch_optional(pool)
        .await)
    }

    /// Uses a link up. Links for a new password end that were sent to the address of before, which is told with `notice`.
    pub async fn use_email_link(
        &self,
        token_hash: String,
        link: EmailLink,
        folded: String,
        now: Millis,
        notice: Option<AccountMail>,
        event: &Event,
    ) -> sqlx::Result<Verified> {
        let (rows, EmailLink { user_id, address, .. }) = (rows([event]), link);
        transaction!(self, |tx| {
            let used = sqlx::query(
                "delete from email_links where token_hash = $1 and expires_at > $2 and address = $3
                     and user_id in (select id from users where id = $4 and banned_at is null)",
            )
            .bind(&token_hash)
            .bind(now)
            .bind(&address)
            .bind(user_id)
            .execute(&mut *tx)
            .await?;
            if used.rows_affected() == 0 {
                return Ok(Verified::NoLink);
            }
            sqlx::query("delete from emails where user_id = $1").bind(user_id).execute(&mut *tx).await?;
            let stored = sqlx::query(
                "insert into emails (user_id, address, folded, verified_at) values ($1, $2, $3, $4) on conflict (folded) do nothing",
            )
            .bind(user_id)
            .bind(&address)
            .bind(&folded)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            if stored.rows_affected() == 0 {
                return Ok(Verified::Taken);
            }
            sqlx::query("delete from resets where user_id = $1").bind(user_id).execute(&mut *tx).await?;
            mail_account!(tx, notice);
            record!(tx, rows);
            Verified::Yes
        })
    }

    /// Removes the address of an account, which is told with `notice`, and the one that waits to be verified; `false` if there was neither.
    pub async fn remove_email(&self, user: UserId, notice: Option<AccountMail>, event: &Event) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let pending = sqlx::query("delete from email_links where user_id = $1").bind(user).execute(&mut *tx).await?;
            let removed = sqlx::query("delete from emails where user_id = $1").bind(user).execute(&mut *tx).await?;
            if removed.rows_affected() + pending.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query("delete from resets where user_id = $1").bind(user).execute(&mut *tx).await?;
            mail_account!(tx, notice);
            record!(tx, rows);
            true
        })
    }
}
