//! Statements on imported people.

use sqlx::FromRow;

use crate::clock::Millis;
use crate::db::audit::{record, rows};
use crate::db::{Db, read, transaction, write};
use crate::model::UserId;
use crate::security_log::Event;

/// A person of a source who has an account here.
#[derive(Clone, Debug, FromRow)]
pub struct ImportedPerson {
    /// Their key in the source.
    pub key: String,
    /// Their account.
    pub id: UserId,
    /// Its username.
    pub username: String,
    /// Whether it is a guest.
    pub is_guest: bool,
}

/// A new account for a person of a source.
#[derive(Clone, Debug)]
pub struct NewImportedPerson {
    /// The source.
    pub source: String,
    /// The key in the source.
    pub key: String,
    /// The username.
    pub username: String,
    /// The display name.
    pub name: String,
    /// The hash of the password; empty without one.
    pub password_hash: String,
    /// The address, as written and folded, if it is confirmed.
    pub email: Option<(String, String)>,
    /// Whether it is a guest.
    pub is_guest: bool,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// Whether nobody can log in.
    pub is_closed: bool,
    /// What the person says of themselves.
    pub status: String,
    /// Their time zone.
    pub time_zone: Option<String>,
    /// Since when they are there.
    pub created_at: Millis,
    /// When it is imported.
    pub now: Millis,
    /// The digest under which the username is retired, if its account was deleted.
    pub digest: String,
    /// What is recorded of it.
    pub event: Event,
}

const NOTE: &str = "insert into imported (source, kind, room, key, local) values ($1, 'person', '', $2, $3)
     on conflict (source, kind, room, key) do update set local = excluded.local";

impl Db {
    /// The people of a source who have accounts here.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_imported_people(&self, source: &str) -> sqlx::Result<Vec<ImportedPerson>> {
        let statement = "select key, users.id, username, is_guest from imported join users on users.id = local
             where source = $1 and kind = 'person'";
        read!(self, |pool| sqlx::query_as(statement).bind(source).fetch_all(pool).await)
    }

    /// The account with this confirmed address, folded, or with this username.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_person_for_import(
        &self,
        email: Option<&str>,
        username: Option<&str>,
    ) -> sqlx::Result<Option<ImportedPerson>> {
        let statement = "select '' as key, users.id, username, is_guest from users left join emails on emails.user_id = users.id
             where (emails.folded = $1 or users.username = $2) and coalesce(closed, '') <> 'deleted' limit 1";
        read!(self, |pool| sqlx::query_as(statement).bind(email).bind(username).fetch_optional(pool).await)
    }

    /// Notes who a person of a source is here.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_imported_person(&self, source: &str, key: &str, user: UserId) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(NOTE).bind(source).bind(key).bind(user).execute(pool).await.map(drop))
    }

    /// Adds an account for a person of a source; `None` if the username is taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_imported_person(&self, new: NewImportedPerson) -> sqlx::Result<Option<UserId>> {
        transaction!(self, |tx| {
            let id: Option<UserId> = sqlx::query_scalar(
                "insert into users (username, name, password_hash, is_admin, created_at, is_new, is_guest, status, time_zone, banned_at, closed, is_bot)
                 values ($1, $2, $3, false, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (username) do nothing returning id",
            )
            .bind(&new.username)
            .bind(&new.name)
            .bind(&new.password_hash)
            .bind(new.created_at)
            .bind(!new.is_guest)
            .bind(new.is_guest)
            .bind(&new.status)
            .bind(&new.time_zone)
            .bind(new.is_closed.then_some(new.now))
            .bind(new.is_closed.then_some("deactivated"))
            .bind(new.is_bot)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(id) = id else { return Ok(None) };
            let retired: i64 = sqlx::query_scalar("select count(*) from retired_usernames where digest = $1")
                .bind(&new.digest)
                .fetch_one(&mut *tx)
                .await?;
            if retired > 0 {
                return Ok(None);
            }
            if let Some((address, folded)) = &new.email {
                sqlx::query(
                    "insert into emails (user_id, address, folded, verified_at) values ($1, $2, $3, $4) on conflict do nothing",
                )
                .bind(id)
                .bind(address)
                .bind(folded)
                .bind(new.now)
                .execute(&mut *tx)
                .await?;
            }
            sqlx::query(NOTE).bind(&new.source).bind(&new.key).bind(id).execute(&mut *tx).await?;
            record!(tx, rows([&new.event]));
            Some(id)
        })
    }
}
