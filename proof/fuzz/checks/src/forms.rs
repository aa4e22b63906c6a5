//! Input over HTTP: forms, links, headers, and the names and passwords in them.
//!
//! The first letter is the kind of the rest: `n` a name or another short text, `p` a password, `f` a form's body, `q` a link's path and
//! query, `h` the lines of a request's head.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Query};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Uri};
use axum::response::{IntoResponse, Redirect};
use futures_util::FutureExt;
use ipnet::IpNet;
use parlor::accounts::{password, profile};
use parlor::chat::direct;
use parlor::config::Config;
use parlor::error::Result;
use parlor::http::origin::Origins;
use parlor::http::{client_ip, cookies};
use parlor::model::username::{NAME, Username, display_name};
use parlor::model::{lookalikes, validate};
use parlor::realtime::guard::ConnectionGuard;
use parlor::realtime::handshake::{self, Doors};
use parlor::server::{Connections, Limits, PeerAddr};
use parlor::web::accept::Format;
use parlor::web::assets;
use parlor::web::form::Form;
use parlor::web::pages::{
    accounts, drafts, history, members, mentions, message_actions, messages, notifications, preview, read_marker, revisions,
    rooms, search, settings, sidebar,
};
use parlor::web::query::{PeopleQuery, RoomsQuery};
use parlor::web::respond::{own_path, to_login};
use serde::de::DeserializeOwned;

use crate::{bounded, within};

/// How long rating a password may take. It runs where passwords are hashed, which takes as long.
const JUDGING: Duration = Duration::from_millis(400);

/// Parses the input as its first letter says.
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match (kind, std::str::from_utf8(rest)) {
        (b'n', Ok(name)) => short(name),
        (b'p', Ok(password)) => within(JUDGING, "judging a password", || secret(password)),
        (b'f', _) => form(rest),
        (b'q', _) => link(rest),
        (b'h', _) => head(rest),
        _ => {}
    }
}

fn short(text: &str) {
    username(text);
    if let Some(name) = clear(display_name(text, &Username::parse("ada").expect("a plain name")), "name") {
        shows_everything(&name, NAME);
        assert!(validate::shows_something(&name) && !name.contains("  "), "{name:?}");
        // The displayed form is the same name again, and looks alike.
        let ada = Username::parse("ada").expect("a plain name");
        assert_eq!(display_name(&name, &ada).ok().as_ref(), Some(&name));
        assert!(!bounded("looking at a name", || lookalikes::look(&name)).is_empty());
        let [small, shape] = lookalikes::folds(&name);
        assert!(small.len() <= name.len() * 40 && shape.len() <= name.len() * 40, "{name:?}");
    }
    if let Some(name) = clear(validate::room_name(text), "name") {
        shows_everything(&name, validate::ROOM_NAME);
        let slug = validate::slug(&name);
        assert!((1..=48).contains(&slug.len()), "{slug:?}");
        assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{slug:?}");
        assert!(!slug.starts_with('-') && !slug.ends_with('-'), "{slug:?}");
    }
    if let Some(topic) = clear(validate::line("topic", text, validate::TOPIC), "topic") {
        shows_everything(&topic, validate::TOPIC);
    }
    if let Some(Some(zone)) = clear(bounded("finding a time zone", || profile::time_zone(text)), "time_zone") {
        assert_eq!(profile::time_zone(&zone).ok().flatten(), Some(zone), "a time zone has one spelling");
    }
    for zone in [None, Some("Europe/Paris"), Some(text)] {
        if let Err(error) = history::bounds_of(text, zone) {
            assert!(matches!(error.field(), Some("date" | "tz")) && error.to_string().len() < 200, "{error:?}");
        }
    }
    for name in direct::usernames(&[text]) {
        assert!(!name.is_empty() && !name.contains([',', ' ']) && !name.starts_with('@'), "{name:?}");
    }
    next(text);
}

/// A username is one plain word, and parsing it again does not change it; a look-alike does not become one.
fn username(text: &str) {
    let Some(name) = clear(bounded("reading a username", || Username::parse(text)), "username") else { return };
    let plain = name.as_str();
    assert!((1..=32).contains(&plain.len()) && !plain.starts_with(['.', '_', '-']), "{plain:?}");
    assert!(plain.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b)), "{plain:?}");
    assert_eq!(Username::parse(plain).ok().as_ref(), Some(&name));
    // A full-width letter is the same letter; every other non-ASCII character is a different one.
    let is_the_same = |c: char| c.is_ascii() || matches!(c, '\u{FF01}'..='\u{FF5E}');
    assert!(text.trim().chars().all(is_the_same), "{text:?} became {plain:?}");
}

/// An accepted line hides nothing, and is within its limit.
fn shows_everything(line: &str, limit: usize) {
    assert!(line.chars().count() <= limit && line.trim() == line);
    let is_odd = |c: char| {
        c.is_control() || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!line.contains(is_odd), "{line:?}");
}

/// The redirect after logging in: as a browser parses it, it always leads to this site.
fn next(text: &str) {
    let Some(path) = own_path(text) else { return };
    let answer = Redirect::to(path).into_response();
    assert_eq!(answer.status().as_u16(), 303, "{path:?}");
    let location = answer.headers().get(LOCATION).map(HeaderValue::as_bytes);
    assert_eq!(location, Some(path.as_bytes()));
    for own in ["https://chat.example/login?next=x", "http://127.0.0.1:3000/login"] {
        let own = url::Url::parse(own).expect("a constant is a URL");
        assert!(own.join(path).is_ok_and(|led| led.origin() == own.origin()), "{path:?} leads away");
    }
}

fn secret(password: &str) {
    let ada = Username::parse("ada").expect("a plain name");
    if clear(password::check(password, &ada, "Ada L."), "password").is_some() {
        assert!((8..=256).contains(&password.chars().count()) && !password.contains('\0'));
    }
}

fn form(body: &[u8]) {
    fields::<accounts::RegisterForm>(body);
    fields::<accounts::LoginForm>(body);
    fields::<message_actions::Act>(body);
    fields::<notifications::Chosen>(body);
    fields::<read_marker::Place>(body);
    fields::<sidebar::Switch>(body);
    fields::<sidebar::Section>(body);
    fields::<drafts::Fields>(body);
    fields::<messages::NewMessage>(body);
    fields::<members::Description>(body);
    fields::<members::Invitation>(body);
    fields::<preview::Draft>(body);
    fields::<rooms::NewRoom>(body);
    fields::<settings::Settings>(body);
    fields::<Vec<(String, String)>>(body);
}

/// A form is parsed, or the error is the client's.
fn fields<T: DeserializeOwned>(body: &[u8]) {
    let request = Request::post("/x").header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body.to_vec()));
    let request = request.expect("a request of constants");
    let read = Form::<T>::from_request(request, &()).now_or_never().expect("the whole body is there");
    if let Err(refusal) = read {
        assert!(refusal.status().is_client_error(), "{}", refusal.status());
    }
}

fn link(line: &[u8]) {
    let Ok(uri) = Uri::try_from(line) else { return };
    let _ = Query::<accounts::Links>::try_from_uri(&uri);
    let _ = Query::<mentions::Before>::try_from_uri(&uri);
    let _ = Query::<revisions::Between>::try_from_uri(&uri);
    let _ = Query::<history::Day>::try_from_uri(&uri);
    let _ = Query::<PeopleQuery>::try_from_uri(&uri).map(|Query(query)| query.sought().map(|_| query.query("")));
    let _ =
        Query::<RoomsQuery>::try_from_uri(&uri).map(|Query(query)| query.sought().map(|sought| query.query(sought.scope, "")));
    let _ = Query::<search::SearchQuery>::try_from_uri(&uri);
    let _ = Query::<settings::Done>::try_from_uri(&uri);
    if let Ok(Query(place)) = Query::<history::Place>::try_from_uri(&uri)
        && let Err(error) = place.window()
    {
        assert!(matches!(error.field(), Some("after" | "around" | "before" | "limit")), "{error:?}");
    }
    file(uri.path().trim_start_matches('/'), &HeaderMap::new());
    let kept = handshake::prepare(Request::get(uri.clone()).body(()).expect("a URI that was read"), &doors(&HTTPS));
    assert_eq!(kept.uri(), &uri);
    // The log-in form leads back to the page.
    let redirect = to_login(&uri);
    let location =
        redirect.headers().get(LOCATION).and_then(|location| location.to_str().ok()).expect("an answer leads to the log-in");
    assert!(location.starts_with("/login?next=") || location == "/login", "{location:?}");
    next(&String::from_utf8_lossy(line));
}

static HTTPS: LazyLock<Origins> = LazyLock::new(|| {
    let vars = [("PUBLIC_URL".to_owned(), "https://chat.example".to_owned())];
    Origins::new(&Config::from_env(vars).expect("one good setting"), "")
});
fn doors(origins: &Origins) -> Doors {
    let connections = Connections::new(Limits::default());
    Doors { origins: Arc::new(origins.clone()), trusted_proxies: Vec::new(), connections }
}

static HTTP: LazyLock<Origins> = LazyLock::new(|| Origins::new(&Config::default(), ""));

/// The valid lines of a request's head.
fn head(lines: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines.split(|&b| b == b'\n').take(40) {
        let mut parts = line.splitn(2, |&b| b == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    came_from(&headers);
    for origins in [&*HTTP, &*HTTPS] {
        let key = cookies::session_key(&headers, origins);
        assert!(key.is_none() || headers.contains_key("cookie"));
        if !origins.allows(&headers) {
            assert!(headers.contains_key("origin") || headers.contains_key("sec-fetch-site"));
        }
        let request = Request::get("/socket.io/?EIO=4&transport=websocket");
        let mut request = request.body(()).expect("a request of constants");
        *request.headers_mut() = headers.clone();
        let kept = handshake::prepare(request, &doors(origins));
        assert!(!kept.headers().contains_key("cookie") && ConnectionGuard::of(kept.extensions()).is_some());
    }
    let own = |name: &str, ours: &[&[u8]]| {
        headers.get_all(name).iter().all(|value| ours.iter().any(|ours| value.as_bytes().eq_ignore_ascii_case(ours)))
    };
    // No header compensates for another one.
    let is_ours = own("origin", &[b"https://chat.example"]) && own("sec-fetch-site", &[b"same-origin", b"none"]);
    assert!(is_ours || !HTTPS.allows(&headers), "{headers:?}");
    if HTTPS.is_meant(&headers, &Uri::from_static("/")) {
        let host = headers.get("host").expect("a browser says a host").as_bytes().to_ascii_lowercase();
        let host = String::from_utf8(host).expect("a host is a name");
        let name = host.rsplit_once(':').map_or(&*host, |(name, _)| name);
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || host.starts_with('[');
        assert!(
            name == "chat.example"
                || is_address
                || !name.trim_end_matches('.').contains('.')
                || name.ends_with("localhost")
                || name.ends_with("localhost."),
            "{host:?}"
        );
    }
    let is_json = Format::of(&headers).is_json();
    assert!(!is_json || headers.contains_key("accept"));
    file("css/base.css", &headers);
}

/// The client's address is the peer's, or, from a trusted proxy, one of the forwarded ones.
fn came_from(headers: &HeaderMap) {
    let trusted: [IpNet; 2] = ["10.0.0.0/8".parse().expect("a network"), "fd00::/8".parse().expect("a network")];
    for (peer, is_trusted) in [("192.0.2.1", false), ("10.0.0.1", true), ("::ffff:10.0.0.1", true), ("fd00::1", true)] {
        let peer: IpAddr = peer.parse().expect("an address");
        let mut extensions = Extensions::new();
        extensions.insert(PeerAddr((peer, 1234).into()));
        let seen = client_ip::client(headers, &extensions, &trusted).expect("a peer has an address");
        assert_eq!(seen, seen.to_canonical());
        if seen != peer.to_canonical() {
            // The address stands there, in full or shortened.
            let says = |line: &HeaderValue| {
                let line = String::from_utf8_lossy(line.as_bytes());
                let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
                let words = line.split(|c| !is_part(c));
                let mut words = words.flat_map(|word| [word, word.rsplit_once(':').map_or(word, |(word, _)| word)]);
                words.any(|word| word.parse().is_ok_and(|word: IpAddr| word.to_canonical() == seen))
            };
            let lines = ["x-forwarded-for", "forwarded"].map(|name| headers.get_all(name));
            assert!(is_trusted && lines.iter().any(|lines| lines.iter().any(says)), "{seen} was made up");
        }
    }
}

/// One of the program's own files, or nothing.
fn file(path: &str, headers: &HeaderMap) {
    let answer = assets::own(path, headers);
    assert!(matches!(answer.status().as_u16(), 200 | 304 | 404), "{path:?}");
}

/// The parsed value; an error must name the field and be short.
fn clear<T>(read: Result<T>, field: &str) -> Option<T> {
    if let Err(error) = &read {
        assert!(matches!(error.code(), "invalid" | "too_long") && error.field() == Some(field), "{error:?}");
        assert!(error.to_string().len() < 250, "{error:?}");
    }
    read.ok()
}
