//! Names that look alike.
//!
//! Owns the statements on the columns `look`, `fold` and `alike`. `model::lookalikes` computes their values.

use super::{Db, read, transaction, write};
use crate::model::UserId;

/// Sets the look of a user's name in a transaction; returns the users whose `alike` flag changed. It reads at most three users of
/// a look: if two shared it before, all of them are flagged already.
macro_rules! update_look {
    ($tx:ident, $person:expr, $look:expr) => {{
        let (person, look): (crate::model::UserId, String) = ($person, $look);
        let before: Option<String> =
            sqlx::query_scalar("select look from users where id = $1").bind(person).fetch_one(&mut *$tx).await?;
        let mut changed = Vec::<crate::model::UserId>::new();
        if before.as_deref() != Some(&*look) {
            sqlx::query("update users set look = $2 where id = $1").bind(person).bind(&look).execute(&mut *$tx).await?;
            for look in before.iter().chain([&look]) {
                let sharing: Vec<crate::model::UserId> =
                    sqlx::query_scalar("select id from users where look = $1 limit 3").bind(look).fetch_all(&mut *$tx).await?;
                let all = "update users set alike = $2 where look = $1 and alike <> $2 and (id = $3 or not $4) returning id";
                let marked: Vec<crate::model::UserId> = sqlx::query_scalar(all)
                    .bind(look)
                    .bind(sharing.len() > 1)
                    .bind(person)
                    .bind(sharing.len() > 2)
                    .fetch_all(&mut *$tx)
                    .await?;
                changed.extend(marked);
            }
        }
        changed
    }};
}

pub(crate) use update_look;

impl Db {
    /// The username of another user that has one of these folds.
    pub async fn find_lookalike(&self, folds: &[String; 2], username: &str) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar("select username from users where fold in ($1, $2) and username <> $3 limit 1")
            .bind(&folds[0])
            .bind(&folds[1])
            .bind(username)
            .fetch_optional(pool)
            .await)
    }

    /// Stores the look and fold of a new user. Returns the users whose `alike` flag changed.
    pub async fn set_look(&self, person: UserId, look: String, fold: String) -> sqlx::Result<Vec<UserId>> {
        transaction!(self, |tx| {
            // Looks change one at a time, on all nodes.
            sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut *tx).await?;
            sqlx::query("update users set fold = $2 where id = $1").bind(person).bind(&fold).execute(&mut *tx).await?;
            update_look!(tx, person, look)
        })
    }

    /// Users without a look: id, username and name.
    pub async fn list_without_look(&self, limit: i64) -> sqlx::Result<Vec<(UserId, String, String)>> {
        let statement = "select id, username, name from users where look is null or fold is null order by id limit $1";
        read!(self, |pool| sqlx::query_as(statement).bind(limit).fetch_all(pool).await)
    }

    /// Stores looks and folds in bulk, without updating `alike`.
    pub async fn fill_looks(&self, looks: &[(UserId, String, String)]) -> sqlx::Result<()> {
        let given = serde_json::to_string(looks).expect("numbers and texts always have a JSON form");
        match self {
            Self::Sqlite(sqlite) => {
                sqlx::query(
                    "update users set look = value->>1, fold = value->>2 from json_each($1) as given where users.id = value->>0",
                )
                .bind(given)
                .execute(&sqlite.write)
                .await?;
            }
            Self::Postgres(postgres) => {
                sqlx::query(
                    "update users set look = value->>1, fold = value->>2 from json_array_elements($1::json) as given(value)
                     where users.id = cast(value->>0 as bigint)",
                )
                .bind(given)
                .execute(&postgres.write)
                .await?;
            }
        }
        Ok(())
    }

    /// Sets `alike` for all users who share a look.
    pub async fn mark_alike(&self) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "update users set alike = true where not alike
             and look in (select look from users where look is not null group by look having count(*) > 1)",
        )
        .execute(pool)
        .await
        .map(drop))
    }
}
