//! Statements on links for a new password, on roles, and on the list of accounts.
//!
//! Owns that a link works once and that there is always an administrator, also if two ask at the same time. It must not hash anything.

use std::sync::Arc;

use sqlx::FromRow;

use super::account_mails::{AccountMail, mail_account};
use super::audit::{record, rows};
use super::users::replace_password;
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::{ServerRole, UserId};
use crate::security_log::Event;

/// The account that a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetRow {
    /// The account.
    pub user: UserId,
    /// Its unique name.
    pub username: Arc<str>,
    /// The name to show.
    pub name: Arc<str>,
}

/// An account in the operator's list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListedAccount {
    /// The unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// When they registered.
    pub created_at: Millis,
    /// When they were last connected or used a page.
    pub last_seen_at: Option<Millis>,
    /// When they were banned.
    pub banned_at: Option<Millis>,
    /// When the account was deactivated.
    pub deactivated_at: Option<Millis>,
}

impl Db {
    /// Stores a link by the hash of its token. It replaces expired ones, and the account's earlier links if `is_only`. The event is none for
    /// one that was recorded when it was asked for.
    pub async fn insert_reset(
        &self,
        user: UserId,
        token_hash: String,
        now: Millis,
        expires_at: Millis,
        is_only: bool,
        event: Option<&Event>,
    ) -> sqlx::Result<()> {
        let rows = rows(event);
        transaction!(self, |tx| {
            sqlx::query("delete from resets where (user_id = $1 and $3) or expires_at <= $2")
                .bind(user)
                .bind(now)
                .bind(is_only)
                .execute(&mut *tx)
                .await?;
            sqlx::query("insert into resets (token_hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)")
                .bind(&token_hash)
                .bind(user)
                .bind(now)
                .bind(expires_at)
                .execute(&mut *tx)
                .await?;
            record!(tx, rows);
        })
    }

    /// Notes that a link is to be mailed, which is made then.
    pub async fn note_reset(&self, mail: AccountMail, event: &Event) -> sqlx::Result<()> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            mail_account!(tx, Some(mail));
            record!(tx, rows);
        })
    }

    /// The account of a valid link. A banned one has none.
    pub async fn find_reset(&self, token_hash: &str, now: Millis) -> sqlx::Result<Option<ResetRow>> {
        let row: Option<(UserId, String, String)> = read!(self, |pool| sqlx::query_as(
            "select users.id, username, name from resets join users on users.id = user_id
             where token_hash = $1 and expires_at > $2 and banned_at is null",
        )
        .bind(token_hash)
        .bind(now)
        .fetch_optional(pool)
        .await?);
        Ok(row.map(|(user, username, name)| ResetRow { user, username: username.into(), name: name.into() }))
    }

    /// Uses a link up: stores the new password hash and deletes every session and link of the account, in one transaction. `false` if the
    /// link is not valid any more.
    pub async fn use_reset(
        &self,
        token_hash: String,
        now: Millis,
        password_hash: String,
        notice: Option<AccountMail>,
        event: &Event,
    ) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let user: Option<UserId> = sqlx::query_scalar(
                "delete from resets where token_hash = $1 and expires_at > $2
                     and user_id in (select id from users where banned_at is null) returning user_id",
            )
            .bind(&token_hash)
            .bind(now)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(user) = user else { return Ok(false) };
            replace_password!(tx, user, password_hash, rows);
            mail_account!(tx, notice);
            true
        })
    }

    /// Gives somebody another role on the server; `false` if they are the last administrator.
    pub async fn set_role(&self, user: UserId, role: ServerRole, event: &Event) -> sqlx::Result<bool> {
        let is_admin = role == ServerRole::Admin;
        let rows = rows([event]);
        transaction!(self, |tx| {
            // Roles change one at a time, on all nodes: two last administrators cannot both cease to be one.
            sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut *tx).await?;
            let others: i64 = sqlx::query_scalar("select count(*) from users where is_admin and banned_at is null and id <> $1")
                .bind(user)
                .fetch_one(&mut *tx)
                .await?;
            let was_admin: bool =
                sqlx::query_scalar("select is_admin from users where id = $1").bind(user).fetch_one(&mut *tx).await?;
            if !is_admin && was_admin && others == 0 {
                return Ok(false);
            }
            sqlx::query("update users set is_admin = $2, is_guest = $3 where id = $1")
                .bind(user)
                .bind(is_admin)
                .bind(role == ServerRole::Guest)
                .execute(&mut *tx)
                .await?;
            record!(tx, rows);
            true
        })
    }

    /// Whether there is an administrator who is not banned, other than this account.
    pub async fn has_other_admin(&self, user: UserId) -> sqlx::Result<bool> {
        let others: i64 = read!(self, |pool| sqlx::query_scalar(
            "select count(*) from users where is_admin and banned_at is null and id <> $1"
        )
        .bind(user)
        .fetch_one(pool)
        .await?);
        Ok(others > 0)
    }

    /// A page of all accounts, by username, after `after`.
    pub async fn list_accounts(&self, after: &str, limit: i64) -> sqlx::Result<Vec<ListedAccount>> {
        read!(self, |pool| {
            sqlx::query_as(
            "select username, name, is_admin, is_guest, created_at, seen_at as last_seen_at,
                    case when closed is null then banned_at end as banned_at, case when closed is not null then banned_at end as deactivated_at
             from users where username > $1 and coalesce(closed, '') <> 'deleted' order by username limit $2"
        )
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await
        })
    }
}
