//! Pages and forms, one module per feature, each with its `router()`.
//!
//! Owns the handlers: they read a request, call a use-case and show its result; errors they return with `?`, and a layer renders them
//! (`layers::errors`). They must not check permissions or hold SQL.

use axum::Router;

use crate::web::state::AppState;

pub mod accounts;
pub mod admin;
pub mod bans;
pub mod blocks;
pub mod bots;
pub mod closing;
pub mod commands;
pub mod confirm;
pub mod data;
pub mod drafts;
pub mod email;
pub mod emoji;
pub mod fallback;
pub mod feeds;
pub mod files;
pub mod health;
pub mod history;
pub mod hooks;
pub mod install;
pub mod invites;
pub mod keys;
pub mod members;
pub mod mentions;
pub mod message_actions;
pub mod messages;
pub mod metrics;
pub mod notifications;
pub mod oidc;
pub mod passkeys;
pub mod password;
pub mod people;
pub mod pins;
pub mod portraits;
pub mod preview;
pub mod push;
pub mod read_marker;
pub mod recovery;
pub mod reminders;
pub mod reports;
pub mod revisions;
pub mod room_administration;
pub mod rooms;
pub mod search;
pub mod second_factor;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod sidebar;
pub mod threads;
pub mod tokens;
pub mod two_factor;
pub mod unsubscribe;
pub mod uploads;

/// The routes that need a session.
pub fn with_session(state: &AppState) -> Router<AppState> {
    Router::new()
        .merge(accounts::router())
        .merge(admin::router())
        .merge(bans::router())
        .merge(blocks::router())
        .merge(bots::router())
        .merge(data::router())
        .merge(closing::router())
        .merge(confirm::router())
        .merge(drafts::router())
        .merge(email::router())
        .merge(commands::router())
        .merge(feeds::router())
        .merge(reminders::router())
        .merge(files::router())
        .merge(history::router())
        .merge(hooks::router())
        .merge(invites::router())
        .merge(keys::router())
        .merge(members::router())
        .merge(mentions::router())
        .merge(message_actions::router())
        .merge(messages::router())
        .merge(notifications::router())
        .merge(oidc::router())
        .merge(passkeys::router())
        .merge(password::router())
        .merge(people::router())
        .merge(pins::router())
        .merge(portraits::router())
        .merge(preview::router())
        .merge(push::router())
        .merge(read_marker::router())
        .merge(recovery::router())
        .merge(reports::router())
        .merge(revisions::router())
        .merge(room_administration::router())
        .merge(rooms::router())
        .merge(search::router())
        .merge(second_factor::router())
        .merge(sessions::router())
        .merge(settings::router())
        .merge(setup::router())
        .merge(sidebar::router())
        .merge(threads::router())
        .merge(tokens::router())
        .merge(two_factor::router())
        .merge(unsubscribe::router())
        .merge(uploads::router(state.clone()))
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::wrong_method)
}

/// The routes that are the same for everybody.
pub fn without_session() -> Router<AppState> {
    Router::new()
        .merge(emoji::router())
        .merge(health::router())
        .merge(hooks::receiver())
        .merge(install::router())
        .merge(metrics::router())
        .merge(push::public_router())
}
