//! The files that pages load: styles, scripts, icons.
//!
//! Owns which files of `static/` are served, and how: each URL contains a hash, so a browser caches the file for ever. `bundle` combines
//! modules and style sheets; `versions` has the files of other nodes' versions.

pub mod bundle;
pub mod versions;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::encoding::hex;
use crate::error::Result;
use crate::web::accept::accepts_gzip;
use crate::web::assets::bundle::Scripts;
use crate::web::state::AppState;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/favicon.ico", get(favicon)).route("/static/", get(missing)).route("/static/{*path}", get(serve))
}

#[derive(RustEmbed)]
#[folder = "static/"]
struct Embedded;

/// The length of the hash in a URL.
const DIGITS: usize = 16;
/// The service worker, which is served at `/sw.js`.
pub const WORKER: &str = "sw.js";

/// A file as served.
pub struct File {
    bytes: Bytes,
    /// The compressed file, from the first request on.
    gzipped: OnceLock<Bytes>,
    kind: String,
    hash: String,
}

impl File {
    fn new(bytes: impl Into<Bytes>, kind: &str, hash: String) -> Self {
        let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
        Self { bytes: bytes.into(), gzipped: OnceLock::new(), kind, hash }
    }

    /// The compressed file; `None` for formats that are compressed already.
    fn gzipped(&self) -> Option<&Bytes> {
        let is_text = self.kind.starts_with("text/") || self.kind.contains("svg");
        is_text.then(|| {
            self.gzipped.get_or_init(|| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(&self.bytes).and_then(|()| encoder.finish()).expect("writing into memory does not fail").into()
            })
        })
    }
}

/// The hash of all scripts: they import each other by URL, so they share one.
static SCRIPTS: LazyLock<String> = LazyLock::new(|| {
    let sources: Vec<String> = Embedded::iter().filter(|path| path.ends_with(".js")).map(|path| text(&path)).collect();
    digest(&sources.iter().map(String::as_str).collect::<Vec<_>>())
});

/// The files by their paths below `static/`.
static FILES: LazyLock<BTreeMap<String, File>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    for path in Embedded::iter().filter(|path| !Scripts::is_part(path)) {
        let file = Embedded::get(&path).expect("what is listed is there");
        let hash = if path.ends_with(".js") { SCRIPTS.clone() } else { hex(&file.metadata.sha256_hash())[..DIGITS].to_owned() };
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        files.insert(path.to_string(), File::new(bytes, file.metadata.mimetype(), hash));
    }
    let source = |path: &str| Embedded::get(path).is_some().then(|| text(path));
    let scripts =
        Scripts::new(source, |path| format!("/static/{}/{path}", *SCRIPTS)).expect("a test has put the scripts together");
    for (path, script) in scripts.0 {
        files.insert(path, File::new(script, "text/javascript", SCRIPTS.clone()));
    }
    let sheet = bundle::sheet(text);
    let hash = digest(&[&sheet]);
    files.insert(bundle::SHEET.to_owned(), File::new(sheet, "text/css", hash));
    files
});

/// The URL of a file below `static/`.
pub fn url(path: &str) -> String {
    match FILES.get(path) {
        Some(file) => format!("/static/{}/{path}", file.hash),
        None => format!("/static/{path}"),
    }
}

/// The URL of the style sheet.
pub fn sheet() -> String {
    url(bundle::SHEET)
}

/// The paths of all files that pages load, without licenses and the like.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FILES.keys().map(String::as_str).filter(|path| {
        [".js", ".css", ".svg", ".png"].iter().any(|end| path.ends_with(end)) && ![WORKER, "js/first.js"].contains(path)
    })
}

/// All files by the names in their URLs: the hash and the path.
pub fn named() -> impl Iterator<Item = (String, &'static File)> {
    FILES.iter().map(|(path, file)| (format!("{}/{path}", file.hash), file))
}

/// The hash of all files.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let parts: Vec<&str> = FILES.iter().flat_map(|(path, file)| [path.as_str(), file.hash.as_str()]).collect();
        digest(&parts)
    });
    &VERSION
}

/// A short hash of a list of texts.
pub fn digest(parts: &[&str]) -> String {
    let mut all = Sha256::new();
    for part in parts {
        all.update(part.len().to_be_bytes());
        all.update(part.as_bytes());
    }
    hex(&all.finalize())[..DIGITS].to_owned()
}

/// The contents of a text file.
pub fn text(path: &str) -> String {
    Embedded::get(path).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// The inline script that runs before the first paint: `static/js/first.js` without comments and indentation.
static FIRST: LazyLock<String> = LazyLock::new(|| {
    let script = text("js/first.js");
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
});

/// The only inline script, which runs before the first paint.
pub fn first() -> &'static str {
    &FIRST
}

/// Its hash as a source of the Content-Security-Policy.
pub fn first_hash() -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(FIRST.as_bytes())))
}

/// `GET /static/{path}`, with or without the hash. With the hash of another version it is that version's file, if that is
/// known; else this version's.
pub async fn serve(State(state): State<AppState>, Path(name): Path<String>, headers: HeaderMap) -> Result<Response> {
    if let Some((hash, path)) = hashed(&name)
        && !is_current(hash, path)
        && let Some(other) = state.other_assets.find(&name).await?
    {
        return Ok(response(&other, &headers, FOR_EVER));
    }
    Ok(own(&name, &headers))
}

/// A file of this version.
pub fn own(name: &str, headers: &HeaderMap) -> Response {
    match hashed(name) {
        Some((hash, path)) => file(path, headers, if is_current(hash, path) { FOR_EVER } else { "no-cache" }),
        None => file(name, headers, "no-cache"),
    }
}

/// The hash and the path in a name that begins with a hash.
fn hashed(name: &str) -> Option<(&str, &str)> {
    name.split_once('/').filter(|(hash, _)| hash.len() == DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_current(hash: &str, path: &str) -> bool {
    FILES.get(path).is_some_and(|file| file.hash == hash)
}

/// The `Cache-Control` of a file whose URL has its hash.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// `GET /static/`: there is no directory listing.
pub async fn missing() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// `GET /favicon.ico`, which browsers request regardless of the page.
pub async fn favicon(headers: HeaderMap) -> Response {
    file("favicon.svg", &headers, "public, max-age=86400")
}

fn file(path: &str, headers: &HeaderMap, cache: &'static str) -> Response {
    match FILES.get(path) {
        Some(file) => response(file, headers, cache),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn response(file: &File, headers: &HeaderMap, cache: &'static str) -> Response {
    // Weak: the encoding varies.
    let etag = format!("W/\"{}\"", file.hash);
    let is_current = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let about = [
        (CONTENT_TYPE, file.kind.clone()),
        (CACHE_CONTROL, cache.to_owned()),
        (ETAG, etag),
        (VARY, "accept-encoding".to_owned()),
    ];
    if is_current {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let gzipped = file.gzipped().filter(|_| accepts_gzip(headers));
    let mut response = (about, gzipped.unwrap_or(&file.bytes).clone()).into_response();
    if gzipped.is_some() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_served_or_is_part_of_one_that_is() {
        let scripts: String = FILES.keys().filter(|path| path.ends_with(".js")).map(|path| text_of(path)).collect();
        for path in Embedded::iter().filter(|path| Scripts::is_part(path)) {
            let is_there = if path.ends_with(".css") {
                let rules = bundle::sheet(|part| if part == path { text(&path) } else { String::new() });
                !rules.is_empty() && text_of(bundle::SHEET).contains(&rules)
            } else {
                FILES.contains_key(&*path) || scripts.contains(&format!("modules['{path}'] = "))
            };
            assert!(is_there, "no page loads {path}");
        }
    }

    fn text_of(path: &str) -> String {
        String::from_utf8(FILES[path].bytes.to_vec()).unwrap()
    }
}
