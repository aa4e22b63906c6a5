//! The read marker of a room: how far its reader has read.

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::json;

use super::message_actions::place;
use crate::chat::read_markers::Marker;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked};
use crate::web::state::AppState;

/// The form that moves it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    seq: String,
}

/// `POST /rooms/{slug}/read` (`seq`; the room's end when there is none): moves the read marker forward.
pub async fn read(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Place>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let seq = if form.seq.is_empty() { Ok(view.head.seq) } else { place(&form.seq) };
    let marker = Marker { user: user.id, room: view.room.id, slug: &slug, origin: None };
    let unread = state.chat.mark_read(marker, seq.map_err(refuse)?).await.map_err(refuse)?.unread;
    Ok(asked.done(json!({ "unread": unread }), &format!("/rooms/{slug}")))
}
