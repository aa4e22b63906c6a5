//! How a message would look, before anybody else sees it.

use axum::extract::State;
use axum::response::{IntoResponse, Json};
use serde::Deserialize;

use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked};
use crate::web::state::AppState;

/// What is being written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Draft {
    body: String,
}

/// `POST /preview`: JSON, for scripts; people without scripts press the button beside the message.
pub async fn preview(State(state): State<AppState>, user: CurrentUser, asked: Asked, Form(draft): Form<Draft>) -> Answer {
    let preview = state.chat.preview(user.id, &draft.body).map_err(|error| asked.refuse(error))?;
    Ok(Json(preview).into_response())
}
