//! The list of rooms; creating, joining and leaving rooms.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::fallback;
use crate::error::{Error, Result};
use crate::model::Visibility;
use crate::model::pagination::{RoomListPage, RoomScope};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::{Form, one_line};
use crate::web::layers::session::CurrentUser;
use crate::web::query::{Query, RoomsQuery};
use crate::web::respond::{form_again, page, page_with};
use crate::web::state::AppState;
use crate::web::views::RoomsPage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(home))
        .route("/rooms", get(list).post(create))
        .route("/rooms/{slug}", post(leave_all))
        .route("/rooms/{slug}/join", post(join))
        .route("/rooms/{slug}/leave", post(leave))
}

/// `GET /`: redirects to the room that the reader visited last, if they may see it. A new account is added to the default rooms, if that
/// failed before. Strangers come to the log-in form, or to the set-up while there is no administrator.
pub async fn home(State(state): State<AppState>, user: Result<CurrentUser>, format: Format) -> Result<Response> {
    if matches!(user, Err(Error::Unauthenticated)) && !format.is_json() && !state.accounts.has_admin().await? {
        return Ok(Redirect::to("/setup").into_response());
    }
    let user = user?;
    let slug = match &user.last_room {
        Some(slug) => Some(slug.clone()),
        None => state.chat.welcome(user.id).await?,
    };
    let Some(slug) = slug else { return Ok(Redirect::to("/rooms").into_response()) };
    match state.chat.view(user.id, &slug).await {
        Ok(_) => Ok(Redirect::to(&format!("/rooms/{slug}")).into_response()),
        Err(Error::NotFound(_)) => Ok(Redirect::to("/rooms").into_response()),
        Err(error) => Err(error),
    }
}

/// `GET /rooms`: the rooms that the reader may see; with `mine` their own, with `joined=no` those that they can join.
pub async fn list(
    State(state): State<AppState>,
    Query(query): Query<RoomsQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    if format.is_json() {
        let mut sought = query.sought()?;
        // The page has conversations elsewhere, and a filter by name does not apply to them.
        sought.with_direct = sought.scope == RoomScope::All && sought.text.is_empty();
        let RoomListPage { rooms, next } = state.chat.directory(user.id, &sought).await?;
        let rooms: Vec<_> = rooms.iter().map(|listed| json!({ "room": listed.room, "is_member": listed.is_member, "members": listed.members, "is_unread": listed.is_unread })).collect();
        return Ok(Json(json!({ "rooms": rooms, "more": next.is_some(), "next": next })).into_response());
    }
    Ok(page(&show(&state, &user, query).await?))
}

async fn show(state: &AppState, user: &CurrentUser, query: RoomsQuery) -> Result<RoomsPage> {
    let listing = state.chat.directory(user.id, &query.sought()?).await?;
    Ok(RoomsPage::new(layout(state, user).await?.at("rooms"), listing, query, state.clock.now()))
}

/// The form of a new room.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewRoom {
    name: String,
    topic: String,
    visibility: String,
}

/// `POST /rooms`.
pub async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<NewRoom>,
) -> Result<Response> {
    let created = match visibility(&form.visibility) {
        Ok(visibility) => {
            let (topic, visibility) = (one_line(&form.topic), visibility.unwrap_or(Visibility::Public));
            state.chat.create((user.actor(), &user.username), &form.name, &topic, visibility, &source).await
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(room) => Ok(Redirect::to(&format!("/rooms/{}", room.slug)).into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let mut again = show(&state, &user, RoomsQuery::default()).await?;
            again.name = form.name;
            again.topic = form.topic;
            again.is_private = form.visibility == "private";
            again.problem = Some((&error).into());
            if error.field() == Some("name") {
                again.taken = state.chat.room_named(user.id, &again.name).await?;
            }
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

/// `public`, `private`, or nothing; `invalid`, for `visibility`.
pub fn visibility(text: &str) -> Result<Option<Visibility>> {
    match text {
        "" => Ok(None),
        "public" => Ok(Some(Visibility::Public)),
        "private" => Ok(Some(Visibility::Private)),
        _ => Err(Error::invalid("visibility", "Choose public or private.")),
    }
}

/// `POST /rooms/{slug}/join`: makes the reader a member of a room that they may see.
pub async fn join(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Response> {
    let view = state.chat.enter(user.id, &slug).await?;
    Ok(Redirect::to(&format!("/rooms/{}", view.room.slug)).into_response())
}

/// `POST /rooms/{slug}/leave`.
pub async fn leave(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser) -> Result<Response> {
    state.chat.leave(user.id, &slug).await?;
    Ok(Redirect::to("/rooms").into_response())
}

/// `POST /rooms/leave` (`room`, up to 100 times): leaves these rooms, and reports failures. The path is also that of the page of a room
/// with the slug `leave`.
pub async fn leave_all(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    format: Format,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response> {
    if slug != "leave" {
        return Ok(fallback::wrong_method().await);
    }
    let slugs: Vec<String> = fields.into_iter().filter(|(name, _)| name == "room").map(|(_, slug)| slug).collect();
    let mine = RoomsQuery::own();
    match state.chat.leave_all(user.id, &slugs).await {
        Ok(parted) if format.is_json() => {
            let (refused, left): (Vec<_>, Vec<_>) = parted.iter().partition(|parting| parting.refused.is_some());
            let refused: Vec<_> = refused
                .iter()
                .filter_map(|parting| Some(json!({ "room": parting.slug, "error": parting.refused.as_ref()?.to_json() })))
                .collect();
            let left: Vec<_> = left.iter().map(|parting| &parting.slug).collect();
            Ok(Json(json!({ "left": left, "refused": refused })).into_response())
        }
        Ok(parted) if parted.iter().all(|parting| parting.refused.is_none()) => {
            Ok(Redirect::to(&format!("/rooms{}", mine.query(RoomScope::Own, ""))).into_response())
        }
        Ok(parted) => {
            let mut again = show(&state, &user, mine).await?;
            again.parted = parted;
            Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &again))
        }
        Err(error @ Error::Invalid { .. }) if !format.is_json() => {
            let mut again = show(&state, &user, mine).await?;
            again.not_left = Some((&error).into());
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}
