//! What belongs to a message: its thread, its earlier texts, its previews of links, and marking it as unread. And the messages that mention one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::messages::{MessageAnswer, parse_seq};
use crate::chat::mentions::Mentions;
use crate::chat::read_markers::{Marker, Unread};
use crate::chat::revisions::Revisions;
use crate::chat::threads::Thread;
use crate::error::Result;
use crate::model::pagination::RevisionWindow;
use crate::model::{Logged, Message, Room};
use crate::web::form::whole_number;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::state::AppState;

/// How many mentions a page holds.
const MENTIONS: i64 = 50;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(thread))
        .routes(routes!(revisions))
        .routes(routes!(remove_links))
        .routes(routes!(mark_unread))
        .routes(routes!(mentions))
}

/// The parameters of a page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Between {
    before: Option<String>,
    after: Option<String>,
}

/// A number in the query, if it is there.
fn number(field: &'static str, text: Option<&str>) -> Result<Option<i64>> {
    text.filter(|text| !text.is_empty()).map(|text| whole_number(field, text)).transpose()
}

/// A thread.
#[derive(Debug, Serialize, ToSchema)]
struct ThreadAnswer {
    /// The room.
    room: Room,
    /// The message that it begins with.
    #[schema(value_type = Message)]
    message: Arc<Logged>,
    /// A page of the replies, direct and indirect ones, oldest first.
    #[schema(value_type = Vec<Message>)]
    replies: Vec<Arc<Logged>>,
    /// How many there are, at most 1,000.
    count: i64,
    /// Whether there are newer ones.
    more: bool,
    /// The `after` of the next page.
    next: Option<i64>,
}

/// The thread that a message begins or belongs to.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/messages/{seq}/thread", tag = "messages", operation_id = "get_thread",
    params(
        ("slug" = String, Path, description = "The room"),
        ("seq" = i64, Path, description = "The message"),
        ("after" = Option<i64>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = ThreadAnswer)),
)]
async fn thread(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    Query(place): Query<Between>,
    user: CurrentUser,
) -> Result<Json<ThreadAnswer>> {
    let view = state.chat.view(user.id, &slug).await?;
    let after = number("after", place.after.as_deref())?.unwrap_or(0);
    let Thread { message, replies, count, more, next } = state.chat.thread(&view, parse_seq(&seq)?, after).await?;
    Ok(Json(ThreadAnswer { room: view.room, message, replies, count, more, next }))
}

/// The earlier texts of a message, newest first, for its author and for administrators.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/messages/{seq}/revisions", tag = "messages", operation_id = "list_revisions",
    params(
        ("slug" = String, Path, description = "The room"),
        ("seq" = i64, Path, description = "The message"),
        ("before" = Option<i64>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = Revisions)),
)]
async fn revisions(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    Query(place): Query<Between>,
    user: CurrentUser,
) -> Result<Json<Revisions>> {
    let view = state.chat.view(user.id, &slug).await?;
    let window = RevisionWindow::new(number("before", place.before.as_deref())?, None)?;
    Ok(Json(state.chat.revisions(&view, user.caller(), parse_seq(&seq)?, window).await?))
}

/// Removes the previews of links of one's own message, for good.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/messages/{seq}/links", tag = "messages", operation_id = "remove_link_previews",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    responses((status = 200, body = MessageAnswer)),
)]
async fn remove_links(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
) -> Result<Json<MessageAnswer>> {
    let room = state.chat.view(user.id, &slug).await?.room.id;
    Ok(Json(MessageAnswer { message: state.chat.hide_links(user.caller(), room, parse_seq(&seq)?)?.message().await? }))
}

/// Marks a message and all behind it as unread.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/messages/{seq}/unread", tag = "messages", operation_id = "mark_unread",
    params(("slug" = String, Path, description = "The room"), ("seq" = i64, Path, description = "The message")),
    responses((status = 200, body = Unread)),
)]
async fn mark_unread(
    State(state): State<AppState>,
    Path((slug, seq)): Path<(String, String)>,
    user: CurrentUser,
) -> Result<Json<Unread>> {
    let room = state.chat.view(user.id, &slug).await?.room;
    let marker = Marker { user: user.id, room: room.id, slug: &room.slug, origin: None };
    Ok(Json(state.chat.mark_unread(marker, parse_seq(&seq)?).await?))
}

/// A page of mentions.
#[derive(Debug, Serialize, ToSchema)]
struct MentionList {
    /// The messages, newest first.
    #[schema(value_type = Vec<Message>)]
    mentions: Vec<Arc<Logged>>,
    /// Whether there are older ones.
    more: bool,
    /// The `before` of the next page.
    next: Option<i64>,
}

/// The messages that mention you, newest first.
#[utoipa::path(
    get, path = "/api/v1/me/mentions", tag = "messages", operation_id = "list_mentions",
    params(("before" = Option<i64>, Query, description = "The `next` of the page before")),
    responses((status = 200, body = MentionList)),
)]
async fn mentions(State(state): State<AppState>, Query(place): Query<Between>, user: CurrentUser) -> Result<Json<MentionList>> {
    let before = number("before", place.before.as_deref())?;
    let Mentions { mentions, more, next } = state.chat.mentions(user.id, before, MENTIONS).await?;
    Ok(Json(MentionList { mentions, more, next }))
}
