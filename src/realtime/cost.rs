//! What each event counts as, for those that are no posts.
//!
//! Owns the names of events that cost by themselves, whatever comes of them. What pages do as well is counted by the use-case that they
//! share.

use crate::chat::rates::Act;

/// What an event counts as; nothing where its use-case counts it.
#[must_use]
pub fn of(event: &str) -> Option<Act> {
    match event {
        "join" | "leave" => Some(Act::Seat),
        "sync" | "history" | "watch" | "pins" | "revisions" | "mentions" | "drafts" => Some(Act::Read),
        "typing" => Some(Act::Type),
        _ => None,
    }
}
