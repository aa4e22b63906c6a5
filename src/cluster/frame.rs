//! What nodes send each other over Redis.
//!
//! Owns the format of a frame and its signature: whoever can write to Redis must not be able to speak for a node. A frame of an unknown
//! version is dropped, and what it carried is read from the database.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::chat::presence::nodes::Report;
use crate::events::Event;

/// The version of the format. Events may get new fields with defaults under the same version; anything else takes a new one.
const VERSION: u8 = 1;
/// The length of the signature.
const SIGNATURE: usize = 32;

/// A frame: events that were published together.
#[derive(Debug, Deserialize)]
pub struct Frame {
    /// The node that sent it, new with each start.
    pub node: String,
    /// 1, 2, 3 …, so that receivers notice what is missing.
    pub number: u64,
    /// The events; none in a heartbeat.
    pub events: Vec<Event>,
    /// Who came or went.
    pub presence: Option<Report>,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    node: &'a str,
    number: u64,
    events: Vec<&'a Event>,
    presence: Option<&'a Report>,
}

/// Signs and checks frames.
#[derive(Clone)]
pub struct Codec {
    key: Hmac<Sha256>,
}

impl Codec {
    /// A codec with the key of the cluster, which is in its database.
    pub fn new(key: &str) -> Self {
        Self { key: Hmac::new_from_slice(key.as_bytes()).expect("a key may have any length") }
    }

    /// A frame: the version, the signature, and JSON.
    pub fn encode(&self, node: &str, number: u64, events: Vec<&Event>, presence: Option<&Report>) -> Vec<u8> {
        let mut frame = vec![0; 1 + SIGNATURE];
        frame[0] = VERSION;
        serde_json::to_writer(&mut frame, &Outgoing { node, number, events, presence }).expect("events always have a JSON form");
        let signature = self.key.clone().chain_update(&frame[1 + SIGNATURE..]).finalize().into_bytes();
        frame[1..=SIGNATURE].copy_from_slice(&signature);
        frame
    }

    /// The frame in these bytes, if this cluster signed it and it is of a known version.
    pub fn decode(&self, bytes: &[u8]) -> Option<Frame> {
        let (head, body) = bytes.split_at_checked(1 + SIGNATURE)?;
        if head[0] != VERSION || self.key.clone().chain_update(body).verify_slice(&head[1..]).is_err() {
            return None;
        }
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::SessionEnd;
    use crate::model::UserId;

    #[test]
    fn only_a_frame_with_the_right_signature_and_version_is_read() {
        let codec = Codec::new("key");
        let event = Event::AccessEnded { user: UserId(7), reason: SessionEnd::Banned };
        let bytes = codec.encode("a", 9, vec![&event], None);
        let frame = codec.decode(&bytes).unwrap();
        assert_eq!((&*frame.node, frame.number, frame.events.len()), ("a", 9, 1));
        assert!(Codec::new("another key").decode(&bytes).is_none());
        for change in [0, 5, bytes.len() - 2] {
            let mut changed = bytes.clone();
            changed[change] ^= 1;
            assert!(codec.decode(&changed).is_none(), "byte {change}");
        }
        assert!(codec.decode(&bytes[..20]).is_none());
    }
}
