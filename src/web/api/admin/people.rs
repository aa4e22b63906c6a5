//! People, and what is decided about them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::administration::people::standing;
use crate::chat::cleanup::Span;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::cleanups::CleanupProgress;
use crate::db::overview::AdminPerson;
use crate::error::{Error, Result};
use crate::model::pagination::PageRequest;
use crate::model::{ServerRole, UserId};
use crate::web::api::body::Fields;
use crate::web::decision::OnPerson;
use crate::web::layers::session::CurrentUser;
use crate::web::query::Query;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(delete))
        .routes(routes!(ban, unban))
        .routes(routes!(deactivate, reactivate))
        .routes(routes!(delete_messages))
        .routes(routes!(end_sessions))
        .routes(routes!(set_role))
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
    /// The deletions of somebody’s messages that go on or have just ended.
    deletions: Vec<Deletion>,
}

/// Messages of somebody that are being deleted.
#[derive(Debug, Serialize, ToSchema)]
struct Deletion {
    /// Whose messages: their username.
    username: String,
    /// The username of who wanted it.
    requested_by: Option<String>,
    /// When.
    requested_at: Millis,
    /// How many are deleted.
    deleted: i64,
    /// How much is done, in percent.
    percent: i64,
    /// When it was finished.
    finished_at: Option<Millis>,
}

impl From<CleanupProgress> for Deletion {
    fn from(progress: CleanupProgress) -> Self {
        let CleanupProgress { username, requested_by, requested_at, deleted, percent, finished_at, .. } = progress;
        Self { username, requested_by, requested_at, deleted, percent, finished_at }
    }
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
    let deletions = state.chat.cleanups(user.actor()).await?.into_iter().map(Into::into).collect();
    Ok(Json(ManagedPeople { people, more: page.next.is_some(), next: page.next, deletions }))
}

/// Bans somebody: their sessions, tokens and sockets end.
#[utoipa::path(
    put, path = "/api/v1/admin/people/{username}/ban", tag = "administration", operation_id = "ban_person",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "They are banned")),
)]
async fn ban(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<StatusCode> {
    state.accounts.ban(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a ban.
#[utoipa::path(
    delete, path = "/api/v1/admin/people/{username}/ban", tag = "administration", operation_id = "unban_person",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "They are not banned")),
)]
async fn unban(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<StatusCode> {
    state.accounts.lift_ban(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A role on the server.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "role": "member" })))]
struct NewServerRole {
    /// `admin`, `member` or `guest`.
    #[schema(value_type = ServerRole, required = true)]
    role: String,
}

/// Gives somebody another role on the server.
#[utoipa::path(
    put, path = "/api/v1/admin/people/{username}/role", tag = "administration", operation_id = "set_role",
    params(("username" = String, Path, description = "The person")),
    request_body = NewServerRole,
    responses((status = 204, description = "The person has the role")),
)]
async fn set_role(
    State(state): State<AppState>,
    OnPerson { user, username, source }: OnPerson,
    Fields(new): Fields<NewServerRole>,
) -> Result<StatusCode> {
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
async fn deactivate(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<StatusCode> {
    state.accounts.deactivate(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Opens a deactivated account again.
#[utoipa::path(
    delete, path = "/api/v1/admin/people/{username}/deactivation", tag = "administration", operation_id = "reactivate_person",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "The account is open")),
)]
async fn reactivate(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<StatusCode> {
    state.accounts.reactivate(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which messages.
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
    responses((status = 202, description = "It has begun: the list of people says how far it is")),
)]
async fn delete_messages(
    State(state): State<AppState>,
    OnPerson { user, username, source }: OnPerson,
    Query(query): Query<Since>,
) -> Result<StatusCode> {
    // First, so that nobody else learns what is wrong with the request.
    state.chat.cleanups(user.actor()).await?;
    let span = Span::parse(&query.since)?;
    state.chat.delete_messages_of(user.actor(), &user.username, &username, span, &source).await?;
    Ok(StatusCode::ACCEPTED)
}

/// How an account is deleted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parting {
    messages: String,
    confirm: String,
}

/// Deletes an account for good.
#[utoipa::path(
    delete, path = "/api/v1/admin/people/{username}", tag = "administration", operation_id = "delete_person",
    params(
        ("username" = String, Path, description = "The person"),
        ("messages" = String, Query, description = "What becomes of their messages: `keep` or `delete`"),
        ("confirm" = String, Query, description = "Their username"),
    ),
    responses((status = 204, description = "The account is gone")),
)]
async fn delete(
    State(state): State<AppState>,
    OnPerson { user, username, source }: OnPerson,
    Query(parting): Query<Parting>,
) -> Result<StatusCode> {
    state.accounts.delete(&user, &username, &parting.messages, &parting.confirm, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions and access tokens of somebody, with their sockets.
#[utoipa::path(
    delete, path = "/api/v1/admin/people/{username}/sessions", tag = "administration", operation_id = "end_sessions_of",
    params(("username" = String, Path, description = "The person")),
    responses((status = 204, description = "They are logged out everywhere")),
)]
async fn end_sessions(State(state): State<AppState>, OnPerson { user, username, source }: OnPerson) -> Result<StatusCode> {
    state.accounts.end_sessions_of(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
