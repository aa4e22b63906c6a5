//! Accounts, passwords and sessions, from outside.

mod access;
mod closing;
mod cookies;
mod email;
mod invites;
mod login;
mod logout;
mod names;
mod newcomers;
mod oidc;
mod passkeys;
mod recovery;
mod register;
mod registration;
mod rights;
mod second_factor;
mod sessions;
mod setup;
mod throttle;
pub mod tokens;

use crate::harness::Database;

/// Who did these to whom, by the audit log: the actor and the target, sorted.
async fn recorded(database: &Database, action: &str) -> Vec<String> {
    let rows = database.rows("audit").await.into_iter().filter(|row| row["action"] == action);
    let name = |name: &serde_json::Value| name.as_str().unwrap_or("nobody").to_owned();
    let mut all: Vec<_> = rows.map(|row| format!("{} {}", name(&row["actor"]), name(&row["target"]))).collect();
    all.sort();
    all
}
