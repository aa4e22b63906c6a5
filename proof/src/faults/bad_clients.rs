//! Clients that misbehave: they use many addresses, stop reading, or fill all buffers.
//!
//! Owns their behavior. Tests and cases decide what is expected of the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};

use crate::client::socket::Refusal;
use crate::client::{Person, Site, Socket};
use crate::infra::process::Process;

/// A small receive buffer, in bytes, so that little data waits in the network.
pub const SMALL: u32 = 4096;

/// The nth loopback address after the first one.
pub fn address(nth: usize) -> IpAddr {
    let [.., high, low] = (nth + 2).to_be_bytes();
    Ipv4Addr::new(127, 0, high, low).into()
}

/// A connection from such an address, with the receive buffer's size if it is given.
pub async fn connect(to: SocketAddr, from: IpAddr, buffer: Option<u32>) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer)?;
    }
    socket.connect(to).await
}

/// A person's socket in the chat, from such an address.
pub async fn socket_from(person: &Person, from: IpAddr, buffer: Option<u32>) -> Result<Socket, Refusal> {
    let stream = connect(person.site.address, from, buffer).await.map_err(|_| Refusal::Closed)?;
    Socket::open_on(stream, &person.site, &person.cookies(), Some(&person.site.origin)).await?.enter().await
}

/// The nth client that joins a room and then stops reading; every other one has a small buffer.
pub async fn stuck(person: &Person, room: &str, nth: usize) -> Socket {
    let buffer = nth.is_multiple_of(2).then_some(SMALL);
    let socket = socket_from(person, address(0), buffer).await.expect("the socket is admitted");
    socket.ok("join", json!({ "room": room })).await;
    socket.set_reading(false);
    socket
}

/// Registers `count` people whom a member adds to a room.
pub async fn invited(site: &Site, by: &Person, room: &str, name: &str, count: usize) -> Vec<Person> {
    let mut all = Vec::new();
    for nth in 0..count {
        let name = format!("{name}{nth}");
        all.push(site.register(&name).await);
        by.post(&format!("/rooms/{room}/members"), &[("username", &name)]).await.expect(303);
    }
    all
}

/// The length of a filler message: the maximum.
const LONG: usize = 8000;
/// How many filler messages overfill all buffers to a client that does not read, and are too few for the server to cut it.
const FILLING: usize = 400;

/// Somebody who fills all buffers to clients in a room that do not read.
pub struct BufferFiller {
    person: Person,
    socket: Socket,
    /// Their room.
    pub room: String,
    sent: usize,
}

impl BufferFiller {
    /// Registers them, with a room of their own.
    pub async fn register(site: &Site) -> Self {
        let person = site.register("filler").await;
        let room = person.create_room("Filler", "private").await;
        // Not live in the room: it does not receive its own messages.
        let socket = person.socket().await;
        Self { person, socket, room, sent: 0 }
    }

    /// Adds somebody to the room.
    pub async fn invite(&self, who: &Person) {
        self.person.post(&format!("/rooms/{}/members", self.room), &[("username", &who.username)]).await.expect(303);
    }

    /// Reconnects after the server was restarted.
    pub async fn reconnect(&mut self) {
        self.socket = self.person.socket().await;
    }

    /// Fills the buffers.
    pub async fn fill(&mut self) {
        let body = "x".repeat(LONG);
        let mut left: Vec<usize> = (self.sent..self.sent + FILLING).collect();
        self.sent += FILLING;
        while !left.is_empty() {
            let mut pending = Vec::new();
            for nth in left.drain(..left.len().min(50)) {
                let data = json!({ "room": self.room, "body": body, "nonce": format!("filler-{nth}") });
                pending.push((nth, self.socket.send("message", data).await));
            }
            let before = left.len();
            for (nth, one) in pending {
                let answer = one.acknowledgement().await;
                if answer["ok"] != json!(true) {
                    assert_eq!(answer["error"]["code"], "rate_limited", "a filler message was refused: {answer}");
                    left.push(nth);
                }
            }
            if left.len() > before {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Which members of a room are connected.
pub async fn online(asker: &Person, room: &str) -> Vec<String> {
    let page = asker.get_json(&format!("/rooms/{room}/members")).await.expect(200).json();
    let members = page["members"].as_array().expect("a room has members");
    let here = members.iter().filter(|member| member["online"] == json!(true));
    here.map(|member| member["person"]["username"].as_str().expect("everybody has a name").to_owned()).collect()
}

/// Waits until nobody whose name begins with `name` is connected; returns how long that took.
pub async fn until_gone(asker: &Person, room: &str, name: &str, patience: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let here: Vec<_> = online(asker, room).await.into_iter().filter(|who| who.starts_with(name)).collect();
        if here.is_empty() {
            return began.elapsed();
        }
        assert!(began.elapsed() < patience, "still here after {patience:?}: {here:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many descriptors the database's connections may take; they are opened on demand.
const POOL: usize = 32;

/// Waits until the server has no more descriptors than that, except some of the database's; returns how long that took.
pub async fn until_released(server: &Process, descriptors: usize, patience: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let now = server.stats().descriptors;
        if now <= descriptors + POOL {
            return began.elapsed();
        }
        assert!(began.elapsed() < patience, "{now} descriptors after {patience:?}, {descriptors} before");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn everybody_has_an_address_of_their_own() {
    assert_eq!(address(0).to_string(), "127.0.0.2");
    assert_eq!(address(300).to_string(), "127.0.1.46");
}
