//! The arrangement of a person's sidebar: favorites, hidden conversations, closed sections.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use crate::error::Result;
use crate::web::accept::Format;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rooms/{slug}/favorite", post(favorite))
        .route("/rooms/{slug}/hide", post(hide))
        .route("/sidebar", post(section))
}

/// The form that turns something on or off.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Switch {
    on: String,
}

/// The form that opens or closes a section of the sidebar.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Section {
    section: String,
    closed: String,
}

/// `POST /rooms/{slug}/favorite` (`on` = `true`, `false`): adds the room to one's favorites, or removes it.
pub async fn favorite(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    format: Format,
    Form(form): Form<Switch>,
) -> Result<Response> {
    let on = form.on == "true";
    let view = state.chat.set_favorite(user.id, &slug, on).await?;
    let path = view.map_or_else(|| "/rooms".to_owned(), |view| format!("/rooms/{}", view.room.slug));
    Ok(format.json_or_redirect(json!({ "favorite": on }), &path))
}

/// `POST /rooms/{slug}/hide` (`on` = `true`, `false`): hides a conversation in one's sidebar until its next message, or shows it.
pub async fn hide(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    format: Format,
    Form(form): Form<Switch>,
) -> Result<Response> {
    let on = form.on == "true";
    let hidden = if on { state.chat.hide(user.id, &slug).await } else { state.chat.unhide(user.id, &slug).await };
    let slug = hidden?;
    let path = if on { "/direct".to_owned() } else { format!("/rooms/{slug}") };
    Ok(format.json_or_redirect(json!({ "hidden": on }), &path))
}

/// `POST /sidebar` (`section` = `favorites`, `rooms`, `directs`; `closed` = `true`, `false`).
pub async fn section(
    State(state): State<AppState>,
    user: CurrentUser,
    format: Format,
    Form(form): Form<Section>,
) -> Result<Response> {
    let is_closed = form.closed == "true";
    state.chat.set_section(user.id, &form.section, is_closed).await?;
    Ok(format.json_or_redirect(json!({ "section": form.section, "closed": is_closed }), "/"))
}
