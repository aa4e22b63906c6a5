//! A person's bots: the list, and a page for each.
//!
//! Owns the fields of the forms. Its icon is a photo (`portraits`); it joins rooms as anybody does whom a member adds.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::with_photo;
use crate::accounts::bots::MOST;
use crate::chat::rate_limits::ActionKind;
use crate::db::bots::BotRow;
use crate::db::people::Profile;
use crate::error::{Error, Result};
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::form::Form;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{form_again, page};
use crate::web::state::AppState;
use crate::web::views::{BotPage, BotsPage};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/settings/bots", get(list).post(create))
        .route("/settings/bots/{username}", get(show).post(rename))
        .route("/settings/bots/{username}/rooms", post(enter))
        .route("/settings/bots/{username}/rooms/{slug}/leave", post(leave))
        .route("/settings/bots/{username}/delete", post(delete))
}

/// `GET /settings/bots`: one's bots, by username.
pub async fn list(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::MakeBot)?;
    if format.is_json() {
        let bots: Vec<_> = state.accounts.bots(&user).await?.iter().map(json_of).collect();
        return Ok(Json(json!({ "bots": bots })).into_response());
    }
    Ok(page(&listed(&state, &user).await?))
}

async fn listed(state: &AppState, user: &CurrentUser) -> Result<BotsPage> {
    let bots = state.accounts.bots(user).await?;
    Ok(BotsPage {
        layout: layout(state, user).await?,
        bots,
        most: MOST,
        name: String::new(),
        username: String::new(),
        problem: None,
    })
}

fn json_of(bot: &BotRow) -> Value {
    let BotRow { id, username, name, photo, created_at, rooms } = bot;
    let json = json!({ "id": id, "username": username, "name": name, "created_at": created_at, "rooms": rooms });
    with_photo(json, photo.as_deref())
}

/// The form for a new bot.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewBot {
    name: String,
    username: String,
}

/// `POST /settings/bots` (`username`, optional `name`).
pub async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<NewBot>,
) -> Result<Response> {
    permissions::may_administer(user.actor(), ServerAction::MakeBot)?;
    state.chat.allow(user.id, ActionKind::Invite)?;
    match state.accounts.make_bot(&user, &form.name, &form.username, &source).await {
        Ok(bot) if format.is_json() => {
            let bot =
                json!({ "id": bot.id, "username": bot.username, "name": bot.name, "created_at": bot.created_at, "rooms": 0 });
            Ok((StatusCode::CREATED, Json(json!({ "bot": bot }))).into_response())
        }
        Ok(bot) => Ok(Redirect::to(&format!("/settings/bots/{}", bot.username)).into_response()),
        Err(error) if error.shows_form_again() && !format.is_json() => {
            let NewBot { name, username } = form;
            let again = BotsPage { name, username, problem: Some((&error).into()), ..listed(&state, &user).await? };
            Ok(form_again(&error, &again))
        }
        Err(error) => Err(error),
    }
}

/// `GET /settings/bots/{username}`: one of one's bots, and the rooms that it is in.
pub async fn show(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let bot = state.accounts.bot(&user, &username).await?;
    if format.is_json() {
        let rooms = state.accounts.rooms_of_bot(&bot).await?;
        let rooms: Vec<_> = rooms.iter().map(|room| json!({ "slug": room.slug, "name": room.name })).collect();
        let json = json!({ "id": bot.id, "username": bot.username, "name": bot.name });
        return Ok(Json(json!({ "bot": with_photo(json, bot.photo.as_deref()), "rooms": rooms })).into_response());
    }
    Ok(page(&shown(&state, &user, bot, None).await?))
}

async fn shown(state: &AppState, user: &CurrentUser, bot: Profile, problem: Option<&Error>) -> Result<BotPage> {
    let rooms = state.accounts.rooms_of_bot(&bot).await?;
    let has_storage = state.files.allowance(bot.id).await.is_ok();
    Ok(BotPage { layout: layout(state, user).await?, bot, rooms, has_storage, problem: problem.map(Into::into) })
}

/// The page after a form on it was refused; the error for those who ask for JSON.
pub(super) async fn refused(
    state: &AppState,
    user: &CurrentUser,
    username: &str,
    format: Format,
    error: Error,
) -> Result<Response> {
    if format.is_json() || !error.shows_form_again() {
        return Err(error);
    }
    let bot = state.accounts.bot(user, username).await?;
    Ok(form_again(&error, &shown(state, user, bot, Some(&error)).await?))
}

/// The form that renames a bot.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewName {
    name: String,
}

/// `POST /settings/bots/{username}` (`name`).
pub async fn rename(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<NewName>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    match state.accounts.rename_bot(&user, &username, &form.name, &source).await {
        Ok(bot) => {
            let json = json!({ "bot": { "id": bot.id, "username": bot.username, "name": bot.name } });
            Ok(format.json_or_redirect(json, &page_of(&bot.username)))
        }
        Err(error) => refused(&state, &user, &username, format, error).await,
    }
}

/// The address of a bot's page.
pub(super) fn page_of(username: &str) -> String {
    format!("/settings/bots/{username}")
}

/// The form that adds a bot to a room.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewRoom {
    room: String,
}

/// `POST /settings/bots/{username}/rooms` (`room`): adds a bot to a room where its owner may add people.
pub async fn enter(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
    Form(form): Form<NewRoom>,
) -> Result<Response> {
    let bot = state.accounts.bot(&user, &username).await?;
    let slug = form.room.trim().trim_start_matches('#');
    match state.chat.admit(user.id, slug, &bot.username, &source).await {
        Ok(()) => Ok(format.json_or_redirect(json!({ "room": slug }), &page_of(&bot.username))),
        Err(error) => refused(&state, &user, &username, format, error).await,
    }
}

/// `POST /settings/bots/{username}/rooms/{slug}/leave`.
pub async fn leave(
    State(state): State<AppState>,
    Path((username, slug)): Path<(String, String)>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    let bot = state.accounts.bot(&user, &username).await?;
    state.chat.leave(bot.id, &slug).await?;
    Ok(format.json_or_redirect(json!({ "room": slug }), &page_of(&bot.username)))
}

/// `POST /settings/bots/{username}/delete`: closes the bot's account.
pub async fn delete(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
) -> Result<Response> {
    state.accounts.delete_bot(&user, &username, &source).await?;
    Ok(format.json_or_redirect(json!({ "bot": null }), "/settings/bots"))
}
