//! What makes Parlor an app of its own: the manifest, the service worker, and the page for when there is no network.
//!
//! Owns those three answers, which are the same for everybody and hold nothing of anybody. What the worker keeps, and of whom, is
//! decided in `static/sw.js`.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::frame::frame;
use crate::web::assets;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, page};
use crate::web::state::AppState;
use crate::web::views::{KeysPage, OfflinePage};

/// Who may say how far a worker reaches.
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// What the worker keeps for everybody, as one value: another one as soon as a file or the page for no network changes.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let page = OfflinePage.render().unwrap_or_default();
    assets::digest(&[assets::version(), &page])
});

/// The worker's source, behind the list of what it keeps. The list names files with their hashes, so a change of any file is
/// another worker, and browsers take it in place of the old one.
static WORKER: LazyLock<String> = LazyLock::new(|| {
    let files: Vec<_> = assets::paths().map(assets::url).collect();
    let shell = json!({ "version": *VERSION, "files": files });
    format!("const SHELL = {shell};\n{}", assets::text(assets::WORKER))
});

static MANIFEST: LazyLock<String> = LazyLock::new(|| {
    let icon = |path, sizes, kind, purpose| json!({ "src": assets::url(path), "sizes": sizes, "type": kind, "purpose": purpose });
    json!({
        "id": "/",
        "name": "Parlor",
        "short_name": "Parlor",
        "description": "Team chat that keeps every message.",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fbfaf5",
        "theme_color": "#1f5c47",
        "icons": [
            icon("favicon.svg", "any", "image/svg+xml", "any"),
            icon("icons/icon-192.png", "192x192", "image/png", "any"),
            icon("icons/icon-512.png", "512x512", "image/png", "any"),
            icon("icons/icon-maskable-512.png", "512x512", "image/png", "maskable"),
        ],
        "shortcuts": [
            { "name": "Mentions", "url": "/mentions" },
            { "name": "Browse rooms", "url": "/rooms" },
        ],
    })
    .to_string()
});

/// `GET /sw.js`: asked for anew each time, or an old worker would outlive its files.
pub async fn worker(headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", *VERSION);
    let about = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (ETAG, tag.clone()),
        (SERVICE_WORKER_ALLOWED, "/".to_owned()),
    ];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, WORKER.as_str()).into_response()
}

/// `GET /manifest.webmanifest`.
pub async fn manifest() -> Response {
    let about = [(CONTENT_TYPE, "application/manifest+json"), (CACHE_CONTROL, "public, max-age=3600")];
    (about, MANIFEST.as_str()).into_response()
}

/// `GET /offline`: what the worker shows in place of a page that it does not have.
pub async fn offline() -> Response {
    page(&OfflinePage)
}

/// `GET /keys`: the list of keys, for those who like a page better than a dialog.
pub async fn keys(State(state): State<AppState>, user: CurrentUser, asked: Asked) -> Answer {
    let frame = frame(&state, &user).await.map_err(|error| asked.refuse(error))?;
    Ok(page(&KeysPage { frame }))
}
