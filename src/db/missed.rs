//! Statements on mails about what people missed: who wants them, and what is still to be told.
//!
//! Owns that nothing is told that its reader may not see now, has read, or that was deleted. The ledger adds what is to be told
//! (`db::ledger`). It must not decide when a mail is sent.

use sqlx::FromRow;

use super::{Db, read, transaction, visible, write};
use crate::clock::Millis;
use crate::model::{RoomId, UserId};

/// The kind of their receivers.
pub const KIND: &str = "mail";

/// Somebody who wants mails.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Mailed {
    /// Their username.
    pub username: String,
    /// Their verified address.
    pub address: String,
    /// When: a name of `missed::When`.
    pub missed: String,
    /// What ends the mails without a log-in.
    pub token: String,
    /// When the last mail was sent.
    pub mailed_at: Option<Millis>,
    /// When they were last here.
    pub seen_at: Option<Millis>,
    /// IANA name of their time zone.
    pub time_zone: Option<String>,
}

/// A message that somebody missed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Missed {
    /// The room.
    pub room_id: RoomId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub room: String,
    /// Whether it is a conversation.
    pub is_direct: bool,
    /// The message's place.
    pub seq: i64,
    /// Who wrote it.
    pub author: String,
    /// The beginning of its text, one character more than is shown.
    pub body: String,
    /// How many there are, with those that are not listed.
    pub total: i64,
}

/// What is still to be told of the rows of the outbox with the ids in `$2`: up to `$3` messages, the oldest first.
macro_rules! missed {
    ($ids:literal) => {
        concat!(
            "select rooms.id as room_id, slug, rooms.name as room, direct_key is not null as is_direct, messages.seq,
                    author.username as author, substr(body, 1, 501) as body, cast(count(*) over () as bigint) as total
             from outbox join messages on messages.room_id = outbox.room_id and messages.seq = outbox.seq
             join rooms on rooms.id = messages.room_id join users as author on author.id = messages.author_id
             join users as mailed on mailed.id = $1
             left join memberships on memberships.room_id = rooms.id and memberships.user_id = mailed.id
             where outbox.kind = 'mail' and outbox.receiver = $1 and outbox.id in (",
            $ids,
            ") and messages.kind = 'text' and messages.deleted_at is null and rooms.removed_at is null
               and coalesce(memberships.read_seq, 0) < messages.seq
               and coalesce(memberships.level, case when direct_key is not null then 'all' else mailed.notify end) <> 'muted'
               and not exists (select 1 from blocks where blocks.user_id = mailed.id and blocked_id = messages.author_id)
               and ",
            visible!("$1"),
            " order by messages.id limit $3"
        )
    };
}

impl Db {
    /// When somebody wants mails; none: never.
    pub async fn find_mail_choice(&self, user: UserId) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar("select missed from mail_settings where user_id = $1")
            .bind(user)
            .fetch_optional(pool)
            .await)
    }

    /// Sets when somebody wants mails; `token` is used if they have none yet. What waits is looked at again, also after failures.
    pub async fn set_mail_choice(&self, user: UserId, missed: &str, token: &str, now: Millis) -> sqlx::Result<()> {
        let (missed, token) = (missed.to_owned(), token.to_owned());
        transaction!(self, |tx| {
            sqlx::query(
                "insert into mail_settings (user_id, missed, token) values ($1, $2, $3)
                 on conflict (user_id) do update set missed = excluded.missed",
            )
            .bind(user)
            .bind(&missed)
            .bind(&token)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "insert into receivers (kind, id) values ('mail', $1)
                 on conflict (kind, id) do update set due_at = 0, attempts = 0, failing_since = null, last_error = null, paused_at = null",
            )
            .bind(user)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "update outbox set due_at = $2 where kind = 'mail' and receiver = $1 and dead_at is null and due_at > $2",
            )
            .bind(user)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        })
    }

    /// Whose token this is.
    pub async fn find_mailed_by_token(&self, token: &str) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar(
            "select username from mail_settings join users on users.id = mail_settings.user_id where token = $1",
        )
        .bind(token)
        .fetch_optional(pool)
        .await)
    }

    /// Ends the mails of whoever has this token; `false` if nobody has.
    pub async fn end_mails(&self, token: &str) -> sqlx::Result<bool> {
        let statement = "update mail_settings set missed = 'off' where token = $1";
        let ended = write!(self, |pool| sqlx::query(statement).bind(token).execute(pool).await?.rows_affected());
        Ok(ended > 0)
    }

    /// Somebody who wants mails and can have them.
    pub async fn find_mailed(&self, user: UserId) -> sqlx::Result<Option<Mailed>> {
        read!(self, |pool| sqlx::query_as(
            "select username, address, missed, token, mailed_at, seen_at, time_zone from mail_settings
             join emails on emails.user_id = mail_settings.user_id join users on users.id = mail_settings.user_id
             where mail_settings.user_id = $1 and missed <> 'off' and banned_at is null",
        )
        .bind(user)
        .fetch_optional(pool)
        .await)
    }

    /// The messages of these rows of the outbox that somebody has not read, and may: the first `limit`, each with how many there are.
    pub async fn list_missed(&self, user: UserId, rows: &[i64], limit: i64) -> sqlx::Result<Vec<Missed>> {
        let statement = match self {
            Self::Sqlite(_) => missed!("select value from json_each($2)"),
            Self::Postgres(_) => missed!("select cast(value as bigint) from json_array_elements_text(cast($2 as json))"),
        };
        let rows = serde_json::json!(rows).to_string();
        read!(self, |pool| sqlx::query_as(statement).bind(user).bind(&rows).bind(limit).fetch_all(pool).await)
    }

    /// Removes from the outbox what somebody has read by now.
    pub async fn forget_missed(&self, user: UserId) -> sqlx::Result<()> {
        let statement = "delete from outbox where kind = 'mail' and receiver = $1 and dead_at is null
             and exists (select 1 from memberships where memberships.user_id = $1 and memberships.room_id = outbox.room_id
                         and memberships.read_seq >= outbox.seq)";
        write!(self, |pool| sqlx::query(statement).bind(user).execute(pool).await.map(drop))
    }

    /// Notes that somebody was mailed.
    pub async fn note_mailed(&self, user: UserId, now: Millis) -> sqlx::Result<()> {
        let statement = "update mail_settings set mailed_at = $2 where user_id = $1";
        write!(self, |pool| sqlx::query(statement).bind(user).bind(now).execute(pool).await.map(drop))
    }
}
