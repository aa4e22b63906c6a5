//! The commands of a room that webhooks have, for the composer.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use crate::error::Result;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/commands", get(list))
}

/// `GET /rooms/{slug}/commands`.
async fn list(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Response> {
    let commands = state.chat.list_commands(user.id, &slug).await?;
    Ok(Json(json!({ "commands": commands, "more": false, "next": null })).into_response())
}
