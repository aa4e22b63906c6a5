//! Banning and unbanning, by administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;

use crate::chat::rate_limits::ActionKind;
use crate::db::people::Profile;
use crate::error::Result;
use crate::security_log::Source;
use crate::web::layers::session::ConfirmedUser;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/people/{username}/ban", post(ban)).route("/people/{username}/unban", post(unban))
}

/// `POST /people/{username}/ban`, by an administrator.
pub async fn ban(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    Ok(to_card(&state.accounts.ban(&user, &username, &source).await?))
}

/// `POST /people/{username}/unban`, by an administrator.
pub async fn unban(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    Ok(to_card(&state.accounts.lift_ban(&user, &username, &source).await?))
}

fn to_card(profile: &Profile) -> Response {
    Redirect::to(&format!("/people/{}", profile.username)).into_response()
}
