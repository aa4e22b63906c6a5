//! The installable app: the manifest, the service worker, and the offline page.
//!
//! Owns these three public responses. What the worker caches is decided in `static/sw.js`.

use std::sync::LazyLock;

use askama::Template;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::web::assets;
use crate::web::respond::page;
use crate::web::state::AppState;
use crate::web::views::OfflinePage;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/manifest.webmanifest", get(manifest)).route("/sw.js", get(worker)).route("/offline", get(offline))
}

/// The widest scope that a service worker may have.
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// The version of the files that the worker caches: it changes with any file and with the offline page.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let page = OfflinePage.render().unwrap_or_default();
    assets::digest(&[assets::version(), &page])
});

/// The list of the files to cache, and the worker's source. The list contains the files' hashes, so when a file changes the worker changes,
/// and browsers replace it.
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

/// `GET /sw.js`: always revalidated, so that an old worker does not outlive its files.
pub async fn worker(headers: HeaderMap) -> Response {
    let etag = format!("\"{}\"", *VERSION);
    let about = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (ETAG, etag.clone()),
        (SERVICE_WORKER_ALLOWED, "/".to_owned()),
    ];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, WORKER.as_str()).into_response()
}

/// `GET /manifest.webmanifest`.
pub async fn manifest() -> Response {
    let about = [(CONTENT_TYPE, "application/manifest+json"), (CACHE_CONTROL, "public, max-age=3600")];
    (about, MANIFEST.as_str()).into_response()
}

/// `GET /offline`: what the worker shows instead of a page that it has not cached.
pub async fn offline() -> Response {
    page(&OfflinePage)
}
