//! Statements on accounts. It must not validate or hash anything.

use std::sync::Arc;

use sqlx::FromRow;

use super::account_mails::{AccountMail, mail_account};
use super::audit::{record, rows};
use super::settings::{NewValue, UPSERT};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{Author, RoomId, UserId};
use crate::security_log::{Actor, Event};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The unique name.
    pub username: Arc<str>,
    /// The name to show.
    pub name: Arc<str>,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// When they registered.
    pub created_at: Millis,
    /// When their access ended: they were banned, or the account was closed.
    pub banned_at: Option<Millis>,
    /// The slug of the room that they visited last.
    pub last_room: Option<Arc<str>>,
    /// The password hash, in PHC form; empty without a password.
    pub password_hash: String,
}

/// A new user.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The unique name, folded.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// The password hash, in PHC form; empty without a password.
    pub password_hash: String,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// When they register.
    pub created_at: Millis,
    /// Settings that they choose, as the first administrator.
    pub settings: Vec<NewValue>,
    /// The digest under which the username is retired, if its account was deleted.
    pub digest: String,
    /// What is recorded of it. Events without an actor are the new user's own.
    pub events: Vec<Event>,
}

/// The outcome of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The user was created.
    As(UserId),
    /// The username is taken.
    NameTaken,
    /// The invitation is unknown, used up, revoked or expired, or its maker is banned.
    NoInvite,
    /// There is an administrator already.
    HasAdmin,
    /// The identity belongs to another account.
    HasIdentity,
}

/// What permits a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Open registration, or the command line.
    Open,
    /// An invitation, by the hash of its token; the registration counts as a use.
    Invite(String),
    /// An identity at an OpenID provider, which the account gets: its issuer and subject.
    Identity(String, String),
    /// The set-up link, valid while there is no administrator.
    Setup,
}

#[derive(FromRow)]
struct UserRow {
    id: UserId,
    username: String,
    name: String,
    is_admin: bool,
    is_bot: bool,
    created_at: Millis,
    banned_at: Option<Millis>,
    last_room: Option<String>,
    password_hash: String,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            username: row.username.into(),
            name: row.name.into(),
            is_admin: row.is_admin,
            is_bot: row.is_bot,
            created_at: row.created_at,
            banned_at: row.banned_at,
            last_room: row.last_room.map(Into::into),
            password_hash: row.password_hash,
        }
    }
}

/// Stores a new password hash in a transaction, ends all that the old password was good for, and records it.
macro_rules! replace_password {
    ($tx:expr, $user:expr, $password_hash:expr, $rows:expr) => {{
        sqlx::query("update users set password_hash = $2 where id = $1")
            .bind($user)
            .bind($password_hash)
            .execute(&mut *$tx)
            .await?;
        sqlx::query("delete from sessions where user_id = $1").bind($user).execute(&mut *$tx).await?;
        sqlx::query("delete from resets where user_id = $1").bind($user).execute(&mut *$tx).await?;
        crate::db::audit::record!($tx, $rows);
    }};
}

pub(super) use replace_password;

impl Db {
    /// All usernames.
    pub async fn list_usernames(&self) -> sqlx::Result<Vec<String>> {
        read!(self, |pool| sqlx::query_scalar("select username from users where coalesce(closed, '') <> 'deleted'")
            .fetch_all(pool)
            .await)
    }

    /// Users whose display name differs from their username, or who have a photo.
    pub async fn list_display_names(&self) -> sqlx::Result<Vec<Author>> {
        let statement = "select id, username, name, alike, is_bot, photo from users
             where name <> username or alike or photo is not null";
        let rows: Vec<(UserId, String, String, bool, bool, Option<String>)> =
            read!(self, |pool| sqlx::query_as(statement).fetch_all(pool).await)?;
        let author = |(id, username, name, is_alike, is_bot, photo): (UserId, String, String, bool, bool, Option<String>)| {
            Author { id, username: username.into(), name: name.into(), is_alike, is_bot, photo: photo.map(Into::into) }
        };
        Ok(rows.into_iter().map(author).collect())
    }

    /// Creates a user and uses up the permit, in one transaction.
    pub async fn register(&self, new: NewUser, permit: Permit) -> sqlx::Result<Registered> {
        transaction!(self, |tx| {
            if permit == Permit::Setup {
                // Serializes concurrent uses of links, on all nodes: on Postgres, both would find no administrator.
                sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut *tx).await?;
                let admins: i64 = sqlx::query_scalar("select count(*) from users where is_admin").fetch_one(&mut *tx).await?;
                if admins > 0 {
                    return Ok(Registered::HasAdmin);
                }
            }
            // Before the insert: without a valid invitation, nobody learns whether a username is taken. The row stays locked
            // until the commit.
            if let Permit::Invite(hash) = &permit {
                let used = sqlx::query(
                    "update invites set used = used + 1, used_at = case when used + 1 >= uses then $2 end
                     where token_hash = $1 and used_at is null and used < uses and expires_at > $2
                       and not exists (select 1 from users where users.id = created_by and banned_at is not null)",
                )
                .bind(hash)
                .bind(new.created_at)
                .execute(&mut *tx)
                .await?;
                if used.rows_affected() == 0 {
                    return Ok(Registered::NoInvite);
                }
            }
            let id: Option<UserId> = sqlx::query_scalar(
                    "insert into users (username, name, password_hash, is_admin, created_at, is_new) values ($1, $2, $3, $4, $5, true)
                     on conflict (username) do nothing returning id",
                )
                .bind(&new.username)
                .bind(&new.name)
                .bind(&new.password_hash)
                .bind(new.is_admin)
                .bind(new.created_at)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(id) = id else { return Ok(Registered::NameTaken) };
            // After the insert, which waits for a deletion of the account with this name.
            let retired: i64 = sqlx::query_scalar("select count(*) from retired_usernames where digest = $1")
                .bind(&new.digest)
                .fetch_one(&mut *tx)
                .await?;
            if retired > 0 {
                return Ok(Registered::NameTaken);
            }
            if let Permit::Invite(hash) = &permit {
                sqlx::query("insert into invite_uses (token_hash, user_id, at) values ($1, $2, $3)")
                    .bind(hash)
                    .bind(id)
                    .bind(new.created_at)
                    .execute(&mut *tx)
                    .await?;
            }
            if let Permit::Identity(issuer, subject) = &permit {
                let statement = "insert into identities (issuer, subject, user_id, created_at) values ($1, $2, $3, $4) on conflict do nothing";
                let linked =
                    sqlx::query(statement).bind(issuer).bind(subject).bind(id).bind(new.created_at).execute(&mut *tx).await?;
                if linked.rows_affected() == 0 {
                    return Ok(Registered::HasIdentity);
                }
            }
            if new.is_admin {
                sqlx::query("delete from meta where key like 'setup:%'").execute(&mut *tx).await?;
            }
            for (name, value) in &new.settings {
                sqlx::query(UPSERT).bind(*name).bind(value).bind(new.created_at).execute(&mut *tx).await?;
            }
            let username: Arc<str> = new.username.as_str().into();
            let events = new.events.into_iter();
            let events: Vec<_> =
                events.map(|event| if event.actor == Actor::Stranger { event.by(id, &username) } else { event }).collect();
            record!(tx, rows(&events));
            Registered::As(id)
        })
    }

    /// Finds a user by id.
    pub async fn find_user(&self, id: UserId) -> sqlx::Result<Option<User>> {
        let row: Option<UserRow> = read!(self, |pool| {
            sqlx::query_as(
            "select users.id, username, users.name, is_admin, is_bot, users.created_at, banned_at, slug as last_room, password_hash
             from users left join rooms on rooms.id = last_room_id where users.id = $1",
        )
        .bind(id)
        .fetch_optional(pool)
        .await?
        });
        Ok(row.map(Into::into))
    }

    /// Finds a user by folded username.
    pub async fn find_user_by_name(&self, username: &str) -> sqlx::Result<Option<User>> {
        let row: Option<UserRow> = read!(self, |pool| {
            sqlx::query_as(
            "select users.id, username, users.name, is_admin, is_bot, users.created_at, banned_at, slug as last_room, password_hash
             from users left join rooms on rooms.id = last_room_id where username = $1",
        )
        .bind(username)
        .fetch_optional(pool)
        .await?
        });
        Ok(row.map(Into::into))
    }

    /// Whether there is an administrator.
    pub async fn has_admin(&self) -> sqlx::Result<bool> {
        let admins: i64 =
            read!(self, |pool| sqlx::query_scalar("select count(*) from (select 1 from users where is_admin limit 1) as found")
                .fetch_one(pool)
                .await?);
        Ok(admins > 0)
    }

    /// Stores a set-up token by its hash. Its keys in `meta` begin with `setup:`.
    pub async fn insert_setup_token(&self, token_hash: &str, now: Millis) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query("insert into meta (key, value) values ($1, $2)")
            .bind(format!("setup:{token_hash}"))
            .bind(now.0.to_string())
            .execute(pool)
            .await
            .map(drop))
    }

    /// Whether there is a set-up token with this hash.
    pub async fn has_setup_token(&self, token_hash: &str) -> sqlx::Result<bool> {
        let found: Option<String> = read!(self, |pool| sqlx::query_scalar("select key from meta where key = $1")
            .bind(format!("setup:{token_hash}"))
            .fetch_optional(pool)
            .await?);
        Ok(found.is_some())
    }

    /// Deletes set-up tokens from before `moment`; all of them if there is an administrator.
    pub async fn delete_setup_tokens(&self, moment: Millis) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "delete from meta where key like 'setup:%'
             and (cast(value as bigint) <= $1 or exists (select 1 from users where is_admin))"
        )
        .bind(moment)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Stores the room that a user visited last.
    pub async fn set_last_room(&self, user: UserId, room: RoomId) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query("update users set last_room_id = $2 where id = $1")
            .bind(user)
            .bind(room)
            .execute(pool)
            .await
            .map(drop))
    }

    /// Whether a user has not joined the default rooms yet.
    pub async fn is_new(&self, user: UserId) -> sqlx::Result<bool> {
        let is_new: Option<bool> = read!(self, |pool| sqlx::query_scalar("select is_new from users where id = $1")
            .bind(user)
            .fetch_optional(pool)
            .await?);
        Ok(is_new.unwrap_or_default())
    }

    /// Clears the `is_new` flag; `room` becomes the last visited room if there is none.
    pub async fn note_arrival(&self, user: UserId, room: Option<RoomId>) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "update users set is_new = false, last_room_id = coalesce(last_room_id, $2) where id = $1"
        )
        .bind(user)
        .bind(room)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Stores another hash of the same password, unless there is a new password meanwhile.
    pub async fn replace_imported_hash(&self, user: UserId, before: &str, after: &str) -> sqlx::Result<()> {
        let statement = "update users set password_hash = $3 where id = $1 and password_hash = $2";
        write!(self, |pool| sqlx::query(statement).bind(user).bind(before).bind(after).execute(pool).await.map(drop))
    }

    /// Stores a new password hash and deletes every session and every reset link of the user, in one transaction.
    pub async fn set_password(
        &self,
        user: UserId,
        password_hash: String,
        notice: Option<AccountMail>,
        event: &Event,
    ) -> sqlx::Result<()> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            replace_password!(tx, user, password_hash, rows);
            mail_account!(tx, notice);
        })
    }
}
