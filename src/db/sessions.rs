//! Statements on the `sessions` table.
//!
//! A session is created once and ends once. There is no upsert here: a late write must not revive a session.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::bots::closed_at;
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::config::SecondFactorFor;
use crate::model::{NotificationLevel, Theme, UserId};
use crate::security_log::Event;

/// A new session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The hash of its id.
    pub key: String,
    /// The user it belongs to.
    pub user: Option<UserId>,
    /// Its data, as JSON.
    pub data: String,
    /// When it began.
    pub created_at: Millis,
    /// When it ends at the latest.
    pub expires_at: Millis,
    /// The client's address.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// The log-in that begins it, if it is one.
    pub event: Option<Event>,
}

/// A valid session with its user.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SessionRow {
    /// Its data, as JSON.
    pub data: String,
    /// When it was last used.
    pub last_seen_at: Millis,
    /// When it ends at the latest.
    pub expires_at: Millis,
    /// The user it belongs to.
    pub user_id: Option<UserId>,
    /// The user's unique name.
    pub username: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// The file of the user's photo.
    pub photo: Option<String>,
    /// Whether the user is an administrator.
    pub is_admin: Option<bool>,
    /// Whether they are a guest.
    pub is_guest: Option<bool>,
    /// Whether it is a bot.
    pub is_bot: Option<bool>,
    /// The slug of the room that they visited last.
    pub last_room: Option<String>,
    /// IANA name of their time zone.
    pub time_zone: Option<String>,
    /// The color theme.
    pub theme: Option<Theme>,
    /// The default notification level.
    pub notify: Option<NotificationLevel>,
    /// The sidebar arrangement, as JSON.
    pub sidebar: Option<String>,
    /// The latest log-in from an unknown device that the user has not seen here, as JSON.
    pub new_log_in: Option<String>,
    /// The usernames of those whom the user has blocked, separated by commas.
    pub blocked: Option<String>,
    /// When the user last proved in it who they are.
    pub confirmed_at: Millis,
    /// Whether the user has a second factor.
    pub has_second_factor: bool,
    /// If it is an access token: what it permits.
    pub token_scopes: Option<String>,
    /// If it is one: when it was last used.
    pub token_used_at: Option<Millis>,
}

/// The condition that a user of `users` has a second factor.
macro_rules! has_second_factor {
    () => {
        "(exists (select 1 from totp where totp.user_id = users.id and totp.confirmed_at is not null)
          or exists (select 1 from passkeys where passkeys.user_id = users.id))"
    };
}

/// A session that is asked for, and what makes it valid.
#[derive(Clone, Copy, Debug)]
pub struct SessionCheck<'a> {
    /// Its key.
    pub key: &'a str,
    /// The time.
    pub now: Millis,
    /// Since when it must have been used.
    pub idle_since: Millis,
    /// Who must have a second factor.
    pub required: SecondFactorFor,
}

impl SessionCheck<'_> {
    /// Whether administrators must have a second factor, and whether everyone must.
    pub(super) fn required_of(&self) -> [bool; 2] {
        [SecondFactorFor::Admins, SecondFactorFor::Everyone].map(|who| who == self.required)
    }
}

/// The condition that a row of `sessions` with its row of `users` is somebody's now, who is not banned and has the second factor that they
/// must have, or of a bot whose owner is not banned: `$2` is the time, `$3` since when it must have been used, `$4` and `$5` are [`SessionCheck::required_of`].
macro_rules! is_valid_session {
    () => {
        concat!(
            "sessions.expires_at > $2 and sessions.last_seen_at > $3 and (",
            $crate::db::bots::closed_at!(),
            ") is null and (not ($5 or ($4 and users.is_admin)) or users.is_bot or ",
            $crate::db::sessions::has_second_factor!(),
            ")"
        )
    };
}
pub(super) use {has_second_factor, is_valid_session};

impl Db {
    /// Stores a new session.
    ///
    /// # Errors
    /// A unique violation if the key exists.
    pub async fn insert_session(&self, new: NewSession) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            // What the user is to be told, they are told in this session.
            sqlx::query(
                "insert into sessions (key, user_id, data, created_at, last_seen_at, expires_at, address, user_agent, new_log_in)
                 values ($1, $2, $3, $4, $4, $5, $6, $7, (select announcement from users where id = $2))",
            )
            .bind(&new.key)
            .bind(new.user)
            .bind(&new.data)
            .bind(new.created_at)
            .bind(new.expires_at)
            .bind(&new.address)
            .bind(&new.user_agent)
            .execute(&mut *tx)
            .await?;
            sqlx::query("update users set announcement = null where id = $1 and announcement is not null")
                .bind(new.user)
                .execute(&mut *tx)
                .await?;
            record!(tx, rows(&new.event));
        })
    }

    /// Replaces a session's data; `false` if it has ended.
    pub async fn update_session(&self, key: &str, user: Option<UserId>, data: &str) -> sqlx::Result<bool> {
        let changed = write!(self, |pool| sqlx::query("update sessions set user_id = $2, data = $3 where key = $1")
            .bind(key)
            .bind(user)
            .bind(data)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(changed > 0)
    }

    /// A session with its user, if it was used since `idle_since`, has not expired, and its user is not banned, nor the owner of a bot.
    pub async fn find_session(&self, key: &str, now: Millis, idle_since: Millis) -> sqlx::Result<Option<SessionRow>> {
        read!(self, |pool| {
            sqlx::query_as(concat!(
                "select data, last_seen_at, expires_at, user_id, username, users.name, photo, is_admin, is_guest, is_bot, slug as last_room,
                        time_zone, theme, notify, sidebar, new_log_in,
                        (select string_agg(them.username, ',') from blocks join users as them on them.id = blocked_id
                         where blocks.user_id = users.id) as blocked,
                        coalesce(sessions.confirmed_at, sessions.created_at) as confirmed_at,
                        tokens.scopes as token_scopes, tokens.used_at as token_used_at, ",
                has_second_factor!(),
                " as has_second_factor
                 from sessions left join users on users.id = user_id left join rooms on rooms.id = last_room_id
                      left join tokens on session_key = key
             where key = $1 and expires_at > $2 and last_seen_at > $3 and ",
                closed_at!(),
                " is null",
            ))
            .bind(key)
            .bind(now)
            .bind(idle_since)
            .fetch_optional(pool)
            .await
        })
    }

    /// Stores when a session's user proved who they are; `false` if it has ended.
    pub async fn confirm_session(&self, key: &str, now: Millis, event: &Event) -> sqlx::Result<bool> {
        let (key, rows) = (key.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let changed = sqlx::query("update sessions set confirmed_at = $2 where key = $1")
                .bind(&key)
                .bind(now)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if changed > 0 {
                record!(tx, rows);
            }
            changed > 0
        })
    }

    /// Updates when sessions were last used. Those that another node writes at this moment are left out.
    pub async fn touch_sessions(&self, keys: &[String], now: Millis) -> sqlx::Result<()> {
        let given = serde_json::to_string(keys).expect("texts always have a JSON form");
        match self {
            Self::Sqlite(sqlite) => {
                sqlx::query(
                    "update sessions set last_seen_at = $2 where key in (select value from json_each($1)) and last_seen_at < $2",
                )
                .bind(given)
                .bind(now)
                .execute(&sqlite.write)
                .await?;
            }
            Self::Postgres(postgres) => {
                sqlx::query(
                    "update sessions set last_seen_at = $2 where key in (
                        select key from sessions
                        where key in (select json_array_elements_text($1::json)) and last_seen_at < $2 for no key update skip locked)",
                )
                .bind(given)
                .bind(now)
                .execute(&postgres.write)
                .await?;
            }
        }
        Ok(())
    }

    /// Filters the valid sessions of users who have the second factor that they must have.
    pub async fn list_live_sessions(
        &self,
        keys: &[String],
        now: Millis,
        idle_since: Millis,
        required: SecondFactorFor,
    ) -> sqlx::Result<Vec<String>> {
        let given = serde_json::to_string(keys).expect("texts always have a JSON form");
        let [admins, everyone] = SessionCheck { key: "", now, idle_since, required }.required_of();
        match self {
            Self::Sqlite(sqlite) => {
                sqlx::query_scalar(concat!(
                    "select key from sessions join users on users.id = user_id
                     where key in (select value from json_each($1)) and ",
                    is_valid_session!(),
                ))
                .bind(given)
                .bind(now)
                .bind(idle_since)
                .bind(admins)
                .bind(everyone)
                .fetch_all(&sqlite.read)
                .await
            }
            Self::Postgres(postgres) => {
                sqlx::query_scalar(concat!(
                    "select key from sessions join users on users.id = user_id
                     where key in (select json_array_elements_text($1::json)) and ",
                    is_valid_session!(),
                ))
                .bind(given)
                .bind(now)
                .bind(idle_since)
                .bind(admins)
                .bind(everyone)
                .fetch_all(&postgres.read)
                .await
            }
        }
    }

    /// Ends a session; `false` if it had ended.
    pub async fn delete_session(&self, key: &str) -> sqlx::Result<bool> {
        let deleted = write!(self, |pool| sqlx::query("delete from sessions where key = $1")
            .bind(key)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(deleted > 0)
    }

    /// Ends a session by a log-out; `false` if it had ended, which records nothing.
    pub async fn log_out(&self, key: &str, event: &Event) -> sqlx::Result<bool> {
        let (key, rows) = (key.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let deleted = sqlx::query("delete from sessions where key = $1").bind(&key).execute(&mut *tx).await?.rows_affected();
            if deleted > 0 {
                record!(tx, rows);
            }
            deleted > 0
        })
    }

    /// Ends a session because its browser logs in again, which other nodes tell its sockets.
    pub async fn replace_session(&self, key: &str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(_) => drop(self.delete_session(key).await?),
            Self::Postgres(postgres) => {
                // The trigger of migration 17 reads the reason.
                sqlx::query(
                    "with said as (
                         select set_config('parlor.session_end', 'logged_in_again:' || user_id, true) from sessions where key = $1
                     )
                     delete from sessions where key = $1 and exists (select from said)",
                )
                .bind(key)
                .execute(&postgres.write)
                .await?;
            }
        }
        Ok(())
    }

    /// Deletes expired sessions; returns how many. Those that another node deletes at this moment are left out.
    pub async fn delete_expired_sessions(&self, now: Millis, idle_since: Millis) -> sqlx::Result<u64> {
        let statement = match self {
            Self::Sqlite(_) => "delete from sessions where expires_at <= $1 or last_seen_at <= $2",
            Self::Postgres(_) => {
                // The trigger of migration 59 reads the reason.
                "with said as (select set_config('parlor.session_end', 'expired:*', true) as reason)
                 delete from sessions where exists (select from said where reason is not null) and key in (
                    select key from sessions where expires_at <= $1 or last_seen_at <= $2 for update skip locked)"
            }
        };
        Ok(write!(self, |pool| sqlx::query(statement).bind(now).bind(idle_since).execute(pool).await?.rows_affected()))
    }
}
