//! Rooms: the list of all, and one with its members.

use axum::extract::{Path, State};
use axum::response::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::rooms::ManagedRoom;
use crate::error::Result;
use crate::model::{RoomRole, Visibility};
use crate::permissions::{self, ServerAction};
use crate::web::api::members::MemberEntry;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(show))
}

/// A room as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
struct ManagedRoomEntry {
    /// Its slug.
    slug: String,
    /// The name to show.
    name: String,
    /// Who can find it.
    visibility: Visibility,
    /// When it was made.
    created_at: Millis,
    /// The username of who made it.
    created_by: Option<String>,
    /// How many members it has.
    members: i64,
    /// How many entries its log has.
    entries: i64,
    /// Whether it is archived.
    archived: bool,
}

/// A page of rooms.
#[derive(Debug, Serialize, ToSchema)]
struct ManagedRooms {
    /// The rooms, in order of names.
    rooms: Vec<ManagedRoomEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// All rooms but conversations, private ones too.
#[utoipa::path(
    get, path = "/api/v1/admin/rooms", tag = "administration", operation_id = "list_managed_rooms",
    params(
        ("q" = Option<String>, Query, description = "A part of the name"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = ManagedRooms)),
)]
async fn list(State(state): State<AppState>, Query(query): Query<PeopleQuery>, user: CurrentUser) -> Result<Json<ManagedRooms>> {
    state.chat.allow(user.id, ActionKind::People)?;
    let page = state.administration.rooms(user.actor(), &query.sought()?).await?;
    let rooms = page.rooms.into_iter().map(|room| ManagedRoomEntry {
        slug: room.slug,
        name: room.name,
        visibility: room.visibility,
        created_at: room.created_at,
        created_by: room.created_by,
        members: room.members,
        entries: room.entries,
        archived: room.archived_at.is_some(),
    });
    Ok(Json(ManagedRooms { rooms: rooms.collect(), more: page.next.is_some(), next: page.next }))
}

/// A room and what is decided about it.
#[derive(Debug, Serialize, ToSchema)]
struct RoomUnderAdministration {
    /// Its slug.
    slug: String,
    /// The name to show.
    name: String,
    /// A line about it.
    topic: String,
    /// Who can find it.
    visibility: Visibility,
    /// Whether it is archived.
    archived: bool,
    /// Who may post.
    posting: RoomRole,
    /// Who may mention everybody.
    mass_mentions: RoomRole,
    /// How many members it has.
    members: i64,
    /// For how many days messages are kept; 0: for ever; null: as the server keeps them.
    keep_messages: Option<i64>,
    /// The same of files.
    keep_files: Option<i64>,
}

impl From<ManagedRoom> for RoomUnderAdministration {
    fn from(room: ManagedRoom) -> Self {
        Self {
            slug: room.slug,
            name: room.name,
            topic: room.topic,
            visibility: room.visibility,
            archived: room.archived_at.is_some(),
            posting: room.posting,
            mass_mentions: room.mass_mentions,
            members: room.members,
            keep_messages: room.keep_messages,
            keep_files: room.keep_files,
        }
    }
}

/// A room with a page of its members.
#[derive(Debug, Serialize, ToSchema)]
struct ManagedRoomDetails {
    /// The room.
    room: RoomUnderAdministration,
    /// The members, in order of names.
    members: Vec<MemberEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// A room, also a private one, with its members. Nothing that was said in it.
#[utoipa::path(
    get, path = "/api/v1/admin/rooms/{slug}", tag = "administration", operation_id = "get_managed_room",
    params(
        ("slug" = String, Path, description = "The room"),
        ("q" = Option<String>, Query, description = "A part of a member’s name"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = ManagedRoomDetails)),
)]
async fn show(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
) -> Result<Json<ManagedRoomDetails>> {
    permissions::may_administer(user.actor(), ServerAction::SeeAdministration)?;
    state.chat.allow(user.id, ActionKind::People)?;
    let (room, page) = state.chat.managed_members(&user.actor(), &slug, &query.sought()?).await?;
    let members = page.people.into_iter().map(|member| MemberEntry::new(&state, member)).collect();
    Ok(Json(ManagedRoomDetails { room: room.into(), members, more: page.next.is_some(), next: page.next }))
}
