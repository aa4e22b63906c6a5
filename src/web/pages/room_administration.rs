//! What owners, moderators and administrators decide about rooms: roles, bans, archiving, deleting.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::members::refused;
use super::people::with_bot;
use crate::chat::rate_limits::ActionKind;
use crate::chat::retention::parse_keep;
use crate::chat::room_administration::parse_role;
use crate::db::people::{Member, role};
use crate::db::rooms::ManagedRoom;
use crate::error::{Error, Result};
use crate::model::Keep;
use crate::model::pagination::PeopleListPage;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::{DeleteRoomPage, ManagedRoomPage, RetentionPanel, RoomBansPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rooms/{slug}/archive", post(archive))
        .route("/rooms/{slug}/unarchive", post(unarchive))
        .route("/rooms/{slug}/retention", post(set_retention))
        .route("/rooms/{slug}/delete", get(ask_to_delete).post(delete))
        .route("/rooms/{slug}/bans", get(bans))
        .route("/rooms/{slug}/members/{username}/role", post(set_role))
        .route("/rooms/{slug}/members/{username}/ban", post(ban))
        .route("/rooms/{slug}/members/{username}/unban", post(unban))
        .route("/admin/rooms/{slug}", get(managed))
}

/// A redirect to where the room is administered by this person: its members, or the administrators' page about it.
async fn back(state: &AppState, user: &CurrentUser, slug: &str) -> Response {
    let path = match state.chat.view(user.id, slug).await {
        Ok(view) => format!("/rooms/{}/members", view.room.slug),
        Err(_) => format!("/admin/rooms/{slug}"),
    };
    Redirect::to(&path).into_response()
}

/// `POST /rooms/{slug}/archive`, by owners and administrators.
async fn archive(state: State<AppState>, slug: Path<String>, user: CurrentUser, source: Source) -> Result<Response> {
    set_archived(state, slug, user, source, true).await
}

/// `POST /rooms/{slug}/unarchive`, by owners and administrators.
async fn unarchive(state: State<AppState>, slug: Path<String>, user: CurrentUser, source: Source) -> Result<Response> {
    set_archived(state, slug, user, source, false).await
}

async fn set_archived(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    on: bool,
) -> Result<Response> {
    state.chat.archive(user.caller(), &slug, on, &source).await?;
    Ok(back(&state, &user, &slug).await)
}

/// The form that decides how long a room keeps its messages and files.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kept {
    messages: String,
    files: String,
}

/// `POST /rooms/{slug}/retention` (`messages`, `files`: `default`, `forever` or a number of days), by owners and administrators.
async fn set_retention(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<Kept>,
) -> Result<Response> {
    let keep = parse_keep("messages", form.messages.trim()).and_then(|it| Ok((it, parse_keep("files", form.files.trim())?)));
    let done = match keep {
        Ok((messages, files)) => state.chat.set_retention(user.caller(), &slug, messages, files, &source).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => {
            state.retention.look_soon();
            Ok(back(&state, &user, &slug).await)
        }
        Err(error) if error.shows_form_again() && state.chat.view(user.id, &slug).await.is_ok() => {
            refused(&state, &slug, &user, format, error).await
        }
        Err(error) => Err(error),
    }
}

/// The form that deletes a room.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Deletion {
    confirm: String,
}

/// `GET /rooms/{slug}/delete`: the question before a room is deleted.
async fn ask_to_delete(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Response> {
    let room = state.chat.room_to_delete(&user.actor(), &slug).await?;
    Ok(page(&DeleteRoomPage::new(layout(&state, &user).await?, room, String::new(), None)))
}

/// `POST /rooms/{slug}/delete` (`confirm`: the slug or the name), by owners and administrators.
async fn delete(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<Deletion>,
) -> Result<Response> {
    match state.chat.delete_room(&user.actor(), &slug, &form.confirm, &source).await {
        Ok(()) => Ok(Redirect::to("/rooms").into_response()),
        Err(error) if error.field() == Some("confirm") && !format.is_json() => {
            let room = state.chat.room_to_delete(&user.actor(), &slug).await?;
            let again = DeleteRoomPage::new(layout(&state, &user).await?, room, form.confirm, Some(&error));
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

/// The form that changes a role.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewRole {
    role: String,
}

/// `POST /rooms/{slug}/members/{username}/role` (`role`), by owners and administrators. An administrator who names themselves the owner takes
/// the room over.
async fn set_role(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
    Form(form): Form<NewRole>,
) -> Result<Response> {
    let role = parse_role("role", form.role.trim())?;
    state.chat.set_room_role(user.caller(), &slug, &username, role, &source).await?;
    Ok(back(&state, &user, &slug).await)
}

/// `POST /rooms/{slug}/members/{username}/ban`, by moderators, owners and administrators.
async fn ban(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    state.chat.ban_from_room(user.caller(), &slug, &username, true, &source).await?;
    Ok(back(&state, &user, &slug).await)
}

/// `POST /rooms/{slug}/members/{username}/unban`, by moderators, owners and administrators.
async fn unban(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    source: Source,
) -> Result<Response> {
    state.chat.ban_from_room(user.caller(), &slug, &username, false, &source).await?;
    Ok(Redirect::to(&format!("/rooms/{slug}/bans")).into_response())
}

/// `GET /rooms/{slug}/bans` (`after`): who is banned from the room, for moderators, owners and administrators.
async fn bans(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::People)?;
    let (room, PeopleListPage { people, next }) = state.chat.room_bans(&user.actor(), &slug, &query.after).await?;
    if format.is_json() {
        let bans: Vec<_> = people
            .iter()
            .map(|ban| {
                let person = json!({ "username": ban.username, "name": ban.name });
                json!({ "person": person, "banned_at": ban.banned_at, "banned_by": ban.banned_by })
            })
            .collect();
        return Ok(Json(json!({ "bans": bans, "more": next.is_some(), "next": next })).into_response());
    }
    let next = next.map(|next| query.query(&next));
    Ok(page(&RoomBansPage::new(layout(&state, &user).await?, room, people, next, query.after.is_empty())))
}

/// `GET /admin/rooms/{slug}` (`q`, `after`): a room and its members, by an administrator, who may be none of them.
async fn managed(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::People)?;
    if !user.is_admin {
        return Err(Error::Forbidden("Only admins can see the administration."));
    }
    let (room, PeopleListPage { people: members, next }) =
        state.chat.managed_members(&user.actor(), &slug, &query.sought()?).await?;
    if format.is_json() {
        let members: Vec<_> = members.iter().map(json_of).collect();
        let room = json_of_room(&room);
        return Ok(Json(json!({ "room": room, "members": members, "more": next.is_some(), "next": next })).into_response());
    }
    let next = next.map(|next| query.query(&next));
    let keep = [room.keep_messages, room.keep_files].map(Keep::from);
    let retention = RetentionPanel::new(&room.slug, state.chat.kept_for(keep[0], keep[1]));
    let retention = retention.with_form(keep, state.chat.server_keeps(), true, None);
    Ok(page(&ManagedRoomPage::new(layout(&state, &user).await?, room, members, query, next, retention)))
}

fn json_of(Member { person, joined_at, role: in_room }: &Member) -> Value {
    let author = json!({ "id": person.id, "username": person.username, "name": person.name, "role": role(person.is_admin, person.is_guest) });
    json!({ "person": with_bot(author, person.is_bot), "joined_at": joined_at, "role": in_room })
}

fn json_of_room(room: &ManagedRoom) -> Value {
    json!({
        "slug": room.slug, "name": room.name, "topic": room.topic, "visibility": room.visibility, "archived": room.archived_at.is_some(),
        "posting": room.posting, "mass_mentions": room.mass_mentions, "members": room.members,
        "keep_messages": room.keep_messages, "keep_files": room.keep_files,
    })
}
