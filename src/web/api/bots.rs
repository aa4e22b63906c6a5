//! One's bots. A token sees them; making and closing them needs a log-in, because their tokens are the account's. They enter rooms as
//! anybody does whom a member adds.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Fields;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::bots::BotRow;
use crate::error::Result;
use crate::model::UserId;
use crate::permissions::{self, ServerAction};
use crate::security_log::Source;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(show, rename, delete)).routes(routes!(leave))
}

/// A bot in a list.
#[derive(Debug, Serialize, ToSchema)]
struct BotEntry {
    /// Its id, which survives renaming.
    id: UserId,
    /// Its username.
    username: String,
    /// The name to show.
    name: String,
    /// The file of its icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<String>,
    /// When it was made.
    created_at: Millis,
    /// In how many rooms it is.
    rooms: i64,
}

impl From<BotRow> for BotEntry {
    fn from(row: BotRow) -> Self {
        let BotRow { id, username, name, photo, created_at, rooms } = row;
        Self { id, username, name, photo, created_at, rooms }
    }
}

/// One’s bots.
#[derive(Debug, Serialize, ToSchema)]
struct BotList {
    /// The bots, by username.
    bots: Vec<BotEntry>,
}

/// Your bots.
#[utoipa::path(
    get, path = "/api/v1/bots", tag = "people", operation_id = "list_bots",
    responses((status = 200, body = BotList)),
)]
async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Json<BotList>> {
    permissions::may_administer(user.actor(), ServerAction::MakeBot)?;
    let bots = state.accounts.bots(&user).await?.into_iter().map(Into::into).collect();
    Ok(Json(BotList { bots }))
}

/// A bot to make.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "username": "builder", "name": "Builder" })))]
struct WantedBot {
    /// Its username.
    #[schema(required = true)]
    username: String,
    /// The name to show.
    name: String,
}

/// A bot.
#[derive(Debug, Serialize, ToSchema)]
struct BotAnswer {
    /// The bot.
    bot: Bot,
}

/// A bot with its rooms.
#[derive(Debug, Serialize, ToSchema)]
struct Bot {
    /// Its id, which survives renaming.
    id: UserId,
    /// Its username.
    username: String,
    /// The name to show.
    name: String,
    /// The slugs of the rooms that it is in.
    rooms: Vec<String>,
}

/// Makes a bot. Access tokens cannot.
#[utoipa::path(
    post, path = "/api/v1/bots", tag = "people", operation_id = "create_bot",
    request_body = WantedBot,
    responses((status = 201, body = BotAnswer)),
)]
async fn create(
    State(state): State<AppState>,
    user: CurrentUser,
    source: Source,
    Fields(wanted): Fields<WantedBot>,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Invite)?;
    let made = state.accounts.make_bot(&user, &wanted.name, &wanted.username, &source).await?;
    let bot = Bot { id: made.id, username: made.username.to_string(), name: made.name.to_string(), rooms: Vec::new() };
    Ok((StatusCode::CREATED, Json(BotAnswer { bot })).into_response())
}

/// One of your bots.
#[utoipa::path(
    get, path = "/api/v1/bots/{username}", tag = "people", operation_id = "get_bot",
    params(("username" = String, Path, description = "The bot")),
    responses((status = 200, body = BotAnswer)),
)]
async fn show(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser) -> Result<Json<BotAnswer>> {
    let bot = state.accounts.bot(&user, &username).await?;
    let rooms = state.accounts.rooms_of_bot(&bot).await?.into_iter().map(|room| room.slug).collect();
    Ok(Json(BotAnswer { bot: Bot { id: bot.id, username: bot.username.to_string(), name: bot.name.to_string(), rooms } }))
}

/// The name of a bot.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({ "name": "Builder" })))]
struct BotName {
    /// The name to show.
    name: String,
}

/// Renames one of your bots. Access tokens cannot.
#[utoipa::path(
    patch, path = "/api/v1/bots/{username}", tag = "people", operation_id = "rename_bot",
    params(("username" = String, Path, description = "The bot")),
    request_body = BotName,
    responses((status = 204, description = "The bot is called that")),
)]
async fn rename(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    source: Source,
    Fields(BotName { name }): Fields<BotName>,
) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    state.accounts.rename_bot(&user, &username, &name, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes the account of one of your bots for good. Its messages stay. Access tokens cannot.
#[utoipa::path(
    delete, path = "/api/v1/bots/{username}", tag = "people", operation_id = "delete_bot",
    params(("username" = String, Path, description = "The bot")),
    responses((status = 204, description = "The account of the bot is closed")),
)]
async fn delete(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    state.accounts.delete_bot(&user, &username, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes one of your bots out of a room. Access tokens cannot.
#[utoipa::path(
    delete, path = "/api/v1/bots/{username}/rooms/{room}", tag = "people", operation_id = "remove_bot_from_room",
    params(("username" = String, Path, description = "The bot"), ("room" = String, Path, description = "The slug of the room")),
    responses((status = 204, description = "The bot is no member of the room")),
)]
async fn leave(
    State(state): State<AppState>,
    Path((username, room)): Path<(String, String)>,
    user: CurrentUser,
) -> Result<StatusCode> {
    let bot = state.accounts.bot(&user, &username).await?;
    state.chat.leave(bot.id, &room).await?;
    Ok(StatusCode::NO_CONTENT)
}
