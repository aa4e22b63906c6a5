//! People: the directory, one person, oneself, and conversations.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Fields, texts};
use crate::accounts::profile::ProfileUpdate;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::people::{ListedPerson, Profile};
use crate::error::Result;
use crate::model::{NotificationLevel, Room, Scopes, ServerRole, Theme, UserId};
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(me, change_me))
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(block, unblock))
        .routes(routes!(blocked))
        .routes(routes!(direct))
}

/// A person in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonEntry {
    /// Their id, which survives renaming.
    id: UserId,
    /// Their username.
    username: String,
    /// The name to show.
    name: String,
    /// What they are on the server.
    role: ServerRole,
    /// What they are up to; may be empty.
    status: String,
    /// Whether they have a socket now.
    online: bool,
    /// Whether it is a bot.
    #[serde(rename = "bot", skip_serializing_if = "std::ops::Not::not")]
    is_bot: bool,
    /// Whether they are banned, or the account is deactivated or deleted.
    is_gone: bool,
    /// The file of their photo, at `/people/{username}/photo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<String>,
}

impl PersonEntry {
    /// A person, with whether they are online.
    pub fn new(state: &AppState, person: ListedPerson) -> Self {
        let ListedPerson { id, username, name, status, is_admin, is_guest, is_bot, is_gone, photo } = person;
        let online = state.chat.presence().is_online(id);
        Self { id, username, name, role: ServerRole::of(is_admin, is_guest), status, online, is_bot, is_gone, photo }
    }
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
struct PeopleList {
    /// The people, in order of names.
    people: Vec<PersonEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// Everybody, in order of names.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "people", operation_id = "list_people",
    params(
        ("q" = Option<String>, Query, description = "A part of the name"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = PeopleList)),
)]
async fn list(State(state): State<AppState>, Query(query): Query<PeopleQuery>, user: CurrentUser) -> Result<Json<PeopleList>> {
    state.chat.allow(user.id, ActionKind::People)?;
    let page = state.accounts.directory(&user, &query.sought()?).await?;
    let people = page.people.into_iter().map(|person| PersonEntry::new(&state, person)).collect();
    Ok(Json(PeopleList { people, more: page.next.is_some(), next: page.next }))
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
struct Person {
    /// Their id, which survives renaming.
    id: UserId,
    /// Their username.
    username: String,
    /// The name to show.
    name: String,
    /// What they are on the server.
    role: ServerRole,
    /// What they are up to; may be empty.
    status: String,
    /// Whether they have a socket now.
    online: bool,
    /// When they last had one or used a page, to the minute.
    last_seen_at: Millis,
    /// The name of their time zone.
    time_zone: Option<String>,
    /// Whether it is a bot.
    #[serde(rename = "bot", skip_serializing_if = "std::ops::Not::not")]
    is_bot: bool,
    /// Whether they are banned.
    is_banned: bool,
    /// Whether the account is deactivated.
    is_deactivated: bool,
    /// Whether you have blocked them.
    is_blocked: bool,
    /// The file of their photo, at `/people/{username}/photo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<String>,
}

/// A room that one is in with somebody.
#[derive(Debug, Serialize, ToSchema)]
struct SharedRoom {
    /// Its slug.
    slug: String,
    /// Its name.
    name: String,
}

/// A person, and where one meets them.
#[derive(Debug, Serialize, ToSchema)]
struct PersonDetails {
    /// The person.
    person: Person,
    /// The rooms that you are both in.
    rooms: Vec<SharedRoom>,
}

/// A person.
#[utoipa::path(
    get, path = "/api/v1/people/{username}", tag = "people", operation_id = "get_person",
    params(("username" = String, Path, description = "Their username")),
    responses((status = 200, body = PersonDetails)),
)]
async fn show(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser) -> Result<Json<PersonDetails>> {
    state.chat.allow(user.id, ActionKind::People)?;
    let profile = state.accounts.profile_for(&user, &username).await?;
    let rooms = state.accounts.shared_rooms(user.id, profile.id).await?;
    let rooms = rooms.iter().map(|room| SharedRoom { slug: room.slug.to_string(), name: room.name.to_string() }).collect();
    let person = Person {
        id: profile.id,
        online: profile.banned_at.is_none() && state.chat.presence().is_online(profile.id),
        role: ServerRole::of(profile.is_admin, profile.is_guest),
        last_seen_at: profile.last_seen_at,
        is_bot: profile.is_bot,
        is_banned: profile.is_banned(),
        is_deactivated: profile.is_deactivated,
        is_blocked: user.has_blocked(&profile.username),
        username: profile.username,
        name: profile.name,
        status: profile.status,
        time_zone: profile.time_zone,
        photo: profile.photo,
    };
    Ok(Json(PersonDetails { person, rooms }))
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    /// One's id.
    id: UserId,
    /// One's username.
    username: String,
    /// The name to show.
    name: String,
    /// What one is up to; may be empty.
    status: String,
    /// The name of one's time zone.
    time_zone: Option<String>,
    /// How pages look: `auto`, `light` or `dark`.
    theme: Theme,
    /// What one is notified of where a room has no level of its own: `all`, `mentions` or `muted`.
    notify: NotificationLevel,
    /// What one is on the server; with an access token that does not permit to administer, no administrator.
    role: ServerRole,
    /// The scopes of the access token; null without one.
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<Scopes>,
    /// The file of one's photo, at `/people/{username}/photo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<String>,
}

impl Me {
    fn new(user: &CurrentUser, profile: Profile) -> Self {
        Self {
            id: user.id,
            username: profile.username,
            name: profile.name,
            status: profile.status,
            time_zone: profile.time_zone,
            theme: profile.theme,
            notify: profile.notify,
            role: ServerRole::of(user.is_admin, user.is_guest),
            scopes: user.token,
            photo: profile.photo,
        }
    }
}

/// Who you are, and what your access token permits.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", operation_id = "get_me", responses((status = 200, body = Me)))]
async fn me(State(state): State<AppState>, user: CurrentUser) -> Result<Json<Me>> {
    let profile = state.accounts.profile(&user.username).await?;
    Ok(Json(Me::new(&user, profile)))
}

/// What to change of oneself. Absent fields stay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "status": "Having tea" })))]
struct ProfileChanges {
    /// The name to show; empty for the username.
    name: Option<String>,
    /// What you are up to, in up to 100 characters.
    status: Option<String>,
    /// The name of a time zone, as in `Europe/Paris`; empty for that of each browser.
    time_zone: Option<String>,
    /// `auto`, `light` or `dark`.
    #[schema(value_type = Option<Theme>)]
    theme: Option<String>,
    /// `all`, `mentions` or `muted`.
    #[schema(value_type = Option<NotificationLevel>)]
    notify: Option<String>,
}

/// Changes your profile and preferences. Photos are changed at `POST /settings/photo`.
#[utoipa::path(
    patch, path = "/api/v1/me", tag = "people", operation_id = "change_me", request_body = ProfileChanges,
    responses((status = 200, body = Me)),
)]
async fn change_me(
    State(state): State<AppState>,
    user: CurrentUser,
    Fields(changes): Fields<ProfileChanges>,
) -> Result<Json<Me>> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let update = ProfileUpdate {
        name: changes.name.as_deref(),
        status: changes.status.as_deref(),
        time_zone: changes.time_zone.as_deref(),
        theme: changes.theme.as_deref(),
        notify: changes.notify.as_deref(),
    };
    let profile = state.accounts.change_profile(&user, update).await?;
    Ok(Json(Me::new(&user, profile)))
}

/// Blocks a person.
#[utoipa::path(
    put, path = "/api/v1/people/{username}/block", tag = "people", operation_id = "block_person",
    params(("username" = String, Path, description = "Their username")),
    responses((status = 204, description = "They are blocked")),
)]
async fn block(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.block(user.id, &username).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unblocks a person.
#[utoipa::path(
    delete, path = "/api/v1/people/{username}/block", tag = "people", operation_id = "unblock_person",
    params(("username" = String, Path, description = "Their username")),
    responses((status = 204, description = "They are not blocked")),
)]
async fn unblock(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.unblock(user.id, &username).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody whom you have blocked.
#[derive(Debug, Serialize, ToSchema)]
struct BlockEntry {
    /// Their id.
    id: UserId,
    /// Their username.
    username: String,
    /// The name to show.
    name: String,
    /// Since when.
    blocked_at: Millis,
}

/// A page of blocked people.
#[derive(Debug, Serialize, ToSchema)]
struct BlockList {
    /// The people, in order of names.
    people: Vec<BlockEntry>,
    /// Whether there are more.
    more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

/// Whom you have blocked.
#[utoipa::path(
    get, path = "/api/v1/me/blocks", tag = "people", operation_id = "list_blocks",
    params(
        ("q" = Option<String>, Query, description = "A part of the name"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, body = BlockList)),
)]
async fn blocked(State(state): State<AppState>, Query(query): Query<PeopleQuery>, user: CurrentUser) -> Result<Json<BlockList>> {
    let page = state.chat.blocked(user.id, &query.sought()?).await?;
    let people = page.people.into_iter().map(|person| BlockEntry {
        id: person.id,
        username: person.username,
        name: person.name,
        blocked_at: person.blocked_at,
    });
    Ok(Json(BlockList { people: people.collect(), more: page.next.is_some(), next: page.next }))
}

/// With whom to talk.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "users": ["grace"] })))]
struct Companions {
    /// Usernames of others; your own for notes to yourself.
    #[serde(deserialize_with = "texts")]
    users: Vec<String>,
}

/// A conversation.
#[derive(Debug, Serialize, ToSchema)]
struct Conversation {
    /// Its room.
    room: Room,
}

/// Opens the conversation with exactly these people.
#[utoipa::path(
    post, path = "/api/v1/direct", tag = "people", operation_id = "open_conversation",
    request_body = Companions,
    responses(
        (status = 201, description = "The conversation is new", body = Conversation),
        (status = 200, description = "The conversation was there", body = Conversation),
    ),
)]
async fn direct(State(state): State<AppState>, user: CurrentUser, Fields(companions): Fields<Companions>) -> Result<Response> {
    let users: Vec<&str> = companions.users.iter().map(|user| user.trim().trim_start_matches('@')).collect();
    let opened = state.chat.direct(user.id, &users).await?;
    let view = state.chat.view(user.id, &opened.slug).await?;
    let status = if opened.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Conversation { room: view.room })).into_response())
}
