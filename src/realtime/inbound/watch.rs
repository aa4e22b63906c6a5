//! `watch {after?}`: the connection hears of all of its person's rooms from now on.
//!
//! A client asks for one page of rooms after the other. It must not hear of a room that its person has lost: the registry takes a
//! connection out of both audiences together.

use serde::Serialize;

use super::payload::Payload;
use super::reply::{Reply, SMALL};
use crate::error::Result;
use crate::model::pagination::RoomListPage;
use crate::model::sidebar::Arrangement;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;
use crate::realtime::outbound::OwnRoom;

/// A page of the person's rooms: by name, and conversations after them.
#[derive(Debug, Serialize)]
pub struct Watched {
    rooms: Vec<OwnRoom>,
    /// Whether there are more.
    more: bool,
    /// What to give as `after` to get them.
    next: Option<String>,
    /// With the first page: how the person has arranged their sidebar.
    #[serde(skip_serializing_if = "Option::is_none")]
    sidebar: Option<Arrangement>,
}

impl Reply for Watched {
    fn weight(&self) -> usize {
        self.rooms.len() * SMALL
    }
}

/// Answers `watch`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Watched> {
    let after = payload.optional_text("after")?;
    // First the flag, then the list: a room entered in between is watched by what is published of it.
    realtime.registry.begin_to_watch(connected);
    let user = connected.connection.user;
    let mut sidebar = None;
    if after.is_none() {
        realtime.learn_keywords(user).await?;
        sidebar = Some(realtime.chat.arrangement(user).await?);
    }
    let RoomListPage { rooms, next } = realtime.chat.list_own(user, after.unwrap_or_default()).await?;
    for listed in &rooms {
        realtime.registry.watch(connected, listed.room.id, listed.head);
    }
    let participants = rooms.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id);
    realtime.came_online(&connected.connection, participants).await;
    let epoch = realtime.chat.epoch();
    let rooms = rooms.iter().map(|listed| OwnRoom::new(listed, &epoch)).collect();
    Ok(Watched { rooms, more: next.is_some(), next, sidebar })
}
