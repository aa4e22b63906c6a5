//! Statements on bots: accounts that programs write as.
//!
//! Owns that a person has a bounded number of them, and that a bot's access ends with its owner's (`closed_at!`). It must not decide who
//! may make one.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// When the access of a row of `users` ended: that of a bot ends with its owner's.
macro_rules! closed_at {
    () => {
        "case when users.bot_owner_id is null then users.banned_at
              else coalesce(users.banned_at, (select owners.banned_at from users as owners where owners.id = users.bot_owner_id)) end"
    };
}

pub(super) use closed_at;

/// A new bot.
#[derive(Clone, Debug)]
pub struct NewBot {
    /// The unique name, folded.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// Whose it is; `None` if it is the server's own.
    pub owner: Option<UserId>,
    /// How many its owner may have.
    pub most: i64,
    /// The digest under which the username is retired, if its account was deleted.
    pub digest: String,
    /// When it is made.
    pub created_at: Millis,
    /// What is recorded of it.
    pub event: Option<Event>,
}

/// The outcome of making a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeBot {
    /// It was made.
    As(UserId),
    /// The username is taken.
    NameTaken,
    /// The owner has as many as they may have, or their account is closed.
    TooMany,
}

/// One of a person's bots.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct BotRow {
    /// Its id.
    pub id: UserId,
    /// The unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// The file of its icon.
    pub photo: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// In how many rooms it is.
    pub rooms: i64,
}

/// Adds a bot in a transaction, as a guest without a password: its id, or `None` if its username is taken. Then nothing may be committed.
macro_rules! add_bot {
    ($tx:expr, $new:expr) => {{
        let new: &crate::db::bots::NewBot = $new;
        let id: Option<crate::model::UserId> = sqlx::query_scalar(
            "insert into users (username, name, password_hash, is_admin, created_at, is_new, is_guest, is_bot, bot_owner_id)
             values ($1, $2, '', false, $3, false, true, true, $4) on conflict (username) do nothing returning id",
        )
        .bind(&new.username)
        .bind(&new.name)
        .bind(new.created_at)
        .bind(new.owner)
        .fetch_optional(&mut *$tx)
        .await?;
        // After the insert, which waits for a deletion of the account with this name.
        let retired: i64 = sqlx::query_scalar("select count(*) from retired_usernames where digest = $1")
            .bind(&new.digest)
            .fetch_one(&mut *$tx)
            .await?;
        id.filter(|_| retired == 0)
    }};
}

pub(super) use add_bot;

impl Db {
    /// Adds a bot, as a guest without a password.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_bot(&self, new: NewBot) -> sqlx::Result<MadeBot> {
        transaction!(self, |tx| {
            if let Some(owner) = new.owner {
                // Locks the owner's row: their bots are counted one at a time, on all nodes.
                let open = sqlx::query("update users set is_admin = is_admin where id = $1 and banned_at is null");
                let open = open.bind(owner).execute(&mut *tx).await?;
                let count: i64 = sqlx::query_scalar("select count(*) from users where bot_owner_id = $1 and banned_at is null")
                    .bind(owner)
                    .fetch_one(&mut *tx)
                    .await?;
                if open.rows_affected() == 0 || count >= new.most {
                    return Ok(MadeBot::TooMany);
                }
            }
            let Some(id) = add_bot!(tx, &new) else { return Ok(MadeBot::NameTaken) };
            record!(tx, rows(&new.event));
            MadeBot::As(id)
        })
    }

    /// A person's bots that are not closed, by username.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_bots(&self, owner: UserId) -> sqlx::Result<Vec<BotRow>> {
        let statement = "select id, username, name, photo, created_at,
                (select count(*) from memberships where user_id = users.id) as rooms
             from users where bot_owner_id = $1 and banned_at is null order by username";
        read!(self, |pool| sqlx::query_as(statement).bind(owner).fetch_all(pool).await)
    }

    /// Whether this is a bot of this person that is not closed.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_bot_of(&self, bot: UserId, owner: UserId) -> sqlx::Result<bool> {
        let statement = "select exists (select 1 from users where id = $1 and bot_owner_id = $2 and banned_at is null)";
        read!(self, |pool| sqlx::query_scalar(statement).bind(bot).bind(owner).fetch_one(pool).await)
    }
}
