//! Numbers about the whole database, and lists of everybody and of all rooms.
//!
//! Owns the statements of the administrators' pages. Those about numbers may read many rows: whoever asks must
//! not ask often.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, FromRow};

use super::people::pattern;
use super::{Db, read};
use crate::clock::Millis;
use crate::model::pagination::PageRequest;
use crate::model::{UserId, Visibility};

/// How much there is.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Counts {
    /// Accounts.
    pub people: i64,
    /// Administrators who are not banned.
    pub admins: i64,
    /// Banned people.
    pub banned: i64,
    /// Deactivated accounts.
    pub deactivated: i64,
    /// Public rooms.
    pub public: i64,
    /// Private rooms.
    pub private: i64,
    /// Conversations.
    pub direct: i64,
    /// Entries of all logs.
    pub entries: i64,
}

/// The database program, and whether it keeps what it acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Its name.
    pub kind: &'static str,
    /// Its version.
    pub version: String,
    /// The size of the database.
    pub bytes: i64,
    /// Whether it syncs at all.
    pub has_fsync: bool,
    /// Whether torn pages are repaired.
    pub has_full_page_writes: bool,
    /// Whether a commit waits for the disk.
    pub has_synchronous_commit: bool,
    /// How much room is left on the disk of a SQLite file, in bytes, where that is known.
    pub free_bytes: Option<i64>,
    /// How long the database took for a simple question.
    pub took: Duration,
}

impl Db {
    /// How much there is.
    pub async fn counts(&self) -> sqlx::Result<Counts> {
        read!(self, |pool| {
            sqlx::query_as(
            "select (select count(*) from users where coalesce(closed, '') <> 'deleted') as people,
                    (select count(*) from users where is_admin and banned_at is null) as admins,
                    (select count(*) from users where banned_at is not null and closed is null) as banned,
                    (select count(*) from users where closed = 'deactivated') as deactivated,
                    (select count(*) from rooms where direct_key is null and removed_at is null and visibility = 'public') as public,
                    (select count(*) from rooms where direct_key is null and removed_at is null and visibility = 'private') as private,
                    (select count(*) from rooms where direct_key is not null) as direct,
                    (select cast(coalesce(sum(seq), 0) as bigint) from rooms) as entries",
        )
        .fetch_one(pool)
        .await
        })
    }

    /// How many messages people wrote on each day since `first`, by the number of the day since 1970. Days without any are left out.
    pub async fn count_messages_by_day(&self, first: Millis) -> sqlx::Result<Vec<(i64, i64)>> {
        read!(self, |pool| sqlx::query_as(
            "select messages.created_at / 86400000 as day, count(*)
             from rooms join messages on room_id = rooms.id and messages.created_at >= $1
             where kind = 'text' group by messages.created_at / 86400000",
        )
        .bind(first)
        .fetch_all(pool)
        .await)
    }

    /// The database program.
    pub async fn engine(&self) -> sqlx::Result<Engine> {
        match self {
            Self::Sqlite(sqlite) => {
                let statement = "select sqlite_version(), page_count * page_size, file
                     from pragma_page_count(), pragma_page_size(), pragma_database_list where name = 'main'";
                let began = Instant::now();
                let (version, bytes, file): (_, _, String) = sqlx::query_as(statement).fetch_one(&sqlite.read).await?;
                // Parlor sets all that matters itself (`db::open`).
                Ok(Engine {
                    kind: "SQLite",
                    version,
                    bytes,
                    has_fsync: true,
                    has_full_page_writes: true,
                    has_synchronous_commit: true,
                    free_bytes: free_bytes(Path::new(&file)),
                    took: began.elapsed(),
                })
            }
            Self::Postgres(postgres) => {
                let began = Instant::now();
                let (version, bytes, has_fsync, has_full_page_writes, has_synchronous_commit) = sqlx::query_as(
                    "select split_part(current_setting('server_version'), ' ', 1), pg_database_size(current_database()),
                            current_setting('fsync')::bool, current_setting('full_page_writes')::bool,
                            current_setting('synchronous_commit') <> 'off'",
                )
                .fetch_one(&postgres.read)
                .await?;
                let took = began.elapsed();
                Ok(Engine {
                    kind: "Postgres",
                    version,
                    bytes,
                    has_fsync,
                    has_full_page_writes,
                    has_synchronous_commit,
                    free_bytes: None,
                    took,
                })
            }
        }
    }
}

/// How much room is left where a file is, in bytes, if the system says it.
#[cfg(target_os = "linux")]
pub fn free_bytes(file: &Path) -> Option<i64> {
    let disk = rustix::fs::statvfs(file).ok()?;
    i64::try_from(disk.f_bavail.saturating_mul(disk.f_frsize)).ok()
}

/// How much room is left where a file is, in bytes, if the system says it.
#[cfg(not(target_os = "linux"))]
pub fn free_bytes(_: &Path) -> Option<i64> {
    None
}

/// A selection of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Those who may log in.
    Active,
    /// Banned people.
    Banned,
    /// Those whose account is deactivated.
    Deactivated,
    /// Administrators.
    Admins,
    /// Guests, without bots.
    Guests,
    /// Bots.
    Bots,
}

impl Standing {
    /// The condition on `users`.
    const fn condition(self) -> &'static str {
        match self {
            Self::Active => " and banned_at is null",
            Self::Banned => " and banned_at is not null and closed is null",
            Self::Deactivated => " and closed = 'deactivated'",
            Self::Admins => " and is_admin",
            Self::Guests => " and is_guest and not is_bot",
            Self::Bots => " and is_bot",
        }
    }
}

/// A person as administrators see them.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AdminPerson {
    /// The user's id.
    pub id: UserId,
    /// The unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// The file of their photo.
    pub photo: Option<String>,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// When they registered.
    pub created_at: Millis,
    /// When they were last connected or used a page.
    pub last_seen_at: Millis,
    /// When they were banned.
    pub banned_at: Option<Millis>,
    /// Their verified email address.
    pub email: Option<String>,
    /// When the account was deactivated.
    pub deactivated_at: Option<Millis>,
}

/// A room as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AdminRoom {
    /// The slug.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// Who can find it.
    pub visibility: Visibility,
    /// When it was created.
    pub created_at: Millis,
    /// The username of its creator.
    pub created_by: Option<String>,
    /// The number of members.
    pub members: i64,
    /// The number of entries in its log.
    pub entries: i64,
    /// When it was archived.
    pub archived_at: Option<Millis>,
}

impl Db {
    /// Up to `limit` people by name, banned ones too.
    pub async fn list_everybody(
        &self,
        request: &PageRequest,
        standing: Option<Standing>,
        limit: i64,
    ) -> sqlx::Result<Vec<AdminPerson>> {
        let mut statement =
            "select id, username, name, photo, is_admin, is_guest, is_bot, created_at, coalesce(seen_at, created_at) as last_seen_at,
                    case when closed is null then banned_at end as banned_at, case when closed is not null then banned_at end as deactivated_at,
                    (select address from emails where user_id = users.id) as email
             from users where coalesce(closed, '') <> 'deleted' and (username like $1 escape '\\' or lower(name) like $1 escape '\\' or name like $2 escape '\\')
               and lower(name) >= coalesce((select lower(name) from users where username = $3), '')
               and ($3 = '' or (lower(name), username) > (select lower(name), username from users where username = $3))"
                .to_owned();
        statement.push_str(standing.map_or("", Standing::condition));
        statement.push_str(" order by lower(name), username limit $4");
        // Built from constants.
        read!(self, |pool| sqlx::query_as(AssertSqlSafe(statement))
            .bind(pattern(&request.text.to_lowercase()))
            .bind(pattern(&request.text))
            .bind(&request.after)
            .bind(limit)
            .fetch_all(pool)
            .await)
    }

    /// Up to `limit` rooms by name, private ones too, without conversations.
    pub async fn list_all_rooms(&self, request: &PageRequest, limit: i64) -> sqlx::Result<Vec<AdminRoom>> {
        read!(self, |pool| sqlx::query_as(
            "select slug, rooms.name, visibility, rooms.created_at, username as created_by, members, seq as entries, archived_at
             from rooms left join users on users.id = created_by
             where direct_key is null and removed_at is null
               and (slug like $1 escape '\\' or lower(rooms.name) like $1 escape '\\' or rooms.name like $2 escape '\\')
               and ($3 = '' or (lower(rooms.name), slug) > (select lower(name), slug from rooms where slug = $3))
             order by lower(rooms.name), slug limit $4",
        )
        .bind(pattern(&request.text.to_lowercase()))
        .bind(pattern(&request.text))
        .bind(&request.after)
        .bind(limit)
        .fetch_all(pool)
        .await)
    }
}
