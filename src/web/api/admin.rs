//! Administration: the overview, people and what is decided about them, rooms, and the audit log.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use crate::administration::audit::{Entry, Page, filter};
use crate::administration::people::standing;
use crate::chat::cleanup::Span;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::overview::AdminPerson;
use crate::error::{Error, Result};
use crate::model::pagination::PageRequest;
use crate::model::{ServerRole, UserId, Visibility};
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::layers::session::{ConfirmedUser, CurrentUser};
use crate::web::query::PeopleQuery;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(overview))
        .routes(routes!(list))
        .routes(routes!(ban, unban))
        .routes(routes!(deactivate, reactivate))
        .routes(routes!(delete_messages))
        .routes(routes!(set_role))
        .routes(routes!(rooms))
        .routes(routes!(audit))
}

/// The state of the server.
#[utoipa::path(
    get, path = "/api/v1/admin/overview", tag = "administration", operation_id = "get_overview",
    responses((status = 200, description = "As `GET /admin` has it", body = Object)),
)]
async fn overview(State(state): State<AppState>, user: CurrentUser) -> Result<Json<serde_json::Value>> {
    let overview = state.administration.overview(user.actor()).await?;
    Ok(Json(serde_json::json!(overview)))
}

/// A person as administrators see them.
#[derive(Debug, Serialize, ToSchema)]
struct ManagedPerson {
    /// Their id.
    id: UserId,
    /// Their username.
    username: String,
    /// The name to show.
    name: String,
    /// What they are on the server.
    role: ServerRole,
    /// When they registered.
    created_at: Millis,
    /// When they last had a socket or used a page.
    last_seen_at: Millis,
    /// Since when they are banned.
    banned_at: Option<Millis>,
    /// Since when the account is deactivated.
    deactivated_at: Option<Millis>,
    /// Whether it is a bot.
    #[serde(rename = "bot", skip_serializing_if = "std::ops::Not::not")]
    is_bot: bool,
}

impl From<AdminPerson> for ManagedPerson {
    fn from(person: AdminPerson) -> Self {
        Self {
            id: person.id,
            role: ServerRole::of(person.is_admin, person.is_guest),
            username: person.username,
            name: person.name,
            created_at: person.created_at,
            last_seen_at: person.last_seen_at,
            banned_at: person.banned_at,
            deactivated_at: person.deactivated_at,
            is_bot: person.is_bot,
        }
    }
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
struct ManagedPeople {
    /// The people, in order of names.
    people: Vec<ManagedPerson>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// The parameters of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PeopleFilter {
    q: String,
    filter: String,
    after: String,
}

/// All people, with their standing.
#[utoipa::path(
    get, path = "/api/v1/admin/people", tag = "administration", operation_id = "list_managed_people",
    params(
        ("q" = Option<String>, Query, description = "A part of the name"),
        ("filter" = Option<String>, Query, description = "`active`, `banned`, `deactivated`, `admins`, `guests` or `bots`"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = ManagedPeople)),
)]
async fn list(
    State(state): State<AppState>,
    Query(query): Query<PeopleFilter>,
    user: CurrentUser,
) -> Result<Json<ManagedPeople>> {
    state.chat.allow(user.id, ActionKind::People)?;
    let request = PageRequest::parse(&query.q, &query.after)?;
    let page = state.administration.people(user.actor(), &request, standing(query.filter.trim())?).await?;
    let people = page.people.into_iter().map(Into::into).collect();
    Ok(Json(ManagedPeople { people, more: page.next.is_some(), next: page.next }))
}

/// Bans somebody: their sessions, tokens and sockets end.
#[utoipa::path(
    put, path = "/api/v1/admin/people/{username}/ban", tag = "administration", operation_id = "ban_person",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "They are banned")),
)]
async fn ban(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    state.accounts.ban(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a ban.
#[utoipa::path(
    delete, path = "/api/v1/admin/people/{username}/ban", tag = "administration", operation_id = "unban_person",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "They are not banned")),
)]
async fn unban(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    state.accounts.lift_ban(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A role on the server.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
struct NewServerRole {
    /// `admin`, `member` or `guest`.
    role: String,
}

/// Gives somebody another role on the server.
#[utoipa::path(
    put, path = "/api/v1/admin/people/{username}/role", tag = "administration", operation_id = "set_role",
    params(("username" = String, Path, description = "The person")),
    request_body = NewServerRole,
    responses((status = 204, description = "They have it")),
)]
async fn set_role(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
    Fields(new): Fields<NewServerRole>,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    let role = ServerRole::parse(new.role.trim());
    let role = role.ok_or_else(|| Error::invalid("role", "Choose admin, member or guest."))?;
    state.accounts.set_role(&user, &username, role, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deactivates an account: its sessions, tokens and sockets end, and nobody logs in.
#[utoipa::path(
    put, path = "/api/v1/admin/people/{username}/deactivation", tag = "administration", operation_id = "deactivate_person",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "The account is deactivated")),
)]
async fn deactivate(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    state.accounts.deactivate(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Opens a deactivated account again.
#[utoipa::path(
    delete, path = "/api/v1/admin/people/{username}/deactivation", tag = "administration", operation_id = "reactivate_person",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "The account is open")),
)]
async fn reactivate(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: ConfirmedUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    state.accounts.reactivate(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The parameter of a deletion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Since {
    since: String,
}

/// Has the messages of somebody deleted, in steps.
#[utoipa::path(
    delete, path = "/api/v1/admin/people/{username}/messages", tag = "administration", operation_id = "delete_messages_of",
    params(
        ("username" = String, Path, description = "The person"),
        ("since" = String, Query, description = "`1d` for those of the last day, or `all`"),
    ),
    responses((status = 202, description = "It has begun: the page of people shows how far it is")),
)]
async fn delete_messages(
    State(state): State<AppState>,
    Path(username): Path<String>,
    Query(query): Query<Since>,
    user: ConfirmedUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Remove)?;
    // First, so that nobody else learns what is wrong with the request.
    state.chat.cleanups(user.actor()).await?;
    let span = Span::parse(&query.since)?;
    state.chat.delete_messages_of(user.actor(), &user.username, &username, span, &source).await?;
    Ok(StatusCode::ACCEPTED)
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
async fn rooms(State(state): State<AppState>, Query(query): Query<PeopleQuery>, user: CurrentUser) -> Result<Json<ManagedRooms>> {
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

/// The filters of the audit log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuditFilter {
    actor: String,
    action: String,
    target: String,
    before: String,
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
struct AuditList {
    /// The entries, newest first.
    entries: Vec<Entry>,
    /// Whether there are older ones.
    more: bool,
    /// The `before` of the next page.
    next: Option<String>,
}

/// The audit log.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", tag = "administration", operation_id = "list_audit",
    params(
        ("actor" = Option<String>, Query, description = "The username of who did it"),
        ("action" = Option<String>, Query, description = "The name of an action, or its first part"),
        ("target" = Option<String>, Query, description = "What it was done to"),
        ("before" = Option<String>, Query, description = "The `next` of the page before, a date or a time"),
    ),
    responses((status = 200, body = AuditList)),
)]
async fn audit(State(state): State<AppState>, Query(query): Query<AuditFilter>, user: CurrentUser) -> Result<Json<AuditList>> {
    permissions::may_administer(user.actor(), ServerAction::ReadAudit)?;
    state.chat.allow(user.id, ActionKind::Search)?;
    let filter = filter(&query.actor, &query.action, &query.target, &query.before, user.times.zone())?;
    let Page { entries, next } = state.administration.audit(user.actor(), &filter).await?;
    Ok(Json(AuditList { entries, more: next.is_some(), next: next.map(|next| next.to_string()) }))
}
