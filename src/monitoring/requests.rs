//! Requests: how many, how they were answered, and how long that took.
//!
//! Owns that their labels are bounded: a route as it is written in the code and never a path, a known method, and a class of statuses.
//! Whatever strangers ask for, there are never more series than routes.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use crate::measure::Times;

/// The route of requests that no route answers.
const NO_ROUTE: &str = "none";

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Asked {
    method: &'static str,
    route: String,
}

/// What was asked for, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answered {
    method: &'static str,
    route: String,
    status: &'static str,
}

/// Counts requests.
#[derive(Clone, Debug)]
pub struct Requests {
    pub(super) answered: Family<Answered, Counter>,
    pub(super) took: Family<Asked, Histogram, fn() -> Histogram>,
    /// All of them.
    pub(super) all: Times,
    /// Those that failed, with 5xx.
    pub(super) failed: Counter,
}

impl Default for Requests {
    fn default() -> Self {
        let took = Family::new_with_constructor((|| Times::default().histogram()) as fn() -> Histogram);
        Self { answered: Family::default(), took, all: Times::default(), failed: Counter::default() }
    }
}

impl Requests {
    /// Counts a request. `route` is the pattern that it matched; `took` ends when the answer begins.
    pub fn count(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        self.all.add(took);
        if status.is_server_error() {
            self.failed.inc();
        }
        let method = match (status, route) {
            // Such a route has no such method, and strangers could try all of them.
            (StatusCode::METHOD_NOT_ALLOWED, _) | (_, None) => "other",
            _ => name(method),
        };
        let route = route.unwrap_or(NO_ROUTE).to_owned();
        let status = class(status);
        self.answered.get_or_create(&Answered { method, route: route.clone(), status }).inc();
        self.took.get_or_create(&Asked { method, route }).observe(took.as_secs_f64());
    }
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        0..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn strangers_make_no_new_series() {
        let requests = Requests::default();
        for number in 0..1000 {
            let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
            requests.count(&method, None, StatusCode::NOT_FOUND, Duration::ZERO);
            requests.count(&method, Some("/rooms"), StatusCode::METHOD_NOT_ALLOWED, Duration::ZERO);
        }
        let (mut registry, mut text) = (Registry::default(), String::new());
        registry.register("requests", "Requests", requests.answered.clone());
        registry.register("took", "Times", requests.took.clone());
        encode(&mut text, &registry).unwrap();
        let count = |name| text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!((count("requests_total{"), count("took_count{")), (2, 2), "{text}");
    }
}
