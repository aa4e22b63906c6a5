//! What people do with messages beyond writing them: what addresses them, what is pinned, what replies to what, what was there before an
//! edit, and their notification levels.
//!
//! Owns the statements that read these; what belongs to a room's log is written by the ledger. Whoever asks for a room's things must
//! hold its `RoomView`; what addresses somebody is shown only while they may see the room.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::messages::{UNREAD_LIMIT, messages};
use super::{Db, read, write};
use crate::chat::activity::PinCursor;
use crate::chat::revisions::Place;
use crate::chat::types::{Level, Message, RoomId, UserId};
use crate::clock::Millis;
use crate::limits;

/// How many pinned messages one answer holds.
const PINS: i64 = 200;

const REVISIONS_BEFORE: &str =
    "select rev, body, written_at from revisions where room_id = $1 and seq = $2 and rev < $3 order by rev desc limit $4";
const REVISIONS_AFTER: &str =
    "select rev, body, written_at from revisions where room_id = $1 and seq = $2 and rev > $3 order by rev limit $4";

impl Db {
    /// The pinned messages of a room, the last pinned first, from the one behind `before` on: as many as fit into one answer; and
    /// whether there are more.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_pins(
        &self,
        room: RoomId,
        slug: &Arc<str>,
        before: Option<PinCursor>,
    ) -> sqlx::Result<(Vec<Message>, bool)> {
        let before = before.unwrap_or(PinCursor { at: Millis(i64::MAX), seq: i64::MAX });
        let mut rows = messages!(
            self,
            light,
            "where messages.room_id = $1 and pinned_at is not null and (pinned_at, messages.seq) < ($2, $3)
             order by pinned_at desc, messages.seq desc limit $4",
            room,
            before.at,
            before.seq,
            PINS + 1
        );
        let more = rows.len() as i64 > PINS;
        rows.truncate(PINS as usize);
        let (messages, is_all) = self.complete(room, slug, rows, 0).await?;
        Ok((messages, more || !is_all))
    }

    /// How many messages of a room are pinned.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_pins(&self, room: RoomId) -> sqlx::Result<i64> {
        read!(self, pool => sqlx::query_scalar(
            "select count(*) from messages where room_id = $1 and pinned_at is not null",
        )
        .bind(room)
        .fetch_one(pool)
        .await)
    }

    /// The place of the message that a message's thread begins with, which may be its own; nothing where there is no such message.
    ///
    /// # Errors
    /// The database's.
    pub async fn thread_of(&self, room: RoomId, seq: i64) -> sqlx::Result<Option<i64>> {
        read!(self, pool => sqlx::query_scalar("select coalesce(thread, seq) from messages where room_id = $1 and seq = $2")
            .bind(room)
            .bind(seq)
            .fetch_optional(pool)
            .await)
    }

    /// The replies of a thread behind place `after`, oldest first: up to `limit`, and as many as fit into one answer; and whether
    /// there are more.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_replies(
        &self,
        room: RoomId,
        slug: &Arc<str>,
        thread: i64,
        after: i64,
        limit: i64,
    ) -> sqlx::Result<(Vec<Message>, bool)> {
        let mut rows = messages!(
            self,
            light,
            "where messages.room_id = $1 and thread = $2 and messages.seq > $3 order by messages.seq limit $4",
            room,
            thread,
            after,
            limit + 1
        );
        let more = rows.len() as i64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(0));
        let (messages, is_all) = self.complete(room, slug, rows, 0).await?;
        Ok((messages, more || !is_all))
    }

    /// How many replies a thread has, counted up to 1,000.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_replies(&self, room: RoomId, thread: i64) -> sqlx::Result<i64> {
        // In order, or Postgres takes the limit for a promise that any part of the table holds enough of them.
        read!(self, pool => sqlx::query_scalar(
            "select count(*) from (select 1 from messages where room_id = $1 and thread = $2 order by seq limit $3) as replies",
        )
        .bind(room)
        .bind(thread)
        .bind(UNREAD_LIMIT)
        .fetch_one(pool)
        .await)
    }

    /// Up to `limit` of the words that edits of a message replaced: each with the `rev` of that edit and the moment since when the
    /// message had them, from `place` on. After a place they come oldest first, else newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_revisions(
        &self,
        room: RoomId,
        seq: i64,
        place: Place,
        limit: i64,
    ) -> sqlx::Result<Vec<(i64, String, Millis)>> {
        let (statement, rev) = match place {
            Place::Newest => (REVISIONS_BEFORE, i64::MAX),
            Place::Before(rev) => (REVISIONS_BEFORE, rev),
            Place::After(rev) => (REVISIONS_AFTER, rev),
        };
        read!(self, pool => sqlx::query_as(statement).bind(room).bind(seq).bind(rev).bind(limit).fetch_all(pool).await)
    }

    /// How many messages behind somebody's read marker in a room address them, up to 1,000.
    ///
    /// # Errors
    /// The database's.
    pub async fn waiting_mentions(&self, room: RoomId, user: UserId) -> sqlx::Result<i64> {
        read!(self, pool => sqlx::query_scalar(
            "select count(*) from (
                select 1 from mentions
                where room_id = $1 and user_id = $2 and seq > (select read_seq from memberships where room_id = $1 and user_id = $2)
                order by seq limit $3
             ) as addressed",
        )
        .bind(room)
        .bind(user)
        .bind(UNREAD_LIMIT)
        .fetch_one(pool)
        .await)
    }

    /// The messages that address somebody, in the rooms that they may see now, newest first, before the one of this number: each
    /// with its number and its room's, as many as fit into one answer; and whether none was left out for its size.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_mentions(
        &self,
        user: UserId,
        before: i64,
        limit: i64,
    ) -> sqlx::Result<(Vec<(i64, RoomId, Message)>, bool)> {
        let keys: Vec<(i64, RoomId, i64, String)> = read!(self, pool => sqlx::query_as(
            "select message_id, rooms.id, mentions.seq, slug
             from mentions join rooms on rooms.id = mentions.room_id
             left join memberships on memberships.room_id = rooms.id and memberships.user_id = mentions.user_id
             where mentions.user_id = $1 and message_id < $2 and (visibility = 'public' or memberships.user_id is not null)
             order by message_id desc limit $3",
        )
        .bind(user)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await?);
        let (Some(newest), Some(oldest)) = (keys.first().map(|key| key.0), keys.last().map(|key| key.0)) else {
            return Ok((Vec::new(), true));
        };
        let slugs: BTreeMap<RoomId, Arc<str>> = keys.iter().map(|(_, room, _, slug)| (*room, Arc::from(&**slug))).collect();
        let mut found = BTreeMap::new();
        for room in slugs.keys() {
            let rows = messages!(
                self,
                light,
                "where messages.room_id = $1
                   and messages.id in (select message_id from mentions where user_id = $2 and message_id between $3 and $4)",
                room,
                user,
                oldest,
                newest
            );
            found.extend(rows.into_iter().map(|row| ((*room, row.seq), row)));
        }
        // One that was deleted between the two statements is left out.
        let light = keys.into_iter().filter_map(|(id, room, seq, _)| Some((id, room, found.remove(&(room, seq))?)));
        let mut light: Vec<_> = light.collect();
        let weights: Vec<_> = light.iter().map(|(_, _, row)| row.weight()).collect();
        light.truncate(limits::fit(&weights, 0, limits::ANSWER).end);
        let is_all = light.len() == weights.len();
        let mut mentions = Vec::with_capacity(light.len());
        for (id, room, row) in light {
            let slug = &slugs[&room];
            let is_whole = row.withheld.is_none();
            let row = if is_whole { Some(row) } else { self.rows(room, &[row.seq]).await?.pop() };
            mentions.extend(row.map(|row| (id, room, row.into_message(slug))));
        }
        Ok((mentions, is_all))
    }

    /// Sets a member's notification level for a room; `false` if they are none.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_level(&self, room: RoomId, user: UserId, level: Option<Level>) -> sqlx::Result<bool> {
        let changed = write!(self, pool => sqlx::query("update memberships set level = $3 where room_id = $1 and user_id = $2")
            .bind(room)
            .bind(user)
            .bind(level)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(changed > 0)
    }
}
