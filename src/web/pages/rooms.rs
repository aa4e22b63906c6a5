//! The list of rooms, making, joining and leaving them.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect};
use serde::Deserialize;
use serde_json::json;

use super::fallback;
use super::frame::frame;
use crate::error::Error;
use crate::model::Visibility;
use crate::model::pagination::{Order, RoomListPage, RoomPageRequest, Whose};
use crate::web::form::{Form, one_line};
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, Refused, page, page_with, retry_after};
use crate::web::state::AppState;
use crate::web::views::RoomsPage;

/// `GET /`: the room that one visited last, while one may see it. Whoever is new, and was not led into a room yet, is now. Strangers are
/// led to log in, or, while there is no administrator, to the set-up.
pub async fn home(State(state): State<AppState>, user: Result<CurrentUser, Refused>, asked: Asked) -> Answer {
    let user = match user {
        Ok(user) => user,
        Err(refused) if refused.is_of_a_stranger() && !asked.is_json() => {
            let has_admin = state.accounts.has_admin().await.map_err(|error| asked.refuse(error))?;
            return if has_admin { Err(refused) } else { Ok(Redirect::to("/setup").into_response()) };
        }
        Err(refused) => return Err(refused),
    };
    let slug = match &user.last_room {
        Some(slug) => Some(slug.clone()),
        None => state.chat.welcome(user.id).await.map_err(|error| asked.refuse(error))?,
    };
    let Some(slug) = slug else { return Ok(Redirect::to("/rooms").into_response()) };
    match state.chat.view(user.id, &slug).await {
        Ok(_) => Ok(Redirect::to(&format!("/rooms/{slug}")).into_response()),
        Err(Error::NotFound(_)) => Ok(Redirect::to("/rooms").into_response()),
        Err(error) => Err(asked.refuse(error)),
    }
}

/// Which page of the rooms.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    /// What was typed.
    pub q: String,
    /// Behind what the page begins.
    pub after: String,
    /// Whether only one's own are meant.
    mine: String,
    /// Whether only those are meant that one is no member of: `no`.
    joined: String,
    /// In which order.
    sort: String,
}

impl Which {
    /// Of which rooms.
    #[must_use]
    pub fn whose(&self) -> Whose {
        match (self.mine.as_str(), self.joined.as_str()) {
            ("" | "no" | "false" | "0", "no" | "false" | "0") => Whose::Others,
            ("" | "no" | "false" | "0", _) => Whose::All,
            _ => Whose::Own,
        }
    }

    /// The same, checked.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for the field.
    pub fn sought(&self) -> Result<RoomPageRequest, Error> {
        RoomPageRequest::parse(&self.q, &self.after, self.whose(), Order::parse(&self.sort)?)
    }

    /// What an address ends with that leads to the page behind `after`; nothing for the first page of all.
    #[must_use]
    pub fn query(&self, after: &str) -> String {
        self.address(self.whose(), &self.sort, after)
    }

    /// The same for the first page in another order, or of other rooms.
    #[must_use]
    pub fn other(&self, whose: Whose, sort: &str) -> String {
        self.address(whose, sort, "")
    }

    fn address(&self, whose: Whose, sort: &str, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mine = if whose == Whose::Own { "yes" } else { "" };
        let joined = if whose == Whose::Others { "no" } else { "" };
        let sort = if sort == "name" { "" } else { sort };
        for (name, value) in [("mine", mine), ("joined", joined), ("q", self.q.trim()), ("sort", sort), ("after", after)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// `GET /rooms`: those that one may see, with `mine` one's own, or with `joined` those that one can join.
pub async fn list(State(state): State<AppState>, Query(which): Query<Which>, user: CurrentUser, asked: Asked) -> Answer {
    let refuse = |error| asked.refuse(error);
    if asked.is_json() {
        let mut sought = which.sought().map_err(refuse)?;
        // The page has them elsewhere; and no name that is typed is kept with them.
        sought.with_direct = sought.whose == Whose::All && sought.text.is_empty();
        let RoomListPage { rooms, next } = state.chat.directory(user.id, &sought).await.map_err(refuse)?;
        let rooms: Vec<_> = rooms.iter().map(|listed| json!({ "room": listed.room, "is_member": listed.is_member, "members": listed.members, "is_unread": listed.is_unread })).collect();
        return Ok(Json(json!({ "rooms": rooms, "more": next.is_some(), "next": next })).into_response());
    }
    Ok(page(&show(&state, &user, which).await.map_err(refuse)?))
}

async fn show(state: &AppState, user: &CurrentUser, which: Which) -> Result<RoomsPage, Error> {
    let listing = state.chat.directory(user.id, &which.sought()?).await?;
    Ok(RoomsPage::new(frame(state, user).await?.at("rooms"), listing, which, state.clock.now()))
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
        Ok(visibility) => {
            state.chat.create(user.id, &form.name, &one_line(&form.topic), visibility.unwrap_or(Visibility::Public)).await
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(room) => Ok(Redirect::to(&format!("/rooms/{}", room.slug)).into_response()),
        Err(error) if error.shows_form_again() && !asked.is_json() => {
            let mut again = show(&state, &user, Which::default()).await.map_err(|error| asked.refuse(error))?;
            again.name = form.name;
            again.topic = form.topic;
            again.is_private = form.visibility == "private";
            again.problem = Some((&error).into());
            if error.field() == Some("name") {
                again.taken = state.chat.room_named(user.id, &again.name).await.map_err(|error| asked.refuse(error))?;
            }
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
        _ => Err(Error::invalid("visibility", "Choose public or private.")),
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

/// `POST /rooms/leave` (`room`, up to 100 times): leaves these rooms, and says which were not left. It shares its path with the page
/// of a room whose slug is `leave`.
pub async fn leave_all(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    asked: Asked,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    if slug != "leave" {
        return fallback::wrong_method(asked).await;
    }
    let slugs: Vec<String> = fields.into_iter().filter(|(name, _)| name == "room").map(|(_, slug)| slug).collect();
    let mine = Which { mine: "yes".to_owned(), ..Which::default() };
    match state.chat.leave_all(user.id, &slugs).await {
        Ok(parted) if asked.is_json() => {
            let (refused, left): (Vec<_>, Vec<_>) = parted.iter().partition(|parting| parting.refused.is_some());
            let refused: Vec<_> = refused
                .iter()
                .filter_map(|parting| Some(json!({ "room": parting.slug, "error": parting.refused.as_ref()?.to_json() })))
                .collect();
            let left: Vec<_> = left.iter().map(|parting| &parting.slug).collect();
            Ok(Json(json!({ "left": left, "refused": refused })).into_response())
        }
        Ok(parted) if parted.iter().all(|parting| parting.refused.is_none()) => {
            Ok(Redirect::to(&format!("/rooms{}", mine.query(""))).into_response())
        }
        Ok(parted) => {
            let mut again = show(&state, &user, mine).await.map_err(|error| asked.refuse(error))?;
            again.parted = parted;
            Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &again))
        }
        Err(error @ Error::Invalid { .. }) if !asked.is_json() => {
            let mut again = show(&state, &user, mine).await.map_err(|error| asked.refuse(error))?;
            again.not_left = Some((&error).into());
            Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &again))
        }
        Err(error) => Err(asked.refuse(error)),
    }
}
