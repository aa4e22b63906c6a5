//! What a person arranges in their sidebar: favorites, hidden conversations, closed sections.

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::json;

use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked};
use crate::web::state::AppState;

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

/// `POST /rooms/{slug}/favorite` (`on` = `true`, `false`): whether the room is among one's favorites in the sidebar.
pub async fn favorite(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Switch>,
) -> Answer {
    let on = form.on == "true";
    let view = state.chat.set_favorite(user.id, &slug, on).await.map_err(|error| asked.refuse(error))?;
    let path = view.map_or_else(|| "/rooms".to_owned(), |view| format!("/rooms/{}", view.room.slug));
    Ok(asked.done(json!({ "favorite": on }), &path))
}

/// `POST /rooms/{slug}/hide` (`on` = `true`, `false`): whether a conversation is out of one's sidebar, until somebody writes there.
pub async fn hide(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Switch>,
) -> Answer {
    let on = form.on == "true";
    let hidden = if on { state.chat.hide(user.id, &slug).await } else { state.chat.unhide(user.id, &slug).await };
    let slug = hidden.map_err(|error| asked.refuse(error))?;
    let path = if on { "/direct".to_owned() } else { format!("/rooms/{slug}") };
    Ok(asked.done(json!({ "hidden": on }), &path))
}

/// `POST /sidebar` (`section` = `favorites`, `rooms`, `directs`; `closed` = `true`, `false`).
pub async fn section(State(state): State<AppState>, user: CurrentUser, asked: Asked, Form(form): Form<Section>) -> Answer {
    let is_closed = form.closed == "true";
    state.chat.set_section(user.id, &form.section, is_closed).await.map_err(|error| asked.refuse(error))?;
    Ok(asked.done(json!({ "section": form.section, "closed": is_closed }), "/"))
}
