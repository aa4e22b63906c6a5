//! Statements on drafts.
//!
//! A draft is deleted with the membership (a cascading foreign key), so leaving a room needs no cleanup.

use std::sync::Arc;

use super::{Db, read, write};
use crate::clock::Millis;
use crate::model::{Draft, DraftContent, DraftEdit};
use crate::model::{RoomId, UserId};

type Row = (String, String, Option<i64>, Option<i64>, Option<String>, Millis);

fn draft((room, body, reply_to, edit_seq, edit_body, written_at): Row) -> Draft {
    let edit = edit_seq.map(|seq| DraftEdit { seq, body: edit_body.unwrap_or_default() });
    Draft { room: Arc::from(room), content: DraftContent { body, reply_to, edit }, written_at }
}

impl Db {
    /// Stores or replaces a member's draft, unless their drafts would exceed `count` drafts or `bytes` bytes. Returns whether it
    /// was stored.
    pub async fn set_draft(
        &self,
        room: RoomId,
        user: UserId,
        content: &DraftContent,
        at: Millis,
        (count, bytes): (i64, i64),
    ) -> sqlx::Result<bool> {
        let stored = write!(self, |pool| {
            sqlx::query(
                "insert into drafts (user_id, room_id, body, reply_to, edit_seq, edit_body, written_at)
                 select user_id, room_id, cast($3 as text), cast($4 as bigint), cast($5 as bigint),
                        cast($6 as text), cast($7 as bigint)
                 from memberships where user_id = $1 and room_id = $2
                   and (select count(*) from drafts where user_id = $1 and room_id <> $2) < $8
                   and (select coalesce(sum(octet_length(body) + coalesce(octet_length(edit_body), 0)), 0) from drafts
                        where user_id = $1 and room_id <> $2) <= $9
                 on conflict (user_id, room_id) do update set body = excluded.body, reply_to = excluded.reply_to,
                    edit_seq = excluded.edit_seq, edit_body = excluded.edit_body, written_at = excluded.written_at",
            )
            .bind(user)
            .bind(room)
            .bind(&content.body)
            .bind(content.reply_to)
            .bind(content.edit.as_ref().map(|edit| edit.seq))
            .bind(content.edit.as_ref().map(|edit| &edit.body))
            .bind(at)
            .bind(count)
            .bind(bytes - content.bytes())
            .execute(pool)
            .await?
            .rows_affected()
        });
        Ok(stored > 0)
    }

    /// Deletes a user's draft in a room.
    pub async fn drop_draft(&self, room: RoomId, user: UserId) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query("delete from drafts where user_id = $1 and room_id = $2")
            .bind(user)
            .bind(room)
            .execute(pool)
            .await
            .map(drop))
    }

    /// All drafts of a user, the latest first.
    pub async fn list_drafts(&self, user: UserId) -> sqlx::Result<Vec<Draft>> {
        let rows: Vec<Row> = read!(self, |pool| sqlx::query_as(
            "select slug, body, reply_to, edit_seq, edit_body, written_at from drafts join rooms on rooms.id = room_id
             where user_id = $1 order by written_at desc, room_id",
        )
        .bind(user)
        .fetch_all(pool)
        .await?);
        Ok(rows.into_iter().map(draft).collect())
    }

    /// A user's draft in a room.
    pub async fn find_draft(&self, room: RoomId, user: UserId) -> sqlx::Result<Option<Draft>> {
        let row: Option<Row> = read!(self, |pool| sqlx::query_as(
            "select slug, body, reply_to, edit_seq, edit_body, written_at from drafts join rooms on rooms.id = room_id
             where user_id = $1 and room_id = $2",
        )
        .bind(user)
        .bind(room)
        .fetch_optional(pool)
        .await?);
        Ok(row.map(draft))
    }

    /// The total size of all drafts. Neither database reads a text to compute its length.
    pub async fn count_draft_bytes(&self) -> sqlx::Result<i64> {
        read!(self, |pool| sqlx::query_scalar(
            "select cast(coalesce(sum(octet_length(body) + coalesce(octet_length(edit_body), 0)), 0) as bigint) from drafts",
        )
        .fetch_one(pool)
        .await)
    }

    /// Deletes up to `limit` drafts older than `before`; returns how many were found. The search for them takes no write lock,
    /// and a draft that was saved in between stays.
    pub async fn delete_drafts_before(&self, before: Millis, limit: i64) -> sqlx::Result<i64> {
        let found: Vec<(UserId, RoomId)> =
            read!(self, |pool| sqlx::query_as("select user_id, room_id from drafts where written_at < $1 limit $2")
                .bind(before)
                .bind(limit)
                .fetch_all(pool)
                .await?);
        if found.is_empty() {
            return Ok(0);
        }
        let given = serde_json::to_string(&found).expect("numbers always have a JSON form");
        match self {
            Self::Sqlite(sqlite) => {
                sqlx::query(
                    "delete from drafts where written_at < $2 and (user_id, room_id) in (select value ->> 0, value ->> 1 from json_each($1))",
                )
                .bind(given)
                .bind(before)
                .execute(&sqlite.write)
                .await?;
            }
            Self::Postgres(postgres) => {
                sqlx::query(
                    "delete from drafts where (user_id, room_id) in (
                        select user_id, room_id from drafts where written_at < $2 and (user_id, room_id) in (
                            select (given ->> 0)::bigint, (given ->> 1)::bigint from json_array_elements($1::json) as given)
                        for update skip locked)",
                )
                .bind(given)
                .bind(before)
                .execute(&postgres.write)
                .await?;
            }
        }
        Ok(found.len() as i64)
    }
}
