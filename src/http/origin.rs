//! The server's own origin: which `Origin` and `Host` requests may have, and the names of cookies.
//!
//! Owns the reading of `Origin`, `Sec-Fetch-Site` and `Host`. It must not know sessions or pages.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

use crate::config::Config;

/// How many characters of the database's digest are in the names of cookies.
const DIGEST_CHARS: usize = 8;
const SEC_FETCH_SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");

/// The origin of `PUBLIC_URL`; without it, the one that a request's `Host` names.
#[derive(Clone, Debug)]
pub struct Origins {
    public: Option<String>,
    /// Its host, without a port.
    host: Option<String>,
    is_https: bool,
    /// The names of the cookies of the session, of the device, of an unfinished log-in, of one at the OpenID provider, and of a challenge
    /// for a passkey.
    cookies: [String; 5],
}

impl Origins {
    /// For the server whose database has this digest.
    pub fn new(config: &Config, digest: &str) -> Self {
        let is_https = config.is_https();
        let prefix = if is_https { "__Host-" } else { "" };
        let own: String = digest.chars().take(DIGEST_CHARS).collect();
        Self {
            cookies: ["parlor", "parlor-device", "parlor-log-in", "parlor-oidc", "parlor-passkey"]
                .map(|name| format!("{prefix}{name}-{own}")),
            public: config.public_url.as_ref().map(|url| url.origin.clone()),
            host: config.public_url.as_ref().map(|url| url.host.clone()),
            is_https,
        }
    }

    /// Whether browsers reach the site over https.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The name of the session cookie. With the prefix `__Host-`, browsers reject a cookie that was not set by this host over https (RFC
    /// 6265bis, section 4.1.3.2). Cookies do not depend on the port, so the name contains a part of the database's digest: two servers on
    /// one host do not overwrite each other's.
    pub fn cookie_name(&self) -> &str {
        &self.cookies[0]
    }

    /// The name of the device cookie.
    pub fn device_cookie_name(&self) -> &str {
        &self.cookies[1]
    }

    /// The name of the cookie of a log-in whose second factor is due.
    pub fn log_in_cookie_name(&self) -> &str {
        &self.cookies[2]
    }

    /// The name of the cookie of a log-in by the OpenID provider.
    pub fn oidc_cookie_name(&self) -> &str {
        &self.cookies[3]
    }

    /// The name of the cookie of a challenge for a passkey.
    pub fn challenge_cookie_name(&self) -> &str {
        &self.cookies[4]
    }

    /// Whether a request may change something or open a socket: it comes from this site, or not from a browser. All values of `Origin` and
    /// `Sec-Fetch-Site` must be ours: pages cannot set these headers, but a proxy may have added or removed one, so neither outweighs the
    /// other.
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let is_own_site = |site: &[u8]| matches!(site, b"same-origin" | b"none");
        let is_own = |origin: &str| self.is_own(origin, headers);
        headers.get_all(SEC_FETCH_SITE).iter().all(|site| is_own_site(site.as_bytes()))
            && headers.get_all(header::ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(is_own))
    }

    /// Whether the request's `Host` is ours: with `PUBLIC_URL`, its host. A page of another site whose name resolves to this server (DNS
    /// rebinding) sends that name. Addresses, `localhost` and names without a dot are allowed: proxies and health checks use them, and
    /// nobody outside can make them resolve here. Without `PUBLIC_URL`, any host is allowed.
    pub fn is_meant(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let Some(public) = &self.host else { return true };
        let is_ours = |host: &str| host.eq_ignore_ascii_case(public) || is_inside(host);
        let mut named = headers.get_all(header::HOST).iter();
        let host = named.next().and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        host.is_some_and(|host| is_ours(host.host())) && named.next().is_none() && uri.host().is_none_or(is_ours)
    }

    /// The origin for absolute links; empty if it is unknown, so that such a link is a path.
    pub fn own(&self, headers: &HeaderMap) -> String {
        let host = || headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
        match &self.public {
            Some(public) => public.clone(),
            None => host().map(|host| format!("{}{host}", self.scheme())).unwrap_or_default(),
        }
    }

    /// What an origin without `PUBLIC_URL` begins with.
    fn scheme(&self) -> &'static str {
        if self.is_https { "https://" } else { "http://" }
    }

    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        match &self.public {
            Some(public) => origin.eq_ignore_ascii_case(public),
            None => headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .is_some_and(|host| origin.strip_prefix(self.scheme()).is_some_and(|own| own.eq_ignore_ascii_case(host))),
        }
    }
}

/// Whether a host is an IP address, or a name outside of the public DNS.
fn is_inside(host: &str) -> bool {
    let bare = host.strip_suffix('.').unwrap_or(host);
    match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => host.parse::<Ipv4Addr>().is_ok() || !bare.is_empty() && !bare.contains('.') || is_localhost(bare),
    }
}

/// Browsers resolve these themselves (RFC 6761, section 6.3).
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
