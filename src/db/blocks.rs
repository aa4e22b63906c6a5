//! Statements on blocks: whose messages a person does not want to see.

use sqlx::FromRow;

use super::people::pattern;
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::UserId;
use crate::model::pagination::PageRequest;

/// A person whom somebody has blocked.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct BlockedPerson {
    /// The user's id.
    pub id: UserId,
    /// The unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// The file of their photo.
    pub photo: Option<String>,
    /// When they were blocked.
    pub blocked_at: Millis,
}

impl Db {
    /// Blocks a person, whose mentions of the user are forgotten; `false` if there are `limit` blocks already.
    pub async fn block(&self, user: UserId, blocked: UserId, now: Millis, limit: i64) -> sqlx::Result<bool> {
        transaction!(self, |tx| {
            sqlx::query(
                "insert into blocks (user_id, blocked_id, created_at)
                 select $1, $2, $3 where (select count(*) from blocks where user_id = $1) < $4 on conflict do nothing",
            )
            .bind(user)
            .bind(blocked)
            .bind(now)
            .bind(limit)
            .execute(&mut *tx)
            .await?;
            let stored: i64 = sqlx::query_scalar("select count(*) from blocks where user_id = $1 and blocked_id = $2")
                .bind(user)
                .bind(blocked)
                .fetch_one(&mut *tx)
                .await?;
            sqlx::query(
                "delete from mentions where user_id = $1 and message_id in (
                     select message_id from mentions join messages on messages.id = message_id
                     where mentions.user_id = $1 and author_id = $2)
                 and exists (select 1 from blocks where user_id = $1 and blocked_id = $2)",
            )
            .bind(user)
            .bind(blocked)
            .execute(&mut *tx)
            .await?;
            stored > 0
        })
    }

    /// Ends a block.
    pub async fn unblock(&self, user: UserId, blocked: UserId) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query("delete from blocks where user_id = $1 and blocked_id = $2")
            .bind(user)
            .bind(blocked)
            .execute(pool)
            .await
            .map(drop))
    }

    /// Whether a user has blocked a person.
    pub async fn has_blocked(&self, user: UserId, person: UserId) -> sqlx::Result<bool> {
        let found: i64 =
            read!(self, |pool| sqlx::query_scalar("select count(*) from blocks where user_id = $1 and blocked_id = $2")
                .bind(user)
                .bind(person)
                .fetch_one(pool)
                .await?);
        Ok(found > 0)
    }

    /// A page of the people whom a user has blocked, by name.
    pub async fn list_blocked(&self, user: UserId, request: &PageRequest, limit: i64) -> sqlx::Result<Vec<BlockedPerson>> {
        read!(self, |pool| {
            sqlx::query_as(
            "select users.id, username, name, photo, blocks.created_at as blocked_at from blocks join users on users.id = blocked_id
             where user_id = $1 and (username like $2 escape '\\' or lower(name) like $2 escape '\\')
               and ($3 = '' or (lower(name), username) > (select lower(name), username from users where username = $3))
             order by lower(name), username limit $4",
        )
        .bind(user)
        .bind(pattern(&request.text.to_lowercase()))
        .bind(&request.after)
        .bind(limit)
        .fetch_all(pool)
        .await
        })
    }
}
