//! What a backup holds of the database: which tables, which of their rows, and what is left out and why.
//!
//! Owns the list of tables; a test fails when a migration adds one that is missing here. `read` takes a snapshot of them, `load` puts them
//! into an empty database of either kind, `check` looks whether what came out is whole. It must not know what an archive is.

mod check;
mod load;
mod read;
pub mod state;

pub use check::CHECKS;
pub use load::{LoadError, Loader};
pub(in crate::db) use read::begin;
pub use read::{Snapshot, StoredBlob};

/// A table that a backup holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The rows that are taken: a condition.
    filter: &'static str,
    /// Columns whose value belongs to the running server, and what is taken instead.
    instead: &'static [(&'static str, &'static str)],
}

const fn all(name: &'static str) -> Table {
    Table { name, filter: "true", instead: &[] }
}

/// The rows of `blobs` that something refers to.
const USED_BLOBS: &str = "(exists (select 1 from files where files.hash = blobs.hash)
    or exists (select 1 from previews where previews.hash = blobs.hash))";

/// The tables that a backup holds, each after those that most of its rows refer to.
pub const KEPT: [Table; 40] = [
    // Of the named values only the key of device tokens, from which other keys are derived, and how far ids do not follow the clock. The rest
    // belongs to one database.
    Table { name: "meta", filter: "key in ('device_key', 'unordered_until')", instead: &[] },
    all("settings"),
    all("users"),
    all("rooms"),
    all("memberships"),
    all("messages"),
    all("reactions"),
    all("revisions"),
    all("mentions"),
    all("drafts"),
    all("room_slugs"),
    all("room_bans"),
    all("slow_posts"),
    all("blocks"),
    all("reports"),
    all("invites"),
    all("invite_uses"),
    all("invite_rooms"),
    all("notification_settings"),
    all("mail_settings"),
    all("emails"),
    all("identities"),
    all("totp"),
    all("recovery_codes"),
    all("passkeys"),
    all("retired_usernames"),
    Table { name: "cleanups", filter: "true", instead: &[("claimed_until", "0")] },
    Table { name: "blobs", filter: USED_BLOBS, instead: &[("held_until", "0"), ("is_leaving", "false")] },
    // Uploads that are not complete end after a day anyway, and their parts are not in a backup.
    Table { name: "files", filter: "hash is not null", instead: &[] },
    all("previews"),
    // What somebody typed who forgot their password is not in it either.
    Table { name: "jobs", filter: "kind <> 'reset_link'", instead: &[("claimed_by", "null"), ("claimed_until", "0")] },
    all("audit"),
    all("holds"),
    all("held"),
    all("unindexed"),
    all("imported"),
    all("webhooks"),
    // Push subscriptions are not in it, nor mails about accounts.
    Table {
        name: "receivers",
        filter: "kind not in ('push', 'account', 'address')",
        instead: &[("claimed_by", "null"), ("claimed_until", "0")],
    },
    // Nor any other mail: a restored server would send it again, long after. What webhooks were to be told is given up when it is loaded.
    Table { name: "outbox", filter: "kind = 'webhook'", instead: &[] },
    all("hooks"),
];

/// The tables that a backup does not hold, and why.
pub const LEFT_OUT: [(&str, &str); 17] = [
    ("sessions", "a session that was ended after the backup would be back: everybody logs in again"),
    ("tokens", "a token that was revoked after the backup would be back, and each is a session"),
    ("resets", "links for new passwords, which may have been used since"),
    ("email_links", "links that confirm an address, which may have been used since"),
    ("pending_log_ins", "log-ins that wait for a second factor, for minutes"),
    ("oidc_states", "log-ins that are at the provider, for minutes"),
    ("used_challenges", "answers of passkeys, which are good for minutes"),
    ("feeds", "addresses that were revoked after the backup would be good again"),
    ("push_subscriptions", "browsers, whose sessions have ended"),
    ("push_shown", "what these browsers show"),
    ("chunks", "parts of uploads that are not complete"),
    ("certificates", "private keys of this server: another one obtains its own"),
    ("acme_accounts", "the key of this server at an authority: another one registers anew"),
    ("acme_challenges", "answers to an authority, for minutes"),
    ("nodes", "the servers that run now"),
    ("asset_versions", "the static files of the servers that run now"),
    ("assets", "the static files of the servers that run now"),
];

/// Finds a table of a backup.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    KEPT.iter().find(|table| table.name == name)
}

/// Either kind of connection, owned: it ends with whoever has it, and so does its transaction.
#[derive(Debug)]
pub(in crate::db) enum Connection {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

/// Runs a body with either kind of connection.
macro_rules! with {
    ($connection:expr, |$db:ident| $body:expr) => {
        match $connection {
            $crate::db::backup::Connection::Sqlite($db) => $body,
            $crate::db::backup::Connection::Postgres($db) => $body,
        }
    };
}
pub(in crate::db) use with;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    /// SQLite stores these as numbers, and Postgres takes no numbers for them.
    is_boolean: bool,
}

impl Connection {
    /// The columns of a table, in their order; none if there is no such table.
    async fn columns(&mut self, table: &str) -> sqlx::Result<Vec<Column>> {
        let columns: Vec<(String, String)> = match self {
            Self::Sqlite(db) => {
                sqlx::query_as("select name, lower(type) from pragma_table_info($1) order by cid")
                    .bind(table)
                    .fetch_all(db)
                    .await?
            }
            Self::Postgres(db) => {
                sqlx::query_as(
                    "select column_name::text, data_type::text from information_schema.columns
                     where table_schema = current_schema() and table_name = $1 order by ordinal_position",
                )
                .bind(table)
                .fetch_all(db)
                .await?
            }
        };
        Ok(columns.into_iter().map(|(name, kind)| Column { name, is_boolean: kind == "boolean" }).collect())
    }
}

/// A name in a statement. Names come from the list above and from the database's own description of its tables.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
