//! A room's members, and its name, topic and visibility.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{with_bot, with_photo};
use super::rooms::visibility;
use crate::chat::rate_limits::ActionKind;
use crate::chat::rooms::RoomUpdate;
use crate::db::people::{Member, role};
use crate::error::{Error, Result};
use crate::model::RoomRole;
use crate::model::pagination::PeopleListPage;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::{Form, one_line};
use crate::web::layers::session::CurrentUser;
use crate::web::query::{PeopleQuery, Query};
use crate::web::respond::{at_present_slug, form_again, page, page_with};
use crate::web::state::AppState;
use crate::web::views::{Listed, MembersPage, PublishPage, Typed};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rooms/{slug}/members", get(list).post(invite))
        .route("/rooms/{slug}/members/{username}/remove", post(remove))
        .route("/rooms/{slug}/settings", post(describe))
}

/// `GET /rooms/{slug}/members`: the members, or those with `q` in their name, in order of names.
pub async fn list(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Query(query): Query<PeopleQuery>,
    uri: Uri,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::People)?;
    if let Some(moved) = at_present_slug(&uri, &slug, &state.chat.view(user.id, &slug).await?.room.slug) {
        return Ok(moved);
    }
    show(&state, &slug, &user, format, query, None).await
}

async fn show(
    state: &AppState,
    slug: &str,
    user: &CurrentUser,
    format: Format,
    query: PeopleQuery,
    problem: Option<(Error, Typed)>,
) -> Result<Response> {
    let view = state.chat.view(user.id, slug).await?;
    let sought = query.sought()?;
    let PeopleListPage { people: members, next } = state.chat.members(&view, &sought).await?;
    let presence = state.chat.presence();
    if format.is_json() {
        let members: Vec<_> = members
            .iter()
            .map(|Member { person, joined_at, role: in_room }| {
                let author = json!({ "id": person.id, "username": person.username, "name": person.name, "role": role(person.is_admin, person.is_guest) });
                let author = with_bot(with_photo(author, person.photo.as_deref()), person.is_bot);
                let mut member = json!({ "person": author, "joined_at": joined_at, "role": in_room, "status": person.status, "online": presence.is_online(person.id) });
                if person.is_gone {
                    member["is_gone"] = true.into();
                }
                member
            })
            .collect();
        return Ok(Json(json!({ "room": view.room, "members": members, "more": next.is_some(), "next": next, "kept": kept(&state.chat.room_kept_for(&view.room)) })).into_response());
    }
    let listed = |Member { person, role, .. }| (Listed { is_online: presence.is_online(person.id), person }, role);
    let members = members.into_iter().map(listed).collect();
    let layout = layout(state, user).await?;
    let kept = state.chat.room_kept_for(&view.room);
    let mut members = MembersPage::new(layout, view, members, query, next.as_deref(), kept);
    let Some((error, typed)) = problem else {
        members.offer_retention(state.chat.server_keeps());
        return Ok(page(&members));
    };
    members.problem = Some((&error).into());
    members.typed = typed;
    members.offer_retention(state.chat.server_keeps());
    Ok(form_again(&error, &members))
}

/// How long messages and files are kept, in seconds; null: for ever.
fn kept([messages, files]: &[Option<Duration>; 2]) -> Value {
    json!({ "messages": messages.map(|time| time.as_secs()), "files": files.map(|time| time.as_secs()) })
}

/// A redirect to the members; after an error, the page with the input.
async fn after(
    state: &AppState,
    slug: &str,
    user: &CurrentUser,
    format: Format,
    typed: Typed,
    done: Result<()>,
) -> Result<Response> {
    match done {
        Ok(()) => Ok(to_members(&state.chat.view(user.id, slug).await?.room.slug, "")),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            show(state, slug, user, format, PeopleQuery::default(), Some((error, typed))).await
        }
        Err(error) => Err(error),
    }
}

/// The page after a form of it was refused; the error for those who ask for JSON.
pub(super) async fn refused(state: &AppState, slug: &str, user: &CurrentUser, format: Format, error: Error) -> Result<Response> {
    after(state, slug, user, format, Typed::default(), Err(error)).await
}

fn to_members(slug: &str, query: &str) -> Response {
    Redirect::to(&format!("/rooms/{slug}/members{query}")).into_response()
}

/// The form that adds a member.
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
    source: Source,
    format: Format,
    Form(form): Form<Invitation>,
) -> Result<Response> {
    let done = state.chat.admit(user.id, &slug, &form.username, &source).await;
    after(&state, &slug, &user, format, Typed { username: form.username, ..Typed::default() }, done).await
}

/// `POST /rooms/{slug}/members/{username}/remove`. The query string is that of the page with the form.
pub async fn remove(
    State(state): State<AppState>,
    Path((slug, username)): Path<(String, String)>,
    Query(query): Query<PeopleQuery>,
    user: CurrentUser,
    source: Source,
    format: Format,
) -> Result<Response> {
    match state.chat.remove(user.caller(), &slug, &username, &source).await {
        Ok(()) if username.eq_ignore_ascii_case(&user.username) => Ok(Redirect::to("/rooms").into_response()),
        Ok(()) => Ok(to_members(&slug, &query.query(&query.after))),
        refused => after(&state, &slug, &user, format, Typed::default(), refused).await,
    }
}

/// The question before a private room becomes public: what everybody will be able to read, and a button that confirms it.
async fn confirm(state: &AppState, slug: &str, user: &CurrentUser, form: Description) -> Result<Response> {
    let view = state.chat.view(user.id, slug).await?;
    let stats = state.chat.room_stats(&view).await?;
    let layout = layout(state, user).await?;
    let page = PublishPage::new(layout, view, stats, form.name, form.topic);
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// The form of a room's settings. Absent fields do not change.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Description {
    name: Option<String>,
    topic: Option<String>,
    visibility: String,
    slow_mode: String,
    /// Whether new messages get previews of their links: `on` or `off`.
    link_previews: String,
    confirm: String,
    /// `yes` to derive the slug from the name anew.
    new_slug: String,
    /// Who may post: `member` or `moderator`.
    posting: String,
    /// Who may mention everybody.
    mass_mentions: String,
}

impl Description {
    /// The interval of slow mode, if the form has the field.
    fn slow_mode(&self) -> Result<Option<i64>> {
        let text = self.slow_mode.trim();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| Error::invalid("slow_mode", "Choose off, or 5 seconds to an hour."))
    }

    /// Whether links get previews, if the form has the field.
    fn link_previews(&self) -> Result<Option<bool>> {
        match self.link_previews.as_str() {
            "" => Ok(None),
            "on" => Ok(Some(true)),
            "off" => Ok(Some(false)),
            _ => Err(Error::invalid("link_previews", "Choose on or off.")),
        }
    }

    /// Whether the person confirmed that everybody may read the messages of a private room.
    fn is_confirmed(&self) -> bool {
        is_yes(&self.confirm)
    }

    /// The change.
    fn update<'a>(&'a self, topic: Option<&'a str>) -> Result<RoomUpdate<'a>> {
        Ok(RoomUpdate {
            name: self.name.as_deref(),
            topic,
            visibility: visibility(&self.visibility)?,
            slow_mode: self.slow_mode()?,
            link_previews: self.link_previews()?,
            is_confirmed: self.is_confirmed(),
            has_new_slug: is_yes(&self.new_slug),
            posting: policy("posting", &self.posting)?,
            mass_mentions: policy("mass_mentions", &self.mass_mentions)?,
        })
    }
}

fn is_yes(text: &str) -> bool {
    !matches!(text, "" | "no" | "off" | "false" | "0")
}

/// `member`, `moderator`, or nothing; `invalid`, for the field.
fn policy(field: &'static str, text: &str) -> Result<Option<RoomRole>> {
    match text {
        "" => Ok(None),
        "member" => Ok(Some(RoomRole::Member)),
        "moderator" => Ok(Some(RoomRole::Moderator)),
        _ => Err(Error::invalid(field, "Choose all members, or only owners and moderators.")),
    }
}

/// `POST /rooms/{slug}/settings`. Making a private room public needs a confirmation.
pub async fn describe(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<Description>,
) -> Result<Response> {
    let topic = form.topic.as_deref().map(one_line);
    let done = match form.update(topic.as_deref()) {
        Ok(update) => state.chat.describe(user.caller(), &slug, update, &source).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &done
        && error.field() == Some("confirm")
        && !format.is_json()
    {
        return confirm(&state, &slug, &user, form).await;
    }
    after(&state, &slug, &user, format, Typed { name: form.name, topic: form.topic, ..Typed::default() }, done).await
}
