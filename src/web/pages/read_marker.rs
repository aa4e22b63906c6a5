//! The read marker of a room.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use super::message_actions::parse_seq;
use crate::chat::read_markers::Marker;
use crate::error::Result;
use crate::web::accept::Format;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/read", post(read))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    seq: String,
}

/// `POST /rooms/{slug}/read` (`seq`; by default the latest message): moves the read marker forward.
pub async fn read(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    format: Format,
    Form(form): Form<Place>,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    let seq = if form.seq.is_empty() { Ok(view.head.seq) } else { parse_seq(&form.seq) };
    let marker = Marker { user: user.id, room: view.room.id, slug: &slug, origin: None };
    let unread = state.chat.mark_read(marker, seq?).await?.unread;
    Ok(format.json_or_redirect(json!({ "unread": unread }), &format!("/rooms/{slug}")))
}
