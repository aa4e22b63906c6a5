//! How one of their rooms stands for a person, as `watch` and `entered` tell it.

use std::sync::Arc;

use serde::Serialize;

use super::outgoing::HeadAck;
use crate::chat::types::{Author, Level, ListedRoom, Visibility};

/// A room of the person's, as it stands for them.
#[derive(Debug, Serialize)]
pub struct OwnRoom {
    /// The slug.
    room: Arc<str>,
    name: String,
    visibility: Visibility,
    direct: Option<Vec<Author>>,
    unread: i64,
    mentions: i64,
    level: Option<Level>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    read_seq: i64,
    head: HeadAck,
}

impl OwnRoom {
    /// A room as it stands for one of its members, in the history of `epoch`.
    #[must_use]
    pub fn new(listed: &ListedRoom, epoch: &Arc<str>) -> Self {
        Self {
            room: listed.room.slug.clone(),
            name: listed.room.name.clone(),
            visibility: listed.room.visibility,
            direct: listed.room.is_direct.then(|| listed.room.direct.clone()),
            unread: listed.unread,
            mentions: listed.mentions,
            level: listed.level,
            hidden: listed.is_hidden,
            read_seq: listed.read_seq,
            head: HeadAck { head: listed.head, epoch: epoch.clone() },
        }
    }
}
