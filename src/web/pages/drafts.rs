//! Drafts over HTTP: for a page that is being closed, and for clients without a socket.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::error::Result;
use crate::model::{DraftContent, DraftEdit};
use crate::web::accept::Format;
use crate::web::form::{Form, whole_number};
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/rooms/{slug}/draft", post(save)).route("/drafts", get(list))
}

/// The form of a draft. Numbers are strings here, so that the error of a bad one names its field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    body: String,
    reply_to: String,
    edit_seq: String,
    edit_body: String,
}

impl Fields {
    fn content(self) -> Result<DraftContent> {
        let number =
            |field, text: &str| Some(text).filter(|text| !text.is_empty()).map(|text| whole_number(field, text)).transpose();
        let edit = number("edit_seq", &self.edit_seq)?.map(|seq| DraftEdit { seq, body: self.edit_body });
        Ok(DraftContent { body: self.body, reply_to: number("reply_to", &self.reply_to)?, edit })
    }
}

/// `POST /rooms/{slug}/draft` (`body`, `reply_to`, `edit_seq`, `edit_body`): sets one's draft in the room. An empty form deletes it.
pub async fn save(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    format: Format,
    Form(fields): Form<Fields>,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    let draft = state.chat.set_draft(&view, user.id, fields.content()?, None).await?;
    Ok(format.json_or_redirect(json!({ "draft": draft }), &format!("/rooms/{slug}")))
}

/// `GET /drafts`: all of one's drafts, as JSON.
pub async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Response> {
    Ok(Json(json!({ "drafts": state.chat.drafts(user.id).await? })).into_response())
}
