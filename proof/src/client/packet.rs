//! Packets of Engine.IO 4 with Socket.IO 5 inside, as a client reads and writes them.

use serde_json::Value;

/// The namespace of the chat.
pub const CHAT: &str = "/chat";

/// What a server can send.
#[derive(Clone, Debug, PartialEq)]
pub enum Packet {
    /// Engine.IO's handshake.
    Open(Value),
    /// Engine.IO closes the transport.
    Close,
    /// Engine.IO's heartbeat.
    Ping,
    /// Engine.IO answers a probe.
    Pong(String),
    /// The namespace admits the client.
    Connected(String, Value),
    /// The namespace ends.
    Disconnected(String),
    /// An event: namespace, id of the acknowledgement, name, arguments.
    Event(String, Option<u64>, String, Vec<Value>),
    /// An acknowledgement: namespace, id, arguments.
    Acknowledged(String, u64, Vec<Value>),
    /// The namespace refuses the client.
    Refused(String, Value),
    /// Anything else.
    Unknown(String),
}

impl Packet {
    /// Reads one.
    pub fn parse(text: &str) -> Self {
        Self::try_parse(text).unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }

    fn try_parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        Some(match kind {
            "0" => Self::Open(serde_json::from_str(rest).ok()?),
            "1" => Self::Close,
            "2" => Self::Ping,
            "3" => Self::Pong(rest.to_owned()),
            "4" => return Self::parse_message(rest),
            _ => return None,
        })
    }

    fn parse_message(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        let (namespace, rest) = match rest.strip_prefix('/') {
            Some(_) => rest.split_once(',').unwrap_or((rest, "")),
            None => ("/", rest),
        };
        let namespace = namespace.to_owned();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, data) = rest.split_at(digits);
        let number = number.parse().ok();
        let value = || serde_json::from_str::<Value>(data).ok();
        let values = || value()?.as_array().cloned();
        Some(match kind {
            "0" => Self::Connected(namespace, value().unwrap_or_default()),
            "1" => Self::Disconnected(namespace),
            "2" => {
                let mut values = values()?;
                let name = values.first()?.as_str()?.to_owned();
                Self::Event(namespace, number, name, values.split_off(1))
            }
            "3" => Self::Acknowledged(namespace, number?, values()?),
            "4" => Self::Refused(namespace, value()?),
            _ => return None,
        })
    }
}

/// An event for the server; with a number it requests an acknowledgement.
pub fn event(name: &str, data: &Value, number: Option<u64>) -> String {
    let number = number.map(|number| number.to_string()).unwrap_or_default();
    format!("42{CHAT},{number}{}", serde_json::json!([name, data]))
}

#[test]
fn packets_are_read_as_the_protocol_writes_them() {
    use serde_json::json;
    let event = Packet::Event("/chat".into(), Some(12), "a".into(), vec![json!({"b": 1})]);
    assert_eq!(Packet::parse(r#"42/chat,12["a",{"b":1}]"#), event);
    assert_eq!(Packet::parse(r#"43/chat,7[{"ok":true}]"#), Packet::Acknowledged("/chat".into(), 7, vec![json!({"ok": true})]));
    assert_eq!(Packet::parse(r#"40{"sid":"x"}"#), Packet::Connected("/".into(), json!({"sid": "x"})));
    assert_eq!(Packet::parse("41/chat,"), Packet::Disconnected("/chat".into()));
    assert_eq!(Packet::parse("2"), Packet::Ping);
    assert_eq!(Packet::parse("9?"), Packet::Unknown("9?".into()));
}
