//! Statements on imported rooms.

use std::sync::Arc;

use sqlx::FromRow;

use crate::clock::Millis;
use crate::db::{Db, direct, read, transaction};
use crate::encoding::hex;
use crate::model::{Keep, RoomId, RoomPolicy, RoomRole, UserId, Visibility};

/// A room of a source that was imported.
#[derive(Clone, Debug, FromRow)]
pub struct ImportedRoom {
    /// Its key in the source.
    pub key: String,
    /// Its id here.
    pub id: RoomId,
    /// Its slug; `None` if it was deleted here.
    pub slug: Option<String>,
}

/// A room that has a name.
#[derive(Clone, Debug, FromRow)]
pub struct NamedRoom {
    /// Its id.
    pub id: RoomId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether everybody finds it.
    pub is_public: bool,
    /// Whether nothing was ever recorded in it.
    pub is_empty: bool,
}

/// A member of an imported room.
#[derive(Clone, Copy, Debug)]
pub struct NewMember {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: RoomRole,
    /// Since when.
    pub joined_at: Millis,
}

/// A room for one of a source.
#[derive(Clone, Debug)]
pub struct NewImportedRoom {
    /// The source.
    pub source: String,
    /// The key in the source.
    pub key: String,
    /// The room here that is used, if there is one already.
    pub id: Option<RoomId>,
    /// The slug that is wanted.
    pub slug: String,
    /// The name.
    pub name: String,
    /// The topic.
    pub topic: String,
    /// Who can find it.
    pub visibility: Visibility,
    /// Whether it is the conversation of exactly its members.
    pub is_direct: bool,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Millis,
    /// When it was archived.
    pub archived_at: Option<Millis>,
    /// Its members.
    pub members: Vec<NewMember>,
    /// Who may not come back to it, and since when.
    pub bans: Vec<(UserId, Millis)>,
    /// Who may post and mention everybody.
    pub policy: RoomPolicy,
    /// How many seconds a member waits between two posts.
    pub slow_mode: i64,
    /// Whether links get previews.
    pub link_previews: bool,
    /// How long its messages are kept.
    pub keep_messages: Keep,
    /// How long its files are kept.
    pub keep_files: Keep,
}

impl Db {
    /// The rooms of a source that were imported.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_imported_rooms(&self, source: &str) -> sqlx::Result<Vec<ImportedRoom>> {
        let statement = "select key, local as id, slug from imported left join rooms on rooms.id = local and removed_at is null
             where source = $1 and kind = 'room'";
        read!(self, |pool| sqlx::query_as(statement).bind(source).fetch_all(pool).await)
    }

    /// All rooms with a name.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_named_rooms(&self) -> sqlx::Result<Vec<NamedRoom>> {
        let statement = "select id, slug, name, visibility = 'public' as is_public, seq = 0 as is_empty from rooms
             where direct_key is null and removed_at is null";
        read!(self, |pool| sqlx::query_as(statement).fetch_all(pool).await)
    }

    /// Makes a room for one of a source, or uses one that is there, and adds its members. A conversation of the same people is used if there
    /// is one. Returns the id, the slug, and whether it was made.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_imported_room(&self, new: NewImportedRoom) -> sqlx::Result<(RoomId, Arc<str>, bool)> {
        transaction!(self, |tx| {
            // One at a time, as rooms get their names otherwise.
            sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut *tx).await?;
            let direct_key = new.is_direct.then(|| direct::key(&new.members.iter().map(|one| one.user).collect::<Vec<_>>()));
            let there: Option<(RoomId, String)> = match (new.id, &direct_key) {
                (Some(id), _) => {
                    sqlx::query_as("select id, slug from rooms where id = $1").bind(id).fetch_optional(&mut *tx).await?
                }
                (None, Some(key)) => {
                    sqlx::query_as("select id, slug from rooms where direct_key = $1").bind(key).fetch_optional(&mut *tx).await?
                }
                (None, None) => None,
            };
            let is_new = there.is_none();
            let (id, slug) = match there {
                Some(there) => there,
                None => {
                    let mut is_plain = new.visibility == Visibility::Public;
                    loop {
                        let end = hex(&rand::random::<[u8; 4]>());
                        let slug = if std::mem::take(&mut is_plain) { new.slug.clone() } else { format!("{}-{end}", new.slug) };
                        let made: Option<RoomId> = sqlx::query_scalar(
                            "insert into rooms (slug, name, visibility, direct_key, created_by, created_at) select $1, $2, $3, $4, $5, $6
                             where not exists (select 1 from room_slugs where room_slugs.slug = $1)
                             on conflict (slug) do nothing returning id",
                        )
                        .bind(&slug)
                        .bind(&new.name)
                        .bind(new.visibility)
                        .bind(&direct_key)
                        .bind(new.created_by)
                        .bind(new.created_at)
                        .fetch_optional(&mut *tx)
                        .await?;
                        if let Some(id) = made {
                            break (id, slug);
                        }
                    }
                }
            };
            // A new room, and one in which nothing ever happened and of which nobody has decided anything, becomes what its owners had made of
            // it there. What was imported earlier stays as it is here.
            let is_settled = if is_new || !new.is_direct {
                let settled = sqlx::query(
                    "update rooms set topic = case when $2 = '' then topic else $2 end, archived_at = $3, posting = $4, mass_mentions = $5,
                         slow_mode = $6, link_previews = $7, keep_messages = $8, keep_files = $9
                     where id = $1 and ($10 or seq = 0 and members = 0 and archived_at is null and posting = 'member'
                       and mass_mentions = 'member' and slow_mode = 0 and link_previews and keep_messages is null and keep_files is null
                       and not exists (select 1 from imported where source = $11 and kind = 'room' and room = '' and key = $12))",
                )
                .bind(id)
                .bind(&new.topic)
                .bind(new.archived_at)
                .bind(new.policy.posting)
                .bind(new.policy.mass_mentions)
                .bind(new.slow_mode)
                .bind(new.link_previews)
                .bind(Option::<i64>::from(new.keep_messages))
                .bind(Option::<i64>::from(new.keep_files))
                .bind(is_new)
                .bind(&new.source)
                .bind(&new.key)
                .execute(&mut *tx)
                .await?;
                settled.rows_affected() > 0
            } else {
                false
            };
            // Before members are added: whoever may not come back is none.
            for (person, at) in new.bans.iter().filter(|_| is_settled && !new.is_direct) {
                sqlx::query(
                    "insert into room_bans (room_id, user_id, banned_at) values ($1, $2, $3) on conflict (user_id, room_id) do nothing",
                )
                .bind(id)
                .bind(person)
                .bind(at)
                .execute(&mut *tx)
                .await?;
            }
            // The people of a conversation that was there are the same; those of a room may be more now.
            for member in new.members.iter().filter(|_| is_new || direct_key.is_none()) {
                sqlx::query(
                    "insert into memberships (room_id, user_id, joined_at, role, read_seq)
                     select $1, $2, $3, $4, seq from rooms where id = $1
                       and not exists (select 1 from room_bans where room_bans.user_id = $2 and room_bans.room_id = $1)
                     on conflict (room_id, user_id) do nothing",
                )
                .bind(id)
                .bind(member.user)
                .bind(member.joined_at)
                .bind(member.role)
                .execute(&mut *tx)
                .await?;
            }
            sqlx::query(
                "insert into imported (source, kind, room, key, local) values ($1, 'room', '', $2, $3)
                 on conflict (source, kind, room, key) do update set local = excluded.local",
            )
            .bind(&new.source)
            .bind(&new.key)
            .bind(id)
            .execute(&mut *tx)
            .await?;
            (id, Arc::from(slug), is_new)
        })
    }
}
