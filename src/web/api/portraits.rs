//! One's photo, and the icons of rooms, of one's bots and of webhooks: their bytes as a request's body. The pictures are at
//! `/people/{username}/photo` and `/rooms/{slug}/icon`.

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::chat::rate_limits::ActionKind;
use crate::error::Result;
use crate::model::UserId;
use crate::security_log::Source;
use crate::server::Deadline;
use crate::web::layers::session::{CurrentUser, Transferring};
use crate::web::pages::portraits::{keep_icon, keep_photo, may_set_icon, receive_bytes};
use crate::web::state::AppState;
use crate::web::transfer::{IncomingBody, more_time};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        // `receive_bytes` decides how large a picture may be.
        .routes(routes!(set_photo, remove_photo).layer(DefaultBodyLimit::disable()))
        .routes(routes!(set_icon, remove_icon).layer(DefaultBodyLimit::disable()))
        .routes(routes!(set_bot_photo, remove_bot_photo).layer(DefaultBodyLimit::disable()))
        .routes(routes!(set_hook_photo).layer(DefaultBodyLimit::disable()))
}

/// A photo.
#[derive(Debug, Serialize, ToSchema)]
struct PhotoAnswer {
    /// The id of its file.
    photo: String,
}

/// Sets your photo: the square in the middle of a picture.
#[utoipa::path(
    put, path = "/api/v1/me/photo", tag = "people", operation_id = "set_photo",
    request_body(content = Vec<u8>, description = "The bytes of the picture", content_type = "application/octet-stream"),
    responses((status = 200, body = PhotoAnswer)),
)]
async fn set_photo(State(state): State<AppState>, user: Transferring, mut request: Request) -> Response {
    let (body, deadline) = IncomingBody::of(&mut request);
    let stored = store_photo(&state, &user, user.id, body.clone(), deadline.as_ref()).await;
    photo_answer(stored, body).await
}

/// Makes what is sent the photo of oneself or of a bot.
async fn store_photo(
    state: &AppState,
    user: &CurrentUser,
    whose: UserId,
    body: IncomingBody,
    deadline: Option<&Deadline>,
) -> Result<String> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let picture = receive_bytes(state, user, body).await?;
    more_time(deadline);
    keep_photo(state, whose, picture, None).await
}

async fn photo_answer(stored: Result<String>, body: IncomingBody) -> Response {
    match stored {
        Ok(photo) => Json(PhotoAnswer { photo }).into_response(),
        Err(error) => body.refuse(error).await,
    }
}

/// Sets the icon of one of your bots: the square in the middle of a picture. Access tokens cannot.
#[utoipa::path(
    put, path = "/api/v1/bots/{username}/photo", tag = "people", operation_id = "set_bot_photo",
    params(("username" = String, Path, description = "The bot")),
    request_body(content = Vec<u8>, description = "The bytes of the picture", content_type = "application/octet-stream"),
    responses((status = 200, body = PhotoAnswer)),
)]
async fn set_bot_photo(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: Transferring,
    mut request: Request,
) -> Response {
    let (body, deadline) = IncomingBody::of(&mut request);
    let stored = match state.accounts.bot(&user, &username).await {
        Ok(bot) => store_photo(&state, &user, bot.id, body.clone(), deadline.as_ref()).await,
        Err(error) => Err(error),
    };
    photo_answer(stored, body).await
}

/// Removes the icon of one of your bots. Access tokens cannot.
#[utoipa::path(
    delete, path = "/api/v1/bots/{username}/photo", tag = "people", operation_id = "remove_bot_photo",
    params(("username" = String, Path, description = "The bot")),
    responses((status = 204, description = "The bot has no icon")),
)]
async fn remove_bot_photo(State(state): State<AppState>, Path(username): Path<String>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let bot = state.accounts.bot(&user, &username).await?;
    if bot.photo.is_some() {
        state.accounts.set_photo(bot.id, None).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Sets the icon of an incoming webhook, which its bot has: the square in the middle of a picture.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/hooks/{id}/photo", tag = "rooms", operation_id = "set_hook_photo",
    params(("slug" = String, Path, description = "The room"), ("id" = String, Path, description = "The webhook")),
    request_body(content = Vec<u8>, description = "The bytes of the picture", content_type = "application/octet-stream"),
    responses((status = 200, body = PhotoAnswer)),
)]
async fn set_hook_photo(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: Transferring,
    mut request: Request,
) -> Response {
    let (body, deadline) = IncomingBody::of(&mut request);
    let stored = match state.hooks.find(&user, &slug, &id).await {
        Ok((_, hook)) => store_photo(&state, &user, hook.bot, body.clone(), deadline.as_ref()).await,
        Err(error) => Err(error),
    };
    photo_answer(stored, body).await
}

/// Removes your photo.
#[utoipa::path(
    delete, path = "/api/v1/me/photo", tag = "people", operation_id = "remove_photo",
    responses((status = 204, description = "You have no photo")),
)]
async fn remove_photo(State(state): State<AppState>, user: CurrentUser) -> Result<StatusCode> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    if user.photo.is_some() {
        state.accounts.set_photo(user.id, None).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// An icon.
#[derive(Debug, Serialize, ToSchema)]
struct IconAnswer {
    /// The id of its file.
    icon: String,
}

/// Sets the icon of a room: the square in the middle of a picture.
#[utoipa::path(
    put, path = "/api/v1/rooms/{slug}/icon", tag = "rooms", operation_id = "set_icon",
    params(("slug" = String, Path, description = "The room")),
    request_body(content = Vec<u8>, description = "The bytes of the picture", content_type = "application/octet-stream"),
    responses((status = 200, body = IconAnswer)),
)]
async fn set_icon(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: Transferring,
    source: Source,
    mut request: Request,
) -> Response {
    let (body, deadline) = IncomingBody::of(&mut request);
    let stored = async {
        may_set_icon(&state, &slug, &user).await?;
        let picture = receive_bytes(&state, &user, body.clone()).await?;
        more_time(deadline.as_ref());
        keep_icon(&state, &slug, user.caller(), &source, picture, None).await
    };
    match stored.await {
        Ok(icon) => Json(IconAnswer { icon }).into_response(),
        Err(error) => body.refuse(error).await,
    }
}

/// Removes the icon of a room.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{slug}/icon", tag = "rooms", operation_id = "remove_icon",
    params(("slug" = String, Path, description = "The room")),
    responses((status = 204, description = "The room has no icon")),
)]
async fn remove_icon(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
) -> Result<StatusCode> {
    state.chat.set_icon(user.caller(), &slug, None, &source).await?;
    Ok(StatusCode::NO_CONTENT)
}
