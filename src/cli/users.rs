//! `parlor user`: accounts, by whoever runs the server. A running server notices what these commands change.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::output::out;
use super::{Failure, accounts, failed, must_exist, public_origin};
use crate::config::Config;
use crate::db::resets::ListedAccount;
use crate::model::ServerRole;

/// What can be done with accounts.
#[derive(Subcommand)]
pub enum UserCommand {
    /// List all accounts: username, role, state, when last seen, and display name
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Create an account (prompts for the password, or reads it from a pipe); it joins the DEFAULT_ROOMS when it first logs in
    Add {
        /// The username
        name: String,
        /// Make this account an administrator
        #[arg(long)]
        admin: bool,
    },
    /// Print a link to choose a new password with: it works once, for an hour, and replaces earlier ones
    Reset {
        /// The username
        name: String,
        /// Remove their second factor instead: they are logged out everywhere, and log in with their password alone
        #[arg(long)]
        two_factor: bool,
    },
    /// Make someone an administrator, a member or a guest (who sees only the rooms that they are added to)
    Role {
        /// The username
        name: String,
        /// The role
        role: Role,
    },
    /// Ban someone: they are logged out everywhere and can’t log in; their messages stay
    Ban {
        /// The username
        name: String,
    },
    /// Lift a ban
    Unban {
        /// The username
        name: String,
    },
    /// Deactivate an account: its person is logged out everywhere and can’t log in; it can be reactivated
    Deactivate {
        /// The username
        name: String,
    },
    /// Reactivate a deactivated account
    Reactivate {
        /// The username
        name: String,
    },
}

/// A role on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// An administrator
    Admin,
    /// A member
    Member,
    /// A guest
    Guest,
}

/// Runs a command.
pub async fn run(config: &Config, command: UserCommand) -> Result<(), Failure> {
    // Only the first account may come before the first start.
    if !matches!(command, UserCommand::Add { .. }) {
        must_exist(config)?;
    }
    match command {
        UserCommand::List { json } => list(config, json).await,
        UserCommand::Add { name, admin } => add(config, &name, admin).await,
        UserCommand::Reset { name, two_factor: true } => {
            let profile = accounts(config).await?.remove_second_factor_by_hand(&name).await.map_err(failed)?;
            out!("Removed the second factor of @{}; they are logged out everywhere", profile.username)?;
            Ok(())
        }
        UserCommand::Reset { name, two_factor: false } => {
            let link = accounts(config).await?.new_reset_link_by_hand(&name).await.map_err(failed)?;
            out!("{}{}", public_origin(config), link.path())?;
            Ok(())
        }
        UserCommand::Role { name, role } => {
            let (role, words) = match role {
                Role::Admin => (ServerRole::Admin, "an administrator"),
                Role::Member => (ServerRole::Member, "a member"),
                Role::Guest => (ServerRole::Guest, "a guest"),
            };
            let profile = accounts(config).await?.set_role_by_hand(&name, role).await.map_err(failed)?;
            out!("@{} is {words} now", profile.username)?;
            Ok(())
        }
        UserCommand::Ban { name } => {
            let profile = accounts(config).await?.ban_by_hand(&name).await.map_err(failed)?;
            out!("Banned @{}", profile.username)?;
            Ok(())
        }
        UserCommand::Unban { name } => {
            let profile = accounts(config).await?.lift_ban_by_hand(&name).await.map_err(failed)?;
            out!("Unbanned @{}", profile.username)?;
            Ok(())
        }
        UserCommand::Deactivate { name } => {
            let accounts = Arc::new(accounts(config).await?);
            out!("Deactivated @{}", accounts.deactivate_by_hand(&name).await.map_err(failed)?.username)?;
            Ok(())
        }
        UserCommand::Reactivate { name } => {
            let profile = accounts(config).await?.reactivate_by_hand(&name).await.map_err(failed)?;
            out!("Reactivated @{}", profile.username)?;
            Ok(())
        }
    }
}

async fn list(config: &Config, is_json: bool) -> Result<(), Failure> {
    let accounts = accounts(config).await?;
    let mut after = String::new();
    loop {
        let page = accounts.accounts_after(&after).await.map_err(failed)?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.username);
        for account in &page {
            out!("{}", if is_json { in_json(account) } else { in_words(account) })?;
        }
    }
}

fn role(account: &ListedAccount) -> &'static str {
    ServerRole::of(account.is_admin, account.is_guest).as_str()
}

fn in_json(account: &ListedAccount) -> String {
    let ListedAccount { username, name, created_at, last_seen_at, banned_at, deactivated_at, .. } = account;
    json!({
        "username": username, "name": name, "role": role(account), "created_at": created_at, "last_seen_at": last_seen_at,
        "banned_at": banned_at, "deactivated_at": deactivated_at,
    })
    .to_string()
}

fn in_words(account: &ListedAccount) -> String {
    let state = match account {
        ListedAccount { deactivated_at: Some(_), .. } => "deactivated",
        ListedAccount { banned_at: Some(_), .. } => "banned",
        _ => "active",
    };
    let seen = account.last_seen_at.map_or_else(|| "never".to_owned(), |at| at.timestamp().strftime("%Y-%m-%d").to_string());
    format!("{:<32}  {:<6}  {state:<11}  {seen:<10}  {}", account.username, role(account), account.name)
}

async fn add(config: &Config, name: &str, is_admin: bool) -> Result<(), Failure> {
    let password = new_password()?;
    let user = accounts(config).await?.add_by_hand(name, &password, is_admin).await.map_err(failed)?;
    out!("Created @{}", user.username)
}

/// Asks for a password, twice and without an echo, or takes what a pipe holds.
fn new_password() -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ").map_err(failed)?;
        let again = rpassword::prompt_password("Repeat password: ").map_err(failed)?;
        return if password == again { Ok(password) } else { Err((1, "The passwords don’t match.".into())) };
    }
    let mut password = String::new();
    io::stdin().read_to_string(&mut password).map_err(failed)?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}
