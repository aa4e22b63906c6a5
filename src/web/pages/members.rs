//! Who is in a room, and what the room is called.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::frame::frame;
use super::people::Search;
use super::rooms::visibility;
use crate::chat::rate_limits::ActionKind;
use crate::db::people::Member;
use crate::error::Error;
use crate::model::pagination::PeopleListPage;
use crate::web::form::{Form, one_line};
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::views::{Listed, MembersPage, PublishPage, Typed};

/// `GET /rooms/{slug}/members`: all of them, or those with `q` in their name, by name.
pub async fn page(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(search): Query<Search>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    state.chat.allow(user.id, ActionKind::People).map_err(|error| asked.refuse(error))?;
    show(&state, &slug, &user, &asked, search, None).await
}

async fn show(
    state: &AppState,
    slug: &str,
    user: &CurrentUser,
    asked: &Asked,
    search: Search,
    problem: Option<(Error, Typed)>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, slug).await.map_err(refuse)?;
    let sought = search.sought().map_err(refuse)?;
    let PeopleListPage { people: members, next } = state.chat.members(&view, &sought).await.map_err(refuse)?;
    let presence = state.chat.presence();
    if asked.is_json() {
        let members: Vec<_> = members
            .iter()
            .map(|Member { person, joined_at }| {
                let author = json!({ "id": person.id, "username": person.username, "name": person.name });
                json!({ "person": author, "joined_at": joined_at, "status": person.status, "online": presence.is_online(person.id) })
            })
            .collect();
        return Ok(Json(json!({ "room": view.room, "members": members, "more": next.is_some(), "next": next })).into_response());
    }
    let listed = |Member { person, .. }| Listed { is_online: presence.is_online(person.id), person };
    let members = members.into_iter().map(listed).collect();
    let frame = frame(state, user).await.map_err(refuse)?;
    let mut page = MembersPage::new(frame, user, view, members, search, next.as_deref());
    let Some((error, typed)) = problem else { return Ok(page_with(StatusCode::OK, &page)) };
    page.problem = Some((&error).into());
    page.typed = typed;
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let mut response = page_with(status, &page);
    retry_after(&mut response, error.retry_after());
    Ok(response)
}

/// Back to the members, or the page again with what is wrong and what was typed.
async fn after(state: &AppState, slug: &str, user: &CurrentUser, asked: &Asked, typed: Typed, done: Result<(), Error>) -> Answer {
    match done {
        Ok(()) => Ok(to_members(slug, "")),
        Err(error) if error.shows_form_again() && !asked.is_json() => {
            show(state, slug, user, asked, Search::default(), Some((error, typed))).await
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

fn to_members(slug: &str, query: &str) -> Response {
    Redirect::to(&format!("/rooms/{slug}/members{query}")).into_response()
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
    after(&state, &slug, &user, &asked, Typed { username: form.username, ..Typed::default() }, done).await
}

/// `POST /rooms/{slug}/members/{username}/remove`, with the query of the page that one was on.
pub async fn remove(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    Query(search): Query<Search>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    match state.chat.remove(user.id, &slug, &username).await {
        Ok(()) if username.eq_ignore_ascii_case(&user.username) => Ok(Redirect::to("/rooms").into_response()),
        Ok(()) => Ok(to_members(&slug, &search.query(&search.after))),
        refused => after(&state, &slug, &user, &asked, Typed::default(), refused).await,
    }
}

/// Says what becomes readable, with the form again and a button that confirms it.
async fn confirm(state: &AppState, slug: &str, user: &CurrentUser, asked: &Asked, form: Description) -> Answer {
    let refuse = |error| asked.refuse(error);
    let view = state.chat.view(user.id, slug).await.map_err(refuse)?;
    let stats = state.chat.room_stats(&view).await.map_err(refuse)?;
    let frame = frame(state, user).await.map_err(refuse)?;
    let page = PublishPage::new(frame, view, stats, form.name, form.topic);
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// The form that describes a room; what is not sent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Description {
    name: Option<String>,
    topic: Option<String>,
    visibility: String,
    confirm: String,
}

impl Description {
    /// Whether it was confirmed that everybody may read what was said in private.
    fn is_confirmed(&self) -> bool {
        !matches!(self.confirm.as_str(), "" | "no" | "off" | "false" | "0")
    }
}

/// `POST /rooms/{slug}/settings`. Who makes a private room public is first told what that means, and asked to confirm it.
pub async fn describe(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(form): Form<Description>,
) -> Answer {
    let done = match visibility(&form.visibility) {
        Ok(visibility) => {
            let (name, topic) = (form.name.as_deref(), form.topic.as_deref().map(one_line));
            state.chat.describe(user.id, &slug, name, topic.as_deref(), visibility, form.is_confirmed()).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = &done
        && error.field() == Some("confirm")
        && !asked.is_json()
    {
        return confirm(&state, &slug, &user, &asked, form).await;
    }
    after(&state, &slug, &user, &asked, Typed { name: form.name, topic: form.topic, ..Typed::default() }, done).await
}
