//! One's notification level for a room.

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::json;

use crate::chat::Chat;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked};
use crate::web::state::AppState;

/// The form that sets it.
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
    asked: Asked,
    Form(form): Form<Chosen>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let level = Chat::level(Some(&form.level)).map_err(refuse)?;
    state.chat.set_level(user.id, &slug, level, None).await.map_err(refuse)?;
    Ok(asked.done(json!({ "level": level }), &format!("/rooms/{slug}")))
}
