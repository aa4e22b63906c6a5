//! People: the directory, profile cards, and direct messages.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::chat::direct::{MAX_OTHERS, OpenedConversation, usernames};
use crate::chat::rate_limits::ActionKind;
use crate::db::people::{ListedPerson, Profile, role};
use crate::error::{Error, Result};
use crate::model::pagination::{PageRequest, PeopleListPage, RoomListPage};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::{DirectPage, Listed, PeoplePage, PersonPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/people", get(list))
        .route("/people/{username}", get(card))
        .route("/people/{username}/message", post(message))
        .route("/direct", get(direct).post(begin))
}

/// How many of the chosen people are looked up.
const MAX_CHOSEN: usize = 2 * MAX_OTHERS;

/// `GET /people`: everybody, or those with `q` in their name, in order of names.
pub async fn list(
    State(state): State<AppState>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::People)?;
    let sought = query.sought()?;
    let PeopleListPage { people, next } = state.accounts.directory(&user, &sought).await?;
    let people = listed(&state, people);
    if format.is_json() {
        let people: Vec<_> = people.iter().map(json_of).collect();
        return Ok(Json(json!({ "people": people, "more": next.is_some(), "next": next })).into_response());
    }
    let next = next.map(|next| query.query(&next));
    let layout = layout(&state, &user).await?.at("people");
    Ok(page(&PeoplePage { layout, people, next, is_first: query.after.is_empty(), q: query.q }))
}

fn listed(state: &AppState, people: Vec<ListedPerson>) -> Vec<Listed> {
    let presence = state.chat.presence();
    people.into_iter().map(|person| Listed { is_online: presence.is_online(person.id), person }).collect()
}

fn json_of(Listed { person, is_online }: &Listed) -> serde_json::Value {
    let json = json!({ "id": person.id, "username": person.username, "name": person.name, "role": role(person.is_admin, person.is_guest), "status": person.status, "online": is_online });
    with_bot(with_photo(json, person.photo.as_deref()), person.is_bot)
}

/// A person as JSON, with their photo if they have one.
pub(super) fn with_photo(mut person: serde_json::Value, photo: Option<&str>) -> serde_json::Value {
    if let Some(photo) = photo {
        person["photo"] = photo.into();
    }
    person
}

/// The same, which says that it is a bot if it is one.
pub(in crate::web::pages) fn with_bot(mut person: serde_json::Value, is_bot: bool) -> serde_json::Value {
    if is_bot {
        person["bot"] = true.into();
    }
    person
}

/// Back to the card of somebody about whom something was decided.
pub(in crate::web::pages) fn to_card(profile: &Profile) -> Response {
    Redirect::to(&format!("/people/{}", profile.username)).into_response()
}

/// `GET /people/{username}`: a person's card.
pub async fn card(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let profile = state.accounts.profile_for(&user, &username).await?;
    let rooms = state.accounts.shared_rooms(user.id, profile.id).await?;
    let is_online = profile.banned_at.is_none() && state.chat.presence().is_online(profile.id);
    if format.is_json() {
        let rooms: Vec<_> = rooms.iter().map(|room| json!({ "slug": room.slug, "name": room.name })).collect();
        let person = json!({
            "id": profile.id, "username": profile.username, "name": profile.name, "role": role(profile.is_admin, profile.is_guest), "status": profile.status, "online": is_online,
            "last_seen_at": profile.last_seen_at, "time_zone": profile.time_zone, "is_banned": profile.is_banned(), "is_deactivated": profile.is_deactivated,
            "is_blocked": user.has_blocked(&profile.username),
        });
        let person = with_bot(with_photo(person, profile.photo.as_deref()), profile.is_bot);
        return Ok(Json(json!({ "person": person, "rooms": rooms })).into_response());
    }
    let has_second_factor = user.is_admin && state.accounts.has_second_factor(profile.id).await?;
    let layout = layout(&state, &user).await?.at("people");
    let card = PersonPage::new(layout, profile, rooms, is_online, state.clock.now());
    Ok(page(&card.with_second_factor(has_second_factor)))
}

/// `POST /people/{username}/message`: opens the conversation with them.
pub async fn message(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let person = state.accounts.profile_for(&user, &username).await?;
    let opened = state.chat.direct(user.id, &[&person.username]).await?;
    opened_at(&state, &user, format, &opened).await
}

/// The form for a new conversation, with the cursors of its lists.
#[derive(Debug, Default)]
struct Picked {
    /// A part of the name of people to list.
    q: String,
    /// The chosen people; the field may be repeated.
    users: Vec<String>,
    /// The cursor of the list of people.
    people: String,
    /// The cursor of the list of conversations.
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

/// `GET /direct`: one's conversations, the most recently active first, and a form to begin one.
pub async fn direct(
    State(state): State<AppState>,
    Query(fields): Query<Vec<(String, String)>>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let picked = Picked::of(fields);
    let listing = state.chat.conversations(user.id, &picked.after).await?;
    if format.is_json() {
        let RoomListPage { rooms, next } = listing;
        let rooms: Vec<_> = rooms.iter().map(|listed| &listed.room).collect();
        return Ok(Json(json!({ "rooms": rooms, "more": next.is_some(), "next": next })).into_response());
    }
    if !picked.q.is_empty() || !picked.people.is_empty() {
        state.chat.allow(user.id, ActionKind::People)?;
    }
    Ok(page(&start(&state, &user, listing, picked, None).await?))
}

/// `POST /direct` (`users`, repeatable; `q` if there are none): opens the conversation with exactly these people.
pub async fn begin(
    State(state): State<AppState>,
    user: CurrentUser,
    format: Format,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let mut picked = Picked::of(fields);
    if usernames(&picked.users).is_empty() {
        picked.users = vec![std::mem::take(&mut picked.q)];
    }
    match state.chat.direct(user.id, &usernames(&picked.users)).await {
        Ok(opened) => opened_at(&state, &user, format, &opened).await,
        Err(error) if (error.shows_form_again() || matches!(error, Error::Forbidden(_))) && !format.is_json() => {
            let listing = state.chat.conversations(user.id, "").await?;
            let again = start(&state, &user, listing, picked, Some(&error)).await?;
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
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
    let PeopleListPage { people: found, next: more_people } = state.accounts.directory(user, &sought).await?;
    // Chosen people stay on the form, whichever page of the list they are on.
    let (mut chosen, mut typed) = (Vec::<ListedPerson>::new(), Vec::new());
    for (nth, username) in usernames(&users).into_iter().enumerate() {
        let person = match nth < MAX_CHOSEN {
            true => {
                state.accounts.profile_for(user, &username.to_lowercase()).await.ok().filter(|person| person.banned_at.is_none())
            }
            false => None,
        };
        match person {
            Some(person) if chosen.iter().any(|other| other.id == person.id) => {}
            Some(Profile { id, username, name, status, is_admin, is_guest, is_bot, photo, .. }) => {
                chosen.push(ListedPerson { id, username, name, status, is_admin, is_guest, is_bot, is_gone: false, photo });
            }
            None => typed.push(username.to_owned()),
        }
    }
    let others = found.into_iter().filter(|person| chosen.iter().all(|chosen| chosen.id != person.id));
    let mut others = listed(state, others.collect());
    // The reader comes first, for notes to oneself.
    others.sort_by_key(|listed| listed.person.id != user.id);
    let RoomListPage { rooms: conversations, next } = listing;
    let next = next.map(|next| PeopleQuery::default().query(&next));
    let presence = state.chat.presence();
    let participants = conversations.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id);
    let online: Vec<_> = participants.filter(|person| presence.is_online(*person)).collect();
    Ok(DirectPage {
        layout: layout(state, user).await?.with_online(online),
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

async fn opened_at(state: &AppState, user: &CurrentUser, format: Format, opened: &OpenedConversation) -> Result<Response> {
    if format.is_json() {
        let view = state.chat.view(user.id, &opened.slug).await?;
        let status = if opened.is_new { StatusCode::CREATED } else { StatusCode::OK };
        return Ok((status, Json(json!({ "room": view.room }))).into_response());
    }
    Ok(Redirect::to(&format!("/rooms/{}", opened.slug)).into_response())
}
