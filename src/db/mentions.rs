//! Statements on mentions. They return only messages in rooms that the user can see now.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::messages::{UNREAD_LIMIT, messages};
use super::{Db, read, visible};
use crate::limits;
use crate::model::{Message, RoomId, UserId};

impl Db {
    /// The number of mentions after a user's read marker in a room, at most 1,000.
    pub async fn waiting_mentions(&self, room: RoomId, user: UserId) -> sqlx::Result<i64> {
        read!(self, |pool| {
            sqlx::query_scalar(
                "select count(*) from (
                    select 1 from mentions
                    where room_id = $1 and user_id = $2 and seq > (
                        select read_seq from memberships where room_id = $1 and user_id = $2)
                    order by seq limit $3
                 ) as addressed",
            )
            .bind(room)
            .bind(user)
            .bind(UNREAD_LIMIT)
            .fetch_one(pool)
            .await
        })
    }

    /// The latest messages that mention a user, before the id `before`: each with its id and its room's, as many as fit into one
    /// answer; and whether none was left out for its size.
    pub async fn list_mentions(
        &self,
        user: UserId,
        before: i64,
        limit: i64,
    ) -> sqlx::Result<(Vec<(i64, RoomId, Message)>, bool)> {
        let keys: Vec<(i64, RoomId, i64, String)> = read!(self, |pool| sqlx::query_as(concat!(
            "select message_id, rooms.id, mentions.seq, slug
             from mentions join rooms on rooms.id = mentions.room_id
             left join memberships on memberships.room_id = rooms.id and memberships.user_id = mentions.user_id
             where mentions.user_id = $1 and message_id < $2 and ",
            visible!("$1"),
            "
             order by message_id desc limit $3"
        ),)
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
        // A message deleted between the two statements is skipped.
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
}
