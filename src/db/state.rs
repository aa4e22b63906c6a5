//! What the server knows of its own work, as values in `meta`: who does it now, and how it went.
//!
//! Owns that a value is changed in a transaction, so that of several nodes one does the work. It must not know what a value means.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Db, read, transaction};

impl Db {
    /// A value. What cannot be read is as if nothing was known: the next change writes it anew.
    pub(super) async fn state<T: DeserializeOwned + Default>(&self, key: &'static str) -> sqlx::Result<T> {
        let stored: Option<String> =
            read!(self, |pool| sqlx::query_scalar("select value from meta where key = $1").bind(key).fetch_optional(pool).await)?;
        Ok(parse(stored))
    }

    /// Changes it in a transaction. `change` gets the present value, and returns whether it changed it; so does this.
    pub(super) async fn change_state<T: Serialize + DeserializeOwned + Default + Send>(
        &self,
        key: &'static str,
        change: impl Fn(&mut T) -> bool + Send + 'static,
    ) -> sqlx::Result<bool> {
        transaction!(self, |tx| {
            // A write locks the row on Postgres, so that another node waits here.
            sqlx::query("insert into meta (key, value) values ($1, '{}') on conflict (key) do update set value = meta.value")
                .bind(key)
                .execute(&mut *tx)
                .await?;
            let stored: Option<String> =
                sqlx::query_scalar("select value from meta where key = $1").bind(key).fetch_optional(&mut *tx).await?;
            let mut state: T = parse(stored);
            let changed = change(&mut state);
            if changed {
                let text = serde_json::to_string(&state).map_err(|error| sqlx::Error::Encode(error.into()))?;
                sqlx::query("update meta set value = $2 where key = $1").bind(key).bind(text).execute(&mut *tx).await?;
            }
            changed
        })
    }
}

fn parse<T: DeserializeOwned + Default>(stored: Option<String>) -> T {
    stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}
