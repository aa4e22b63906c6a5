//! Invite links, by administrators.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;

use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::app_layout::layout;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::InvitePage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/invites", post(invite))
}

/// `POST /invites`, by an administrator: a link with which one person can register.
pub async fn invite(State(state): State<AppState>, user: CurrentUser, source: Source, headers: HeaderMap) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::Invite)?;
    state.chat.allow(user.id, ActionKind::Invite)?;
    let token = state.accounts.invite(&user, &source).await?;
    let layout = layout(&state, &user).await?;
    let link = format!("{}/register?invite={token}", state.origins.own(&headers));
    Ok(page(&InvitePage { layout, link }))
}
