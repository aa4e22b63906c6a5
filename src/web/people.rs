//! People: the directory, somebody's card, and writing to them.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect};
use serde::Deserialize;
use serde_json::json;

use super::form::Form;
use super::frame::frame;
use super::respond::{Answer, Asked, page, page_with, retry_after};
use super::session::CurrentUser;
use super::views::{DirectPage, Listed, PeoplePage, PersonPage};
use crate::chat::direct::{Opened, usernames};
use crate::chat::listing::{Listing, RoomListing, Sought};
use crate::chat::rates::Act;
use crate::db::people::ListedPerson;
use crate::error::{Error, Result};
use crate::state::AppState;

/// Which page of a list of people: who is looked for, and from where on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Search {
    /// What was typed.
    pub q: String,
    /// Behind whom the page begins.
    pub after: String,
}

impl Search {
    /// The same, checked.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for the field.
    pub fn sought(&self) -> Result<Sought> {
        Sought::parse(&self.q, &self.after)
    }

    /// What an address ends with that leads to the page behind `after`; nothing for the first page of everybody.
    #[must_use]
    pub fn query(&self, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", self.q.trim()), ("after", after)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// `GET /people`: everybody, or those with `q` in their name, by name.
pub async fn list(State(state): State<AppState>, Query(search): Query<Search>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    state.chat.allow(user.id, Act::People).map_err(refuse)?;
    let sought = search.sought().map_err(refuse)?;
    let Listing { people, next } = state.accounts.directory(&sought).await.map_err(refuse)?;
    let people = listed(&state, people);
    if asked.is_json() {
        let people: Vec<_> = people.iter().map(json_of).collect();
        return Ok(Json(json!({ "people": people, "more": next.is_some(), "next": next })).into_response());
    }
    let next = next.map(|next| search.query(&next));
    let frame = frame(&state, &user).await.map_err(refuse)?.at("people");
    Ok(page(&PeoplePage { frame, people, next, is_first: search.after.is_empty(), q: search.q }))
}

fn listed(state: &AppState, people: Vec<ListedPerson>) -> Vec<Listed> {
    let presence = state.chat.presence();
    people.into_iter().map(|person| Listed { is_online: presence.is_online(person.id), person }).collect()
}

fn json_of(Listed { person, is_online }: &Listed) -> serde_json::Value {
    json!({ "id": person.id, "username": person.username, "name": person.name, "status": person.status, "online": is_online })
}

/// `GET /people/{username}`: somebody's card.
pub async fn card(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    let profile = state.accounts.profile(&username).await.map_err(refuse)?;
    let rooms = state.accounts.shared_rooms(user.id, profile.id).await.map_err(refuse)?;
    let is_online = profile.banned_at.is_none() && state.chat.presence().is_online(profile.id);
    if asked.is_json() {
        let rooms: Vec<_> = rooms.iter().map(|room| json!({ "slug": room.slug, "name": room.name })).collect();
        let person = json!({
            "id": profile.id, "username": profile.username, "name": profile.name, "status": profile.status, "online": is_online,
            "last_seen_at": profile.last_seen_at, "time_zone": profile.time_zone, "is_banned": profile.banned_at.is_some(),
        });
        return Ok(Json(json!({ "person": person, "rooms": rooms })).into_response());
    }
    let frame = frame(&state, &user).await.map_err(refuse)?.at("people");
    Ok(page(&PersonPage::new(frame, profile, rooms, is_online, state.clock.now())))
}

/// `POST /people/{username}/message`: to the conversation with them.
pub async fn message(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    let person = state.accounts.profile(&username).await.map_err(refuse)?;
    let opened = open(&state, &user, &[&person.username]).await.map_err(refuse)?;
    there(&state, &user, &asked, &opened).await
}

/// `GET /direct`: one's conversations, the liveliest first, and a form to begin one.
pub async fn direct(State(state): State<AppState>, Query(search): Query<Search>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    let listing = state.chat.conversations(user.id, &search.after).await.map_err(refuse)?;
    if asked.is_json() {
        let RoomListing { rooms, next } = listing;
        let rooms: Vec<_> = rooms.iter().map(|listed| &listed.room).collect();
        return Ok(Json(json!({ "rooms": rooms, "more": next.is_some(), "next": next })).into_response());
    }
    let mut again = start(&state, &user, listing, Vec::new(), None).await.map_err(refuse)?;
    again.is_first = search.after.is_empty();
    Ok(page(&again))
}

/// `POST /direct` (`users`, also more than once): to the conversation with exactly these people.
pub async fn begin(
    State(state): State<AppState>,
    user: CurrentUser,
    asked: Asked,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    let lines: Vec<String> = fields.into_iter().filter(|(name, _)| name == "users").map(|(_, line)| line).collect();
    match open(&state, &user, &usernames(&lines)).await {
        Ok(opened) => there(&state, &user, &asked, &opened).await,
        Err(error) if (error.shows_form_again() || matches!(error, Error::Forbidden(_))) && !asked.is_json() => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let listing = state.chat.conversations(user.id, "").await.map_err(|error| asked.refuse(error))?;
            let again = start(&state, &user, listing, lines, Some(&error)).await.map_err(|error| asked.refuse(error))?;
            let mut response = page_with(status, &again);
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(asked.refuse(error)),
    }
}

async fn start(
    state: &AppState,
    user: &CurrentUser,
    listing: RoomListing,
    lines: Vec<String>,
    problem: Option<&Error>,
) -> Result<DirectPage> {
    let everybody = state.accounts.directory(&Sought::default()).await?;
    let people: Vec<_> = listed(state, everybody.people).into_iter().filter(|listed| listed.person.id != user.id).collect();
    let (chosen, typed): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| people.iter().any(|listed| listed.person.username == *line));
    let problem = problem.map(Into::into);
    let RoomListing { rooms: conversations, next } = listing;
    let next = next.map(|next| Search { after: next, ..Search::default() }).map(|search| search.query(&search.after));
    let presence = state.chat.presence();
    let company = conversations.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id);
    let online: Vec<_> = company.filter(|person| presence.is_online(*person)).collect();
    Ok(DirectPage {
        frame: frame(state, user).await?.with_online(online),
        people,
        conversations,
        next,
        is_first: true,
        chosen,
        typed: typed.join(" "),
        problem,
        now: state.clock.now(),
    })
}

/// Finds or makes a conversation, and lets the others know of a new one.
async fn open(state: &AppState, user: &CurrentUser, usernames: &[&str]) -> Result<Opened> {
    let opened = state.chat.direct(user.id, usernames).await?;
    state.realtime.introduce(&opened);
    Ok(opened)
}

async fn there(state: &AppState, user: &CurrentUser, asked: &Asked, opened: &Opened) -> Answer {
    if asked.is_json() {
        let view = state.chat.view(user.id, &opened.slug).await.map_err(|error| asked.refuse(error))?;
        let status = if opened.is_new { StatusCode::CREATED } else { StatusCode::OK };
        return Ok((status, Json(json!({ "room": view.room }))).into_response());
    }
    Ok(Redirect::to(&format!("/rooms/{}", opened.slug)).into_response())
}
