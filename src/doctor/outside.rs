//! The way from outside: whether browsers reach this server at `PUBLIC_URL`, through whatever is in between.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use serde::Deserialize;

use super::Finding;
use crate::config::{Config, PublicUrl};
use crate::realtime::handshake;

const CHECK: &str = "address";
/// How long one request may take.
const TIME: Duration = Duration::from_secs(3);
/// An address that nobody has (RFC 5737).
const MADE_UP: &str = "192.0.2.77";

/// What `/readyz` says that matters here.
#[derive(Debug, Deserialize)]
struct Readiness {
    version: String,
    address: Option<IpAddr>,
}

/// Asks this server for what browsers ask for.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let Some(public) = &config.public_url else {
        return vec![Finding::ok(CHECK, "PUBLIC_URL is not set: the way from outside is not tried")];
    };
    // An error means that there is one.
    drop(rustls::crypto::ring::default_provider().install_default());
    // As browsers do for a socket; over HTTP/2 it could not be opened like that.
    let client = reqwest::Client::builder().http1_only();
    let client = client.redirect(reqwest::redirect::Policy::none()).timeout(TIME).no_proxy().build();
    let Ok(client) = client else {
        let advice = "Install the certificates of authorities (on Debian: ca-certificates).";
        return vec![Finding::failed(CHECK, "TLS does not work here", advice)];
    };
    let seen = match readiness(&client, public, None).await {
        Ok(seen) => seen,
        Err(why) => {
            let advice = "Is the server running, does the name lead to it, and does the proxy pass requests on to LISTEN? With https: is the certificate valid?";
            return vec![Finding::failed(CHECK, format!("{}: {why}", public.origin), advice)];
        }
    };
    let mut findings = vec![Finding::ok(CHECK, format!("{} leads to Parlor {}", public.origin, seen.version))];
    let (sockets, origin, forged) =
        tokio::join!(socket(&client, public), form(&client, public), readiness(&client, public, Some(MADE_UP)));
    findings.push(of_socket(sockets));
    findings.push(of_form(origin));
    findings.push(of_addresses(config, &seen, forged.ok().and_then(|forged| forged.address)));
    findings
}

/// What the server says of itself and of whoever asks.
async fn readiness(client: &reqwest::Client, public: &PublicUrl, forwarded_for: Option<&str>) -> Result<Readiness, String> {
    let mut request = client.get(format!("{}/readyz", public.origin));
    if let Some(address) = forwarded_for {
        request = request.header("x-forwarded-for", address);
    }
    let answer = request.send().await.map_err(|error| reason(&error).to_owned())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| reason(&error).to_owned())?;
    serde_json::from_str(&text).map_err(|_| format!("something else than Parlor answers, with {status}"))
}

fn reason(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection; with https, also if the certificate is not trusted",
        _ => "the request failed",
    }
}

/// The status of an attempt to open a socket.
async fn socket(client: &reqwest::Client, public: &PublicUrl) -> Option<StatusCode> {
    let request = client
        .get(format!("{}{}/?EIO=4&transport=websocket", public.origin, handshake::PATH))
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, "cGFybG9yIGRvY3RvciAuLg==")
        .header(ORIGIN, &public.origin);
    request.send().await.ok().map(|answer| answer.status())
}

fn of_socket(status: Option<StatusCode>) -> Finding {
    if status == Some(StatusCode::SWITCHING_PROTOCOLS) {
        return Finding::ok(CHECK, "sockets can be opened");
    }
    let found = match status {
        Some(status) => format!("no socket can be opened: the answer is {status}"),
        None => "no socket can be opened: there is no answer".to_owned(),
    };
    let advice = "Let the proxy pass WebSockets on (nginx: proxy_http_version 1.1, and the headers Upgrade and Connection).";
    Finding::failed(CHECK, found, advice)
}

/// The status of a form that logs nobody in.
async fn form(client: &reqwest::Client, public: &PublicUrl) -> Option<StatusCode> {
    let request = client.post(format!("{}/login", public.origin)).header(ORIGIN, &public.origin);
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("username=&password=");
    request.send().await.ok().map(|answer| answer.status())
}

fn of_form(status: Option<StatusCode>) -> Finding {
    match status {
        Some(StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST) | None => {
            let advice = "PUBLIC_URL must be what browsers show, and the server must run with the same value. The proxy must pass Host and Origin on as they are.";
            Finding::failed(CHECK, "forms of this site are refused as foreign", advice)
        }
        Some(_) => Finding::ok(CHECK, "forms of this site are accepted"),
    }
}

fn of_addresses(config: &Config, seen: &Readiness, forged: Option<IpAddr>) -> Finding {
    let Some(address) = seen.address else { return Finding::ok(CHECK, "the server does not say whose address it sees") };
    if forged.is_some_and(|forged| forged.to_string() == MADE_UP) {
        let advice = "The proxy must append to X-Forwarded-For or replace it, and TRUSTED_PROXIES must name nothing but proxies.";
        return Finding::failed(CHECK, "whoever sends X-Forwarded-For can claim any address", advice);
    }
    if config.trusted_proxies.iter().any(|net| net.contains(&address)) {
        let advice = "Let the proxy send X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for), else all people count as one address.";
        return Finding::warning(CHECK, format!("the server sees the proxy {address} instead of whoever asks"), advice);
    }
    Finding::ok(CHECK, format!("the server sees this machine as {address}"))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_made_up_address_is_not_believed() {
        let config = Config { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Config::default() };
        let seen = |address: &str| Readiness { version: String::new(), address: Some(address.parse().unwrap()) };
        let state = |address, forged: &str| of_addresses(&config, &seen(address), forged.parse().ok()).state;
        assert_eq!(state("203.0.113.5", "203.0.113.5"), State::Ok);
        assert_eq!(state("203.0.113.5", MADE_UP), State::Failed);
        assert_eq!(state("10.0.0.1", "10.0.0.1"), State::Warning);
    }

    #[test]
    fn only_a_switch_of_protocols_is_a_socket() {
        let state = |status: u16| of_socket(StatusCode::from_u16(status).ok()).state;
        assert_eq!([101, 200, 400, 502].map(state), [State::Ok, State::Failed, State::Failed, State::Failed]);
        assert_eq!(of_form(StatusCode::from_u16(403).ok()).state, State::Failed);
        assert_eq!(of_form(StatusCode::from_u16(422).ok()).state, State::Ok);
    }
}
