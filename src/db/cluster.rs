//! Statements about what other nodes on the same Postgres have changed.
//!
//! Owns the listener for notifications (migration 17 sends them) and the statements that find out what a notification is about. A
//! SQLite file has one node, so these are statements for Postgres only.

use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use super::Db;
use super::open::Postgres;
use super::rooms::RoomRow;
use crate::clock::Millis;
use crate::model::{Author, Head, Room, RoomId, UserId};

/// A room whose log has changes that a node has not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomAhead {
    /// The room.
    pub room: RoomId,
    /// Its slug.
    pub slug: Arc<str>,
    /// The head of its log.
    pub head: Head,
}

impl Db {
    /// The database if other nodes can share it: Postgres.
    pub fn shared(&self) -> Option<&Postgres> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(postgres) => Some(postgres),
        }
    }
}

impl Postgres {
    /// The id of this node, new with each start.
    pub fn node(&self) -> &Arc<str> {
        &self.node
    }

    /// A listener on a connection of its own, which hears everything that is committed from now on.
    pub async fn listen(&self) -> sqlx::Result<PgListener> {
        let options: PgConnectOptions = (*self.options).clone();
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(super::open::PATIENCE).connect_with(options).await?;
        let schema: String = sqlx::query_scalar("select current_schema()").fetch_one(&pool).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(&format!("parlor_{schema}")).await?;
        Ok(listener)
    }

    /// Notifies all nodes, this one included, so that each sees that notifications arrive. Returns the time by the database's clock.
    pub async fn echo(&self, number: i64) -> sqlx::Result<Millis> {
        let statement = "select (extract(epoch from clock_timestamp()) * 1000)::bigint,
                                parlor_notify(current_schema(), jsonb_build_object('type', 'echo', 'number', $1::bigint))";
        sqlx::query_scalar(statement).bind(number).fetch_one(&self.write).await
    }

    /// The time by the database's clock.
    pub async fn clock(&self) -> sqlx::Result<Millis> {
        sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000)::bigint").fetch_one(&self.read).await
    }

    /// Notifies all nodes, this one included.
    pub async fn notify(&self, body: &serde_json::Value) -> sqlx::Result<()> {
        let statement = "select parlor_notify(current_schema(), $1)";
        sqlx::query(statement).bind(body).execute(&self.write).await.map(drop)
    }

    /// Records how the database is replicated, and reads the epoch, which another node may have replaced.
    pub async fn refresh_history(&self) -> sqlx::Result<()> {
        let mut guard = self.write.acquire().await?;
        self.history.refresh(&mut guard).await?;
        guard.release();
        Ok(())
    }

    /// The secret that nodes sign their frames with, and the name of their channel; created on first use.
    pub async fn cluster_key(&self) -> sqlx::Result<String> {
        let new = crate::encoding::hex(&rand::random::<[u8; 32]>());
        sqlx::query("insert into meta (key, value) values ('cluster_key', $1) on conflict (key) do nothing")
            .bind(new)
            .execute(&self.write)
            .await?;
        sqlx::query_scalar("select value from meta where key = 'cluster_key'").fetch_one(&self.write).await
    }

    /// Those of these rooms whose log has passed the given head.
    pub async fn list_rooms_ahead(&self, known: &[(RoomId, Head)]) -> sqlx::Result<Vec<RoomAhead>> {
        let rooms: Vec<i64> = known.iter().map(|(room, _)| room.0).collect();
        let revs: Vec<i64> = known.iter().map(|(_, head)| head.rev).collect();
        let rows: Vec<(RoomId, String, i64, i64)> = sqlx::query_as(
            "select id, slug, seq, rooms.rev from rooms join unnest($1::bigint[], $2::bigint[]) as known (room, rev) on room = id
             where rooms.rev > known.rev",
        )
        .bind(rooms)
        .bind(revs)
        .fetch_all(&self.read)
        .await?;
        let ahead =
            |(room, slug, seq, rev): (RoomId, String, i64, i64)| RoomAhead { room, slug: slug.into(), head: Head { seq, rev } };
        Ok(rows.into_iter().map(ahead).collect())
    }

    /// A person as messages name them, and their status.
    pub async fn find_person(&self, user: UserId) -> sqlx::Result<Option<(Author, String)>> {
        let row: Option<(String, String, bool, bool, String, Option<String>)> =
            sqlx::query_as("select username, name, alike, is_bot, status, photo from users where id = $1")
                .bind(user)
                .fetch_optional(&self.read)
                .await?;
        Ok(row.map(|(username, name, is_alike, is_bot, status, photo)| {
            (
                Author { id: user, username: username.into(), name: name.into(), is_alike, is_bot, photo: photo.map(Into::into) },
                status,
            )
        }))
    }

    /// A room by its id, as its members see it.
    pub async fn find_room_by_id(&self, room: RoomId) -> sqlx::Result<Option<Room>> {
        let row: Option<RoomRow> = sqlx::query_as(
            "select id, slug, name, topic, visibility, created_at, direct_key, archived_at, slow_mode, link_previews, keep_messages, keep_files, posting, mass_mentions, icon, seq, rev, talk_seq,
                    null::bigint as joined_at, null::bigint as read_seq, null::text as role, null::text as level, members
             from rooms where id = $1 and removed_at is null",
        )
        .bind(room)
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(RoomRow::into_room))
    }

    /// Whether somebody else removed this person when they last left the room.
    pub async fn was_removed(&self, room: RoomId, user: UserId) -> sqlx::Result<Option<bool>> {
        sqlx::query_scalar(
            "select body <> '' from messages where room_id = $1 and kind = 'left' and author_id = $2 order by seq desc limit 1",
        )
        .bind(room)
        .bind(user)
        .fetch_optional(&self.read)
        .await
    }

    /// Those of these memberships that do not exist, each with the room's slug and `rev`.
    pub async fn list_ended_memberships(&self, pairs: &[(RoomId, UserId)]) -> sqlx::Result<Vec<(RoomId, UserId, String, i64)>> {
        let rooms: Vec<i64> = pairs.iter().map(|(room, _)| room.0).collect();
        let users: Vec<i64> = pairs.iter().map(|(_, user)| user.0).collect();
        sqlx::query_as(
            "select room, person, slug, rev from unnest($1::bigint[], $2::bigint[]) as live (room, person) join rooms on id = room
             where not exists (select 1 from memberships where room_id = room and user_id = person)",
        )
        .bind(rooms)
        .bind(users)
        .fetch_all(&self.read)
        .await
    }
}
