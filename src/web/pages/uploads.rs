//! Uploads in parts: tus 1.0 (<https://tus.io/protocols/resumable-upload>), with creation, termination and expiration.
//!
//! Owns the protocol's headers and statuses. What is kept of an upload is `files::uploads`' to decide.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::map_response_with_state;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{head, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822;

use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::files::Allowance;
use crate::files::uploads::Progress;
use crate::web::layers::session::Transferring;
use crate::web::state::AppState;
use crate::web::transfer::{IncomingBody, more_time};

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSION: HeaderName = HeaderName::from_static("tus-version");
const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");

/// The media type of the bytes of an upload.
const BYTES: &str = "application/offset+octet-stream";
/// The longest metadata, in bytes.
const LONGEST_METADATA: usize = 4096;

/// The routes.
pub fn router(state: AppState) -> Router<AppState> {
    Router::new()
        .route("/uploads", post(create).get(allowance).options(capabilities))
        .route("/uploads/{id}", head(offset).patch(append).delete(terminate).options(capabilities))
        .layer(DefaultBodyLimit::disable())
        .layer(map_response_with_state(state, with_version))
}

/// Every response says which version of the protocol it is.
async fn with_version(State(state): State<AppState>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, HeaderValue::from_static("1.0.0"));
    if let Some(largest) = state.files.largest() {
        headers.insert(MAX_SIZE, HeaderValue::from(largest));
    }
    response
}

/// `OPTIONS /uploads`: what this server can do.
pub async fn capabilities() -> Response {
    let can = [
        (VERSION, HeaderValue::from_static("1.0.0")),
        (EXTENSION, HeaderValue::from_static("creation,creation-with-upload,termination,expiration")),
    ];
    (StatusCode::NO_CONTENT, can).into_response()
}

/// `GET /uploads`: how much one has stored, and may store.
pub async fn allowance(State(state): State<AppState>, user: Transferring) -> Result<Json<Allowance>> {
    Ok(Json(state.files.allowance(user.id).await?))
}

/// The refusal of another version of the protocol, if it is one.
fn wrong_version(headers: &HeaderMap) -> Option<Response> {
    if headers.get(RESUMABLE).is_some_and(|version| version == "1.0.0") {
        return None;
    }
    let error = Error::invalid("Tus-Resumable", "Uploads need version 1.0.0 of tus.");
    let mut response = with_status(error, StatusCode::PRECONDITION_FAILED);
    response.headers_mut().insert(VERSION, HeaderValue::from_static("1.0.0"));
    Some(response)
}

/// An error with a status of its own.
fn with_status(error: Error, status: StatusCode) -> Response {
    let mut response = error.into_response();
    *response.status_mut() = status;
    response
}

/// `POST /uploads` (`Upload-Length`, `Upload-Metadata` with `filename` and `filetype`): begins an upload. Its first bytes may come along:
/// a small file takes one request.
pub async fn create(State(state): State<AppState>, user: Transferring, mut request: Request) -> Result<Response> {
    let headers = request.headers();
    if let Some(response) = wrong_version(headers) {
        return Ok(response);
    }
    state.chat.allow(user.id, ActionKind::Upload)?;
    let Some(bytes) = number(headers, &LENGTH) else {
        let error = Error::invalid("Upload-Length", "Say how many bytes the file has, in `Upload-Length`.");
        return Ok(with_status(error, StatusCode::BAD_REQUEST));
    };
    let Some(metadata) = metadata(headers) else {
        let error = Error::invalid("Upload-Metadata", "`Upload-Metadata` must be pairs of a name and a value in Base64.");
        return Ok(with_status(error, StatusCode::BAD_REQUEST));
    };
    let said = |name: &str| metadata.get(name).map_or("", String::as_str);
    let name = if said("filename").is_empty() { said("name") } else { said("filename") };
    let has_bytes = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == BYTES);
    let (id, mut progress) = state.files.begin_upload(user.id, bytes, name, said("filetype")).await?;
    if has_bytes {
        match receive(&state, &id, &user, 0, &mut request).await {
            Ok(received) => progress = received,
            // The client does not learn its address.
            Err(error) => {
                state.files.end_upload(&id, user.id).await?;
                return Ok(refused(error));
            }
        }
    }
    let mut response = StatusCode::CREATED.into_response();
    let location = HeaderValue::from_str(&format!("/uploads/{id}")).expect("hexadecimal digits are a header's value");
    response.headers_mut().insert(LOCATION, location);
    add_progress(&mut response, &progress);
    Ok(response)
}

/// `HEAD /uploads/{id}`: how much of it is here.
pub async fn offset(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: Transferring,
    headers: HeaderMap,
) -> Result<Response> {
    if let Some(response) = wrong_version(&headers) {
        return Ok(response);
    }
    state.chat.allow(user.id, ActionKind::Upload)?;
    let progress = match state.files.upload(&id, user.id).await {
        Ok(progress) => progress,
        Err(error @ Error::Busy { .. }) => return Ok(with_status(error, StatusCode::LOCKED)),
        Err(error) => return Err(error),
    };
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(LENGTH, HeaderValue::from(progress.bytes));
    add_progress(&mut response, &progress);
    Ok(response)
}

/// `PATCH /uploads/{id}` (`Upload-Offset`): takes what comes from there on. What has come when a connection ends is kept.
pub async fn append(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: Transferring,
    mut request: Request,
) -> Result<Response> {
    let headers = request.headers();
    if let Some(response) = wrong_version(headers) {
        return Ok(response);
    }
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != BYTES) {
        let error = Error::invalid("Content-Type", "Send the bytes as application/offset+octet-stream.");
        return Ok(with_status(error, StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let Some(offset) = number(headers, &OFFSET) else {
        let error = Error::invalid("Upload-Offset", "Say from where on the bytes are, in `Upload-Offset`.");
        return Ok(with_status(error, StatusCode::BAD_REQUEST));
    };
    state.chat.allow(user.id, ActionKind::Upload)?;
    let progress = match receive(&state, &id, &user, offset, &mut request).await {
        Ok(progress) => progress,
        Err(error) => return Ok(refused(error)),
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    add_progress(&mut response, &progress);
    Ok(response)
}

/// Takes the bytes of a request, from `offset` on.
pub(in crate::web) async fn receive(
    state: &AppState,
    id: &str,
    user: &Transferring,
    offset: u64,
    request: &mut Request,
) -> Result<Progress> {
    let (body, deadline) = IncomingBody::of(request);
    let received = state.files.receive(id, user.id, offset, Watched { body: body.clone(), deadline }).await;
    if received.is_err() {
        body.drain().await;
    }
    received
}

/// An error with the status that tus has for it.
fn refused(error: Error) -> Response {
    let status = match &error {
        Error::Invalid { field: "offset", .. } => StatusCode::CONFLICT,
        Error::Busy { .. } => StatusCode::LOCKED,
        other => StatusCode::from_u16(other.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    with_status(error, status)
}

/// A body whose request gets time for storing at its end.
struct Watched {
    body: IncomingBody,
    deadline: Option<crate::server::Deadline>,
}

impl futures_util::Stream for Watched {
    type Item = std::io::Result<axum::body::Bytes>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Self::Item>> {
        let polled = std::pin::Pin::new(&mut self.body).poll_next(cx);
        if let std::task::Poll::Ready(None) = polled {
            more_time(self.deadline.as_ref());
        }
        polled
    }
}

/// `DELETE /uploads/{id}`: gives it up.
pub async fn terminate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    user: Transferring,
    headers: HeaderMap,
) -> Result<Response> {
    if let Some(response) = wrong_version(&headers) {
        return Ok(response);
    }
    state.chat.allow(user.id, ActionKind::Upload)?;
    state.files.end_upload(&id, user.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn add_progress(response: &mut Response, progress: &Progress) {
    let headers = response.headers_mut();
    headers.insert(OFFSET, HeaderValue::from(progress.received));
    let expires = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&progress.expires_at.timestamp());
    if let Some(expires) = expires.ok().and_then(|text| HeaderValue::from_str(&text).ok()) {
        headers.insert(EXPIRES, expires);
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The pairs of `Upload-Metadata`; `None` if they are none.
fn metadata(headers: &HeaderMap) -> Option<HashMap<String, String>> {
    let Some(value) = headers.get(METADATA) else { return Some(HashMap::new()) };
    let text = value.to_str().ok().filter(|text| text.len() <= LONGEST_METADATA)?;
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = pairs.map(|pair| {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim()).ok()?;
        Some((name.to_owned(), String::from_utf8(value).ok()?))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read() {
        let of = |text: &'static str| metadata(&HeaderMap::from_iter([(METADATA, HeaderValue::from_static(text))]));
        let read = of("filename Y2F0LnBuZw==, filetype aW1hZ2UvcG5n,is_confidential").unwrap();
        assert_eq!((&*read["filename"], &*read["filetype"], &*read["is_confidential"]), ("cat.png", "image/png", ""));
        assert_eq!(of("filename ???"), None);
        assert_eq!(of("").unwrap().len(), 0);
    }
}
