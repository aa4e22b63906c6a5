//! What is answered over plain HTTP beside TLS: the way to https, and authorities that check who this server is.
//!
//! Owns that nothing else is: no page, no cookie, and no way to another site.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, LOCATION};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tower::Service;

use crate::config::Config;
use crate::tls::Tls;

/// Where an authority asks (RFC 8555, section 8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Where requests are sent to.
struct Way {
    /// `PUBLIC_URL`.
    public: Option<String>,
    /// The port of TLS, with its colon; empty if it is the usual one.
    port: String,
    tls: Arc<Tls>,
}

/// The service. `port` is where this server speaks TLS.
pub fn service(
    config: &Config,
    port: u16,
    tls: Arc<Tls>,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let way = Arc::new(Way { public: config.public_url.as_ref().map(|url| url.origin.clone()), port, tls });
    tower::service_fn(move |request: Request<Incoming>| {
        let way = way.clone();
        async move { Ok(way.answer(request.uri(), request.headers()).await) }
    })
}

impl Way {
    async fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        if let Some(token) = uri.path().strip_prefix(CHALLENGES) {
            return match self.tls.key_authorization(token).await {
                Some(answer) => response(StatusCode::OK, answer),
                None => response(StatusCode::NOT_FOUND, "nothing is asked for here\n".into()),
            };
        }
        let target = self.origin(headers).and_then(|origin| {
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            // `*` of an OPTIONS request is no path.
            let path = if path.starts_with('/') { path } else { "/" };
            HeaderValue::try_from(format!("{origin}{path}")).ok()
        });
        let Some(target) = target else {
            return response(StatusCode::MISDIRECTED_REQUEST, "this server has another name\n".into());
        };
        // The method stays: what a program sends must not become a GET.
        let mut response = response(StatusCode::PERMANENT_REDIRECT, String::new());
        response.headers_mut().insert(LOCATION, target);
        response
    }

    /// Where this server is over https: never where a stranger's `Host` says, unless the certificate is for that name.
    fn origin(&self, headers: &HeaderMap) -> Option<String> {
        if let Some(public) = &self.public {
            return Some(public.clone());
        }
        let host: Authority = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
        let certificate = self.tls.certificate()?;
        certificate.covers(host.host()).then(|| format!("https://{}{}", host.host(), self.port))
    }
}

/// A short answer, after which the connection ends: the next request goes elsewhere.
fn response(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        // A browser that remembered the way for ever would still go it after the server has moved.
        (CACHE_CONTROL, "no-store"),
        (CONNECTION, "close"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
