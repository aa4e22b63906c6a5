//! Statements about a person's sessions as a list: reading it, and ending some of it.
//!
//! Owns that other nodes hear why a session ended: on Postgres the reason goes with the transaction (migration 21). Who may end what is
//! not decided here.

use sqlx::FromRow;

use super::account_mails::{AccountMail, mail_account};
use super::audit::{record, rows};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// In how many sessions a new log-in is announced: a program that logs in again and again has many.
const ANNOUNCED: i64 = 100;

/// A session in the list of its user's.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListedSession {
    /// The hash of its id.
    pub key: String,
    /// The client's address at the log-in.
    pub address: Option<String>,
    /// What the browser called itself at the log-in.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Millis,
    /// When it was last used.
    pub last_seen_at: Millis,
}

impl Db {
    /// The valid sessions of a user but tokens, newest first, beginning after `(created_at, key)`.
    pub async fn list_sessions(
        &self,
        user: UserId,
        now: Millis,
        idle_since: Millis,
        after: Option<&(Millis, String)>,
        limit: i64,
    ) -> sqlx::Result<Vec<ListedSession>> {
        let (before, key) = after.map_or((Millis(i64::MAX), ""), |(at, key)| (*at, key));
        read!(self, |pool| {
            sqlx::query_as(
                "select key, address, user_agent, created_at, last_seen_at from sessions
                 where user_id = $1 and expires_at > $2 and last_seen_at > $3 and (created_at, key) < ($4, $5)
                   and not exists (select 1 from tokens where session_key = key)
                 order by created_at desc, key desc limit $6",
            )
            .bind(user)
            .bind(now)
            .bind(idle_since)
            .bind(before)
            .bind(key)
            .bind(limit)
            .fetch_all(pool)
            .await
        })
    }

    /// When a session of a user began, and its key, by its public id; tokens are no such sessions.
    pub async fn find_session_of(&self, user: UserId, public_id: &str) -> sqlx::Result<Option<(Millis, String)>> {
        let statement = "select created_at, key from sessions where user_id = $1 and substr(key, 1, 16) = $2
             and not exists (select 1 from tokens where session_key = key)";
        read!(self, |pool| sqlx::query_as(statement).bind(user).bind(public_id).fetch_optional(pool).await)
    }

    /// Ends the sessions of a user, or the one with the key `only`, or all but `except` and tokens, because somebody ended them; returns
    /// their keys.
    pub async fn end_sessions(
        &self,
        user: UserId,
        only: Option<&str>,
        except: Option<&str>,
        event: &Event,
    ) -> sqlx::Result<Vec<String>> {
        let (only, except) = (only.map(str::to_owned), except.map(str::to_owned));
        let (rows, has_nodes) = (rows([event]), self.shared().is_some());
        transaction!(self, |tx| {
            if has_nodes {
                // The trigger of migration 21 reads the reason.
                let statement = "select set_config('parlor.session_end', 'ended:' || $1, true)";
                sqlx::query(statement).bind(user).execute(&mut *tx).await?;
            }
            let keys: Vec<String> = sqlx::query_scalar(
                "delete from sessions where user_id = $1 and ($2 is null or key = $2) and ($3 is null or (key <> $3
                     and not exists (select 1 from tokens where session_key = key))) returning key",
            )
            .bind(user)
            .bind(&only)
            .bind(&except)
            .fetch_all(&mut *tx)
            .await?;
            if only.is_none() {
                sqlx::query("delete from pending_log_ins where user_id = $1").bind(user).execute(&mut *tx).await?;
            }
            if !keys.is_empty() {
                record!(tx, rows);
            }
            keys
        })
    }

    /// Stores a new log-in, as JSON, in the last used sessions of its user but its own, each of which shows it until it is seen. A
    /// session that is being changed at this moment is left out: to wait for it could deadlock with whoever ends all of them. The notice is
    /// mailed.
    pub async fn announce_log_in(
        &self,
        user: UserId,
        own_key: &str,
        log_in: String,
        notice: Option<AccountMail>,
    ) -> sqlx::Result<()> {
        let statement = match self {
            Self::Sqlite(_) => {
                "update sessions set new_log_in = $3 where key in (
                    select key from sessions where user_id = $1 and key <> $2 and not exists (select 1 from tokens where session_key = key)
                    order by last_seen_at desc limit $4)"
            }
            Self::Postgres(_) => {
                "update sessions set new_log_in = $3 where key in (
                    select key from sessions where user_id = $1 and key <> $2 and not exists (select 1 from tokens where session_key = key)
                    order by last_seen_at desc limit $4
                    for no key update skip locked)"
            }
        };
        let own_key = own_key.to_owned();
        transaction!(self, |tx| {
            sqlx::query(statement).bind(user).bind(&own_key).bind(&log_in).bind(ANNOUNCED).execute(&mut *tx).await?;
            mail_account!(tx, notice);
        })
    }

    /// Removes the new log-in that a session shows.
    pub async fn forget_new_log_in(&self, key: &str) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query("update sessions set new_log_in = null where key = $1 and new_log_in is not null")
            .bind(key)
            .execute(pool)
            .await
            .map(drop))
    }
}
