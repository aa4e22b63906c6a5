//! Where requests may come from, and what the session's cookie is called there.
//!
//! Owns the reading of `Origin`, `Sec-Fetch-Site` and the cookie's name. It must not know of sessions or pages.

use axum::http::{HeaderMap, header};

use crate::config::Config;

/// The one origin that is ours, or, when nobody said which, the one that the request's own `Host` names.
#[derive(Clone, Debug)]
pub struct Origins {
    public: Option<String>,
    is_https: bool,
}

impl Origins {
    /// As `PUBLIC_URL` says.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            public: config.public_url.as_ref().map(|url| url.origin.clone()),
            is_https: config.public_url.as_ref().is_some_and(|url| url.is_https),
        }
    }

    /// Whether browsers reach the site over https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The name of the session's cookie. The `__Host-` prefix makes browsers refuse one that was not set by this very host over
    /// https (RFC 6265bis, section 4.1.3.2).
    #[must_use]
    pub fn cookie_name(&self) -> &'static str {
        if self.is_https { "__Host-parlor" } else { "parlor" }
    }

    /// Whether a socket may connect: a browser always says where a page that opens one came from, other clients need not.
    #[must_use]
    pub fn allows_socket(&self, headers: &HeaderMap) -> bool {
        match headers.get(header::ORIGIN) {
            None => true,
            Some(origin) => origin.to_str().is_ok_and(|origin| self.is_own(origin, headers)),
        }
    }

    /// Whether a form may be acted on: one from our own pages, or from something that is no browser. `Sec-Fetch-Site` cannot be
    /// set by a page (Fetch Metadata Request Headers, section 2.3); a browser too old for it sends `Origin`.
    #[must_use]
    pub fn allows_form(&self, headers: &HeaderMap) -> bool {
        match headers.get("sec-fetch-site") {
            Some(site) => matches!(site.as_bytes(), b"same-origin" | b"none"),
            None => self.allows_socket(headers),
        }
    }

    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        match &self.public {
            Some(public) => origin.eq_ignore_ascii_case(public),
            None => headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .is_some_and(|host| origin.strip_prefix("http://").is_some_and(|own| own.eq_ignore_ascii_case(host))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_our_own_pages_open_sockets() {
        let by_host = Origins { public: None, is_https: false };
        assert!(by_host.allows_socket(&headers(&[("host", "localhost:3000")])));
        assert!(by_host.allows_socket(&headers(&[("host", "localhost:3000"), ("origin", "http://localhost:3000")])));
        for foreign in ["https://localhost:3000", "http://evil.example", "null", "http://localhost:3001"] {
            let headers = headers(&[("host", "localhost:3000"), ("origin", foreign)]);
            assert!(!by_host.allows_socket(&headers), "{foreign}");
        }
        let public = Origins { public: Some("https://chat.example".into()), is_https: true };
        assert!(public.allows_socket(&headers(&[("host", "inside"), ("origin", "https://chat.example")])));
        assert!(!public.allows_socket(&headers(&[("host", "inside"), ("origin", "http://inside")])));
    }

    #[test]
    fn only_our_own_forms_are_acted_on() {
        let origins = Origins { public: None, is_https: false };
        for (site, allowed) in [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)] {
            assert_eq!(origins.allows_form(&headers(&[("host", "h"), ("sec-fetch-site", site)])), allowed, "{site}");
        }
        assert!(!origins.allows_form(&headers(&[("host", "h"), ("origin", "null")])));
        assert!(origins.allows_form(&headers(&[("host", "h")])));
    }
}
