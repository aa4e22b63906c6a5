//! Drafts, and what a text will look like.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, number};
use crate::chat::markdown::Preview;
use crate::error::{Error, Result};
use crate::model::{Draft, DraftContent, DraftEdit};
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(show, save, delete)).routes(routes!(preview))
}

/// One’s drafts.
#[derive(Debug, Serialize, ToSchema)]
struct DraftList {
    /// The drafts, the latest first.
    drafts: Vec<Draft>,
}

/// Your drafts in all rooms.
#[utoipa::path(
    get, path = "/api/v1/me/drafts", tag = "messages", operation_id = "list_drafts",
    responses((status = 200, body = DraftList)),
)]
async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Json<DraftList>> {
    Ok(Json(DraftList { drafts: state.chat.drafts(user.id).await? }))
}

/// A draft.
#[derive(Debug, Serialize, ToSchema)]
struct DraftAnswer {
    /// The draft.
    draft: Draft,
}

/// Your draft in a room.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/draft", tag = "messages", operation_id = "get_draft",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 200, body = DraftAnswer)),
)]
async fn show(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Json<DraftAnswer>> {
    let view = state.chat.view(user.id, &slug).await?;
    let draft = state.chat.draft(&view, user.id).await?.ok_or(Error::NotFound("draft"))?;
    Ok(Json(DraftAnswer { draft }))
}

/// A draft to keep.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "body": "Half a thought" })))]
struct NewDraft {
    /// A new message.
    body: String,
    /// The `seq` of the message that it replies to.
    #[serde(deserialize_with = "number")]
    reply_to: Option<i64>,
    /// The `seq` of another message that is being edited.
    #[serde(deserialize_with = "number")]
    edit_seq: Option<i64>,
    /// The new text of that one.
    edit_body: String,
}

/// Sets your draft in a room. One without anything in it is no draft.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/draft", tag = "messages", operation_id = "set_draft",
    params(("slug" = String, Path, description = "The room")),
    request_body = NewDraft,
    responses((status = 200, body = DraftAnswer)),
)]
async fn save(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    Fields(new): Fields<NewDraft>,
) -> Result<Json<DraftAnswer>> {
    let view = state.chat.view(user.id, &slug).await?;
    let edit = new.edit_seq.map(|seq| DraftEdit { seq, body: new.edit_body });
    let content = DraftContent { body: new.body, reply_to: new.reply_to, edit };
    Ok(Json(DraftAnswer { draft: state.chat.set_draft(&view, user.id, content, None).await? }))
}

/// Deletes your draft in a room.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/draft", tag = "messages", operation_id = "delete_draft",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 204, description = "You have no draft in the room")),
)]
async fn delete(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    let view = state.chat.view(user.id, &slug).await?;
    state.chat.set_draft(&view, user.id, DraftContent::default(), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A text.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "body": "Hello *world*" })))]
struct Text {
    /// The text of a message.
    body: String,
}

/// What a text will look like. Counts as a message does, and posts nothing.
#[utoipa::path(
    post, path = "/api/v1/preview", tag = "messages", operation_id = "preview",
    request_body = Text,
    responses((status = 200, body = Preview)),
)]
async fn preview(State(state): State<AppState>, user: CurrentUser, Fields(text): Fields<Text>) -> Result<Json<Preview>> {
    Ok(Json(state.chat.preview(user.id, &text.body)?))
}
