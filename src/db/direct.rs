//! Direct messages: rooms with a fixed set of people.
//!
//! Owns the statements that create and list them. Their `direct_key` is the sorted list of user ids, joined by commas, and
//! unique. It must not decide who may write to whom.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::encoding::hex;
use crate::model::{Author, RoomId, UserId};

/// The stored name of these rooms. Readers see the other people's names instead.
pub const NAME: &str = "Direct messages";

/// A conversation that was found or created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direct {
    /// The room's id.
    pub id: RoomId,
    /// The room's slug.
    pub slug: Arc<str>,
    /// Whether it was just created.
    pub is_new: bool,
}

/// The people in a conversation, and its last activity.
#[derive(Clone, Debug, Default)]
pub struct Participants {
    /// The others by name, or the reader if nobody else is in it.
    pub people: Vec<Author>,
    /// When the last message was posted.
    pub talked_at: Option<Millis>,
}

#[derive(FromRow)]
struct PersonRow {
    room_id: RoomId,
    id: UserId,
    username: String,
    name: String,
    alike: bool,
    is_bot: bool,
    photo: Option<String>,
    talked_at: Option<Millis>,
}

/// The key of a set of people.
pub fn key(people: &[UserId]) -> String {
    let mut ids: Vec<_> = people.iter().map(|person| person.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl Db {
    /// Finds the conversation of exactly these people.
    pub async fn find_direct(&self, people: &[UserId]) -> sqlx::Result<Option<Direct>> {
        let row: Option<(RoomId, String)> =
            read!(self, |pool| sqlx::query_as("select id, slug from rooms where direct_key = $1")
                .bind(key(people))
                .fetch_optional(pool)
                .await?);
        Ok(row.map(|(id, slug)| Direct { id, slug: slug.into(), is_new: false }))
    }

    /// Creates the conversation of exactly these people, or returns the one that a concurrent request has created.
    pub async fn insert_direct(&self, people: &[UserId], now: Millis) -> sqlx::Result<Direct> {
        let (key, people) = (key(people), people.to_vec());
        let slug: Arc<str> = format!("dm-{}", hex(&rand::random::<[u8; 8]>())).into();
        transaction!(self, |tx| {
            // On Postgres, the second of two concurrent inserts waits here for the first commit, and then does nothing.
            let made: Option<RoomId> = sqlx::query_scalar(
                "insert into rooms (slug, name, topic, visibility, direct_key, created_at) values ($1, $2, '', 'private', $3, $4)
                 on conflict (direct_key) where direct_key is not null do nothing returning id",
            )
            .bind(&*slug)
            .bind(NAME)
            .bind(&key)
            .bind(now)
            .fetch_optional(&mut *tx)
            .await?;
            match made {
                Some(id) => {
                    for person in &people {
                        sqlx::query(
                            "insert into memberships (room_id, user_id, joined_at, read_seq) values ($1, $2, $3, 0)
                             on conflict (room_id, user_id) do nothing",
                        )
                        .bind(id)
                        .bind(person)
                        .bind(now)
                        .execute(&mut *tx)
                        .await?;
                    }
                    Direct { id, slug, is_new: true }
                }
                None => {
                    let (id, slug): (RoomId, String) =
                        sqlx::query_as("select id, slug from rooms where direct_key = $1").bind(&key).fetch_one(&mut *tx).await?;
                    Direct { id, slug: slug.into(), is_new: false }
                }
            }
        })
    }

    /// The people in some of the reader's conversations, by room.
    pub async fn list_participants_in(&self, reader: UserId, rooms: &[RoomId]) -> sqlx::Result<HashMap<RoomId, Participants>> {
        macro_rules! people {
            ($pool:expr, $among:literal, $rooms:expr) => {
                sqlx::query_as(concat!(
                    "select memberships.room_id, users.id, username, users.name, alike, is_bot, photo, talk.created_at as talked_at
                     from memberships join rooms on rooms.id = memberships.room_id join users on users.id = user_id
                     left join messages as talk on talk.room_id = rooms.id and talk.seq = talk_seq
                     where memberships.room_id ",
                    $among,
                    " order by lower(users.name), username"
                ))
                .bind($rooms)
                .fetch_all($pool)
                .await?
            };
        }
        let rows: Vec<PersonRow> = match self {
            Self::Sqlite(sqlite) => {
                let given = serde_json::to_string(rooms).expect("numbers always have a JSON form");
                people!(&sqlite.read, "in (select value from json_each($1))", given)
            }
            Self::Postgres(postgres) => {
                people!(&postgres.read, "= any($1)", rooms.iter().map(|room| room.0).collect::<Vec<_>>())
            }
        };
        Ok(by_room(rows, reader))
    }

    /// The people in all of the reader's conversations, by room.
    pub async fn list_participants(&self, reader: UserId) -> sqlx::Result<HashMap<RoomId, Participants>> {
        let rows: Vec<PersonRow> = read!(self, |pool| sqlx::query_as(
            "select mine.room_id, users.id, username, users.name, alike, is_bot, photo, talk.created_at as talked_at
             from memberships as mine
             join rooms on rooms.id = mine.room_id and direct_key is not null
             join memberships as theirs on theirs.room_id = mine.room_id
             join users on users.id = theirs.user_id
             left join messages as talk on talk.room_id = rooms.id and talk.seq = talk_seq
             where mine.user_id = $1
             order by lower(users.name), username",
        )
        .bind(reader)
        .fetch_all(pool)
        .await?);
        Ok(by_room(rows, reader))
    }

    /// Hides a conversation until its next message, or shows it again.
    pub async fn set_hidden(&self, room: RoomId, user: UserId, on: bool) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "update memberships set hidden_seq = case when $3 then (select seq from rooms where rooms.id = room_id) end
             where room_id = $1 and user_id = $2",
        )
        .bind(room)
        .bind(user)
        .bind(on)
        .execute(pool)
        .await?
        .rows_affected());
        Ok(())
    }

    /// All people in a room, by name.
    pub async fn list_people_of(&self, room: RoomId) -> sqlx::Result<Vec<Author>> {
        let rows: Vec<PersonRow> = read!(self, |pool| sqlx::query_as(
            "select room_id, users.id, username, users.name, alike, is_bot, photo, cast(null as bigint) as talked_at
             from memberships join users on users.id = user_id
             where room_id = $1 order by lower(users.name), username",
        )
        .bind(room)
        .fetch_all(pool)
        .await?);
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

/// Groups people by room, without the reader unless they are alone.
fn by_room(rows: Vec<PersonRow>, reader: UserId) -> HashMap<RoomId, Participants> {
    let mut rooms = HashMap::<_, Participants>::new();
    for row in rows {
        let participants = rooms.entry(row.room_id).or_default();
        participants.talked_at = row.talked_at;
        participants.people.push(row.into());
    }
    for participants in rooms.values_mut().filter(|participants| participants.people.len() > 1) {
        participants.people.retain(|person| person.id != reader);
    }
    rooms
}

impl From<PersonRow> for Author {
    fn from(row: PersonRow) -> Self {
        Self {
            id: row.id,
            username: row.username.into(),
            name: row.name.into(),
            is_alike: row.alike,
            is_bot: row.is_bot,
            photo: row.photo.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_who_whatever_the_order() {
        let (ada, grace, eve) = (UserId(2), UserId(11), UserId(7));
        assert_eq!(key(&[grace, ada, eve, ada]), "2,7,11");
        assert_eq!(key(&[ada]), "2");
    }
}
