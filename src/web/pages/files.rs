//! Files over HTTP: a message with files by form, and reading a file or its preview.
//!
//! Owns the form and the headers of files. Whether a browser may show one by itself is `files::sniff`'s.

use axum::Router;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::messages::{self, Posting};
use crate::chat::ledger::change::NewAttachment;
use crate::chat::rate_limits::ActionKind;
use crate::db::files::Readable;
use crate::db::sessions::SessionCheck;
use crate::error::{Error, Result};
use crate::files::{names, sniff, uploads};
use crate::model::{Attachment, UserId};
use crate::permissions;
use crate::security_log::Source;
use crate::web::accept::Format;
use crate::web::form::MAX_FORM;
use crate::web::layers::session::Transferring;
use crate::web::nul;
use crate::web::query::Query;
use crate::web::source::session_of;
use crate::web::state::AppState;
use crate::web::transfer::{IncomingBody, more_time, outgoing};

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/rooms/{slug}/files", post(send).layer(DefaultBodyLimit::disable()))
        .route("/files/{id}/preview", get(preview))
        .route("/files/{id}/{name}", get(file))
}

/// `POST /rooms/{slug}/files` (multipart: `file` once or more, `alt` behind each, `body`, `nonce`, `reply_to`): posts a message with files.
pub async fn send(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: Transferring,
    source: Source,
    format: Format,
    mut request: Request,
) -> Result<Response> {
    let (body, deadline) = IncomingBody::of(&mut request);
    let request = request.map(|_| axum::body::Body::from_stream(body.clone()));
    let received = receive(&state, &slug, &user, request).await;
    let form = match received {
        Ok(form) => form,
        Err(error) => return Ok(body.refuse(error).await),
    };
    more_time(deadline.as_ref());
    let ids: Vec<String> = form.attachments.iter().map(|attachment| attachment.id.clone()).collect();
    let posted = messages::post(&state, &slug, &user, &source, format, form).await;
    // Those that no message has: it was refused, or this was the retry of one that is there.
    state.files.discard(&ids, user.id).await?;
    posted
}

/// Stores the files of a form. After an error, none of them stays.
async fn receive(state: &AppState, slug: &str, user: &Transferring, request: Request) -> Result<Posting> {
    // Whoever may not read the room, or not write there, sends nothing. The rules ask again.
    let view = state.chat.view(user.id, slug).await?;
    permissions::may(user.actor(), permissions::Action::Post, &view.facts())?;
    state.files.storage()?;
    let _slot = state.files.begin_receiving(user.id)?;
    let mut form = Posting::default();
    let taken = take_fields(state, user, request, &mut form).await;
    if let Err(error) = taken {
        let ids: Vec<String> = form.attachments.into_iter().map(|attachment| attachment.id).collect();
        state.files.discard(&ids, user.id).await?;
        return Err(error);
    }
    Ok(form)
}

async fn take_fields(state: &AppState, user: &Transferring, request: Request, form: &mut Posting) -> Result<()> {
    let mut fields = Multipart::from_request(request, state).await.map_err(|_| unreadable())?;
    let mut alts = Vec::new();
    while let Some(mut field) = fields.next_field().await.map_err(|_| unreadable())? {
        match field.name().unwrap_or_default() {
            "file" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                if let Some(id) = take_file(state, user, &name, field, form.attachments.len()).await? {
                    form.attachments.push(NewAttachment { id, alt: None });
                }
            }
            "alt" => alts.push(text(&mut field).await?),
            "body" => form.body = text(&mut field).await?,
            "nonce" => form.nonce = Some(text(&mut field).await?),
            "reply_to" => form.reply_to = Some(text(&mut field).await?),
            _ => drop(text(&mut field).await?),
        }
    }
    for (attachment, alt) in form.attachments.iter_mut().zip(alts) {
        attachment.alt = Some(alt).filter(|alt| !alt.trim().is_empty());
    }
    Ok(())
}

/// Stores one file; `None` for the empty field of a form in which none was chosen.
async fn take_file(
    state: &AppState,
    user: &Transferring,
    name: &str,
    mut field: Field<'_>,
    count: usize,
) -> Result<Option<String>> {
    let limit = state.files.limits().file;
    let file = state.files.temporary_file()?;
    if !uploads::write_whole(&file, &mut field, limit).await? {
        return Err(state.files.too_large());
    }
    let is_empty = file.as_file().metadata().is_ok_and(|about| about.len() == 0);
    if name.is_empty() && is_empty {
        return Ok(None);
    }
    if count >= Attachment::MOST {
        return Err(Error::invalid("file", format!("A message can have up to {} files.", Attachment::MOST)));
    }
    let (files, owner, name) = (state.files.clone(), user.id, name.to_owned());
    // To its end: half-stored bytes would wait for the sweep.
    let storing = tokio::spawn(async move { files.add(owner, file, &name, String::new()).await });
    storing.await.map_err(|error| Error::Internal(error.to_string()))?.map(Some)
}

pub(super) async fn text(field: &mut Field<'_>) -> Result<String> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| unreadable())? {
        if bytes.len() + piece.len() > MAX_FORM {
            return Err(Error::invalid("form", "That’s too large to send."));
        }
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
    nul::in_text(&name, &text)?;
    Ok(text)
}

pub(super) fn unreadable() -> Error {
    Error::invalid("form", "Couldn’t read the form. Please try again.")
}

/// `GET /files/{id}/{name}`: a file, or ranges of it, for whoever may read its room now. The name is for people.
pub async fn file(State(state): State<AppState>, Path((id, _)): Path<(String, String)>, request: Request) -> Result<Response> {
    let (mut parts, _) = request.into_parts();
    let found = find(&state, &mut parts, Sought { id: &id, preview: None }).await?;
    let (reader, file) = found.ok_or(Error::NotFound("file"))?;
    respond(&state, reader, &parts.headers, &file, Keep::Asking).await
}

/// A file, or its preview of a size and density.
#[derive(Clone, Copy)]
struct Sought<'a> {
    id: &'a str,
    preview: Option<(&'static str, i64)>,
}

impl Sought<'_> {
    /// The user of a session and what they may read of it.
    async fn look(self, state: &AppState, session: SessionCheck<'_>) -> Result<Option<(UserId, Readable)>> {
        match self.preview {
            Some(wanted) => state.files.readable_preview(session, self.id, wanted).await,
            None => state.files.readable(session, self.id).await,
        }
    }
}

/// Finds what the person who asks may read. Usually that is one statement, because their session is in use; else it is asked first who
/// they are, which notes the use.
async fn find(state: &AppState, parts: &mut Parts, sought: Sought<'_>) -> Result<Option<(UserId, Readable)>> {
    let key = session_of(&parts.extensions);
    if let Some(key) = &key
        && let Some((reader, file)) = sought.look(state, state.accounts.session_check_in_use(key)).await?
    {
        state.chat.allow(reader, ActionKind::Download)?;
        return Ok(Some((reader, file)));
    }
    let user = Transferring::from_request_parts(parts, state).await?;
    state.chat.allow(user.id, ActionKind::Download)?;
    match &key {
        Some(key) => sought.look(state, state.accounts.session_check(key)).await,
        None => Ok(None),
    }
}

/// The parameters of a preview.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    size: String,
    density: String,
}

/// `GET /files/{id}/preview` (`size` = `small`, `large`; `density` = `1`, `2`): a picture of a file. Waits a while for one that is being
/// made.
pub async fn preview(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    request: Request,
) -> Result<Response> {
    let size = preview_size(&wanted.size)?;
    let density = match &*wanted.density {
        "" | "1" => 1,
        "2" => 2,
        _ => return Err(Error::invalid("density", "`density` must be 1 or 2.")),
    };
    let (mut parts, _) = request.into_parts();
    let found = find(&state, &mut parts, Sought { id: &id, preview: Some((size, density)) }).await?;
    let (reader, preview) = found.ok_or(Error::NotFound("preview"))?;
    respond(&state, reader, &parts.headers, &preview, Keep::Asking).await
}

/// The size of a preview that a request names.
pub(super) fn preview_size(text: &str) -> Result<&'static str> {
    match text {
        "" | "small" => Ok("small"),
        "large" => Ok("large"),
        _ => Err(Error::invalid("size", "`size` must be small or large.")),
    }
}

/// What a browser may do with a file by itself: nothing but show it.
const POLICY: &str = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";

/// How long a browser keeps a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// It asks each time whether it may still show it.
    Asking,
    /// At its address there will never be another one.
    Forever,
}

pub(super) async fn respond(
    state: &AppState,
    reader: UserId,
    headers: &HeaderMap,
    file: &Readable,
    keep: Keep,
) -> Result<Response> {
    let etag = format!("\"{}\"", &file.hash[..file.hash.len().min(32)]);
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut about = HeaderMap::with_capacity(10);
    about.insert(ETAG, value(&etag));
    let control = match keep {
        Keep::Asking => "private, no-cache",
        Keep::Forever => "private, max-age=31536000, immutable",
    };
    about.insert(CACHE_CONTROL, HeaderValue::from_static(control));
    about.insert(VARY, HeaderValue::from_static("cookie"));
    about.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if is_known(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let size = u64::try_from(file.bytes).unwrap_or_default();
    about.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    about.insert(CONTENT_TYPE, value(sniff::sent_type(&file.media_type)));
    about.insert(CONTENT_DISPOSITION, value(&names::disposition(sniff::is_inline(&file.media_type), &file.name)));
    let range = match wanted_range(headers, &etag, size) {
        Wished::All => None,
        Wished::Part(from, to) => {
            about.insert(CONTENT_RANGE, value(&format!("bytes {from}-{to}/{size}")));
            Some(from..to + 1)
        }
        Wished::Nothing => {
            about.remove(CONTENT_DISPOSITION);
            about.insert(CONTENT_RANGE, value(&format!("bytes */{size}")));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, about).into_response());
        }
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    about.insert(CONTENT_LENGTH, HeaderValue::from(length));
    let slot = state.files.begin_sending(reader)?;
    let stream = state.files.bytes(&file.hash, size, range).await?;
    Ok((status, about, outgoing(stream, slot)).into_response())
}

/// Whether the client has it: `If-None-Match` (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == etag)
}

/// What is wanted of a file.
#[derive(Debug, PartialEq, Eq)]
enum Wished {
    All,
    /// From the first byte to the last.
    Part(u64, u64),
    /// Something that is not there.
    Nothing,
}

/// The range of a request (RFC 9110, section 14.2). Several at once, or one that is no range, are answered with everything.
fn wanted_range(headers: &HeaderMap, etag: &str, size: u64) -> Wished {
    let is_same = headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == etag.as_bytes());
    let Some(range) = headers.get(RANGE).and_then(|range| range.to_str().ok()).filter(|_| is_same) else { return Wished::All };
    let Ok(parsed) = http_range_header::parse_range_header(range) else { return Wished::All };
    // Of an empty file there is no range.
    if parsed.ranges.len() > 1 || size == 0 {
        return Wished::All;
    }
    match parsed.validate(size) {
        Ok(ranges) => ranges.first().map_or(Wished::All, |range| Wished::Part(*range.start(), *range.end())),
        Err(_) => Wished::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_what_the_standard_says() {
        for (range, expected) in [
            ("bytes=0-0", Wished::Part(0, 0)),
            ("bytes=5-", Wished::Part(5, 9)),
            ("bytes=-3", Wished::Part(7, 9)),
            ("bytes=2-100", Wished::Part(2, 9)),
            ("bytes=10-", Wished::Nothing),
            ("bytes=0-1,4-5", Wished::All),
            ("items=0-1", Wished::All),
            ("bytes=x", Wished::All),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
            assert_eq!(wanted_range(&headers, "\"a\"", 10), expected, "{range}");
        }
        let range = (RANGE, HeaderValue::from_static("bytes=0-0"));
        let other = HeaderMap::from_iter([range.clone(), (IF_RANGE, HeaderValue::from_static("\"b\""))]);
        assert_eq!(wanted_range(&other, "\"a\"", 10), Wished::All);
        assert_eq!(wanted_range(&HeaderMap::from_iter([range]), "\"a\"", 0), Wished::All);
    }
}
