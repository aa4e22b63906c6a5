//! Statements on access tokens.
//!
//! A token is a session and a row of `tokens`: what deletes the session deletes the token, and tells the sockets on every node. Who may
//! have which token is not decided here.

use sqlx::FromRow;

use super::account_mails::{AccountMail, mail_account};
use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// The condition that a session, with its row of `tokens` if it is a token's, permits to administer: see [`crate::model::Scope::Admin`].
macro_rules! administers {
    () => {
        "(tokens.session_key is null or ' ' || tokens.scopes || ' ' like '% admin %')"
    };
}

pub(super) use administers;

/// A new token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// The hash of its secret.
    pub key: String,
    /// Whose it is.
    pub user: UserId,
    /// Who makes it: the same person, or the owner of that bot.
    pub by: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it permits: see [`crate::model::Scopes::to_text`].
    pub scopes: String,
    /// The last characters of its secret.
    pub hint: String,
    /// When it is made.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Millis,
}

/// A token in a list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct TokenRow {
    /// The hash of its secret.
    pub key: String,
    /// What its owner calls it.
    pub name: String,
    /// What it permits.
    pub scopes: String,
    /// The last characters of its secret.
    pub hint: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Millis,
    /// When it was last used.
    pub used_at: Option<Millis>,
    /// The username of the bot that it belongs to, if it does.
    pub bot: Option<String>,
}

impl Db {
    /// Stores a token; `false` if whoever makes it has `most` already, with those of their bots, or the account is closed.
    pub async fn insert_token(&self, new: NewToken, most: i64, notice: Option<AccountMail>, event: &Event) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            // It counts as used until it expires, and as never confirmed.
            let inserted = sqlx::query(
                "insert into sessions (key, user_id, data, created_at, last_seen_at, expires_at, confirmed_at)
                 select $1, id, '{}', $3, $4, $4, 0 from users where id = $2 and banned_at is null
                 and (select count(*) from tokens join sessions on key = session_key join users as owners on owners.id = user_id
                      where (owners.id = $6 or owners.bot_owner_id = $6) and expires_at > $3) < $5",
            )
            .bind(&new.key)
            .bind(new.user)
            .bind(new.created_at)
            .bind(new.expires_at)
            .bind(most)
            .bind(new.by)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if inserted > 0 {
                sqlx::query("insert into tokens (session_key, name, scopes, hint) values ($1, $2, $3, $4)")
                    .bind(&new.key)
                    .bind(&new.name)
                    .bind(&new.scopes)
                    .bind(&new.hint)
                    .execute(&mut *tx)
                    .await?;
                mail_account!(tx, notice);
                record!(tx, rows);
            }
            inserted > 0
        })
    }

    /// The valid tokens of a person and of their bots, newest first.
    pub async fn list_tokens(&self, user: UserId, now: Millis, limit: i64) -> sqlx::Result<Vec<TokenRow>> {
        let statement = "select key, tokens.name, scopes, hint, sessions.created_at, expires_at, used_at,
                    case when is_bot then username end as bot
             from tokens join sessions on key = session_key join users on users.id = user_id
             where (users.id = $1 or users.bot_owner_id = $1) and expires_at > $2
             order by sessions.created_at desc, key desc limit $3";
        read!(self, |pool| sqlx::query_as(statement).bind(user).bind(now).bind(limit).fetch_all(pool).await)
    }

    /// The key, the name, and the id and the username of the account, of a token of a person or of their bots, by its public id.
    pub async fn find_token(&self, user: UserId, public_id: &str) -> sqlx::Result<Option<(String, String, UserId, String)>> {
        let statement = "select key, tokens.name, users.id, username from tokens join sessions on key = session_key join users on users.id = user_id
             where (users.id = $1 or users.bot_owner_id = $1) and substr(key, 1, 16) = $2";
        read!(self, |pool| sqlx::query_as(statement).bind(user).bind(public_id).fetch_optional(pool).await)
    }

    /// Notes when tokens were last used.
    pub async fn touch_tokens(&self, keys: &[String], now: Millis) -> sqlx::Result<()> {
        let given = serde_json::to_string(keys).expect("texts always have a JSON form");
        match self {
            Self::Sqlite(sqlite) => {
                sqlx::query(
                    "update tokens set used_at = $2 where session_key in (select value from json_each($1))
                     and (used_at is null or used_at < $2)",
                )
                .bind(given)
                .bind(now)
                .execute(&sqlite.write)
                .await?;
            }
            Self::Postgres(postgres) => {
                // Those that another node writes at this moment are left out.
                sqlx::query(
                    "update tokens set used_at = $2 where session_key in (
                        select session_key from tokens where session_key in (select json_array_elements_text($1::json))
                        and (used_at is null or used_at < $2) for no key update skip locked)",
                )
                .bind(given)
                .bind(now)
                .execute(&postgres.write)
                .await?;
            }
        }
        Ok(())
    }
}
