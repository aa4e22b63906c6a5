//! Drafts over HTTP: for a page that is being left, and for clients without a socket.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json};
use serde::Deserialize;
use serde_json::json;

use crate::chat::rate_limits::ActionKind;
use crate::error::Error;
use crate::model::{DraftContent, DraftEdit};
use crate::web::form::{Form, whole_number};
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked};
use crate::web::state::AppState;

/// A draft as a form sends it. Texts, so that a wrong one is refused by its own name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    body: String,
    reply_to: String,
    edit_seq: String,
    edit_body: String,
}

impl Fields {
    fn content(self) -> Result<DraftContent, Error> {
        let number =
            |field, text: &str| Some(text).filter(|text| !text.is_empty()).map(|text| whole_number(field, text)).transpose();
        let edit = number("edit_seq", &self.edit_seq)?.map(|seq| DraftEdit { seq, body: self.edit_body });
        Ok(DraftContent { body: self.body, reply_to: number("reply_to", &self.reply_to)?, edit })
    }
}

/// `POST /rooms/{slug}/draft` (`body`, `reply_to`, `edit_seq`, `edit_body`): one's draft in the room. An empty form takes it away.
pub async fn save(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(fields): Form<Fields>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, &slug).await.map_err(refuse)?;
    let draft = state.chat.set_draft(&view, user.id, fields.content().map_err(refuse)?, None).await.map_err(refuse)?;
    Ok(asked.done(json!({ "draft": draft }), &format!("/rooms/{slug}")))
}

/// `GET /drafts`: all of one's drafts, as JSON.
pub async fn list(State(state): State<AppState>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    state.chat.allow(user.id, ActionKind::Read).map_err(refuse)?;
    Ok(Json(json!({ "drafts": state.chat.drafts(user.id).await.map_err(refuse)? })).into_response())
}
