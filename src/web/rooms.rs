//! The list of rooms, making one, leaving one.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect};
use serde::Deserialize;
use serde_json::json;

use super::form::Form;
use super::frame::frame;
use super::respond::{Answer, Asked, page, page_with, retry_after};
use super::session::CurrentUser;
use super::views::RoomsPage;
use crate::chat::types::Visibility;
use crate::error::Error;
use crate::state::AppState;

/// `GET /`: the room that one visited last, while one may see it.
pub async fn home(State(state): State<AppState>, user: CurrentUser, asked: Asked) -> Answer {
    let Some(slug) = &user.last_room else { return Ok(Redirect::to("/rooms").into_response()) };
    match state.chat.view(user.id, slug).await {
        Ok(_) => Ok(Redirect::to(&format!("/rooms/{slug}")).into_response()),
        Err(Error::NotFound(_)) => Ok(Redirect::to("/rooms").into_response()),
        Err(error) => Err(asked.refuse(error)),
    }
}

/// `GET /rooms`.
pub async fn list(State(state): State<AppState>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    let rooms = state.chat.list(user.id).await.map_err(refuse)?;
    if asked.is_json() {
        let rooms: Vec<_> = rooms.iter().map(|listed| json!({ "room": listed.room, "is_member": listed.is_member, "members": listed.members, "is_unread": listed.is_unread })).collect();
        return Ok(Json(json!({ "rooms": rooms })).into_response());
    }
    Ok(page(&RoomsPage::new(frame(&state, &user).await.map_err(refuse)?, rooms)))
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
pub async fn create(State(state): State<AppState>, user: CurrentUser, asked: Asked, Form(form): Form<NewRoom>) -> Answer {
    let created = match visibility(&form.visibility) {
        Ok(visibility) => state.chat.create(user.id, &form.name, &form.topic, visibility.unwrap_or(Visibility::Public)).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(room) => Ok(Redirect::to(&format!("/rooms/{}", room.slug)).into_response()),
        Err(error) if error.shows_form_again() && !asked.is_json() => {
            let refuse = |error| asked.refuse(error);
            let rooms = state.chat.list(user.id).await.map_err(refuse)?;
            let mut again = RoomsPage::new(frame(&state, &user).await.map_err(refuse)?, rooms);
            again.name = form.name;
            again.topic = form.topic;
            again.is_private = form.visibility == "private";
            again.problem = Some((&error).into());
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let mut response = page_with(status, &again);
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

/// `public`, `private`, or nothing said.
///
/// # Errors
/// `invalid`, for `visibility`.
pub fn visibility(text: &str) -> Result<Option<Visibility>, Error> {
    match text {
        "" => Ok(None),
        "public" => Ok(Some(Visibility::Public)),
        "private" => Ok(Some(Visibility::Private)),
        _ => Err(Error::invalid("visibility", "A room is public or private.")),
    }
}

/// `POST /rooms/{slug}/join`: makes somebody a member of a room that they may see.
pub async fn join(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser, asked: Asked) -> Answer {
    let view = state.chat.enter(user.id, &slug).await.map_err(|error| asked.refuse(error))?;
    Ok(Redirect::to(&format!("/rooms/{}", view.room.slug)).into_response())
}

/// `POST /rooms/{slug}/leave`.
pub async fn leave(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser, asked: Asked) -> Answer {
    state.chat.leave(user.id, &slug).await.map_err(|error| asked.refuse(error))?;
    Ok(Redirect::to("/rooms").into_response())
}
