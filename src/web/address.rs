//! Where a request really came from.
//!
//! Owns the reading of `X-Forwarded-For`: it is believed only as far as the proxies that are trusted wrote it.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

use crate::server::Peer;

/// The client's address: the peer's, or, behind trusted proxies, the last one in `X-Forwarded-For` that none of them has. What a
/// client writes into the header itself stands before that, and is not looked at.
#[must_use]
pub fn client(headers: &HeaderMap, extensions: &Extensions, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = extensions.get::<Peer>()?.0.ip().to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let mut last = peer;
    for hop in lines.iter().flat_map(|line| line.split(',')).rev() {
        // Something that is no address was not written by a proxy of ours.
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        last = address.to_canonical();
        if !is_trusted(last) {
            break;
        }
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(Peer(format!("{peer}:1234").parse().unwrap()));
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client(&headers, &extensions, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, 198.51.100.7", "10.0.0.2"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["nonsense"], &["10.0.0.0/8"]), "10.0.0.1");
    }
}
