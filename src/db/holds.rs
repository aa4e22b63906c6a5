//! Legal holds: what must not be deleted, and what was kept of it.
//!
//! Owns these statements, and that a hold and a deletion do not miss each other: whoever deletes locks the count of holds (`lock_holds`), and a
//! new hold changes it last. The ledger keeps what is deleted by hand (`db::ledger`).

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{RoomId, UserId};
use crate::security_log::Event;

/// What a hold covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A room.
    Room(RoomId),
    /// What a person wrote and sent, in all rooms.
    Person(UserId),
    /// Everything.
    Everything,
}

impl Scope {
    fn columns(self) -> (Option<RoomId>, Option<UserId>) {
        match self {
            Self::Room(room) => (Some(room), None),
            Self::Person(person) => (None, Some(person)),
            Self::Everything => (None, None),
        }
    }
}

/// A hold to add.
#[derive(Clone, Debug)]
pub struct NewHold {
    /// What it covers.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// The username of who adds it.
    pub by: String,
    /// The digest of what they chose, so that it is added once.
    pub nonce: Option<String>,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Hold {
    /// Its id.
    pub id: i64,
    /// The room, if it covers one.
    pub room_id: Option<RoomId>,
    /// The room's slug and name.
    pub slug: Option<String>,
    /// The room's name.
    pub room_name: Option<String>,
    /// Whether the room is a conversation.
    pub is_direct: bool,
    /// The person, if it covers one.
    pub user_id: Option<UserId>,
    /// Their username.
    pub username: Option<String>,
    /// Why.
    pub reason: String,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
}

impl Hold {
    /// What it covers.
    pub fn scope(&self) -> Scope {
        match (self.room_id, self.user_id) {
            (Some(room), _) => Scope::Room(room),
            (None, Some(person)) => Scope::Person(person),
            (None, None) => Scope::Everything,
        }
    }
}

/// A text that was kept of a deleted message.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct HeldRow {
    /// Its id.
    pub id: i64,
    /// The slug of its room.
    pub room: String,
    /// Its place there.
    pub seq: i64,
    /// The kind of the message.
    pub kind: String,
    /// The author's username.
    pub author: String,
    /// The text.
    pub body: String,
    /// Its files, as JSON.
    pub attachments: Option<String>,
    /// When the message was posted.
    pub created_at: Millis,
    /// When this text was written.
    pub written_at: Millis,
    /// When the message was deleted.
    pub held_at: Millis,
}

/// Selects holds with what they cover.
macro_rules! holds {
    ($rest:literal) => {
        concat!(
            "select holds.id, holds.room_id, rooms.slug, rooms.name as room_name, rooms.direct_key is not null as is_direct, holds.user_id,
                    username, reason, holds.created_by, holds.created_at
             from holds left join rooms on rooms.id = holds.room_id left join users on users.id = holds.user_id ",
            $rest
        )
    };
}

impl Db {
    /// The statement that has a new hold wait for the commit of this transaction, and this for that of the hold.
    pub(super) fn lock_holds(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "select value from meta where key = 'holds'",
            Self::Postgres(_) => super::ledger::LOCK_HOLDS,
        }
    }

    /// How often holds have changed.
    pub async fn holds_version(&self) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar("select value from meta where key = 'holds'").fetch_optional(pool).await)
    }

    /// Whether everything is under a hold.
    pub async fn is_everything_held(&self) -> sqlx::Result<bool> {
        let statement = "select exists (select 1 from holds where room_id is null and user_id is null)";
        read!(self, |pool| sqlx::query_scalar(statement).fetch_one(pool).await)
    }

    /// Adds a hold, unless there is one with its nonce. Returns the id of the one that is there, and whether it is new; `None` if there are `most`
    /// already.
    pub async fn insert_hold(&self, new: NewHold, most: i64, event: &Event) -> sqlx::Result<Option<(i64, bool)>> {
        let (room, person) = new.scope.columns();
        let (at, rows) = (event.at, rows([event]));
        transaction!(self, |tx| {
            let same = "select id from holds where nonce = $1";
            let known: Option<i64> = sqlx::query_scalar(same).bind(&new.nonce).fetch_optional(&mut *tx).await?;
            if let Some(known) = known {
                return Ok(Some((known, false)));
            }
            let insert = "insert into holds (room_id, user_id, reason, created_by, created_at, nonce)
                 select $1, $2, $3, $4, $5, cast($7 as text) where (select count(*) from holds) < $6
                 on conflict (nonce) do nothing returning id";
            let added: Option<i64> = sqlx::query_scalar(insert)
                .bind(room)
                .bind(person)
                .bind(&new.reason)
                .bind(&new.by)
                .bind(at)
                .bind(most)
                .bind(&new.nonce)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(added) = added else {
                // Another request may have made it at the same time.
                let known: Option<i64> = sqlx::query_scalar(same).bind(&new.nonce).fetch_optional(&mut *tx).await?;
                return Ok(known.map(|known| (known, false)));
            };
            // Last: others lock rooms first, and then this.
            sqlx::query(COUNT).execute(&mut *tx).await?;
            record!(tx, rows);
            Some((added, true))
        })
    }

    /// Deletes a hold; `false` if there is none.
    pub async fn delete_hold(&self, id: i64, event: &Event) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            if sqlx::query("delete from holds where id = $1").bind(id).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(COUNT).execute(&mut *tx).await?;
            record!(tx, rows);
            true
        })
    }

    /// Up to `limit` holds from before the one with this id, the latest first.
    pub async fn list_holds(&self, before: i64, limit: i64) -> sqlx::Result<Vec<Hold>> {
        read!(self, |pool| sqlx::query_as(holds!("where holds.id < $1 order by holds.id desc limit $2"))
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await)
    }

    /// A hold.
    pub async fn find_hold(&self, id: i64) -> sqlx::Result<Option<Hold>> {
        read!(self, |pool| sqlx::query_as(holds!("where holds.id = $1")).bind(id).fetch_optional(pool).await)
    }

    /// Up to `limit` texts that were kept of what a hold covers, from before the one with this id, the latest first.
    pub async fn list_held(&self, scope: Scope, before: i64, limit: i64) -> sqlx::Result<Vec<HeldRow>> {
        macro_rules! held {
            ($which:literal) => {
                concat!(
                    "select held.id, rooms.slug as room, held.seq, held.kind, username as author, held.body, held.attachments, held.created_at,
                            held.written_at, held.held_at
                     from held join rooms on rooms.id = held.room_id join users on users.id = held.author_id
                     where held.id < $1 and ",
                    $which,
                    " order by held.id desc limit $3"
                )
            };
        }
        let (statement, id) = match scope {
            Scope::Room(room) => (held!("held.room_id = $2"), room.0),
            Scope::Person(person) => (held!("held.author_id = $2"), person.0),
            Scope::Everything => (held!("cast($2 as bigint) = 0"), 0),
        };
        read!(self, |pool| sqlx::query_as(statement).bind(before).bind(id).bind(limit).fetch_all(pool).await)
    }

    /// Deletes up to `limit` texts and files that were kept and that no hold covers any more. Returns how many.
    pub async fn delete_released(&self, limit: i64) -> sqlx::Result<u64> {
        let lock = self.lock_holds();
        transaction!(self, |tx| {
            sqlx::query(lock).execute(&mut *tx).await?;
            let texts = sqlx::query(
                "delete from held where id in (
                     select id from held where not exists (
                         select 1 from holds where (holds.room_id is null or holds.room_id = held.room_id)
                             and (holds.user_id is null or holds.user_id = held.author_id)) order by id limit $1)",
            );
            let texts = texts.bind(limit).execute(&mut *tx).await?.rows_affected();
            let files = sqlx::query(
                "delete from files where id in (
                     select id from files where held_at is not null and not exists (
                         select 1 from holds where (holds.room_id is null or holds.room_id = files.room_id)
                             and (holds.user_id is null or holds.user_id = files.owner_id)) order by held_at limit $1)",
            );
            texts + files.bind(limit).execute(&mut *tx).await?.rows_affected()
        })
    }

    /// Whether anything is kept only because of holds.
    pub async fn has_held(&self) -> sqlx::Result<bool> {
        let statement = "select exists (select 1 from held) or exists (select 1 from files where held_at is not null)";
        read!(self, |pool| sqlx::query_scalar(statement).fetch_one(pool).await)
    }

    /// A room by its slug, whoever can see it; conversations too.
    pub async fn find_room_to_hold(&self, slug: &str) -> sqlx::Result<Option<RoomId>> {
        let statement = "select id from rooms where removed_at is null and (slug = $1
             or id = (select room_id from room_slugs where room_slugs.slug = $1))";
        read!(self, |pool| sqlx::query_scalar(statement).bind(slug).fetch_optional(pool).await)
    }

    /// Deletes up to `limit` entries of the audit log from before `moment` that no hold covers; returns how many.
    pub async fn delete_audit(&self, moment: Millis, limit: i64) -> sqlx::Result<u64> {
        let statement = "delete from audit where id in (
             select id from audit where at < $1 and not exists (
                 select 1 from holds where holds.room_id is null and (holds.user_id is null or holds.user_id = audit.actor_id))
             order by at limit $2)";
        Ok(write!(self, |pool| sqlx::query(statement).bind(moment).bind(limit).execute(pool).await?.rows_affected()))
    }
}

/// Counts a change.
const COUNT: &str = "insert into meta (key, value) values ('holds', '1')
     on conflict (key) do update set value = cast(cast(meta.value as bigint) + 1 as text)";
