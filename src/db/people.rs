//! Profiles and lists of people.
//!
//! Owns the statements on profiles, directories and when people were last seen. It must not validate profiles or know who is
//! connected.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::db::lookalikes::update_look;
use crate::model::pagination::PageRequest;
use crate::model::{Author, NotificationLevel, RoomId, RoomRole, ServerRole, Theme, UserId};

/// Precision of "last seen", in milliseconds.
const SEEN: i64 = 60_000;
/// Above this many members, scanning `users` by name beats joining `memberships`.
const MANY: i64 = 1_000;

/// A user's public profile and their preferences.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Profile {
    /// The user's id.
    pub id: UserId,
    /// The unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// Whether another user's name looks the same.
    pub alike: bool,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// The username of the person whose bot it is.
    pub bot_owner: Option<String>,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// A one-line status; may be empty.
    pub status: String,
    /// IANA name of their time zone, if known.
    pub time_zone: Option<String>,
    /// The color theme.
    pub theme: Theme,
    /// The default notification level.
    pub notify: NotificationLevel,
    /// When they were last connected or used a page.
    pub last_seen_at: Millis,
    /// When their access ended: they were banned, or the account was deactivated.
    pub banned_at: Option<Millis>,
    /// Whether the account is deactivated.
    pub is_deactivated: bool,
    /// The file of their photo.
    pub photo: Option<String>,
}

impl Profile {
    /// Whether they are banned.
    pub const fn is_banned(&self) -> bool {
        self.banned_at.is_some() && !self.is_deactivated
    }

    /// The user as messages name them.
    pub fn author(&self) -> Author {
        Author {
            id: self.id,
            username: self.username.as_str().into(),
            name: self.name.as_str().into(),
            is_alike: self.alike,
            is_bot: self.is_bot,
            photo: self.photo.as_deref().map(Into::into),
        }
    }
}

/// What a person is on the server, as clients read it.
pub const fn role(is_admin: bool, is_guest: bool) -> &'static str {
    ServerRole::of(is_admin, is_guest).as_str()
}

/// A row of the directory.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListedPerson {
    /// The user's id.
    pub id: UserId,
    /// The unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// A one-line status; may be empty.
    pub status: String,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// Whether they are banned, or the account is closed.
    pub is_gone: bool,
    /// The file of their photo.
    pub photo: Option<String>,
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Member {
    /// The user.
    #[sqlx(flatten)]
    pub person: ListedPerson,
    /// When they joined.
    pub joined_at: Millis,
    /// What they may do in the room.
    pub role: RoomRole,
}

/// Somebody who is banned from a room.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListedBan {
    /// The unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// When they were banned.
    pub banned_at: Millis,
    /// The username of who banned them, if they still have an account.
    pub banned_by: Option<String>,
}

/// A room that two people have in common.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SharedRoom {
    /// The room's slug.
    pub slug: String,
    /// The room's name.
    pub name: String,
    /// Whether only members can see it.
    pub is_private: bool,
}

/// A page of people by name. SQLite can seek to a value in an index on expressions, but not to a pair, so the start of the page
/// is given twice.
macro_rules! by_name {
    ($db:expr, $request:expr, $limit:expr, $list:literal $(, $bind:expr)?) => {
        // The pattern as typed and in lower case: SQLite's `lower` handles ASCII only.
        read!($db, |pool| sqlx::query_as(concat!(
            "select users.id, username, name, status, is_admin, is_guest, is_bot, banned_at is not null as is_gone, photo", $list,
            " and (username like $1 escape '\\' or lower(name) like $1 escape '\\' or name like $2 escape '\\')
               and lower(name) >= coalesce((select lower(name) from users where username = $3), '')
               and ($3 = '' or (lower(name), username) > (select lower(name), username from users where username = $3))
             order by lower(name), username limit $4"
        ))
        .bind(pattern(&$request.text.to_lowercase()))
        .bind(pattern(&$request.text))
        .bind(&$request.after)
        .bind($limit)
        $(.bind($bind))?
        .fetch_all(pool)
        .await)
    };
}

impl Db {
    /// Finds a profile by username.
    pub async fn find_profile(&self, username: &str) -> sqlx::Result<Option<Profile>> {
        read!(self, |pool| {
            sqlx::query_as(
                "select id, username, name, alike, is_bot,
                        (select owners.username from users as owners where owners.id = users.bot_owner_id and coalesce(owners.closed, '') <> 'deleted') as bot_owner, is_admin, is_guest, status, time_zone, theme, notify,
                        coalesce(seen_at, created_at) as last_seen_at, banned_at, closed is not null as is_deactivated, photo
             from users where username = $1",
            )
            .bind(username)
            .fetch_optional(pool)
            .await
        })
    }

    /// Stores a profile; `look` is the look of the new name. Returns the users whose `alike` flag changed.
    pub async fn update_profile(&self, profile: &Profile, look: String) -> sqlx::Result<Vec<UserId>> {
        let profile = profile.clone();
        transaction!(self, |tx| {
            // Looks change one at a time, on all nodes: each change marks people of the same look.
            sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut *tx).await?;
            let statement = "update users set name = $2, status = $3, time_zone = $4, theme = $5, notify = $6 where id = $1";
            sqlx::query(statement)
                .bind(profile.id)
                .bind(&profile.name)
                .bind(&profile.status)
                .bind(&profile.time_zone)
                .bind(profile.theme)
                .bind(profile.notify)
                .execute(&mut *tx)
                .await?;
            update_look!(tx, profile.id, look)
        })
    }

    /// The user's sidebar arrangement, as JSON.
    pub async fn sidebar(&self, user: UserId) -> sqlx::Result<String> {
        read!(self, |pool| sqlx::query_scalar("select sidebar from users where id = $1").bind(user).fetch_one(pool).await)
    }

    /// Replaces a sidebar arrangement; `false` if it is no longer `before`.
    pub async fn set_sidebar(&self, user: UserId, before: &str, after: &str) -> sqlx::Result<bool> {
        let changed = write!(self, |pool| sqlx::query("update users set sidebar = $3 where id = $1 and sidebar = $2")
            .bind(user)
            .bind(before)
            .bind(after)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(changed > 0)
    }

    /// A page of people who are not banned, by name.
    pub async fn list_people(&self, request: &PageRequest, limit: i64) -> sqlx::Result<Vec<ListedPerson>> {
        by_name!(self, request, limit, " from users where banned_at is null")
    }

    /// Such a page with only the people who are in a room or conversation with `reader`.
    pub async fn list_acquaintances(&self, reader: UserId, request: &PageRequest, limit: i64) -> sqlx::Result<Vec<ListedPerson>> {
        by_name!(
            self,
            request,
            limit,
            " from users where banned_at is null and exists (
                 select 1 from memberships as mine
                 join memberships as theirs on theirs.room_id = mine.room_id and theirs.user_id = users.id where mine.user_id = $5)",
            reader
        )
    }

    /// Whether `reader` is a guest who is in no room or conversation with this person.
    pub async fn is_stranger_to_guest(&self, reader: UserId, person: UserId) -> sqlx::Result<bool> {
        read!(self, |pool| sqlx::query_scalar(
            "select exists (select 1 from users where id = $1 and is_guest) and $1 <> $2 and not exists (
                 select 1 from memberships as mine
                 join memberships as theirs on theirs.room_id = mine.room_id and theirs.user_id = $2 where mine.user_id = $1)",
        )
        .bind(reader)
        .bind(person)
        .fetch_one(pool)
        .await)
    }

    /// Users whose name equals, resembles or contains a name, including banned ones: id, username and name.
    pub async fn find_people_named(&self, name: &str, look: &str, limit: i64) -> sqlx::Result<Vec<(UserId, String, String)>> {
        // The pattern as typed and in lower case: SQLite's `lower` handles ASCII only. The look matches a full name without its
        // accents.
        read!(self, |pool| {
            sqlx::query_as(
                "select id, username, name from users
                 where lower(name) like $1 escape '\\' or name like $2 escape '\\' or look = $3
                 order by lower(name), username limit $4",
            )
            .bind(pattern(&name.to_lowercase()))
            .bind(pattern(name))
            .bind(look)
            .bind(limit)
            .fetch_all(pool)
            .await
        })
    }

    /// A page of a room's members, by name.
    pub async fn list_members(
        &self,
        (room, members): (RoomId, i64),
        request: &PageRequest,
        limit: i64,
    ) -> sqlx::Result<Vec<Member>> {
        if members > MANY && request.text.is_empty() {
            // Scans users by name until the page is full. A join would sort all members first.
            return by_name!(
                self,
                request,
                limit,
                ", (select joined_at from memberships where room_id = $5 and user_id = users.id) as joined_at,
                   (select role from memberships where room_id = $5 and user_id = users.id) as role
                from users where (select joined_at from memberships where room_id = $5 and user_id = users.id) is not null",
                room
            );
        }
        by_name!(
            self,
            request,
            limit,
            ", joined_at, role from memberships join users on users.id = user_id where room_id = $5",
            room
        )
    }

    /// Up to `limit` people who are banned from a room, by username, after `after`.
    pub async fn list_room_bans(&self, room: RoomId, after: &str, limit: i64) -> sqlx::Result<Vec<ListedBan>> {
        read!(self, |pool| sqlx::query_as(
            "select users.username, users.name, room_bans.banned_at, deciders.username as banned_by
             from room_bans join users on users.id = room_bans.user_id
             left join users as deciders on deciders.id = room_bans.banned_by
             where room_bans.room_id = $1 and users.username > $2 order by users.username limit $3",
        )
        .bind(room)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)
    }

    /// The rooms that two people have in common, by name, without direct messages.
    pub async fn list_shared_rooms(&self, reader: UserId, person: UserId) -> sqlx::Result<Vec<SharedRoom>> {
        read!(self, |pool| sqlx::query_as(
            "select slug, name, visibility = 'private' as is_private
             from memberships as mine
             join memberships as theirs on theirs.room_id = mine.room_id and theirs.user_id = $2
             join rooms on rooms.id = mine.room_id and direct_key is null
             where mine.user_id = $1 order by lower(name), slug",
        )
        .bind(reader)
        .bind(person)
        .fetch_all(pool)
        .await)
    }

    /// Updates when people were last seen, at most once a minute each. Those whom another node writes at this moment are left out.
    pub async fn touch_people(&self, people: &[UserId], now: Millis) -> sqlx::Result<()> {
        let given = serde_json::to_string(people).expect("numbers always have a JSON form");
        let before = now.plus(-SEEN);
        match self {
            Self::Sqlite(sqlite) => {
                sqlx::query(
                    "update users set seen_at = $2 where id in (select value from json_each($1))
                     and (seen_at is null or seen_at <= $3)",
                )
                .bind(given)
                .bind(now)
                .bind(before)
                .execute(&sqlite.write)
                .await?;
            }
            Self::Postgres(postgres) => {
                sqlx::query(
                    "update users set seen_at = $2 where id in (
                        select id from users
                        where id in (select cast(value as bigint) from json_array_elements_text($1::json) as given(value))
                        and (seen_at is null or seen_at <= $3) for no key update skip locked)",
                )
                .bind(given)
                .bind(now)
                .bind(before)
                .execute(&postgres.write)
                .await?;
            }
        }
        Ok(())
    }
}

/// A `like` pattern for "contains this text", with wildcards escaped.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_a_pattern_are_only_letters() {
        assert_eq!(pattern("50%_a\\b"), "%50\\%\\_a\\\\b%");
        assert_eq!(pattern(""), "%%");
    }
}
