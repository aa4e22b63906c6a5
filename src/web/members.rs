//! Who is in a room, and what the room is called.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::form::Form;
use super::frame::frame;
use super::respond::{Answer, Asked, page_with};
use super::rooms::visibility;
use super::session::CurrentUser;
use super::views::{Listed, MembersPage};
use crate::db::people::ListedPerson;
use crate::db::rooms::Member;
use crate::error::Error;
use crate::state::AppState;

/// `GET /rooms/{slug}/members`.
pub async fn page(State(state): State<AppState>, Path(slug): Path<String>, user: CurrentUser, asked: Asked) -> Answer {
    show(&state, &slug, &user, &asked, None).await
}

async fn show(state: &AppState, slug: &str, user: &CurrentUser, asked: &Asked, problem: Option<Error>) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, slug).await.map_err(refuse)?;
    let members = state.chat.members(&view).await.map_err(refuse)?;
    let presence = state.chat.presence();
    if asked.is_json() {
        let members: Vec<_> = members
            .iter()
            .map(|member| {
                let online = presence.is_online(member.person.id);
                json!({ "person": member.person, "joined_at": member.joined_at, "status": member.status, "online": online })
            })
            .collect();
        return Ok(Json(json!({ "room": view.room, "members": members })).into_response());
    }
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let listed = |Member { person, status, .. }| Listed {
        is_online: presence.is_online(person.id),
        person: ListedPerson { id: person.id, username: person.username.to_string(), name: person.name.to_string(), status },
    };
    let mut members =
        MembersPage::new(frame(state, user).await.map_err(refuse)?, user, view, members.into_iter().map(listed).collect());
    members.problem = problem.as_ref().map(Into::into);
    Ok(page_with(status, &members))
}

/// Back to the members, or the page again with what is wrong.
async fn after(state: &AppState, slug: &str, user: &CurrentUser, asked: &Asked, done: Result<(), Error>) -> Answer {
    match done {
        Ok(()) => Ok(to_members(slug)),
        Err(error @ (Error::Invalid { .. } | Error::TooLong { .. })) if !asked.is_json() => {
            show(state, slug, user, asked, Some(error)).await
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

fn to_members(slug: &str) -> Response {
    Redirect::to(&format!("/rooms/{slug}/members")).into_response()
}

/// The form that invites somebody.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Invitation {
    username: String,
}

/// `POST /rooms/{slug}/members`.
pub async fn invite(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Invitation>,
) -> Answer {
    let done = state.chat.admit(user.id, &slug, &form.username).await;
    after(&state, &slug, &user, &asked, done).await
}

/// `POST /rooms/{slug}/members/{username}/remove`.
pub async fn remove(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let done = state.chat.remove(user.id, &slug, &username).await;
    if done.is_ok() && username.eq_ignore_ascii_case(&user.username) {
        return Ok(Redirect::to("/rooms").into_response());
    }
    after(&state, &slug, &user, &asked, done).await
}

/// The form that describes a room; what is not sent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Description {
    name: Option<String>,
    topic: Option<String>,
    visibility: String,
}

/// `POST /rooms/{slug}/settings`.
pub async fn describe(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Description>,
) -> Answer {
    let done = match visibility(&form.visibility) {
        Ok(visibility) => {
            let described = state.chat.describe(user.id, &slug, form.name.as_deref(), form.topic.as_deref(), visibility);
            described.await
        }
        Err(error) => Err(error),
    };
    after(&state, &slug, &user, &asked, done).await
}
