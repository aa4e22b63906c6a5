//! How people show themselves, and who there is.
//!
//! Owns the statements about profiles, the lists of people, and when somebody was last seen. It must not check what is written into a
//! profile, nor know who is connected.

use sqlx::FromRow;

use super::rooms::RoomView;
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::db::lookalikes::update_look;
use crate::model::pagination::PageRequest;
use crate::model::{Author, NotificationLevel, Theme, UserId};

/// How exactly it is noted when somebody was last seen, in milliseconds.
const SEEN: i64 = 60_000;
/// With how many members a room has so many of everybody that they are found soonest among all.
const MANY: i64 = 1_000;

/// A person as others may know them, and how they want things.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Profile {
    /// Their number.
    pub id: UserId,
    /// Their unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// Whether somebody else's name looks the same.
    pub alike: bool,
    /// One line about how they are; may be empty.
    pub status: String,
    /// Their time zone's IANA name, if they told it.
    pub time_zone: Option<String>,
    /// Light or dark.
    pub theme: Theme,
    /// Their default notification level.
    pub notify: NotificationLevel,
    /// When they were last connected or used a page.
    pub last_seen_at: Millis,
    /// When they lost their access.
    pub banned_at: Option<Millis>,
}

impl Profile {
    /// They as messages name them.
    #[must_use]
    pub fn author(&self) -> Author {
        Author { id: self.id, username: self.username.as_str().into(), name: self.name.as_str().into(), is_alike: self.alike }
    }
}

/// A line of the directory.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListedPerson {
    /// Their number.
    pub id: UserId,
    /// Their unique name.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// One line about how they are; may be empty.
    pub status: String,
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Member {
    /// Who.
    #[sqlx(flatten)]
    pub person: ListedPerson,
    /// Since when.
    pub joined_at: Millis,
}

/// A room in which two people both are.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SharedRoom {
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether only its members know of it.
    pub is_private: bool,
}

/// A page of a list of people. SQLite finds the place of one value in an index of expressions, but not that of a pair: so where the
/// page begins is said twice.
macro_rules! by_name {
    ($db:expr, $request:expr, $limit:expr, $list:literal $(, $bind:expr)?) => {
        // As written and in lower case: SQLite's `lower` knows only ASCII.
        read!($db, |pool| sqlx::query_as(concat!(
            "select users.id, username, name, status", $list,
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
    /// How somebody shows themselves.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_profile(&self, username: &str) -> sqlx::Result<Option<Profile>> {
        read!(self, |pool| {
            sqlx::query_as(
                "select id, username, name, alike, status, time_zone, theme, notify,
                        coalesce(seen_at, created_at) as last_seen_at, banned_at
             from users where username = $1",
            )
            .bind(username)
            .fetch_optional(pool)
            .await
        })
    }

    /// Changes how somebody shows themselves and how they want things; `look` is that of their name. Gives the numbers of those whose name
    /// was nobody else's and is now, or the other way round.
    ///
    /// # Errors
    /// The database's.
    pub async fn update_profile(&self, profile: &Profile, look: String) -> sqlx::Result<Vec<UserId>> {
        let profile = profile.clone();
        transaction!(self, |tx| {
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

    /// How somebody has arranged their sidebar, as JSON.
    ///
    /// # Errors
    /// The database's.
    pub async fn sidebar(&self, user: UserId) -> sqlx::Result<String> {
        read!(self, |pool| sqlx::query_scalar("select sidebar from users where id = $1").bind(user).fetch_one(pool).await)
    }

    /// Changes how somebody has arranged their sidebar; `false` when it is no longer as it was `before`.
    ///
    /// # Errors
    /// The database's.
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

    /// The people who are request, by name. Who lost their access is not among them.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_people(&self, request: &PageRequest, limit: i64) -> sqlx::Result<Vec<ListedPerson>> {
        by_name!(self, request, limit, " from users where banned_at is null")
    }

    /// Whose name may be this one, look like it, or have it as a part: number, username and name. Who lost their access is among them.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_people_named(&self, name: &str, look: &str, limit: i64) -> sqlx::Result<Vec<(UserId, String, String)>> {
        // As written and in lower case: SQLite's `lower` knows only ASCII. Without accents the whole name is found by its look.
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

    /// Those of a room's members who are request, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_members(&self, view: &RoomView, request: &PageRequest, limit: i64) -> sqlx::Result<Vec<Member>> {
        let room = view.room.id;
        if view.members > MANY && request.text.is_empty() {
            // Everybody is read by name, as long as it takes to find a page of members. A join would be put in order as a whole.
            return by_name!(
                self,
                request,
                limit,
                ", (select joined_at from memberships where room_id = $5 and user_id = users.id) as joined_at
                from users where (select joined_at from memberships where room_id = $5 and user_id = users.id) is not null",
                room
            );
        }
        by_name!(self, request, limit, ", joined_at from memberships join users on users.id = user_id where room_id = $5", room)
    }

    /// The rooms in which two people both are, by name, without their direct messages.
    ///
    /// # Errors
    /// The database's.
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

    /// Notes that people were here, unless that was noted within the last minute.
    ///
    /// # Errors
    /// The database's.
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
                    "update users set seen_at = $2
                     where id in (select cast(value as bigint) from json_array_elements_text($1::json) as given(value))
                     and (seen_at is null or seen_at <= $3)",
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

/// What `like` takes for "has this in it", with its own signs taken as letters.
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
