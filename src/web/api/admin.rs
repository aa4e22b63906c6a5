//! Administration: the overview, people, bans and roles.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use crate::administration::people::standing;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::overview::AdminPerson;
use crate::error::{Error, Result};
use crate::model::pagination::PageRequest;
use crate::model::{ServerRole, UserId};
use crate::security_log::Source;
use crate::web::layers::session::{ConfirmedUser, CurrentUser};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(overview)).routes(routes!(list)).routes(routes!(ban, unban)).routes(routes!(set_role))
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
        ("filter" = Option<String>, Query, description = "`active`, `banned`, `deactivated`, `admins` or `guests`"),
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
