//! Statements on the settings that can change at run time. What a value means is not known here.

use super::audit::{record, rows};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::security_log::Event;

/// Stores a value in place of an earlier one.
pub(super) const UPSERT: &str = "insert into settings (name, value, changed_at) values ($1, $2, $3)
     on conflict (name) do update set value = excluded.value, changed_at = excluded.changed_at";

/// A new value: the setting's name, and its text.
pub type NewValue = (&'static str, String);

impl Db {
    /// The stored values: name and text.
    pub async fn list_settings(&self) -> sqlx::Result<Vec<(String, String)>> {
        read!(self, |pool| sqlx::query_as("select name, value from settings order by name").fetch_all(pool).await)
    }

    /// Stores values. On Postgres a trigger notifies the other nodes.
    pub async fn set_settings(&self, values: Vec<NewValue>, now: Millis, event: &Event) -> sqlx::Result<()> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            for (name, value) in &values {
                sqlx::query(UPSERT).bind(*name).bind(value).bind(now).execute(&mut *tx).await?;
            }
            record!(tx, rows);
        })
    }
}
