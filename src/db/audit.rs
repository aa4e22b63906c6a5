//! The audit log.
//!
//! Owns the statements on the `audit` table. A row is written in the transaction of its action (`record!`); only what writes nothing else
//! is written by itself. It must not decide what is recorded.

use super::{Db, transaction};
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
