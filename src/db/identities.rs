//! Statements on identities at an OpenID provider.
//!
//! Owns that an identity belongs to one account, that a log-in comes back once, and that an account keeps a way to log in. It must not
//! decide who may link what.

use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// What happened when an identity was linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It belongs to the account now.
    Yes,
    /// It belongs to another account.
    Taken,
    /// The account has another identity at this provider.
    HasAnother,
}

/// What happened when an identity was unlinked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// It belongs to nobody now.
    Yes,
    /// There was none.
    None,
    /// Without it there is no way to log in.
    IsLastWay,
}

impl Db {
    /// Whose identity it is.
    pub async fn find_identity(&self, issuer: &str, subject: &str) -> sqlx::Result<Option<UserId>> {
        let statement = "select user_id from identities where issuer = $1 and subject = $2";
        read!(self, |pool| sqlx::query_scalar(statement).bind(issuer).bind(subject).fetch_optional(pool).await)
    }

    /// When somebody linked their identity at a provider, and whether they have a password.
    pub async fn find_identity_of(&self, user: UserId, issuer: &str) -> sqlx::Result<(Option<Millis>, bool)> {
        read!(self, |pool| sqlx::query_as(
            "select (select created_at from identities where user_id = $1 and issuer = $2),
                    exists (select 1 from users where id = $1 and password_hash <> '')",
        )
        .bind(user)
        .bind(issuer)
        .fetch_one(pool)
        .await)
    }

    /// Notes that a log-in came back; `false` if it did before. Forgets those that have expired.
    pub async fn use_oidc_state(&self, state_hash: String, now: Millis, expires_at: Millis) -> sqlx::Result<bool> {
        transaction!(self, |tx| {
            sqlx::query("delete from oidc_states where expires_at <= $1").bind(now).execute(&mut *tx).await?;
            let statement = "insert into oidc_states (state_hash, expires_at) values ($1, $2) on conflict do nothing";
            let noted = sqlx::query(statement).bind(&state_hash).bind(expires_at).execute(&mut *tx).await?;
            noted.rows_affected() > 0
        })
    }

    /// Gives an identity to an account. To link it again changes nothing, and records nothing.
    pub async fn link_identity(
        &self,
        user: UserId,
        issuer: String,
        subject: String,
        now: Millis,
        event: &Event,
    ) -> sqlx::Result<Linked> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let statement =
                "insert into identities (issuer, subject, user_id, created_at) values ($1, $2, $3, $4) on conflict do nothing";
            let linked =
                sqlx::query(statement).bind(&issuer).bind(&subject).bind(user).bind(now).execute(&mut *tx).await?.rows_affected();
            if linked > 0 {
                record!(tx, rows);
            }
            let owner: Option<UserId> = sqlx::query_scalar("select user_id from identities where issuer = $1 and subject = $2")
                .bind(&issuer)
                .bind(&subject)
                .fetch_optional(&mut *tx)
                .await?;
            match owner {
                Some(owner) if owner == user => Linked::Yes,
                Some(_) => Linked::Taken,
                None => Linked::HasAnother,
            }
        })
    }

    /// Takes the identity at a provider from an account that has a password.
    pub async fn unlink_identity(&self, user: UserId, issuer: String, event: &Event) -> sqlx::Result<Unlinked> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let unlinked = sqlx::query(
                "delete from identities where user_id = $1 and issuer = $2
                     and exists (select 1 from users where id = $1 and password_hash <> '')",
            )
            .bind(user)
            .bind(&issuer)
            .execute(&mut *tx)
            .await?;
            if unlinked.rows_affected() > 0 {
                record!(tx, rows);
                Unlinked::Yes
            } else {
                let left: i64 = sqlx::query_scalar("select count(*) from identities where user_id = $1 and issuer = $2")
                    .bind(user)
                    .bind(&issuer)
                    .fetch_one(&mut *tx)
                    .await?;
                if left > 0 { Unlinked::IsLastWay } else { Unlinked::None }
            }
        })
    }
}
