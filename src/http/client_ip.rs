//! The client's IP address.
//!
//! Owns the reading of `X-Forwarded-For` and `Forwarded`, which are used only as far as trusted proxies wrote them. It must not decide
//! what happens to an address.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{Extensions, HeaderMap, HeaderName, header};
use ipnet::IpNet;

use crate::server::PeerAddr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the peer's, or, behind trusted proxies, the nearest one that is not a trusted proxy. Each proxy appends the
/// address of its own peer, so the hops are read from the end; what the client wrote itself stands before them and is not read. A hop that
/// cannot be parsed ends the walk at the trusted proxy that wrote it.
///
/// A proxy writes one of the two headers and forwards the other unchanged. The request does not show which, so if both are present and lead
/// to different addresses, neither is used.
pub fn client(headers: &HeaderMap, extensions: &Extensions, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = extensions.get::<PeerAddr>()?.0.ip().to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let walk = |name: HeaderName, read: fn(&str) -> Option<IpAddr>| {
        let mut last = peer;
        for line in headers.get_all(name).iter().rev() {
            // Invalid UTF-8 only makes its own hop unreadable: a proxy appends to the line of its client.
            for hop in hops(&String::from_utf8_lossy(line.as_bytes())) {
                let Some(address) = read(hop) else { return last };
                last = address.to_canonical();
                if !is_trusted(last) {
                    return last;
                }
            }
        }
        last
    };
    let (has_usual, has_standard) = (headers.contains_key(X_FORWARDED_FOR), headers.contains_key(header::FORWARDED));
    match (has_usual, has_standard) {
        (false, false) => Some(peer),
        (true, false) => Some(walk(X_FORWARDED_FOR, node)),
        (false, true) => Some(walk(header::FORWARDED, element)),
        (true, true) => {
            let (usual, standard) = (walk(X_FORWARDED_FOR, node), walk(header::FORWARDED, element));
            Some(if usual == standard { usual } else { peer })
        }
    }
}

/// The elements of a list, from the last to the first, without empty ones (RFC 9110, section 5.6.1). A quoted comma is part of its
/// element. Parsed from the end, so that an unclosed quote of the client hides nothing that a proxy appended.
fn hops(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let split = move |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    };
    line.rsplit(split).map(str::trim).filter(|hop| !hop.is_empty())
}

/// The address in an element of `Forwarded`: its one `for` (RFC 7239, section 4).
fn element(text: &str) -> Option<IpAddr> {
    let mut given = text.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    });
    let address = node(given.next()?)?;
    given.next().is_none().then_some(address)
}

/// An address as proxies write it: with or without a port, brackets or quotes. `None` for an obfuscated identifier (`unknown`, `_hidden`)
/// and for anything else.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?.trim(),
        None => text,
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(address.into());
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    // Only after an IPv4 address: after an IPv6 one without brackets, a port is ambiguous.
    let (address, port) = text.split_once(':')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    is_port(port).then_some(address.into())
}

/// A port, or an obfuscated one (RFC 7239, section 6).
fn is_port(text: &str) -> bool {
    let is_hidden = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let is_number = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    is_number && text.parse::<u16>().is_ok() || text.strip_prefix('_').is_some_and(is_hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client of a request from `peer`, if 10.0.0.0/8 and fd00::/8 are trusted.
    fn seen_from(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(*name, axum::http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(PeerAddr((peer.parse::<IpAddr>().unwrap(), 1234).into()));
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap());
        client(&headers, &extensions, &trusted).unwrap().to_string()
    }

    fn seen(lines: &[(&'static str, &str)]) -> String {
        seen_from("10.0.0.1", lines)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for name in ["x-forwarded-for", "forwarded"] {
            let line = if name == "forwarded" { "for=198.51.100.7" } else { "198.51.100.7" };
            assert_eq!(seen_from("192.0.2.1", &[(name, line)]), "192.0.2.1");
            assert_eq!(seen_from("10.0.0.1", &[(name, line)]), "198.51.100.7");
            assert_eq!(seen_from("::ffff:10.0.0.1", &[(name, line)]), "198.51.100.7");
            assert_eq!(seen_from("fd00::1", &[(name, line)]), "198.51.100.7");
        }
        assert_eq!(seen(&[]), "10.0.0.1");
    }

    /// As these proxies write it, according to their documentation.
    #[test]
    fn x_forwarded_for_is_read_as_proxies_write_it() {
        for (lines, expected) in [
            // nginx, $proxy_add_x_forwarded_for; Caddy; Traefik; HAProxy, option forwardfor; AWS ALB; Cloudflare.
            (&["203.0.113.195"][..], "203.0.113.195"),
            (&["2001:db8:85a3:8d3:1319:8a2e:370:7348"], "2001:db8:85a3:8d3:1319:8a2e:370:7348"),
            // What the client wrote itself, then what nginx appended.
            (&["1.2.3.4, 203.0.113.195"], "203.0.113.195"),
            (&["1.2.3.4,203.0.113.195"], "203.0.113.195"),
            // HAProxy appends a line.
            (&["1.2.3.4", "203.0.113.195"], "203.0.113.195"),
            (&["203.0.113.195, 10.0.0.3", "10.0.0.2"], "203.0.113.195"),
            // AWS ALB with client ports; Azure Application Gateway.
            (&["203.0.113.195:41237"], "203.0.113.195"),
            (&["203.0.113.195:41237, 10.0.0.2:80"], "203.0.113.195"),
            (&["[2001:db8::1a2b]:41237"], "2001:db8::1a2b"),
            (&["[2001:db8::1a2b]"], "2001:db8::1a2b"),
            // IIS's ARR; a dual-stack socket.
            (&["\"[2001:db8::1a2b]:41237\""], "2001:db8::1a2b"),
            (&["\"203.0.113.195\""], "203.0.113.195"),
            (&["::ffff:203.0.113.195"], "203.0.113.195"),
            (&["[::ffff:203.0.113.195]:8080"], "203.0.113.195"),
            // An internal client: every hop is trusted, and it is the farthest.
            (&["10.9.9.9, 10.0.0.2"], "10.9.9.9"),
            (&["fd00::9"], "fd00::9"),
            // Empty elements are ignored.
            (&["203.0.113.195, , "], "203.0.113.195"),
            (&["203.0.113.195", ""], "203.0.113.195"),
        ] {
            let lines: Vec<_> = lines.iter().map(|&line| ("x-forwarded-for", line)).collect();
            assert_eq!(seen(&lines), expected, "{lines:?}");
        }
    }

    /// The examples of RFC 7239, and what HAProxy (option forwarded) and Envoy make of them.
    #[test]
    fn forwarded_is_read_as_the_standard_has_it() {
        for (lines, expected) in [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], "192.0.2.60"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=\"[2001:db8:cafe::17]\""], "2001:db8:cafe::17"),
            (&["for=192.0.2.43, for=198.51.100.17"], "198.51.100.17"),
            (&["for=192.0.2.43", "for=198.51.100.17"], "198.51.100.17"),
            (&["for=198.51.100.17;by=10.0.0.2, FOR=10.0.0.2 ; proto=https"], "198.51.100.17"),
            (&["for=\"198.51.100.17:47011\";host=\"a,b;for=1.1.1.1\""], "10.0.0.1"),
            (&["for=\"198.51.100.17:47011\";host=\"a,b\""], "198.51.100.17"),
            (&["for=\"198.51.100.17:_p0rt\""], "198.51.100.17"),
            (&["host=\"chat.example\";for=198.51.100.17"], "198.51.100.17"),
            // Names that stand for an address, and none at all.
            (&["for=unknown"], "10.0.0.1"),
            (&["for=_gazonk"], "10.0.0.1"),
            (&["for=1.1.1.1, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
            (&["proto=https;by=10.0.0.2"], "10.0.0.1"),
            (&["for=1.1.1.1;for=2.2.2.2"], "10.0.0.1"),
            (&["198.51.100.17"], "10.0.0.1"),
            // A client's open quote does not swallow what the proxy adds to the line.
            (&["for=\"1.1.1.1, for=198.51.100.17"], "198.51.100.17"),
            (&["for=\"\\\", for=198.51.100.17"], "198.51.100.17"),
        ] {
            let lines: Vec<_> = lines.iter().map(|&line| ("forwarded", line)).collect();
            assert_eq!(seen(&lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk_at_the_proxy_that_wrote_it() {
        for garbage in [
            "nonsense",
            "unknown",
            "-",
            "203.0.113.195:99999",
            "203.0.113.195:",
            "203.0.113.195:80x",
            "[2001:db8::1",
            "[203.0.113.195]:80",
            "[2001:db8::1]80",
            "2001:db8:1:2:3:4:5:6:8080",
            "\"203.0.113.195",
            "203.0.113.195 198.51.100.7",
            "0x7f.1",
            "203.0.113.1950",
            "é",
        ] {
            assert_eq!(seen(&[("x-forwarded-for", garbage)]), "10.0.0.1", "{garbage:?}");
            // What lies behind it was written by nobody who is trusted.
            let behind = format!("198.51.100.7, {garbage}, 10.0.0.2");
            assert_eq!(seen(&[("x-forwarded-for", &behind)]), "10.0.0.2", "{garbage:?}");
        }
    }

    #[test]
    fn where_both_headers_disagree_neither_is_believed() {
        let usual = ("x-forwarded-for", "198.51.100.7:1");
        assert_eq!(seen(&[usual, ("forwarded", "for=198.51.100.7")]), "198.51.100.7");
        assert_eq!(seen(&[usual, ("forwarded", "for=203.0.113.9")]), "10.0.0.1");
        assert_eq!(seen(&[usual, ("forwarded", "for=unknown")]), "10.0.0.1");
    }
}
