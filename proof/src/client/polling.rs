//! A session over long-polling, request by request.
//!
//! Owns the form of the requests. Tests decide who sends them: a session is not tied to the person who opened it.

use reqwest::{Method, RequestBuilder};

use super::packet::{CHAT, Packet};
use super::person::{Answer, Person};

/// Where a session is opened.
pub const OPENING: &str = "/socket.io/?EIO=4&transport=polling";

/// The session.
#[derive(Clone, Debug)]
pub struct Polling {
    /// The id that the server gave it.
    pub sid: String,
}

impl Polling {
    /// Opens one.
    pub async fn open(person: &Person) -> Result<Self, Answer> {
        let answer = person.get(OPENING).await;
        match Packet::parse(&answer.body) {
            Packet::Open(open) if answer.status == 200 => Ok(Self { sid: open["sid"].as_str().unwrap_or_default().to_owned() }),
            _ => Err(answer),
        }
    }

    /// Opens one and enters the chat.
    pub async fn enter(person: &Person) -> Self {
        let session = Self::open(person).await.expect("the session opens");
        session.send(person, &format!("40{CHAT},")).await.expect(200);
        session.until(person, |packet| matches!(packet, Packet::Connected(..))).await;
        session
    }

    /// Where the session's requests go.
    pub fn path(&self) -> String {
        format!("{OPENING}&sid={}", self.sid)
    }

    /// The request that sends packets.
    pub fn post(&self, person: &Person, packets: &str) -> RequestBuilder {
        person.request(Method::POST, &self.path()).header("content-type", "text/plain;charset=UTF-8").body(packets.to_owned())
    }

    /// Sends packets.
    pub async fn send(&self, person: &Person, packets: &str) -> Answer {
        Answer::of(self.post(person, packets)).await
    }

    /// Waits for packets from the server.
    pub async fn poll(&self, person: &Person) -> Answer {
        person.get(&self.path()).await
    }

    /// Polls until such a packet comes; answers pings meanwhile.
    pub async fn until(&self, person: &Person, fits: impl Fn(&Packet) -> bool) -> Packet {
        loop {
            let answer = self.poll(person).await;
            answer.expect(200);
            for packet in answer.body.split('\u{1e}').map(Packet::parse) {
                match packet {
                    Packet::Ping => drop(self.send(person, "3").await),
                    packet if fits(&packet) => return packet,
                    _ => {}
                }
            }
        }
    }
}
