//! The audit log.
//!
//! Owns the statements on the `audit` table. A row is written in the transaction of its action (`record!`); only what writes nothing else
//! is written by itself. It must not decide what is recorded.

use sqlx::{FromRow, QueryBuilder};

use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::UserId;
use crate::security_log::Event;

/// Inserts a row.
pub(super) const INSERT: &str = "insert into audit (at, action, actor_id, actor, session, address, target, detail)
     values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A new row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// When it happened.
    pub at: Millis,
    /// The name of the action.
    pub action: &'static str,
    /// The id of the user who did it.
    pub actor_id: Option<UserId>,
    /// Who did it.
    pub actor: Option<String>,
    /// The public id of the session.
    pub session: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// What it was done to.
    pub target: Option<String>,
    /// The rest, as a JSON object.
    pub detail: String,
}

impl From<&Event> for NewRow {
    fn from(event: &Event) -> Self {
        Self {
            at: event.at,
            action: event.action.as_str(),
            actor_id: event.actor.id(),
            actor: event.actor.name().map(Into::into),
            session: event.session().map(Into::into),
            address: event.source.address.map(|address| address.to_string()),
            target: event.target.as_deref().map(Into::into),
            detail: serde_json::Value::from(event.detail()).to_string(),
        }
    }
}

/// The rows of events.
pub(super) fn rows<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<NewRow> {
    events.into_iter().map(NewRow::from).collect()
}

/// Inserts rows in a transaction.
macro_rules! record {
    ($tx:expr, $rows:expr) => {
        for row in $rows {
            sqlx::query(crate::db::audit::INSERT)
                .bind(row.at)
                .bind(row.action)
                .bind(row.actor_id)
                .bind(row.actor)
                .bind(row.session)
                .bind(row.address)
                .bind(row.target)
                .bind(row.detail)
                .execute(&mut *$tx)
                .await?;
        }
    };
}

pub(super) use record;

impl Db {
    /// Stores events whose actions write nothing else.
    pub async fn insert_audit(&self, events: &[Event]) -> sqlx::Result<()> {
        let rows = rows(events);
        transaction!(self, |tx| record!(tx, rows))
    }
}

/// Which rows to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this actor.
    pub actor: Option<String>,
    /// Only these actions; all if `None`.
    pub actions: Option<Vec<String>>,
    /// Only with this target.
    pub target: Option<String>,
    /// Only rows before the one with this id.
    pub before: Option<i64>,
    /// Only rows before this moment.
    pub until: Option<Millis>,
}

/// A stored row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Its place.
    pub id: i64,
    /// When it happened.
    pub at: Millis,
    /// The name of the action, possibly of a newer version.
    pub action: String,
    /// The id of the user who did it.
    pub actor_id: Option<UserId>,
    /// Who did it.
    pub actor: Option<String>,
    /// The public id of the session.
    pub session: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// What it was done to.
    pub target: Option<String>,
    /// The rest, as a JSON object.
    pub detail: String,
}

impl Db {
    /// Up to `limit` rows, newest first.
    pub async fn list_audit(&self, filter: &Filter, limit: i64) -> sqlx::Result<Vec<AuditRow>> {
        let filter = filter.clone();
        read!(self, |pool| {
            // Only the conditions that apply, so that each filter has its index.
            let mut query = QueryBuilder::new(
                "select id, at, action, actor_id, actor, session, address, target, detail from audit where id < ",
            );
            query.push_bind(filter.before.unwrap_or(i64::MAX));
            if let Some(until) = filter.until {
                // The first condition saves scanning what is newer; clocks of nodes differ a little.
                query.push(" and id <= coalesce((select id from audit where at < ").push_bind(until);
                query.push(" order by at desc, id desc limit 1), 0) and at < ").push_bind(until);
            }
            if let Some(actor) = filter.actor {
                query.push(" and actor = ").push_bind(actor);
            }
            if let Some(actions) = filter.actions {
                // Valid SQL without any action, too.
                query.push(" and action in (null");
                for action in actions {
                    query.push(", ").push_bind(action);
                }
                query.push(")");
            }
            if let Some(target) = filter.target {
                query.push(" and target = ").push_bind(target);
            }
            query.push(" order by id desc limit ").push_bind(limit);
            query.build_query_as().fetch_all(pool).await
        })
    }
}
