//! Photos of people and icons of rooms: their forms, and the pictures.
//!
//! Owns the fields of the forms, and how long browsers keep the pictures.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tempfile::NamedTempFile;

use super::files::{Keep, preview_size, respond, text, unreadable};
use super::{bots, hooks, members, settings};
use crate::accounts::to_its_end;
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::files::portraits::{self, Portrait, Square};
use crate::files::uploads;
use crate::model::UserId;
use crate::permissions::{self, Caller};
use crate::security_log::Source;
use crate::server::Deadline;
use crate::web::accept::Format;
use crate::web::layers::session::{CurrentUser, Transferring};
use crate::web::query::Query;
use crate::web::state::AppState;
use crate::web::transfer::{IncomingBody, more_time};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/settings/photo", post(set_photo).layer(DefaultBodyLimit::disable()))
        .route("/settings/photo/remove", post(remove_photo))
        .route("/settings/bots/{username}/photo", post(set_bot_photo).layer(DefaultBodyLimit::disable()))
        .route("/settings/bots/{username}/photo/remove", post(remove_bot_photo))
        .route("/rooms/{slug}/hooks/{id}/photo", post(set_hook_photo).layer(DefaultBodyLimit::disable()))
        .route("/people/{username}/photo", get(photo))
        .route("/rooms/{slug}/icon", get(icon).post(set_icon).layer(DefaultBodyLimit::disable()))
        .route("/rooms/{slug}/icon/remove", post(remove_icon))
}

/// `POST /settings/photo` (multipart: `file`, and the square `x`, `y`, `size` in the pixels of the picture as it is shown; its middle if they
/// are missing).
pub async fn set_photo(
    State(state): State<AppState>,
    user: Transferring,
    format: Format,
    mut request: Request,
) -> Result<Response> {
    let (body, deadline) = IncomingBody::of(&mut request);
    let request = request.map(|_| Body::from_stream(body.clone()));
    match store_photo(&state, &user, user.id, request, deadline).await {
        Ok(id) => Ok(format.json_or_redirect(json!({ "photo": id }), "/settings?saved")),
        Err(error) => Ok(body.refuse(settings::refused(&state, &user, format, error).await).await),
    }
}

/// Stores a photo for a person, or for a bot of theirs.
async fn store_photo(
    state: &AppState,
    user: &Transferring,
    whose: UserId,
    request: Request,
    deadline: Option<Deadline>,
) -> Result<String> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let (picture, square) = receive(state, user, request).await?;
    more_time(deadline.as_ref());
    keep_photo(state, whose, picture, square).await
}

/// Makes a picture, or a square of it, the photo of a person or a bot; returns the id of its file.
///
/// # Errors
/// `invalid` for `file` or `size`; `unavailable`.
pub async fn keep_photo(state: &AppState, whose: UserId, picture: NamedTempFile, square: Option<Square>) -> Result<String> {
    let state = state.clone();
    to_its_end(async move {
        let id = state.files.add_portrait(whose, Portrait::Photo, picture, square).await?;
        let taken = state.accounts.set_photo(whose, Some(id.clone())).await;
        if taken.is_err() {
            state.files.discard(std::slice::from_ref(&id), whose).await?;
        }
        taken.map(|()| id)
    })
    .await
}

/// `POST /settings/photo/remove`.
pub async fn remove_photo(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    if user.photo.is_some() {
        state.accounts.set_photo(user.id, None).await?;
    }
    Ok(format.json_or_redirect(json!({ "photo": null }), "/settings?saved"))
}

/// `POST /settings/bots/{username}/photo`: the icon of one of one's bots, as a photo's.
pub async fn set_bot_photo(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: Transferring,
    format: Format,
    mut request: Request,
) -> Result<Response> {
    let (body, deadline) = IncomingBody::of(&mut request);
    let request = request.map(|_| Body::from_stream(body.clone()));
    let stored = match state.accounts.bot(&user, &username).await {
        Ok(bot) => store_photo(&state, &user, bot.id, request, deadline).await,
        Err(error) => Err(error),
    };
    match stored {
        Ok(id) => Ok(format.json_or_redirect(json!({ "photo": id }), &bots::page_of(&username))),
        Err(error) => Ok(body.refuse(bots::refused(&state, &user, &username, format, error).await).await),
    }
}

/// `POST /rooms/{slug}/hooks/{id}/photo`: the icon of a webhook, as a photo's.
pub async fn set_hook_photo(
    State(state): State<AppState>,
    Path((slug, id)): Path<(String, String)>,
    user: Transferring,
    format: Format,
    mut request: Request,
) -> Result<Response> {
    let (body, deadline) = IncomingBody::of(&mut request);
    let request = request.map(|_| Body::from_stream(body.clone()));
    let stored = match state.hooks.find(&user, &slug, &id).await {
        Ok((_, hook)) => store_photo(&state, &user, hook.bot, request, deadline).await,
        Err(error) => Err(error),
    };
    match stored {
        Ok(id) => Ok(format.json_or_redirect(json!({ "photo": id }), &hooks::page_of(&slug))),
        Err(error) => Ok(body.refuse(hooks::refused(&state, &user, &slug, format, error).await).await),
    }
}

/// `POST /settings/bots/{username}/photo/remove`.
pub async fn remove_bot_photo(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: CurrentUser,
    format: Format,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let bot = state.accounts.bot(&user, &username).await?;
    if bot.photo.is_some() {
        state.accounts.set_photo(bot.id, None).await?;
    }
    Ok(format.json_or_redirect(json!({ "photo": null }), &bots::page_of(&bot.username)))
}

/// `POST /rooms/{slug}/icon`: as a photo's.
pub async fn set_icon(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: Transferring,
    source: Source,
    format: Format,
    mut request: Request,
) -> Result<Response> {
    let (body, deadline) = IncomingBody::of(&mut request);
    let request = request.map(|_| Body::from_stream(body.clone()));
    match store_icon(&state, &slug, &user, &source, request, deadline).await {
        Ok(id) => Ok(format.json_or_redirect(json!({ "icon": id }), &members_of(&slug))),
        Err(error) => Ok(body.refuse(members::refused(&state, &slug, &user, format, error).await).await),
    }
}

async fn store_icon(
    state: &AppState,
    slug: &str,
    user: &Transferring,
    source: &Source,
    request: Request,
    deadline: Option<Deadline>,
) -> Result<String> {
    may_set_icon(state, slug, user).await?;
    let (picture, square) = receive(state, user, request).await?;
    more_time(deadline.as_ref());
    keep_icon(state, slug, user.caller(), source, picture, square).await
}

/// Whoever may not change the icon of a room sends nothing. The rules ask again.
///
/// # Errors
/// `not_found`, `forbidden`.
pub async fn may_set_icon(state: &AppState, slug: &str, user: &CurrentUser) -> Result<()> {
    let view = state.chat.view(user.id, slug).await?;
    permissions::may(user.actor(), permissions::Action::SetIcon, &view.facts())
}

/// Makes a picture, or a square of it, the icon of a room; returns the id of its file.
///
/// # Errors
/// `not_found`, `forbidden`; `invalid` for `file` or `size`; `unavailable`.
pub async fn keep_icon(
    state: &AppState,
    slug: &str,
    caller: Caller,
    source: &Source,
    picture: NamedTempFile,
    square: Option<Square>,
) -> Result<String> {
    let (state, slug, source) = (state.clone(), slug.to_owned(), source.clone());
    to_its_end(async move {
        let id = state.files.add_portrait(caller.id, Portrait::Icon, picture, square).await?;
        let taken = state.chat.set_icon(caller, &slug, Some(&id), &source).await;
        if taken.is_err() {
            state.files.discard(std::slice::from_ref(&id), caller.id).await?;
        }
        taken.map(|()| id)
    })
    .await
}

/// `POST /rooms/{slug}/icon/remove`.
pub async fn remove_icon(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    format: Format,
) -> Result<Response> {
    match state.chat.set_icon(user.caller(), &slug, None, &source).await {
        Ok(()) => Ok(format.json_or_redirect(json!({ "icon": null }), &members_of(&slug))),
        Err(error) => members::refused(&state, &slug, &user, format, error).await,
    }
}

fn members_of(slug: &str) -> String {
    format!("/rooms/{slug}/members")
}

/// The picture of a form, on this disk, and the square of it.
async fn receive(state: &AppState, user: &Transferring, request: Request) -> Result<(NamedTempFile, Option<Square>)> {
    state.files.storage()?;
    let _slot = state.files.begin_receiving(user.id)?;
    let mut fields = Multipart::from_request(request, state).await.map_err(|_| unreadable())?;
    let (mut picture, mut square) = (None, [None, None, None]);
    while let Some(mut field) = fields.next_field().await.map_err(|_| unreadable())? {
        match field.name().unwrap_or_default() {
            "file" => {
                let file = state.files.temporary_file()?;
                if !uploads::write_whole(&file, &mut field, portraits::LARGEST).await? {
                    return Err(portraits::too_large());
                }
                // The field is there without a file if none was chosen.
                picture = Some(file).filter(|file| file.as_file().metadata().is_ok_and(|about| about.len() > 0));
            }
            "x" => square[0] = number("x", &text(&mut field).await?)?,
            "y" => square[1] = number("y", &text(&mut field).await?)?,
            "size" => square[2] = number("size", &text(&mut field).await?)?,
            _ => drop(text(&mut field).await?),
        }
    }
    let picture = picture.ok_or_else(|| Error::invalid("file", "Choose a picture."))?;
    let square = match square {
        [None, None, None] => None,
        [Some(x), Some(y), Some(size)] if size > 0 => Some(Square { x, y, size }),
        _ => return Err(Error::invalid("size", "A square needs `x`, `y` and `size`, in pixels.")),
    };
    Ok((picture, square))
}

/// The picture that is a request's whole body, on this disk.
///
/// # Errors
/// `invalid` for `file`; `unavailable` without storage, or for too many at once.
pub async fn receive_bytes(state: &AppState, user: &CurrentUser, mut body: IncomingBody) -> Result<NamedTempFile> {
    state.files.storage()?;
    let _slot = state.files.begin_receiving(user.id)?;
    let file = state.files.temporary_file()?;
    if !uploads::write_whole(&file, &mut body, portraits::LARGEST).await? {
        return Err(portraits::too_large());
    }
    match file.as_file().metadata() {
        Ok(about) if about.len() > 0 => Ok(file),
        _ => Err(Error::invalid("file", "Send the bytes of a picture.")),
    }
}

fn number(field: &'static str, text: &str) -> Result<Option<u32>> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Error::invalid(field, format!("`{field}` must be a number of pixels."))),
    }
}

/// The parameters of a picture.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Which one: browsers keep it under this address.
    v: String,
    size: String,
}

/// `GET /people/{username}/photo` (`v`; `size` = `small`, `large`): somebody's photo, for those who may know them.
pub async fn photo(
    State(state): State<AppState>,
    Path(username): Path<String>,
    user: Transferring,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Download)?;
    let profile = state.accounts.profile_for(&user, &username).await?;
    picture(&state, &user, &headers, &wanted, profile.photo.as_deref()).await
}

/// `GET /rooms/{slug}/icon` (`v`; `size` = `small`, `large`): a room's icon, for those who may see the room.
pub async fn icon(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: Transferring,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Download)?;
    let view = state.chat.view(user.id, &slug).await?;
    picture(&state, &user, &headers, &wanted, view.room.icon.as_deref()).await
}

async fn picture(
    state: &AppState,
    user: &Transferring,
    headers: &HeaderMap,
    wanted: &Wanted,
    file: Option<&str>,
) -> Result<Response> {
    let file = file.ok_or(Error::NotFound("picture"))?;
    let size = preview_size(&wanted.size)?;
    let picture = state.files.portrait(file, size).await?;
    let keep = if wanted.v == file { Keep::Forever } else { Keep::Asking };
    respond(state, user.id, headers, &picture, keep).await
}
