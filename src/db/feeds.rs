//! Statements on feeds.
//!
//! A feed is stored by the hash of its address; its public id is the first digits of that hash. Nothing here decides who may read.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{FeedKind, RoomId, UserId};
use crate::security_log::Event;

/// A feed in a list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Feed {
    /// Its public id.
    pub id: String,
    /// What it has.
    pub kind: FeedKind,
    /// The slug of its room.
    pub slug: String,
    /// When it was created.
    pub created_at: Millis,
    /// When it was read last, to the hour.
    pub used_at: Option<Millis>,
}

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct FoundFeed {
    /// The feed's public id.
    pub id: String,
    /// Whose it is: somebody with an open account.
    pub user_id: UserId,
    /// What it has.
    pub kind: FeedKind,
    /// The slug of its room.
    pub slug: String,
    /// When it was read last, to the hour.
    pub used_at: Option<Millis>,
}

impl Db {
    /// Adds a feed, unless its person has `most` of them.
    pub async fn insert_feed(
        &self,
        token_hash: &str,
        user: UserId,
        (room, kind): (RoomId, FeedKind),
        most: i64,
        event: &Event,
    ) -> sqlx::Result<bool> {
        let (token_hash, at, rows) = (token_hash.to_owned(), event.at, rows([event]));
        transaction!(self, |tx| {
            let statement = "insert into feeds (token_hash, user_id, room_id, kind, created_at)
                 select $1, $2, $3, $4, $5 where (select count(*) from feeds where user_id = $2) < $6";
            let insert = sqlx::query(statement).bind(&token_hash).bind(user).bind(room).bind(kind).bind(at).bind(most);
            let done = insert.execute(&mut *tx).await?.rows_affected() > 0;
            if done {
                record!(tx, rows);
            }
            done
        })
    }

    /// A person's feeds, the latest first. Their number is bounded when they are added.
    pub async fn list_feeds(&self, user: UserId) -> sqlx::Result<Vec<Feed>> {
        let statement = "select substr(token_hash, 1, 16) as id, kind, slug, feeds.created_at, used_at
             from feeds join rooms on rooms.id = room_id where user_id = $1 order by feeds.created_at desc, token_hash";
        read!(self, |pool| sqlx::query_as(statement).bind(user).fetch_all(pool).await)
    }

    /// The feed with the hash of this address.
    pub async fn find_feed(&self, token_hash: &str) -> sqlx::Result<Option<FoundFeed>> {
        let statement = "select substr(token_hash, 1, 16) as id, user_id, kind, slug, used_at
             from feeds join users on users.id = user_id and banned_at is null join rooms on rooms.id = room_id
             where token_hash = $1";
        read!(self, |pool| sqlx::query_as(statement).bind(token_hash).fetch_optional(pool).await)
    }

    /// Notes that a feed is read.
    pub async fn use_feed(&self, token_hash: &str, now: Millis) -> sqlx::Result<()> {
        let statement = "update feeds set used_at = $2 where token_hash = $1";
        write!(self, |pool| sqlx::query(statement).bind(token_hash).bind(now).execute(pool).await.map(drop))
    }

    /// Deletes one of a person's feeds; `false` if they have none with this id.
    pub async fn delete_feed(&self, user: UserId, id: &str, event: &Event) -> sqlx::Result<bool> {
        let (id, rows) = (id.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let statement = "delete from feeds where user_id = $1 and substr(token_hash, 1, 16) = $2";
            let done = sqlx::query(statement).bind(user).bind(&id).execute(&mut *tx).await?.rows_affected() > 0;
            if done {
                record!(tx, rows);
            }
            done
        })
    }
}
