//! Reading messages.
//!
//! Owns the statements that read the log; the ledger writes it. A page is a range of `seq`, which has no gaps; nothing pages by
//! time or offset.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;

use super::Db;
use super::read;
use crate::clock::Millis;
use crate::limits;
use crate::model::{Author, Kind, LinkPreview, Message, Pin, RoomId, UserId};

/// Estimated size of a message as JSON, without its text.
const FRAME: usize = 400;

/// Maximum count of unread messages and of unread mentions.
pub(super) const UNREAD_LIMIT: i64 = 1000;

/// A message row, with its reactions as a JSON array of `[emoji, username]`. The fields have the order of the columns in
/// [`messages!`].
#[derive(FromRow, Deserialize)]
pub(super) struct Row {
    pub(super) seq: i64,
    rev: i64,
    kind: Kind,
    author_id: UserId,
    username: String,
    name: String,
    alike: i32,
    is_bot: i32,
    photo: Option<String>,
    body: String,
    html: String,
    /// The size of the text, if it was left out.
    pub(super) withheld: Option<i64>,
    created_at: i64,
    nonce: Option<String>,
    edited_at: Option<i64>,
    deleted_at: Option<i64>,
    reply_to: Option<i64>,
    mentions: Option<String>,
    pinned_at: Option<i64>,
    pinned_by: Option<String>,
    reactions: Option<String>,
    attachments: Option<String>,
    links: Option<String>,
}

impl Row {
    /// Estimated size as JSON, including a text that was left out.
    pub(super) fn weight(&self) -> usize {
        let withheld = usize::try_from(self.withheld.unwrap_or(0)).unwrap_or(usize::MAX);
        let others = [&self.reactions, &self.attachments, &self.links].into_iter().flatten().map(String::len).sum::<usize>();
        (self.body.len() + self.html.len() + others + FRAME).saturating_add(withheld)
    }

    /// Converts the row into a message of the room with this slug.
    pub(super) fn into_message(self, room: &Arc<str>) -> Message {
        let mut message = Message {
            room: room.clone(),
            seq: self.seq,
            rev: self.rev,
            kind: self.kind,
            author: Author {
                id: self.author_id,
                username: self.username.into(),
                name: self.name.into(),
                is_alike: self.alike != 0,
                is_bot: self.is_bot != 0,
                photo: self.photo.map(Into::into),
            },
            body: self.body,
            html: self.html,
            created_at: Millis(self.created_at),
            nonce: self.nonce,
            edited_at: self.edited_at.map(Millis),
            deleted_at: self.deleted_at.map(Millis),
            reply_to: self.reply_to,
            mentions: list_from(self.mentions.as_deref()),
            pinned: self.pinned_by.zip(self.pinned_at).map(|(by, at)| Pin { by: by.into(), at: Millis(at) }),
            reactions: Vec::new(),
            attachments: list_from(self.attachments.as_deref()),
            links_off: self.links.as_deref() == Some(LINKS_OFF),
            links: links_from(self.links.as_deref()),
        };
        let reactions = self.reactions.and_then(|json| serde_json::from_str::<Vec<(String, String)>>(&json).ok());
        for (emoji, username) in reactions.into_iter().flatten() {
            message.add_reaction(emoji, username.into(), None);
        }
        message
    }
}

/// The value of the `links` column of a message whose previews were turned off.
pub(super) const LINKS_OFF: &str = "off";

/// Parses a column that is a list.
pub(super) fn list_from<T: DeserializeOwned>(json: Option<&str>) -> Vec<T> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Parses the `links` column.
pub(super) fn links_from(column: Option<&str>) -> Vec<LinkPreview> {
    list_from(column.filter(|column| *column != LINKS_OFF))
}

/// Selects messages on either database with one list of columns. SQLite returns all rows as one JSON text: sqlx moves every row
/// and value of SQLite between threads, which for 50 messages takes three times as long as everything else.
///
/// With `light`, texts above 4 KiB are left out to bound the read; `withheld` is their size, and [`Db::complete`] loads those
/// that are needed.
macro_rules! messages {
    ($db:expr, light, $rest:literal $(, $bind:expr)*) => {
        $crate::db::messages::select!(
            $db,
            "case when octet_length(body) <= 4096 then body else '' end as body,
             case when octet_length(html) <= 4096 then html else '' end as html,
             case when octet_length(body) > 4096 or octet_length(html) > 4096
                  then cast(octet_length(body) as bigint) + octet_length(html) end as withheld",
            $rest $(, $bind)*
        )
    };
    ($db:expr, excerpt, $rest:literal $(, $bind:expr)*) => {
        $crate::db::messages::select!(
            $db, "substr(body, 1, 1000) as body, '' as html, cast(null as bigint) as withheld", $rest $(, $bind)*
        )
    };
    ($db:expr, $rest:literal $(, $bind:expr)*) => {
        $crate::db::messages::select!($db, "body, html, cast(null as bigint) as withheld", $rest $(, $bind)*)
    };
}

macro_rules! select {
    ($db:expr, $text:literal, $rest:literal $(, $bind:expr)*) => {
        match $db {
            Db::Sqlite(sqlite) => {
                let rows: String = sqlx::query_scalar(concat!(
                    "select json_group_array(json_array(seq, rev, kind, author_id, username, name, alike, is_bot, photo, body, html, withheld, created_at, nonce,
                                                        edited_at, deleted_at, reply_to, mentions, pinned_at, pinned_by, reactions, attachments, links))
                     from (",
                    $crate::db::messages::select!(@sqlite $text, $rest),
                    ")"
                ))$(.bind($bind))*.fetch_one(&sqlite.read).await?;
                serde_json::from_str::<Vec<$crate::db::messages::Row>>(&rows).map_err(|error| sqlx::Error::Decode(error.into()))?
            }
            Db::Postgres(postgres) => sqlx::query_as(concat!(
                "select messages.seq, rev, kind, author_id, username, name, cast(alike as integer) as alike, cast(is_bot as integer) as is_bot, users.photo, ", $text, ", messages.created_at, nonce, edited_at, deleted_at,
                 reply_to, mentions, pinned_at, pinned_by,
                 (select json_agg(json_build_array(emoji, who.username) order by reactions.created_at, who.id, emoji)::text
                  from reactions join users as who on who.id = reactions.user_id
                  where reactions.room_id = messages.room_id and reactions.seq = messages.seq) as reactions, attachments, links
                 from messages join users on users.id = author_id ", $rest
            ))$(.bind($bind))*.fetch_all(&postgres.read).await?,
        }
    };
    (@sqlite $text:literal, $rest:literal) => {
        concat!(
            "select messages.seq, rev, kind, author_id, username, name, cast(alike as integer) as alike, cast(is_bot as integer) as is_bot, users.photo, ", $text, ", messages.created_at, nonce, edited_at, deleted_at,
             reply_to, mentions, pinned_at, pinned_by,
             case when exists (select 1 from reactions where reactions.room_id = messages.room_id and reactions.seq = messages.seq) then
             (select json_group_array(json_array(emoji, who.username) order by reactions.created_at, who.id, emoji)
              from reactions join users as who on who.id = reactions.user_id
              where reactions.room_id = messages.room_id and reactions.seq = messages.seq) end as reactions, attachments, links
             from messages join users on users.id = author_id ", $rest
        )
    };
}

pub(super) use {messages, select};

impl Db {
    /// Messages from `from` to `to`, oldest first: a contiguous range around `anchor` of about [`limits::ANSWER`] bytes, at least
    /// one.
    pub async fn messages(&self, room: RoomId, slug: &Arc<str>, from: i64, to: i64, anchor: i64) -> sqlx::Result<Vec<Message>> {
        let rows = messages!(
            self,
            light,
            "where messages.room_id = $1 and messages.seq between $2 and $3 order by messages.seq",
            room,
            from,
            to
        );
        let anchor = rows.partition_point(|row| row.seq < anchor);
        Ok(self.complete(room, slug, rows, anchor).await?.0)
    }

    /// The current state of messages changed after `rev`, in rev order: at most `limit` messages of about [`limits::ANSWER`]
    /// bytes, at least one; and whether none was left out for its size.
    pub async fn changes(&self, room: RoomId, slug: &Arc<str>, rev: i64, limit: i64) -> sqlx::Result<(Vec<Message>, bool)> {
        let rows = messages!(self, light, "where messages.room_id = $1 and rev > $2 order by rev limit $3", room, rev, limit);
        self.complete(room, slug, rows, 0).await
    }

    /// Picks the contiguous range of light rows around `anchor` that fits into one answer, and loads the texts that were left
    /// out. Also returns whether all rows fit.
    pub(super) async fn complete(
        &self,
        room: RoomId,
        slug: &Arc<str>,
        mut rows: Vec<Row>,
        anchor: usize,
    ) -> sqlx::Result<(Vec<Message>, bool)> {
        let weights: Vec<_> = rows.iter().map(Row::weight).collect();
        let kept = limits::fit(&weights, anchor, limits::ANSWER);
        rows.truncate(kept.end);
        rows.drain(..kept.start);
        let long: Vec<_> = rows.iter().filter(|row| row.withheld.is_some()).map(|row| row.seq).collect();
        if !long.is_empty() {
            for row in self.rows(room, &long).await? {
                if let Some(place) = rows.iter().position(|light| light.seq == row.seq) {
                    rows[place] = row;
                }
            }
        }
        let is_all = rows.len() == weights.len();
        Ok((rows.into_iter().map(|row| row.into_message(slug)).collect(), is_all))
    }

    /// Messages of a room with their full text.
    pub(super) async fn rows(&self, room: RoomId, seqs: &[i64]) -> sqlx::Result<Vec<Row>> {
        let seqs = serde_json::json!(seqs).to_string();
        Ok(match self {
            // Row by row: these texts are long, and JSON may take six bytes for each character.
            Self::Sqlite(sqlite) => {
                sqlx::query_as(select!(
                    @sqlite "body, html, cast(null as bigint) as withheld",
                    "where messages.room_id = $1 and messages.seq in (select value from json_each($2))"
                ))
                .bind(room)
                .bind(seqs)
                .fetch_all(&sqlite.read)
                .await?
            }
            Self::Postgres(_) => messages!(
                self,
                "where messages.room_id = $1 and messages.seq in (select cast(value as bigint) from json_array_elements_text(cast($2 as json)))",
                room,
                seqs
            ),
        })
    }

    /// Messages of a room with only the start of their text.
    pub async fn excerpts(&self, room: RoomId, slug: &Arc<str>, seqs: &[i64]) -> sqlx::Result<Vec<Message>> {
        let seqs = serde_json::json!(seqs).to_string();
        let rows = match self {
            Self::Sqlite(_) => messages!(
                self,
                excerpt,
                "where messages.room_id = $1 and messages.seq in (select value from json_each($2))",
                room,
                seqs
            ),
            Self::Postgres(_) => messages!(
                self,
                excerpt,
                "where messages.room_id = $1 and messages.seq in (select cast(value as bigint) from json_array_elements_text(cast($2 as json)))",
                room,
                seqs
            ),
        };
        Ok(rows.into_iter().map(|row| row.into_message(slug)).collect())
    }

    /// The highest `rev` among the messages before `seq`; 0 if there are none.
    pub async fn highest_rev_before(&self, room: RoomId, seq: i64) -> sqlx::Result<i64> {
        // Scans revs from the newest: only messages at or after `seq` are skipped, and the next row is the answer. The `+` keeps
        // SQLite from using the index on `seq`, which would sort every message before it.
        let rev: Option<i64> = read!(self, |pool| sqlx::query_scalar(
            "select rev from messages where room_id = $1 and +seq < $2 order by rev desc limit 1",
        )
        .bind(room)
        .bind(seq)
        .fetch_optional(pool)
        .await?);
        Ok(rev.unwrap_or(0))
    }

    /// The `seq` of the first message at or after a time.
    pub async fn first_on_or_after(&self, room: RoomId, moment: Millis) -> sqlx::Result<Option<i64>> {
        read!(self, |pool| sqlx::query_scalar(
            "select seq from messages where room_id = $1 and created_at >= $2 order by created_at, seq limit 1",
        )
        .bind(room)
        .bind(moment)
        .fetch_optional(pool)
        .await)
    }

    /// The `seq` of the first text message in a period.
    pub async fn first_words_between(&self, room: RoomId, from: Millis, until: Millis) -> sqlx::Result<Option<i64>> {
        read!(self, |pool| sqlx::query_scalar(
            "select seq from messages where room_id = $1 and created_at >= $2 and created_at < $3 and kind = 'text'
             order by created_at, seq limit 1",
        )
        .bind(room)
        .bind(from)
        .bind(until)
        .fetch_optional(pool)
        .await)
    }

    /// The number of unread messages by other people, among the first 1,000 after the read marker. The bound also holds for a
    /// user who posts without ever reading.
    pub async fn unread(&self, room: RoomId, user: UserId) -> sqlx::Result<i64> {
        // Ordered, and with the marker as a value: otherwise Postgres assumes that any part of the table satisfies the limit, and
        // scans all of it if few messages are unread.
        read!(self, |pool| sqlx::query_scalar(
            "select count(*) from (
                select author_id from messages
                where room_id = $1 and seq > (select read_seq from memberships where room_id = $1 and user_id = $2)
                and kind = 'text' and deleted_at is null order by seq limit $3
             ) as waiting where author_id <> $2",
        )
        .bind(room)
        .bind(user)
        .bind(UNREAD_LIMIT)
        .fetch_one(pool)
        .await)
    }
}
