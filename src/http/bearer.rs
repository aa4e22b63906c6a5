//! Access tokens in `Authorization` (RFC 6750, section 2.1).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// The secret that a request presents; empty if it says `Bearer` and nothing else. Other schemes are a proxy's.
pub fn secret(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
    all.map(str::trim).find_map(|value| {
        let (scheme, secret) = value.split_once(' ').unwrap_or((value, ""));
        scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_behind_its_scheme() {
        for (header, expected) in [
            ("Bearer parlor_x", Some("parlor_x")),
            ("bearer   parlor_x ", Some("parlor_x")),
            ("BEARER", Some("")),
            ("Basic YTpi", None),
            ("Bearerx y", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
            assert_eq!(secret(&headers), expected, "{header}");
        }
        assert_eq!(secret(&HeaderMap::new()), None);
    }
}
