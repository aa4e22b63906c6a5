//! People: the directory, somebody's card, and writing to them.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect};
use serde::Deserialize;
use serde_json::json;

use super::frame::frame;
use crate::chat::direct::{MAX_OTHERS, OpenedConversation, usernames};
use crate::chat::rate_limits::ActionKind;
use crate::db::people::{ListedPerson, Profile};
use crate::error::{Error, Result};
use crate::model::pagination::{PageRequest, PeopleListPage, RoomListPage};
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::views::{DirectPage, Listed, PeoplePage, PersonPage};

/// How many people who are chosen are looked up.
const MOST_CHOSEN: usize = 2 * MAX_OTHERS;

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
    pub fn sought(&self) -> Result<PageRequest> {
        PageRequest::parse(&self.q, &self.after)
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
    state.chat.allow(user.id, ActionKind::People).map_err(refuse)?;
    let sought = search.sought().map_err(refuse)?;
    let PeopleListPage { people, next } = state.accounts.directory(&sought).await.map_err(refuse)?;
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
    let opened = state.chat.direct(user.id, &[&person.username]).await.map_err(refuse)?;
    there(&state, &user, &asked, &opened).await
}

/// What the form for a new conversation has: `q`, `users` (more than once), `people`; and `after` for the list below it.
#[derive(Debug, Default)]
struct Picked {
    /// Who is looked for.
    q: String,
    /// Who is chosen already.
    users: Vec<String>,
    /// Behind whom the people begin.
    people: String,
    /// Behind what the conversations begin.
    after: String,
}

impl Picked {
    fn of(fields: Vec<(String, String)>) -> Self {
        let mut picked = Self::default();
        for (name, value) in fields {
            match &*name {
                "q" => picked.q = value,
                "users" => picked.users.push(value),
                "people" => picked.people = value,
                "after" => picked.after = value,
                _ => {}
            }
        }
        picked
    }
}

/// `GET /direct`: one's conversations, the liveliest first, and a form to begin one, in which people can be looked for.
pub async fn direct(
    State(state): State<AppState>,
    Query(fields): Query<Vec<(String, String)>>,
    user: CurrentUser,
    asked: Asked,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let picked = Picked::of(fields);
    let listing = state.chat.conversations(user.id, &picked.after).await.map_err(refuse)?;
    if asked.is_json() {
        let RoomListPage { rooms, next } = listing;
        let rooms: Vec<_> = rooms.iter().map(|listed| &listed.room).collect();
        return Ok(Json(json!({ "rooms": rooms, "more": next.is_some(), "next": next })).into_response());
    }
    if !picked.q.is_empty() || !picked.people.is_empty() {
        state.chat.allow(user.id, ActionKind::People).map_err(refuse)?;
    }
    Ok(page(&start(&state, &user, listing, picked, None).await.map_err(refuse)?))
}

/// `POST /direct` (`users`, also more than once; without any, `q`): to the conversation with exactly these people.
pub async fn begin(
    State(state): State<AppState>,
    user: CurrentUser,
    asked: Asked,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    let refuse = |error| asked.refuse(error);
    let mut picked = Picked::of(fields);
    if usernames(&picked.users).is_empty() {
        picked.users = vec![std::mem::take(&mut picked.q)];
    }
    match state.chat.direct(user.id, &usernames(&picked.users)).await {
        Ok(opened) => there(&state, &user, &asked, &opened).await,
        Err(error) if (error.shows_form_again() || matches!(error, Error::Forbidden(_))) && !asked.is_json() => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let listing = state.chat.conversations(user.id, "").await.map_err(refuse)?;
            let again = start(&state, &user, listing, picked, Some(&error)).await.map_err(refuse)?;
            let mut response = page_with(status, &again);
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(refuse(error)),
    }
}

async fn start(
    state: &AppState,
    user: &CurrentUser,
    listing: RoomListPage,
    picked: Picked,
    problem: Option<&Error>,
) -> Result<DirectPage> {
    let Picked { q, users, people, after } = picked;
    let sought = PageRequest::parse(&q, &people)?;
    let PeopleListPage { people: found, next: more_people } = state.accounts.directory(&sought).await?;
    // Whoever is chosen stays, wherever they stand in the list.
    let (mut chosen, mut typed) = (Vec::<ListedPerson>::new(), Vec::new());
    for (nth, username) in usernames(&users).into_iter().enumerate() {
        let person = match nth < MOST_CHOSEN {
            true => state.accounts.profile(&username.to_lowercase()).await.ok().filter(|person| person.banned_at.is_none()),
            false => None,
        };
        match person {
            Some(person) if chosen.iter().any(|other| other.id == person.id) => {}
            Some(Profile { id, username, name, status, .. }) => chosen.push(ListedPerson { id, username, name, status }),
            None => typed.push(username.to_owned()),
        }
    }
    let others = found.into_iter().filter(|person| chosen.iter().all(|chosen| chosen.id != person.id));
    let mut others = listed(state, others.collect());
    // Notes to oneself come first where one is listed.
    others.sort_by_key(|listed| listed.person.id != user.id);
    let RoomListPage { rooms: conversations, next } = listing;
    let next = next.map(|next| Search { after: next, ..Search::default() }).map(|search| search.query(&search.after));
    let presence = state.chat.presence();
    let participants = conversations.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id);
    let online: Vec<_> = participants.filter(|person| presence.is_online(*person)).collect();
    Ok(DirectPage {
        frame: frame(state, user).await?.with_online(online),
        chosen: listed(state, chosen),
        people: others,
        more_people,
        conversations,
        next,
        is_first: after.is_empty(),
        q: if typed.is_empty() { q } else { typed.join(" ") },
        problem: problem.map(Into::into),
        now: state.clock.now(),
    })
}

async fn there(state: &AppState, user: &CurrentUser, asked: &Asked, opened: &OpenedConversation) -> Answer {
    if asked.is_json() {
        let view = state.chat.view(user.id, &opened.slug).await.map_err(|error| asked.refuse(error))?;
        let status = if opened.is_new { StatusCode::CREATED } else { StatusCode::OK };
        return Ok((status, Json(json!({ "room": view.room }))).into_response());
    }
    Ok(Redirect::to(&format!("/rooms/{}", opened.slug)).into_response())
}
