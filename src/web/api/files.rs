//! Files: an upload in one request, and what is known of a file. Its bytes are at its `url`.

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::files::names;
use crate::web::layers::session::Transferring;
use crate::web::pages::uploads;
use crate::web::query::Query;
use crate::web::state::AppState;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        // `files` decides how large a file may be.
        .routes(routes!(upload).layer(DefaultBodyLimit::disable()))
        .routes(routes!(show))
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
struct FileInfo {
    /// Its id, for the `attachments` of a message.
    id: String,
    /// Its name.
    name: String,
    /// Its media type, as its content shows.
    #[serde(rename = "type")]
    media_type: String,
    /// Its size.
    bytes: i64,
    /// Where its bytes are.
    url: String,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
struct FileAnswer {
    /// The file.
    file: FileInfo,
}

/// The parameters of an upload.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

/// Uploads a file. It is yours alone, and ends after 24 hours unless a message takes it. For large files and bad connections there is
/// tus, at `/uploads`.
#[utoipa::path(
    post, path = "/api/v1/files", tag = "files", operation_id = "upload_file",
    params(("name" = Option<String>, Query, description = "Its name")),
    request_body(content = Vec<u8>, description = "The bytes", content_type = "application/octet-stream"),
    responses((status = 201, body = FileAnswer)),
)]
async fn upload(
    State(state): State<AppState>,
    Query(named): Query<Named>,
    user: Transferring,
    mut request: Request,
) -> Result<Response> {
    state.chat.allow(user.id, ActionKind::Upload)?;
    let (bytes, media_type) = announced(request.headers())?;
    let name = if named.name.is_empty() { "file" } else { &named.name };
    let (id, _) = state.files.begin_upload(user.id, bytes, name, &media_type).await?;
    if bytes > 0
        && let Err(error) = uploads::receive(&state, &id, &user, 0, &mut request).await
    {
        state.files.end_upload(&id, user.id).await?;
        return Err(error);
    }
    let file = find(&state, &user, id).await?;
    Ok((StatusCode::CREATED, Json(FileAnswer { file })).into_response())
}

/// How many bytes come, and what they are said to be.
fn announced(headers: &HeaderMap) -> Result<(u64, String)> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bytes = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let bytes = bytes.ok_or_else(|| Error::invalid("Content-Length", "Say how many bytes the file has, in `Content-Length`."))?;
    Ok((bytes, header(CONTENT_TYPE).unwrap_or_default().to_owned()))
}

async fn find(state: &AppState, user: &Transferring, id: String) -> Result<FileInfo> {
    let found = state.files.readable(state.accounts.session_check(&user.session), &id).await?;
    let (_, file) = found.ok_or(Error::NotFound("file"))?;
    let url = format!("/files/{id}/{}", crate::encoding::path_segment(&names::cleaned(&file.name)));
    Ok(FileInfo { id, name: file.name, media_type: file.media_type, bytes: file.bytes, url })
}

/// What is known of a file that you may read.
#[utoipa::path(
    get, path = "/api/v1/files/{id}", tag = "files", operation_id = "get_file",
    params(("id" = String, Path, description = "The file")),
    responses((status = 200, body = FileAnswer)),
)]
async fn show(State(state): State<AppState>, Path(id): Path<String>, user: Transferring) -> Result<Json<FileAnswer>> {
    state.chat.allow(user.id, ActionKind::Read)?;
    Ok(Json(FileAnswer { file: find(&state, &user, id).await? }))
}
