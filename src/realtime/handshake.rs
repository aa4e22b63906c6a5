//! The HTTP request of a socket, before socketioxide sees it.
//!
//! Owns what is kept of that request: the session that it names, whether its origin is allowed, and the handle that cuts its connection.
//! Everything else is dropped, because socketioxide keeps the request as long as the socket, and the request keeps its read buffer alive.
//! It must not admit anybody: that is decided at each connect.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, Request, Uri, header};
use ipnet::IpNet;

use crate::accounts::tokens;
use crate::http::bearer;
use crate::http::client_ip;
use crate::http::cookies::session_key;
use crate::http::origin::Origins;
use crate::realtime::guard::{ConnectionGuard, Handshake};
use crate::server::{ConnectionControl, Connections};
use crate::transport::{Backlog, Guarded};

/// Where Socket.IO answers.
pub const PATH: &str = "/socket.io";

/// What requests are checked against.
#[derive(Clone)]
pub struct Doors {
    /// The allowed origins.
    pub origins: Arc<Origins>,
    /// The proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The connection limits; polling sessions count too.
    pub connections: Connections,
}

/// The headers that engineioxide reads of a WebSocket handshake and of a polling request; hyper has checked the rest.
const KEPT: [HeaderName; 3] = [header::SEC_WEBSOCKET_KEY, header::CONTENT_TYPE, header::CONTENT_LENGTH];

/// The URI of almost every client; as a static string it takes no memory per connection.
const USUAL: &str = "/socket.io/?EIO=4&transport=websocket";

/// Whether a request is for Socket.IO.
#[must_use]
pub fn is_socket<B>(request: &Request<B>) -> bool {
    request.uri().path().strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[must_use]
/// Whether a socket's request comes from one of our pages or from no browser, and was addressed to this server. No page can make a browser
/// send an access token.
pub fn is_allowed<B>(request: &Request<B>, origins: &Origins) -> bool {
    (bearer::secret(request.headers()).is_some() || origins.allows(request.headers()))
        && origins.is_meant(request.headers(), request.uri())
}

/// Strips a socket's request down to what is kept; other requests pass unchanged.
pub fn prepare<B>(mut request: Request<B>, doors: &Doors) -> Request<B> {
    if !is_socket(&request) {
        return request;
    }
    let headers = request.headers();
    let handshake = Handshake {
        // A cookie beside a token is ignored.
        session: match bearer::secret(headers) {
            Some(secret) => tokens::key(secret),
            None => session_key(headers, &doors.origins),
        },
        is_origin_allowed: is_allowed(&request, &doors.origins),
        control: request.extensions().get::<ConnectionControl>().cloned().unwrap_or_default(),
        backlog: Backlog::default(),
        address: client_ip::client(headers, request.extensions(), &doors.trusted_proxies)
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    };
    // Sized exactly: a new map reserves six entries.
    let mut kept = HeaderMap::with_capacity(KEPT.iter().filter(|name| headers.contains_key(*name)).count());
    for name in KEPT {
        if let Some(value) = headers.get(&name) {
            // A copy: the original is a slice of the connection's whole read buffer.
            let copy = axum::http::HeaderValue::from_bytes(value.as_bytes());
            kept.insert(name, copy.expect("it was a header's value already"));
        }
    }
    let uri = if *request.uri() == USUAL {
        Uri::from_static(USUAL)
    } else {
        request.uri().to_string().parse().expect("it was a URI already")
    };
    *request.headers_mut() = kept;
    *request.uri_mut() = uri;
    let on_upgrade = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>();
    let extensions = request.extensions_mut();
    extensions.clear();
    if let Some(on_upgrade) = on_upgrade {
        extensions.insert(on_upgrade);
    }
    // engineioxide counts in this one.
    extensions.insert(handshake.backlog.clone());
    extensions.insert(Guarded(Arc::new(ConnectionGuard::new(handshake, doors.connections.clone()))));
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::server::Limits;

    #[test]
    fn only_our_own_pages_open_sockets_under_our_own_name() {
        let config = Config::from_env([("PUBLIC_URL".to_owned(), "https://chat.example".to_owned())]);
        let origins = Arc::new(Origins::new(&config.unwrap_or_default(), ""));
        let doors = Doors { origins, trusted_proxies: Vec::new(), connections: Connections::new(Limits::default()) };
        for (host, origin, site, expected) in [
            ("chat.example", None, None, true),
            ("chat.example", Some("https://chat.example"), Some("same-origin"), true),
            ("127.0.0.1:3000", Some("https://chat.example"), None, true),
            ("evil.example", None, None, false),
            ("evil.example", Some("http://evil.example"), Some("same-origin"), false),
            ("evil.example", Some("https://chat.example"), None, false),
            ("chat.example", Some("http://evil.example"), Some("same-origin"), false),
            ("chat.example", None, Some("cross-site"), false),
            ("chat.example", Some("null"), None, false),
        ] {
            let mut request = Request::get(USUAL).header("host", host);
            for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let prepared = prepare(request.body(()).unwrap(), &doors);
            let entrance = ConnectionGuard::of(prepared.extensions()).unwrap();
            assert_eq!(entrance.handshake().is_origin_allowed, expected, "{host} {origin:?} {site:?}");
        }
    }
}
