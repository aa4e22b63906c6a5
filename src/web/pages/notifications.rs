//! A person's notification level for a room.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use crate::chat::Chat;
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/level", post(level))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chosen {
    level: String,
}

/// `POST /rooms/{slug}/level` (`level` = `all`, `mentions`, `muted`, or nothing): one's notification level for the room.
pub async fn level(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    format: Format,
    Form(form): Form<Chosen>,
) -> Result<Response> {
    let level = Chat::level(Some(&form.level))?;
    state.chat.set_level(user.id, &slug, level, None).await?;
    Ok(format.json_or_redirect(json!({ "level": level }), &format!("/rooms/{slug}")))
}
