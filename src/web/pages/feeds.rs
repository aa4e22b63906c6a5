//! Feeds: a person's own, and what their feed reader gets, which knows a secret address instead of a session.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Extensions, HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::chat::rate_limits::ActionKind;
use crate::db::feeds::Feed;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::model::FeedKind;
use crate::security_log::{Action, Source};
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::etag::{ETag, IfNoneMatch, revalidated};
use crate::web::form::Form;
use crate::web::layers::reads::PermitSlot;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::{AtomFeed, FeedsPage};

/// The page.
const PAGE: &str = "/settings/feeds";

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(PAGE, get(list))
        .route("/settings/feeds/{id}/revoke", post(revoke))
        .route("/rooms/{slug}/feeds", post(create))
        .route("/feeds/{token}", get(read))
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    kind: String,
}

/// `GET /settings/feeds`.
async fn list(State(state): State<AppState>, user: CurrentUser, format: Format) -> Result<Response> {
    let feeds = state.chat.feeds(user.id).await?;
    if format.is_json() {
        let feeds: Vec<_> = feeds.iter().map(json_of).collect();
        return Ok(Json(json!({ "feeds": feeds })).into_response());
    }
    Ok(page(&FeedsPage::new(layout(&state, &user).await?, feeds, None)))
}

fn json_of((feed, view): &(Feed, Option<RoomView>)) -> serde_json::Value {
    let room = view.as_ref().map(|view| &view.room.slug);
    json!({ "id": feed.id, "kind": feed.kind, "room": room, "created_at": feed.created_at, "used_at": feed.used_at })
}

/// A feed that was just made.
pub struct MadeFeed {
    /// Its id.
    pub id: String,
    /// What it has.
    pub kind: FeedKind,
    /// The slug of its room.
    pub room: String,
    /// Its address, which nobody is told again.
    pub url: String,
}

/// Makes a feed of a room, of the kind `messages`, which is the default, or `pins`.
///
/// # Errors
/// `not_found` for the room; `confirmation_required`; `invalid` for `kind`; what the use-case refuses.
pub async fn make(
    state: &AppState,
    user: &CurrentUser,
    (slug, kind): (&str, &str),
    source: &Source,
    headers: &HeaderMap,
) -> Result<MadeFeed> {
    // First: nobody learns from a request for a proof that there is a room.
    let view = state.chat.view(user.id, slug).await?;
    user.is_confirmed(state)?;
    state.chat.allow(user.id, ActionKind::Profile)?;
    let kind = if kind.is_empty() { Some(FeedKind::Messages) } else { FeedKind::parse(kind) };
    let kind = kind.ok_or_else(|| Error::invalid("kind", "A feed has `messages` or `pins`."))?;
    let event = state.accounts.event(Action::CreateFeed, source).by(user.id, &user.username).about(&*view.room.slug);
    let event = event.note(kind.as_str());
    let (id, token) = state.chat.create_feed(user.id, &view, kind, &event).await?;
    state.accounts.reports().committed(&event);
    let url = format!("{}/feeds/{token}", state.origins.own(headers));
    Ok(MadeFeed { id, kind, room: view.room.slug.to_string(), url })
}

/// `POST /rooms/{slug}/feeds` (`kind` = `messages` or `pins`): the page shows the address this once.
async fn create(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    user: CurrentUser,
    source: Source,
    headers: HeaderMap,
    format: Format,
    Form(form): Form<Wanted>,
) -> Result<Response> {
    let MadeFeed { id, kind, room, url } = make(&state, &user, (&slug, &form.kind), &source, &headers).await?;
    if format.is_json() {
        let feed = json!({ "id": id, "kind": kind, "room": room, "url": url });
        return Ok((StatusCode::CREATED, Json(json!({ "feed": feed }))).into_response());
    }
    let feeds = state.chat.feeds(user.id).await?;
    Ok(page(&FeedsPage::new(layout(&state, &user).await?, feeds, Some(url))))
}

/// Revokes a feed of somebody's own.
///
/// # Errors
/// `not_found`; `rate_limited`.
pub async fn end(state: &AppState, user: &CurrentUser, id: &str, source: &Source) -> Result<()> {
    state.chat.allow(user.id, ActionKind::Profile)?;
    let event = state.accounts.event(Action::RevokeFeed, source).by(user.id, &user.username).about(id);
    state.chat.revoke_feed(user.id, id, &event).await?;
    state.accounts.reports().committed(&event);
    Ok(())
}

/// `POST /settings/feeds/{id}/revoke`.
async fn revoke(State(state): State<AppState>, Path(id): Path<String>, user: CurrentUser, source: Source) -> Result<Response> {
    end(&state, &user, &id, &source).await?;
    Ok(Redirect::to(PAGE).into_response())
}

/// `GET /feeds/{token}`: an Atom document. It counts as a read of whose feed it is.
async fn read(
    State(state): State<AppState>,
    Path(token): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    if_none_match: IfNoneMatch,
) -> Result<Response> {
    let (feed, view) = state.chat.find_feed(&token).await?;
    state.chat.allow(feed.user_id, ActionKind::Read)?;
    if let Some(slot) = extensions.get::<PermitSlot>() {
        slot.take(feed.user_id).await?;
    }
    let (server_name, origin) = (state.settings.now().server_name.clone(), state.origins.own(&headers));
    // Whatever changes a message takes a `rev`; names of people are in the document too.
    let names = state.chat.display_names().version();
    let etag = ETag::of(&(&feed.id, view.head.rev, &view.room.name, &view.room.slug, names, &server_name, &origin));
    if if_none_match.contains(&etag) {
        return Ok(revalidated(etag.not_modified()));
    }
    let reading = state.chat.read_feed(feed, view).await?;
    let document = AtomFeed::new(&reading, &server_name, &origin, format!("{origin}/feeds/{token}"));
    let document = document.render().map_err(|error| Error::Internal(error.to_string()))?;
    let kind = [(CONTENT_TYPE, "application/atom+xml; charset=utf-8"), (HeaderName::from_static("x-robots-tag"), "noindex")];
    Ok(revalidated(etag.on((kind, document).into_response())))
}
