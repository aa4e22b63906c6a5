//! What rooms record, in words.
//!
//! Owns the sentences. The site says the same (`web/views/entry.rs`).

use crate::portable::{Kind, Message};

/// A notice. `name` is whom it is about; `named` gives the name of a username.
pub fn notice(message: &Message, name: &str, named: impl Fn(&str) -> String) -> String {
    let body = &*message.body;
    if message.deleted_at.is_some() {
        return "Notice deleted".to_owned();
    }
    match message.kind {
        Kind::Text => String::new(),
        Kind::Joined if body.is_empty() => format!("{name} joined"),
        Kind::Joined => format!("{} added {name}", named(body)),
        Kind::Left if body.is_empty() => format!("{name} left"),
        Kind::Left => format!("{} removed {name}", named(body)),
        Kind::Topic if body.is_empty() => format!("{name} removed the topic"),
        Kind::Topic => format!("{name} changed the topic to “{body}”"),
        Kind::Renamed => format!("{name} renamed the room to “{body}”"),
        Kind::Visibility => format!("{name} made the room {body}"),
        Kind::Role => role(name, body, named),
        Kind::Archived => format!("{name} {body} this room"),
    }
}

fn role(name: &str, body: &str, named: impl Fn(&str) -> String) -> String {
    let (role, by) = body.split_once(' ').unwrap_or((body, ""));
    let what = match role {
        "owner" => "an owner",
        "moderator" => "a moderator",
        _ => "a member",
    };
    if by.is_empty() { format!("{name} is {what} now") } else { format!("{} made {name} {what}", named(by)) }
}
