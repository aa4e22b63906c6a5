//! A room's members: listing, adding and removing them, their roles, and bans from the room. And how much a member is notified of.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use super::people::PersonEntry;
use crate::chat::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::chat::room_administration::parse_role;
use crate::clock::Millis;
use crate::db::people::{ListedBan, Member};
use crate::error::Result;
use crate::model::{NotificationLevel, RoomRole};
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list, add))
        .routes(routes!(set_role, remove))
        .routes(routes!(bans))
        .routes(routes!(ban, unban))
        .routes(routes!(set_level))
}

/// A member of a room.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberEntry {
    /// The person.
    person: PersonEntry,
    /// Since when.
    joined_at: Millis,
    /// What they may do in the room.
    role: RoomRole,
}

impl MemberEntry {
    /// A member, with whether they are online.
    pub fn new(state: &AppState, member: Member) -> Self {
        let Member { person, joined_at, role } = member;
        Self { person: PersonEntry::new(state, person), joined_at, role }
    }
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
struct MemberList {
    /// The members, in order of names.
    members: Vec<MemberEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// The members of a room, in order of names.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/members", tag = "members", operation_id = "list_members",
    params(
        ("slug" = String, Path, description = "The room"),
        ("q" = Option<String>, Query, description = "A part of the name"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = MemberList)),
)]
async fn list(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
) -> Result<Json<MemberList>> {
    state.chat.allow(user.id, ActionKind::People)?;
    let view = state.chat.view(user.id, &slug).await?;
    let page = state.chat.members(&view, &query.sought()?).await?;
    let members = page.people.into_iter().map(|member| MemberEntry::new(&state, member)).collect();
    Ok(Json(MemberList { members, more: page.next.is_some(), next: page.next }))
}

/// Who is to be a member.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "username": "grace" })))]
struct NewMember {
    /// Their username.
    #[schema(required = true)]
    username: String,
}

/// Adds somebody to a room.
#[utoipa::path(
    post, path = "/api/v1/rooms/{slug}/members", tag = "members", operation_id = "add_member",
    params(("slug" = String, Path, description = "The room")),
    request_body = NewMember,
    responses((status = 204, description = "They are a member")),
)]
async fn add(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    Fields(new): Fields<NewMember>,
) -> Result<StatusCode> {
    state.chat.admit(user.id, &slug, &new.username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A role in a room.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "role": "member" })))]
struct NewRoomRole {
    /// `owner`, `moderator` or `member`.
    #[schema(value_type = RoomRole, required = true)]
    role: String,
}

/// Gives a member another role.
#[utoipa::path(
    patch, path = "/api/v1/rooms/{slug}/members/{username}", tag = "members", operation_id = "set_room_role",
    params(("slug" = String, Path, description = "The room"), ("username" = String, Path, description = "The member")),
    request_body = NewRoomRole,
    responses((status = 204, description = "The member has the role")),
)]
async fn set_role(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
    Fields(new): Fields<NewRoomRole>,
) -> Result<StatusCode> {
    let view = state.chat.view(user.id, &slug).await?;
    let role = parse_role("role", new.role.trim())?;
    state.chat.set_room_role(user.caller(), &view.room.slug, &username, role, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a member.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/members/{username}", tag = "members", operation_id = "remove_member",
    params(("slug" = String, Path, description = "The room"), ("username" = String, Path, description = "The member")),
    responses((status = 204, description = "They are no member")),
)]
async fn remove(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.remove(user.caller(), &slug, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody who is banned from a room.
#[derive(Debug, Serialize, ToSchema)]
struct BanEntry {
    /// Their username.
    username: String,
    /// The name to show.
    name: String,
    /// When they were banned.
    banned_at: Millis,
    /// The username of who banned them.
    banned_by: Option<String>,
}

/// A page of bans.
#[derive(Debug, Serialize, ToSchema)]
struct BanList {
    /// The bans, in order of names.
    bans: Vec<BanEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// Who is banned from a room, for those who may lift bans.
#[utoipa::path(
    get, path = "/api/v1/rooms/{slug}/bans", tag = "members", operation_id = "list_room_bans",
    params(
        ("slug" = String, Path, description = "The room"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = BanList)),
)]
async fn bans(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
) -> Result<Json<BanList>> {
    state.chat.allow(user.id, ActionKind::People)?;
    let (_, page) = state.chat.room_bans(&user.actor(), &slug, &query.after).await?;
    let bans = page.people.into_iter().map(|ListedBan { username, name, banned_at, banned_by }| BanEntry {
        username,
        name,
        banned_at,
        banned_by,
    });
    Ok(Json(BanList { bans: bans.collect(), more: page.next.is_some(), next: page.next }))
}

/// What you are notified of in a room.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "level": "mentions" })))]
struct Level {
    /// `all`, `mentions` or `muted`; without one your own default applies.
    #[schema(value_type = Option<NotificationLevel>)]
    level: Option<String>,
}

/// Sets what you are notified of in a room.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/level", tag = "members", operation_id = "set_level",
    params(("slug" = String, Path, description = "The room")),
    request_body = Level,
    responses((status = 204, description = "The level applies")),
)]
async fn set_level(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    Fields(Level { level }): Fields<Level>,
) -> Result<StatusCode> {
    let view = state.chat.view(user.id, &slug).await?;
    let level = Chat::level(level.as_deref())?;
    state.chat.set_level(user.id, &view.room.slug, level, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bans somebody from a room.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/bans/{username}", tag = "members", operation_id = "ban_from_room",
    params(("slug" = String, Path, description = "The room"), ("username" = String, Path, description = "The person")),
    responses((status = 204, description = "They are banned from it")),
)]
async fn ban(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.ban_from_room(user.caller(), &slug, &username, true, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a ban from a room.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/bans/{username}", tag = "members", operation_id = "unban_from_room",
    params(("slug" = String, Path, description = "The room"), ("username" = String, Path, description = "The person")),
    responses((status = 204, description = "They are not banned from it")),
)]
async fn unban(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.ban_from_room(user.caller(), &slug, &username, false, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
