//! Statements that close accounts: deactivation and deletion.
//!
//! Owns that sessions end in the same transaction, that there is always an administrator, and what a deletion leaves of a person. It must
//! not know about sockets.

use sqlx::AssertSqlSafe;

use super::audit::{record, rows};
use super::lookalikes::update_look;
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// The outcome of closing an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It is closed. The names of these people look like nobody else's now.
    Done(Vec<UserId>),
    /// It was closed before.
    AlreadyClosed,
    /// They are the last administrator.
    LastAdmin,
    /// It is under a hold, alone or with everything.
    Held,
}

/// The deletion of an account.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The account.
    pub user: UserId,
    /// Its username.
    pub username: String,
    /// Under which it is retired.
    pub digest: String,
    /// The username that replaces it, which nobody can register.
    pub placeholder: String,
    /// The name that replaces the one to show.
    pub name: &'static str,
    /// Whether its messages are deleted, too.
    pub deletes_messages: bool,
    /// Who requested it.
    pub requested_by: String,
    /// When.
    pub now: Millis,
}

/// Makes somebody else the owner of each room that only this person owns: the one whom the ledger would choose (`SUCCESSORS`).
const HAND_OVER: &str = "update memberships set role = 'owner' where (room_id, user_id) in (
    select room_id, user_id from (
        select theirs.room_id, theirs.user_id, row_number() over (
            partition by theirs.room_id order by case theirs.role when 'moderator' then 0 else 1 end, theirs.joined_at, theirs.user_id) as place
        from memberships as own
        join memberships as theirs on theirs.room_id = own.room_id and theirs.user_id <> own.user_id
        join users on users.id = theirs.user_id
        where own.user_id = $1 and own.role = 'owner' and not users.is_guest and users.banned_at is null
          and not exists (select 1 from memberships as others
                          where others.room_id = own.room_id and others.user_id <> $1 and others.role = 'owner')) as ranked
    where place = 1)";

/// The mails about an account that wait.
const DROP_MAILS: [&str; 2] = [
    "delete from receivers where id = $1 and kind in ('account', 'address')",
    "delete from outbox where receiver = $1 and kind in ('account', 'address')",
];

/// Deletes somebody's photo. The key of `users` sets the column to null, and a trigger has the bytes deleted.
const DROP_OWN_FILES: &str =
    "delete from files where id = (select photo from users where id = $1) or (owner_id = $1 and purpose = 'export')";

/// Whether closing this account leaves nobody who administers. Roles change one at a time, on all nodes.
macro_rules! is_last_admin {
    ($tx:ident, $user:expr) => {{
        sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut *$tx).await?;
        let (is_admin, others): (bool, i64) = sqlx::query_as(
            "select is_admin, (select count(*) from users where is_admin and banned_at is null and id <> $1) from users where id = $1",
        )
        .bind($user)
        .fetch_one(&mut *$tx)
        .await?;
        is_admin && others == 0
    }};
}

impl Db {
    /// Whether a deleted account had the username with this digest.
    pub async fn is_retired(&self, digest: &str) -> sqlx::Result<bool> {
        let found: i64 = read!(self, |pool| sqlx::query_scalar("select count(*) from retired_usernames where digest = $1")
            .bind(digest)
            .fetch_one(pool)
            .await?);
        Ok(found > 0)
    }

    /// Deactivates an account and deletes all of its sessions and reset links, in one transaction.
    pub async fn deactivate(&self, user: UserId, now: Millis, event: &Event) -> sqlx::Result<Closing> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            if is_last_admin!(tx, user) {
                return Ok(Closing::LastAdmin);
            }
            let closed = "update users set banned_at = $2, closed = 'deactivated' where id = $1 and banned_at is null";
            if sqlx::query(closed).bind(user).bind(now).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(Closing::AlreadyClosed);
            }
            sqlx::query("delete from sessions where user_id = $1").bind(user).execute(&mut *tx).await?;
            sqlx::query("delete from resets where user_id = $1").bind(user).execute(&mut *tx).await?;
            sqlx::query(DROP_OWN_FILES).bind(user).execute(&mut *tx).await?;
            record!(tx, rows);
            Closing::Done(Vec::new())
        })
    }

    /// Opens a deactivated account again; `false` if it is not deactivated. The user has to log in again.
    pub async fn reactivate(&self, user: UserId, event: &Event) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let opened = "update users set banned_at = null, closed = null where id = $1 and closed = 'deactivated'";
            if sqlx::query(opened).bind(user).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            record!(tx, rows);
            true
        })
    }

    /// Deletes everything of an account but its messages and reactions, which stay under a placeholder, and its places in conversations.
    /// What is to be done with messages becomes a row of `cleanups`.
    pub async fn delete_account(&self, deletion: &Deletion, event: &Event) -> sqlx::Result<Closing> {
        let (deletion, rows) = (deletion.clone(), rows([event]));
        let lock_holds = self.lock_holds();
        let references = match self {
            Self::Sqlite(_) => {
                "select tables.name, keys.\"from\" from sqlite_master as tables, pragma_foreign_key_list(tables.name) as keys
                 where tables.type = 'table' and keys.\"table\" = 'users' and keys.on_delete = 'CASCADE'"
            }
            Self::Postgres(_) => {
                "select conrelid::regclass::text, attname::text from pg_constraint
                 join pg_attribute on attrelid = conrelid and attnum = conkey[1]
                 where contype = 'f' and confrelid = 'users'::regclass and confdeltype = 'c'"
            }
        };
        transaction!(self, |tx| {
            let Deletion { user, username, digest, placeholder, name, deletes_messages, requested_by, now } = deletion;
            if is_last_admin!(tx, user) {
                return Ok(Closing::LastAdmin);
            }
            sqlx::query(lock_holds).execute(&mut *tx).await?;
            let held = "select exists (select 1 from holds where user_id = $1 or (user_id is null and room_id is null))";
            if sqlx::query_scalar(held).bind(user).fetch_one(&mut *tx).await? {
                return Ok(Closing::Held);
            }
            let alike = update_look!(tx, user, placeholder.clone());
            let renamed = sqlx::query(
                "update users set username = $2, name = $3, fold = $2, password_hash = '', is_admin = false, status = '', sidebar = '',
                        time_zone = null, seen_at = null, last_room_id = null, theme = 'auto', notify = 'mentions', alike = false,
                        banned_at = coalesce(banned_at, $4), closed = 'deleted'
                 where id = $1 and username = $5",
            )
            .bind(user)
            .bind(&placeholder)
            .bind(name)
            .bind(now)
            .bind(&username)
            .execute(&mut *tx)
            .await?;
            if renamed.rows_affected() == 0 {
                return Ok(Closing::AlreadyClosed);
            }
            sqlx::query(DROP_OWN_FILES).bind(user).execute(&mut *tx).await?;
            // Before the memberships end: the rooms that nobody else owns.
            sqlx::query(HAND_OVER).bind(user).execute(&mut *tx).await?;
            // Whatever hangs on an account goes with it, also what later versions add.
            let references: Vec<(String, String)> = sqlx::query_as(references).fetch_all(&mut *tx).await?;
            for (table, column) in references {
                if table != "reactions" && table != "memberships" {
                    let statement = format!("delete from {table} where {column} = $1");
                    sqlx::query(AssertSqlSafe(statement)).bind(user).execute(&mut *tx).await?;
                }
            }
            sqlx::query("delete from drafts where user_id = $1").bind(user).execute(&mut *tx).await?;
            for statement in DROP_MAILS {
                sqlx::query(statement).bind(user).execute(&mut *tx).await?;
            }
            sqlx::query(
                "delete from memberships where user_id = $1 and room_id in (select id from rooms where direct_key is null)",
            )
            .bind(user)
            .execute(&mut *tx)
            .await?;
            sqlx::query("update messages set pinned_by = $2 where pinned_at is not null and pinned_by = $1")
                .bind(&username)
                .bind(&placeholder)
                .execute(&mut *tx)
                .await?;
            sqlx::query("insert into retired_usernames (digest) values ($1) on conflict do nothing")
                .bind(&digest)
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "insert into cleanups (user_id, username, requested_by, requested_at, deletes, since) values ($1, $2, $3, $4, $5, 0)",
            )
            .bind(user)
            .bind(&username)
            .bind(if requested_by == username { &placeholder } else { &requested_by })
            .bind(now)
            .bind(deletes_messages)
            .execute(&mut *tx)
            .await?;
            if deletes_messages {
                sqlx::query("update reports set body = '' where author_id = $1").bind(user).execute(&mut *tx).await?;
            }
            record!(tx, rows);
            Closing::Done(alike)
        })
    }
}
