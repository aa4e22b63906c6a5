//! The files that pages load: styles, scripts, icons.
//!
//! Owns `static/`, which is part of the binary. A file's URL carries a hash of what it holds, so a browser keeps it for ever and
//! asks again only when it has changed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_embed::RustEmbed;
use serde_json::json;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// How many characters of its hash a file's URL carries.
const DIGITS: usize = 16;
/// The service worker, which is served at `/sw.js` and is nobody's module.
pub const WORKER: &str = "sw.js";

/// The hash of each file, by its path below `static/`.
static HASHES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let hash = |path: &str| Files::get(path).map(|file| hex(&file.metadata.sha256_hash()));
    Files::iter().filter_map(|path| Some((path.to_string(), hash(&path)?))).collect()
});

/// Where each module's name leads: modules import each other by name, and the browser finds the hashed file.
static IMPORT_MAP: LazyLock<String> = LazyLock::new(|| {
    let modules = HASHES.keys().filter(|path| path.ends_with(".js") && *path != WORKER);
    let imports: BTreeMap<_, _> = modules.map(|path| (format!("#{path}"), url(path))).collect();
    json!({ "imports": imports }).to_string()
});

/// The URL of a file below `static/`.
#[must_use]
pub fn url(path: &str) -> String {
    match HASHES.get(path) {
        Some(hash) => format!("/static/{}/{path}", &hash[..DIGITS]),
        None => format!("/static/{path}"),
    }
}

/// The paths of all files that pages load; licences and versions are for people who read the source.
pub fn paths() -> impl Iterator<Item = &'static str> {
    HASHES
        .keys()
        .map(String::as_str)
        .filter(|path| [".js", ".css", ".svg", ".png", ".json"].iter().any(|end| path.ends_with(end)))
}

/// What all files together are: another one as soon as one of them changes.
#[must_use]
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let parts: Vec<&str> = HASHES.iter().flat_map(|(path, hash)| [path.as_str(), hash.as_str()]).collect();
        digest(&parts)
    });
    &VERSION
}

/// A short hash of texts in their order.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut all = Sha256::new();
    for part in parts {
        all.update(part.len().to_be_bytes());
        all.update(part.as_bytes());
    }
    hex(&all.finalize())[..DIGITS].to_owned()
}

/// What a file of text says.
#[must_use]
pub fn text(path: &str) -> String {
    Files::get(path).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// The URL of a style sheet by its name.
#[must_use]
pub fn style(name: &str) -> String {
    url(&format!("css/{name}.css"))
}

/// What runs in the page itself before it is painted for the first time: `static/js/first.js` without its comments and indentation, which
/// each page would carry.
static FIRST: LazyLock<String> = LazyLock::new(|| {
    let script = text("js/first.js");
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
});

/// The script that runs before the first paint. It and the import map are the inline scripts there are.
#[must_use]
pub fn first() -> &'static str {
    &FIRST
}

/// Its hash as a source of the Content-Security-Policy.
#[must_use]
pub fn first_hash() -> String {
    source_of(&FIRST)
}

/// The import map.
#[must_use]
pub fn import_map() -> &'static str {
    &IMPORT_MAP
}

/// The import map's hash as a source of the Content-Security-Policy.
#[must_use]
pub fn import_map_hash() -> String {
    source_of(&IMPORT_MAP)
}

fn source_of(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

/// `GET /static/{path}`, with or without the hash.
pub async fn serve(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let hashed = path.split_once('/').filter(|(hash, _)| hash.len() == DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    match hashed {
        Some((hash, path)) => {
            let is_current = HASHES.get(path).is_some_and(|current| current.starts_with(hash));
            file(path, &headers, if is_current { "public, max-age=31536000, immutable" } else { "no-cache" })
        }
        None => file(&path, &headers, "no-cache"),
    }
}

/// `GET /static/`: there is no list of what is in it.
pub async fn missing() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// `GET /favicon.ico`, which browsers ask for whatever the page says.
pub async fn favicon(headers: HeaderMap) -> Response {
    file("favicon.svg", &headers, "public, max-age=86400")
}

fn file(path: &str, headers: &HeaderMap, cache: &'static str) -> Response {
    let Some(file) = Files::get(path) else { return StatusCode::NOT_FOUND.into_response() };
    let tag = format!("\"{}\"", &hex(&file.metadata.sha256_hash())[..DIGITS]);
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let kind = file.metadata.mimetype().to_owned();
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind };
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, cache.to_owned()), (ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.data.into_owned()).into_response()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
