//! The preview of a message.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde::Deserialize;

use crate::error::Result;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/preview", post(preview))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Draft {
    body: String,
}

/// `POST /preview`: JSON, for scripts. Without scripts, the button beside the message posts to `messages`.
pub async fn preview(State(state): State<AppState>, user: CurrentUser, Form(draft): Form<Draft>) -> Result<Response> {
    let preview = state.chat.preview(user.id, &draft.body)?;
    Ok(Json(preview).into_response())
}
