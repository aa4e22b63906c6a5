//! Plain HTTP beside TLS leads to https, and nowhere else.

use super::Served;
use crate::harness::Database;
use crate::harness::pebble::own_address;
use crate::harness::process;
use crate::harness::secure::{FILES, get_plainly};
use crate::once;

fn request(method: &str, path: &str, host: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n")
}

#[apply(once)]
async fn every_request_is_sent_to_the_public_url(database: &Database) {
    let plain = format!("{}:8080", own_address());
    let _served = Served::start(database, &[("HTTP_LISTEN", &plain)]).await;
    let plain = plain.parse().expect("an address");
    for (method, path, host) in [
        ("GET", "/rooms/general?after=3", "chat.parlor.test"),
        ("POST", "/rooms/general?after=3", "chat.parlor.test:80"),
        ("GET", "/rooms/general?after=3", "evil.example"),
        ("HEAD", "/rooms/general?after=3", "10.0.0.1"),
    ] {
        let reply = get_plainly(plain, &request(method, path, host)).await;
        assert_eq!((reply.status, &*reply.body), (308, ""), "{method} {host}: {reply:?}");
        assert_eq!(reply.headers["location"], "https://chat.parlor.test/rooms/general?after=3");
        assert!(!reply.headers.contains_key("set-cookie") && !reply.headers.contains_key("strict-transport-security"));
    }
    for (path, location) in [
        ("//evil.example/", "https://chat.parlor.test//evil.example/"),
        ("http://evil.example/x", "https://chat.parlor.test/x"),
        ("/login?next=//evil.example", "https://chat.parlor.test/login?next=//evil.example"),
        ("/@evil.example", "https://chat.parlor.test/@evil.example"),
    ] {
        let reply = get_plainly(plain, &request("GET", path, "chat.parlor.test")).await;
        assert_eq!((reply.status, reply.headers["location"].to_str().expect("a text")), (308, location));
    }
    for path in ["/.well-known/acme-challenge/abc", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/../../login"] {
        assert_eq!(get_plainly(plain, &request("GET", path, "chat.parlor.test")).await.status, 404, "{path}");
    }
}

#[apply(once)]
async fn without_a_public_url_only_names_of_the_certificate_are_followed(database: &Database) {
    let plain = format!("{}:8080", own_address());
    let Served { server, client, .. } = Served::start(database, &[("HTTP_LISTEN", &plain), ("PUBLIC_URL", "")]).await;
    let plain = plain.parse().expect("an address");
    let reply = get_plainly(plain, &request("GET", "/rooms", "chat.parlor.test")).await;
    let port = server.address.port();
    assert_eq!(
        (reply.status, reply.headers["location"].to_str().expect("a text")),
        (308, &*format!("https://chat.parlor.test:{port}/rooms"))
    );
    for host in ["evil.example", "chat.parlor.test.evil.example", "127.0.0.1", ""] {
        let reply = get_plainly(plain, &request("GET", "/rooms", host)).await;
        assert!(matches!(reply.status, 400 | 421) && !reply.headers.contains_key("location"), "{host}: {reply:?}");
    }
    assert!(client.get("/login").await.headers.contains_key("strict-transport-security"));
}

#[apply(once)]
async fn systemd_may_pass_both_sockets_by_their_names(database: &Database) {
    use std::os::fd::AsRawFd;
    let authority = crate::harness::secure::Authority::new();
    authority.issue(&[crate::harness::secure::NAME]).write(database.folder());
    let sockets: Vec<_> = (0..2)
        .map(|_| {
            let socket = socket2::Socket::from(std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"));
            socket.set_cloexec(false).expect("a descriptor can be inherited");
            socket
        })
        .collect();
    let [plain, site] = [&sockets[0], &sockets[1]];
    // The one for plain HTTP first, so that only the names tell.
    let pass = "exec 3<&\"$1\" 4<&\"$2\"; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=http:https exec \"$0\"";
    let [first, second] = [plain, site].map(|socket| socket.as_raw_fd().to_string());
    let arguments = ["-c", pass, process::PROGRAM, &first, &second];
    let server =
        process::Process::start(std::path::Path::new("bash"), &arguments, database.folder(), database.url(), &FILES).await;
    let address = |socket: &socket2::Socket| socket.local_addr().expect("an address").as_socket().expect("an address");
    assert_eq!(server.address, address(site));
    let reply = get_plainly(address(plain), &request("GET", "/", "chat.parlor.test")).await;
    assert_eq!(reply.status, 308);
    let client = crate::harness::secure::Client::new(server.address, &authority.pem);
    assert_eq!(client.get("/healthz").await.status, 200);
}
