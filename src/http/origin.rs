//! Where requests may come from and what they may call us, and what the session's cookie is called there.
//!
//! Owns the reading of `Origin`, `Sec-Fetch-Site` and `Host`, and the cookie's name. It must not know of sessions or pages.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

use crate::config::Config;

/// How many characters of a database's digest tell two servers on one host apart.
const OWN: usize = 8;
const SEC_FETCH_SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");

/// The one origin that is ours, or, when nobody said which, the one that the request's own `Host` names.
#[derive(Clone, Debug)]
pub struct Origins {
    public: Option<String>,
    /// The host in it, without a port.
    host: Option<String>,
    is_https: bool,
    /// The names of the session's cookie and of the device's.
    cookies: [String; 2],
}

impl Origins {
    /// As `PUBLIC_URL` says, for the server whose database has this digest.
    #[must_use]
    pub fn new(config: &Config, digest: &str) -> Self {
        let is_https = config.public_url.as_ref().is_some_and(|url| url.is_https);
        let prefix = if is_https { "__Host-" } else { "" };
        let own: String = digest.chars().take(OWN).collect();
        Self {
            cookies: ["parlor", "parlor-device"].map(|name| format!("{prefix}{name}-{own}")),
            public: config.public_url.as_ref().map(|url| url.origin.clone()),
            host: config.public_url.as_ref().map(|url| url.host.clone()),
            is_https,
        }
    }

    /// Whether browsers reach the site over https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The name of the session's cookie. The `__Host-` prefix makes browsers refuse one that was not set by this very host over
    /// https (RFC 6265bis, section 4.1.3.2). Browsers do not tell the ports of a host apart: a part of the
    /// database's digest is in it, so that two servers on one host do not end each other's sessions.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        &self.cookies[0]
    }

    /// The name of the device's cookie.
    #[must_use]
    pub fn device_cookie_name(&self) -> &str {
        &self.cookies[1]
    }

    /// Whether a request that changes something, or opens a socket, may be acted on: one from our own pages, or from something that is
    /// no browser. Everything that a browser says of where it comes from must be ours: a page cannot set `Origin` or
    /// `Sec-Fetch-Site`, but what stands between may have added or dropped one of them, so neither makes up for the other.
    #[must_use]
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let is_own_site = |site: &[u8]| matches!(site, b"same-origin" | b"none");
        let is_own = |origin: &str| self.is_own(origin, headers);
        headers.get_all(SEC_FETCH_SITE).iter().all(|site| is_own_site(site.as_bytes()))
            && headers.get_all(header::ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(is_own))
    }

    /// Whether a request was meant for us, by the name that it calls us: with `PUBLIC_URL`, that host. A page of another site whose
    /// name was made to point here (DNS rebinding) sends that name. An address, `localhost` and a name without a dot cannot be made to
    /// point here by a stranger; they are what a proxy or a health check inside calls us, and are let in. Without `PUBLIC_URL`, every
    /// name is ours.
    #[must_use]
    pub fn is_meant(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let Some(public) = &self.host else { return true };
        let is_ours = |host: &str| host.eq_ignore_ascii_case(public) || is_inside(host);
        let mut named = headers.get_all(header::HOST).iter();
        let host = named.next().and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        host.is_some_and(|host| is_ours(host.host())) && named.next().is_none() && uri.host().is_none_or(is_ours)
    }

    /// Our origin as links outside name it; empty where nobody said which it is, so that such a link is a path.
    #[must_use]
    pub fn own(&self, headers: &HeaderMap) -> String {
        let host = || headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
        match &self.public {
            Some(public) => public.clone(),
            None => host().map(|host| format!("http://{host}")).unwrap_or_default(),
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

/// Whether a host is an address, or a name that the world's DNS does not know.
fn is_inside(host: &str) -> bool {
    let bare = host.strip_suffix('.').unwrap_or(host);
    match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => host.parse::<Ipv4Addr>().is_ok() || !bare.is_empty() && !bare.contains('.') || is_localhost(bare),
    }
}

/// Browsers resolve these by themselves (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, top)| top.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    fn origins(public: Option<&str>) -> Origins {
        let vars = public.map(|url| ("PUBLIC_URL".to_owned(), url.to_owned()));
        Origins::new(&Config::from_env(vars).unwrap_or_else(|_| panic!("{public:?}")), "")
    }

    #[test]
    fn the_cookies_of_two_servers_on_one_host_have_two_names() {
        let of = |url: &str, history: &str| {
            let origins = Origins::new(&Config::from_env([("PUBLIC_URL".to_owned(), url.to_owned())]).unwrap(), history);
            [origins.cookie_name().to_owned(), origins.device_cookie_name().to_owned()]
        };
        assert_eq!(of("http://chat.example", "0123456789abcdef"), ["parlor-01234567", "parlor-device-01234567"]);
        assert_eq!(of("https://chat.example", "fedcba9876543210"), ["__Host-parlor-fedcba98", "__Host-parlor-device-fedcba98"]);
    }

    #[test]
    fn only_our_own_pages_are_acted_on() {
        let by_host = origins(None);
        let public = origins(Some("https://chat.example"));
        for (origins, host, own) in
            [(&by_host, "localhost:3000", "http://localhost:3000"), (&public, "inside", "https://chat.example")]
        {
            let allows = |pairs: &[(&'static str, &'static str)]| {
                let mut all = headers(&[("host", host)]);
                for (name, value) in pairs {
                    all.append(*name, value.parse().unwrap());
                }
                origins.allows(&all)
            };
            let foreign = ["https://localhost:3000", "http://evil.example", "null", "http://localhost:3001", "http://inside", ""];
            assert!(allows(&[]), "no browser");
            assert!(allows(&[("origin", own)]));
            for site in ["same-origin", "none"] {
                assert!(allows(&[("sec-fetch-site", site)]) && allows(&[("sec-fetch-site", site), ("origin", own)]), "{site}");
                for foreign in foreign {
                    assert!(!allows(&[("sec-fetch-site", site), ("origin", foreign)]), "{site} {foreign}");
                }
            }
            for site in ["same-site", "cross-site", "", "other"] {
                assert!(!allows(&[("sec-fetch-site", site)]) && !allows(&[("sec-fetch-site", site), ("origin", own)]), "{site}");
            }
            for foreign in foreign {
                assert!(!allows(&[("origin", foreign)]), "{foreign}");
                assert!(!allows(&[("origin", own), ("origin", foreign)]), "{foreign} beside our own");
            }
            assert!(!allows(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]));
        }
    }

    #[test]
    fn with_a_public_url_only_its_host_is_ours() {
        let origins = [origins(Some("https://chat.example")), origins(Some("https://chat.example:8443"))];
        let meant = |host: &'static str| {
            origins.each_ref().map(|origins| origins.is_meant(&headers(&[("host", host)]), &Uri::from_static("/")))
        };
        let ours = ["chat.example", "Chat.Example", "chat.example:443", "chat.example:8443"];
        let inside = [
            "127.0.0.1:3000",
            "10.0.0.7",
            "[::1]:3000",
            "[2001:db8::1]",
            "localhost:3000",
            "a.localhost",
            "parlor",
            "parlor:3000",
        ];
        for host in ours.iter().chain(&inside) {
            assert_eq!(meant(host), [true; 2], "{host}");
        }
        for host in [
            "evil.example",
            "chat.example.evil.example",
            "evil.example:443",
            "1.2.3.4.evil.example",
            "localhost.evil.example",
            "",
            "a b",
            "chat.example@evil.example",
            "[chat.example]",
            "::1",
        ] {
            assert_eq!(meant(host), [false; 2], "{host:?}");
        }
        let https = &origins[0];
        assert!(!https.is_meant(&HeaderMap::new(), &Uri::from_static("/")), "a browser always says a host");
        assert!(!https.is_meant(&headers(&[("host", "chat.example")]), &Uri::from_static("http://evil.example/")));
        let mut two = headers(&[("host", "chat.example")]);
        two.append("host", "evil.example".parse().unwrap());
        assert!(!https.is_meant(&two, &Uri::from_static("/")));
        assert!(
            self::origins(None).is_meant(&headers(&[("host", "evil.example")]), &Uri::from_static("/")),
            "nobody said which is ours"
        );
    }
}
