//! Messages: pages of history, posting, editing, deleting, reactions, pins and read markers.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, number, texts};
use crate::chat::ledger::change::NewAttachment;
use crate::chat::messages::NewMessage;
use crate::chat::read_markers::{Marker, Unread};
use crate::error::{Error, Result};
use crate::model::{Author, Logged, Message, Page, Room};
use crate::security_log::Source;
use crate::web::etag::{ETag, IfNoneMatch, revalidated};
use crate::web::layers::session::CurrentUser;
use crate::web::pages::history::Place;
use crate::web::query::Query;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list, post))
        .routes(routes!(show, edit, delete))
        .routes(routes!(react, unreact))
        .routes(routes!(pin, unpin))
        .routes(routes!(pins))
        .routes(routes!(read))
}

/// The end of a room's log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Position {
    /// The `seq` of the last message.
    seq: i64,
    /// The `rev` of the last change.
    rev: i64,
    /// The name of the history in which `rev` counts. If it is not the one that you knew, start over.
    #[schema(value_type = String)]
    epoch: Arc<str>,
}

impl Position {
    /// The end of a log, in the present history.
    pub fn new(state: &AppState, head: crate::model::Head) -> Self {
        Self { seq: head.seq, rev: head.rev, epoch: state.chat.epoch() }
    }

    /// Whether it is in this history.
    pub fn is_of(&self, epoch: &str) -> bool {
        *self.epoch == *epoch
    }
}

/// A message in its present state.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageAnswer {
    /// The message.
    #[schema(value_type = Message)]
    pub message: Arc<Logged>,
}

/// A part of a room's history.
#[derive(Debug, Serialize, ToSchema)]
struct History {
    /// The room.
    room: Room,
    /// The messages, oldest first.
    #[schema(value_type = Vec<Message>)]
    messages: Vec<Arc<Logged>>,
    /// Whether there are older ones.
    more_before: bool,
    /// Whether there are newer ones.
    more_after: bool,
    /// The end of the room's log.
    head: Position,
}

/// A page of a room's messages, oldest first.
///
/// By default the latest. It has an `ETag`, which `If-None-Match` is compared with.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/messages", tag = "messages", operation_id = "list_messages",
    params(
        ("slug" = String, Path, description = "The room"),
        ("before" = Option<i64>, Query, description = "Messages before this `seq`"),
        ("after" = Option<i64>, Query, description = "Messages after this `seq`"),
        ("around" = Option<i64>, Query, description = "Messages around this `seq`, which is among them"),
        ("limit" = Option<i64>, Query, description = "How many, 1 to 200; 50 by default"),
    ),
    responses((status = 200, body = History)),
)]
async fn list(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(place): Query<Place>,
    user: CurrentUser,
    if_none_match: IfNoneMatch,
) -> Result<Response> {
    let (window, limit) = place.window()?;
    let view = state.chat.view(user.id, &slug).await?;
    // As that of a page of history, a function of the room's `rev` and of display names.
    let names = state.chat.display_names();
    let version = names.version();
    let etag = ETag::of(&("messages", window, limit, state.chat.epoch(), view.head, version, &view.room));
    if if_none_match.contains(&etag) {
        return Ok(revalidated(etag.not_modified()));
    }
    let Page { messages, more_before, more_after } = state.chat.page(&view, window, limit).await?;
    let authors: Vec<&Author> = messages.iter().map(|logged| &logged.message.author).collect();
    let etag = if names.agree(version, authors) { etag } else { ETag::unique() };
    let head = Position::new(&state, view.head);
    let history = History { room: view.room, messages, more_before, more_after, head };
    Ok(revalidated(etag.on(Json(history).into_response())))
}

/// A message to post.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "body": "Hello from the API" })))]
struct Posting {
    /// The text; may be empty with files.
    body: String,
    /// Chosen by you, and unique among your messages: the same one again gives the message that was posted with it.
    nonce: Option<String>,
    /// The `seq` of the message that it replies to.
    #[serde(deserialize_with = "number")]
    reply_to: Option<i64>,
    /// The ids of uploads that are its files, in order.
    #[serde(deserialize_with = "texts")]
    attachments: Vec<String>,
    /// Alternative texts for these, in the same order.
    #[serde(deserialize_with = "texts")]
    alts: Vec<String>,
}

/// Posts a message.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/messages", tag = "messages", operation_id = "post_message",
    params(("slug" = String, Path, description = "The room")),
    request_body = Posting,
    responses(
        (status = 201, description = "Posted", body = MessageAnswer),
        (status = 200, description = "It was posted with this nonce before", body = MessageAnswer),
    ),
)]
async fn post(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    Fields(posting): Fields<Posting>,
) -> Result<Response> {
    let room = state.chat.view(user.id, &slug).await?.room.id;
    let Posting { body, nonce, reply_to, attachments, alts } = posting;
    let mut alts = alts.into_iter();
    let attachments = attachments.into_iter().map(|id| NewAttachment { id, alt: alts.next() }).collect();
    let new = NewMessage { body, nonce, reply_to, attachments, ..NewMessage::default() };
    let (message, is_new) = state.chat.post(user.caller(), room, new)?.posted().await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(MessageAnswer { message })).into_response())
}

/// The `seq` in a path; `not_found` if it is none.
pub fn parse_seq(seq: &str) -> Result<i64> {
    seq.parse().ok().filter(|seq| *seq > 0).ok_or(Error::NotFound("message"))
}

/// A message.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/messages/{seq}", tag = "messages", operation_id = "get_message",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    responses((status = 200, body = MessageAnswer)),
)]
async fn show(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
) -> Result<Json<MessageAnswer>> {
    let view = state.chat.view(user.id, &slug).await?;
    let message = state.chat.message(&view, parse_seq(&seq)?).await?;
    Ok(Json(MessageAnswer { message }))
}

/// A new text.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "body": "Hello again" })))]
struct Edit {
    /// The text.
    body: String,
}

/// Edits one's own message.
#[utoipa::path(
    patch, path = "/api/v1/rooms/{slug}/messages/{seq}", tag = "messages", operation_id = "edit_message",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    request_body = Edit,
    responses((status = 200, body = MessageAnswer)),
)]
async fn edit(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
    Fields(Edit { body }): Fields<Edit>,
) -> Result<Json<MessageAnswer>> {
    let room = state.chat.view(user.id, &slug).await?.room.id;
    let message = state.chat.edit(user.caller(), room, parse_seq(&seq)?, &body)?.message().await?;
    Ok(Json(MessageAnswer { message }))
}

/// Deletes a message: one's own, or as a moderator any.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/messages/{seq}", tag = "messages", operation_id = "delete_message",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    responses((status = 200, description = "What is left of it", body = MessageAnswer)),
)]
async fn delete(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<Json<MessageAnswer>> {
    let room = state.chat.view(user.id, &slug).await?.room.id;
    let message = state.chat.delete(user.caller(), room, parse_seq(&seq)?, &source)?.message().await?;
    Ok(Json(MessageAnswer { message }))
}

/// Adds one's reaction to a message.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/messages/{seq}/reactions/{emoji}", tag = "messages", operation_id = "add_reaction",
    params(
        ("slug" = String, Path, description = "The room"),
        ("seq" = i64, Path, description = "The message"),
        ("emoji" = String, Path, description = "One emoji, percent-encoded"),
    ),
    responses((status = 200, body = MessageAnswer)),
)]
async fn react(
    State(state): State<AppState>,
    Path(path): Path<(String, String, String)>,
    user: CurrentUser,
) -> Result<Json<MessageAnswer>> {
    set_reaction(&state, path, &user, true).await
}

/// Removes one's reaction.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/messages/{seq}/reactions/{emoji}", tag = "messages", operation_id = "remove_reaction",
    params(
        ("slug" = String, Path, description = "The room"),
        ("seq" = i64, Path, description = "The message"),
        ("emoji" = String, Path, description = "One emoji, percent-encoded"),
    ),
    responses((status = 200, body = MessageAnswer)),
)]
async fn unreact(
    State(state): State<AppState>,
    Path(path): Path<(String, String, String)>,
    user: CurrentUser,
) -> Result<Json<MessageAnswer>> {
    set_reaction(&state, path, &user, false).await
}

async fn set_reaction(
    state: &AppState,
    (slug, seq, emoji): (String, String, String),
    user: &CurrentUser,
    on: bool,
) -> Result<Json<MessageAnswer>> {
    let room = state.chat.view(user.id, &slug).await?.room.id;
    let message = state.chat.react(user.caller(), room, parse_seq(&seq)?, &emoji, on)?.message().await?;
    Ok(Json(MessageAnswer { message }))
}

/// Pins a message.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/messages/{seq}/pin", tag = "messages", operation_id = "pin_message",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    responses((status = 200, body = MessageAnswer)),
)]
async fn pin(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    user: CurrentUser,
) -> Result<Json<MessageAnswer>> {
    set_pin(&state, path, &user, true).await
}

/// Unpins a message.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/messages/{seq}/pin", tag = "messages", operation_id = "unpin_message",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    responses((status = 200, body = MessageAnswer)),
)]
async fn unpin(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    user: CurrentUser,
) -> Result<Json<MessageAnswer>> {
    set_pin(&state, path, &user, false).await
}

async fn set_pin(state: &AppState, (slug, seq): (String, String), user: &CurrentUser, on: bool) -> Result<Json<MessageAnswer>> {
    let room = state.chat.view(user.id, &slug).await?.room.id;
    let message = state.chat.pin(user.caller(), room, parse_seq(&seq)?, on)?.message().await?;
    Ok(Json(MessageAnswer { message }))
}

/// A page of pinned messages.
#[derive(Debug, Serialize, ToSchema)]
struct PinList {
    /// The messages, the last pinned first.
    #[schema(value_type = Vec<Message>)]
    messages: Vec<Arc<Logged>>,
    /// Whether there are more.
    more: bool,
    /// The `before` of the next page.
    next: Option<String>,
    /// How many are pinned in all.
    count: i64,
}

/// The parameters of a list that goes on before something.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Before {
    before: Option<String>,
}

/// The pinned messages of a room, the last pinned first.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/pins", tag = "messages", operation_id = "list_pins",
    params(
        ("slug" = String, Path, description = "The room"),
        ("before" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = PinList)),
)]
async fn pins(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(place): Query<Before>,
    user: CurrentUser,
) -> Result<Json<PinList>> {
    let view = state.chat.view(user.id, &slug).await?;
    let pins = state.chat.pins(&view, place.before.as_deref().filter(|before| !before.is_empty())).await?;
    let count = state.chat.count_pins(&view).await?;
    Ok(Json(PinList { messages: pins.messages, more: pins.more, next: pins.next, count }))
}

/// How far one has read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "seq": 1 })))]
struct ReadUpTo {
    /// The last message read; the latest by default.
    #[serde(deserialize_with = "number")]
    seq: Option<i64>,
}

/// Moves one's read marker forward.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/read", tag = "messages", operation_id = "mark_read",
    params(("slug" = String, Path, description = "The room")),
    request_body = ReadUpTo,
    responses((status = 200, body = Unread)),
)]
async fn read(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    Fields(ReadUpTo { seq }): Fields<ReadUpTo>,
) -> Result<Json<Unread>> {
    let view = state.chat.view(user.id, &slug).await?;
    let marker = Marker { user: user.id, room: view.room.id, slug: &view.room.slug, origin: None };
    Ok(Json(state.chat.mark_read(marker, seq.unwrap_or(view.head.seq)).await?))
}
