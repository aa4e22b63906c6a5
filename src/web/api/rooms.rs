//! Rooms: listing, making, changing, joining, leaving, archiving and deleting them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, Kept, PolicyRole, flag, kept, number};
use super::messages::Position;
use crate::chat::retention::parse_keep;
use crate::chat::room_administration::parse_role;
use crate::chat::rooms::RoomUpdate;
use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::error::Result;
use crate::model::pagination::RoomScope;
use crate::model::sidebar::Arrangement;
use crate::model::{ListedRoom, NotificationLevel, Room, RoomRole, Visibility};
use crate::security_log::Source;
use crate::web::etag::{ETag, IfNoneMatch, revalidated};
use crate::web::form::one_line;
use crate::web::layers::session::CurrentUser;
use crate::web::pages::rooms::visibility;
use crate::web::query::{Query, RoomsQuery};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(join))
        .routes(routes!(leave))
        .routes(routes!(set_retention))
}

/// A room in a list.
#[derive(Debug, Serialize, ToSchema)]
struct RoomEntry {
    /// The room.
    room: Room,
    /// Whether you are a member.
    is_member: bool,
    /// How many members it has.
    members: i64,
    /// Whether there is something that you have not read.
    is_unread: bool,
    /// What you are notified of in it; null is your default, and without membership.
    level: Option<NotificationLevel>,
    /// Whether it is one of your favorites.
    is_favorite: bool,
    /// Whether it is a conversation that you have hidden until its next message.
    is_hidden: bool,
}

impl RoomEntry {
    /// A room for somebody whose sidebar is arranged like this.
    fn new(listed: ListedRoom, sidebar: &Arrangement) -> Self {
        let ListedRoom { room, is_member, members, is_unread, level, is_hidden, .. } = listed;
        let is_favorite = sidebar.is_favorite(&room.slug);
        Self { room, is_member, members, is_unread, level, is_favorite, is_hidden }
    }
}

/// A page of rooms.
#[derive(Debug, Serialize, ToSchema)]
struct RoomList {
    /// The rooms.
    rooms: Vec<RoomEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// The rooms that you may see, and your conversations.
#[utoipa::path(
    get, path = "/api/v1/rooms", tag = "rooms", operation_id = "list_rooms",
    params(
        ("q" = Option<String>, Query, description = "A part of the name"),
        ("mine" = Option<String>, Query, description = "`yes`: only those that you are a member of"),
        ("joined" = Option<String>, Query, description = "`no`: only those that you are no member of"),
        ("archived" = Option<String>, Query, description = "`yes`: archived ones instead"),
        ("sort" = Option<String>, Query, description = "`name`, `members` or `activity`"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = RoomList)),
)]
async fn list(State(state): State<AppState>, Query(query): Query<RoomsQuery>, user: CurrentUser) -> Result<Json<RoomList>> {
    let mut sought = query.sought()?;
    // A filter by name does not apply to conversations.
    sought.with_direct = sought.scope == RoomScope::All && sought.text.is_empty();
    let page = state.chat.directory(user.id, &sought).await?;
    let sidebar = state.chat.arrangement(user.id).await?;
    let rooms = page.rooms.into_iter().map(|listed| RoomEntry::new(listed, &sidebar)).collect();
    Ok(Json(RoomList { rooms, more: page.next.is_some(), next: page.next }))
}

/// A room to make.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "name": "Tea room", "topic": "Biscuits", "visibility": "public" })))]
struct NewRoom {
    /// Its name.
    #[schema(required = true)]
    name: String,
    /// A line about it.
    topic: String,
    /// `public` (the default) or `private`.
    #[schema(value_type = Visibility)]
    visibility: String,
}

/// A room as you see it.
#[derive(Debug, Serialize, ToSchema)]
struct RoomDetails {
    /// The room.
    room: Room,
    /// Your membership; null if you are no member.
    membership: Option<OwnMembership>,
    /// How many members it has.
    members: i64,
    /// The end of its log.
    head: Position,
}

/// One's membership of a room.
#[derive(Debug, Serialize, ToSchema)]
struct OwnMembership {
    /// Since when.
    joined_at: Millis,
    /// What one may do.
    role: RoomRole,
    /// The `seq` of the last message read.
    read_seq: i64,
    /// The notification level; null is one's default.
    level: Option<NotificationLevel>,
}

impl RoomDetails {
    fn new(state: &AppState, view: RoomView) -> Self {
        let membership = view.membership.map(|own| OwnMembership {
            joined_at: own.joined_at,
            role: own.role,
            read_seq: own.read_seq,
            level: view.level,
        });
        Self { room: view.room, membership, members: view.members, head: Position::new(state, view.head) }
    }
}

/// Makes a room, of which you are the owner.
#[utoipa::path(
    post, path = "/api/v1/rooms", tag = "rooms", operation_id = "create_room",
    request_body = NewRoom,
    responses((status = 201, body = RoomDetails)),
)]
async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    Fields(new): Fields<NewRoom>,
) -> Result<Response> {
    let visibility = visibility(&new.visibility)?.unwrap_or(Visibility::Public);
    let topic = one_line(&new.topic);
    let room = state.chat.create((user.actor(), &user.username), &new.name, &topic, visibility, &source).await?;
    let view = state.chat.view(user.id, &room.slug).await?;
    Ok((StatusCode::CREATED, Json(RoomDetails::new(&state, view))).into_response())
}

/// A room.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}", tag = "rooms", operation_id = "get_room",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 200, body = RoomDetails)),
)]
async fn show(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    if_none_match: IfNoneMatch,
) -> Result<Response> {
    let view = state.chat.view(user.id, &slug).await?;
    let etag = ETag::of(&("room", state.chat.epoch(), &view));
    if if_none_match.contains(&etag) {
        return Ok(revalidated(etag.not_modified()));
    }
    Ok(revalidated(etag.on(Json(RoomDetails::new(&state, view)).into_response())))
}

/// What is to change of a room. Fields that are not sent stay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "topic": "Tea and biscuits" })))]
struct RoomChange {
    /// Its name.
    name: Option<String>,
    /// A line about it.
    topic: Option<String>,
    /// `public` or `private`.
    #[schema(value_type = Option<Visibility>)]
    visibility: Option<String>,
    /// Needed to make a private room public: then everybody may read what was said in it.
    #[serde(deserialize_with = "flag")]
    confirm: Option<bool>,
    /// How many seconds members wait between two posts; 0 for none.
    #[serde(deserialize_with = "number")]
    slow_mode: Option<i64>,
    /// Whether new messages get previews of their links.
    #[serde(deserialize_with = "flag")]
    link_previews: Option<bool>,
    /// Whether its slug is derived from the name anew.
    #[serde(deserialize_with = "flag")]
    new_slug: Option<bool>,
    /// Who may post: `member` or `moderator`.
    #[schema(value_type = Option<PolicyRole>)]
    posting: Option<String>,
    /// Who may mention everybody: `member` or `moderator`.
    #[schema(value_type = Option<PolicyRole>)]
    mass_mentions: Option<String>,
    /// Whether it is archived: then nobody can change it.
    #[serde(deserialize_with = "flag")]
    archived: Option<bool>,
}

/// Changes a room.
#[utoipa::path(
    patch, path = "/api/v1/rooms/{slug}", tag = "rooms", operation_id = "change_room",
    params(("slug" = String, Path, description = "The room")),
    request_body = RoomChange,
    responses((status = 200, body = RoomDetails)),
)]
async fn change(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    Fields(change): Fields<RoomChange>,
) -> Result<Json<RoomDetails>> {
    let view = state.chat.view(user.id, &slug).await?;
    let role = |field, text: &Option<String>| text.as_deref().map(|text| parse_role(field, text)).transpose();
    let topic = change.topic.as_deref().map(one_line);
    let update = RoomUpdate {
        name: change.name.as_deref(),
        topic: topic.as_deref(),
        visibility: visibility(change.visibility.as_deref().unwrap_or_default())?,
        slow_mode: change.slow_mode,
        link_previews: change.link_previews,
        is_confirmed: change.confirm.unwrap_or_default(),
        has_new_slug: change.new_slug.unwrap_or_default(),
        posting: role("posting", &change.posting)?,
        mass_mentions: role("mass_mentions", &change.mass_mentions)?,
    };
    // An archived room changes in nothing else.
    if change.archived == Some(false) {
        state.chat.archive(user.caller(), &slug, false, &source).await?;
    }
    let has_settings = update.name.is_some()
        || update.topic.is_some()
        || update.visibility.is_some()
        || update.slow_mode.is_some()
        || update.link_previews.is_some()
        || update.has_new_slug
        || update.posting.is_some()
        || update.mass_mentions.is_some();
    if has_settings {
        state.chat.describe(user.caller(), &view.room.slug, update, &source).await?;
    }
    if change.archived == Some(true) {
        state.chat.archive(user.caller(), &view.room.slug, true, &source).await?;
    }
    // Found under its former slug too.
    Ok(Json(RoomDetails::new(&state, state.chat.view(user.id, &view.room.slug).await?)))
}

/// The parameters of a deletion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Deletion {
    confirm: String,
}

/// Deletes a room with everything in it, for good.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}", tag = "rooms", operation_id = "delete_room",
    params(
        ("slug" = String, Path, description = "The room"),
        ("confirm" = String, Query, description = "Its slug or its name"),
    ),
    responses((status = 204, description = "The room is deleted")),
)]
async fn delete(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(deletion): Query<Deletion>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.delete_room(&user.actor(), &slug, &deletion.confirm, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes you a member of a public room.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/join", tag = "rooms", operation_id = "join_room",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 200, body = RoomDetails)),
)]
async fn join(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Json<RoomDetails>> {
    let view = state.chat.enter(user.id, &slug).await?;
    Ok(Json(RoomDetails::new(&state, view)))
}

/// Ends your membership.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/leave", tag = "rooms", operation_id = "leave_room",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 204, description = "You are no member")),
)]
async fn leave(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.leave(user.id, &slug).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How long a room keeps what is in it. What is not sent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "messages": "default", "files": "default" })))]
struct RoomRetention {
    /// How long messages are kept: a number of days, `default` or null for what the server says, `forever` or 0.
    #[schema(value_type = Option<Kept>)]
    #[serde(deserialize_with = "kept")]
    messages: String,
    /// The same of files; not longer than messages.
    #[schema(value_type = Option<Kept>)]
    #[serde(deserialize_with = "kept")]
    files: String,
}

/// Changes how long a room keeps its messages and files. What is not sent stays.
#[utoipa::path(
    patch, path = "/api/v1/rooms/{slug}/retention", tag = "rooms", operation_id = "set_retention",
    params(("slug" = String, Path, description = "The room")),
    request_body = RoomRetention,
    responses((status = 204, description = "The room keeps its messages and files so long from now on, old ones too")),
)]
async fn set_retention(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    Fields(kept): Fields<RoomRetention>,
) -> Result<StatusCode> {
    let messages = parse_keep("messages", kept.messages.trim())?;
    let files = parse_keep("files", kept.files.trim())?;
    state.chat.set_retention(user.caller(), &slug, messages, files, &source).await?;
    state.retention.look_soon();
    Ok(StatusCode::NO_CONTENT)
}
