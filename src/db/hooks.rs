//! Statements on incoming webhooks.
//!
//! Owns that a room has a bounded number of them, and that a hook and its bot are made together. A hook is stored by the hash of its token; its
//! public id is the first digits of that hash.
//! It must not decide who may make one, or read what comes in.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::bots::{NewBot, add_bot};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{RoomId, RoomRole, UserId};
use crate::security_log::Event;

/// A new hook.
#[derive(Clone, Debug)]
pub struct NewHook {
    /// Its public id.
    pub id: String,
    /// The hash of its token.
    pub token_hash: String,
    /// The room that it posts to.
    pub room: RoomId,
    /// The bot that it posts as, which is made with it.
    pub bot: NewBot,
    /// Who makes it.
    pub created_by: UserId,
    /// When.
    pub created_at: Millis,
    /// How many a room may have.
    pub most: i64,
}

/// The outcome of making a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeHook {
    /// It was made, with this bot.
    As(UserId),
    /// The bot's username is taken.
    NameTaken,
    /// The room has as many as it may have.
    TooMany,
    /// The room is deleted.
    NoRoom,
}

/// A hook in a list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct HookRow {
    /// Its public id.
    pub id: String,
    /// The bot that it posts as.
    pub bot: UserId,
    /// The bot's username.
    pub username: String,
    /// The bot's name.
    pub name: String,
    /// The file of the bot's icon.
    pub photo: Option<String>,
    /// The username of who made it, if they still have an account.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// About when it was last used.
    pub used_at: Option<Millis>,
    /// Whether its address leads nowhere, because it was restored from a backup.
    pub is_restored: bool,
}

/// Where a hook leads.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct HookTarget {
    /// Its public id.
    pub id: String,
    /// The room.
    pub room: RoomId,
    /// Whether the room is archived.
    pub is_archived: bool,
    /// Who may mention everybody there.
    pub mass_mentions: RoomRole,
    /// The bot that it posts as.
    pub bot: UserId,
    /// About when it was last used.
    pub used_at: Option<Millis>,
}

impl Db {
    /// Adds a hook with its bot: both are there, or neither.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_hook(&self, new: NewHook, event: &Event) -> sqlx::Result<MadeHook> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            // Locks the room's row: its hooks are counted one at a time, on all nodes.
            let lock = "update rooms set link_previews = link_previews where id = $1 and removed_at is null";
            if sqlx::query(lock).bind(new.room).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(MadeHook::NoRoom);
            }
            let count: i64 =
                sqlx::query_scalar("select count(*) from hooks where room_id = $1").bind(new.room).fetch_one(&mut *tx).await?;
            if count >= new.most {
                return Ok(MadeHook::TooMany);
            }
            let Some(bot) = add_bot!(tx, &new.bot) else { return Ok(MadeHook::NameTaken) };
            sqlx::query(
                "insert into hooks (id, token_hash, room_id, bot_id, created_by, created_at) values ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&new.id)
            .bind(&new.token_hash)
            .bind(new.room)
            .bind(bot)
            .bind(new.created_by)
            .bind(new.created_at)
            .execute(&mut *tx)
            .await?;
            record!(tx, rows);
            MadeHook::As(bot)
        })
    }

    /// A room's hooks, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_hooks(&self, room: RoomId) -> sqlx::Result<Vec<HookRow>> {
        let statement = "select hooks.id, bot_id as bot, bots.username, bots.name, bots.photo, makers.username as created_by,
                hooks.created_at, hooks.used_at, token_hash like 'restored:%' as is_restored
             from hooks join users as bots on bots.id = bot_id
             left join users as makers on makers.id = created_by and coalesce(makers.closed, '') <> 'deleted'
             where room_id = $1 order by hooks.created_at desc, hooks.id";
        read!(self, |pool| sqlx::query_as(statement).bind(room).fetch_all(pool).await)
    }

    /// Where the hook with a token leads, by the token's hash, unless its bot is closed or its room is deleted.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_hook(&self, token_hash: &str) -> sqlx::Result<Option<HookTarget>> {
        let statement =
            "select hooks.id, rooms.id as room, archived_at is not null as is_archived, mass_mentions, bot_id as bot, used_at
             from hooks join rooms on rooms.id = room_id and removed_at is null
             join users on users.id = bot_id and banned_at is null
             where token_hash = $1";
        read!(self, |pool| sqlx::query_as(statement).bind(token_hash).fetch_optional(pool).await)
    }

    /// Notes that a hook was used.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_hook_use(&self, id: &str, now: Millis) -> sqlx::Result<()> {
        let statement = "update hooks set used_at = $2 where id = $1 and coalesce(used_at, 0) < $2";
        write!(self, |pool| sqlx::query(statement).bind(id).bind(now).execute(pool).await.map(drop))
    }

    /// Deletes a hook of a room; `false` if there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_hook(&self, room: RoomId, id: &str, event: &Event) -> sqlx::Result<bool> {
        let (id, rows) = (id.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let deleted = sqlx::query("delete from hooks where room_id = $1 and id = $2").bind(room).bind(&id);
            if deleted.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            record!(tx, rows);
            true
        })
    }
}
