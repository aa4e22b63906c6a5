//! The layout of every page of a signed-in person: who they are, and their rooms.

use crate::db::sidebar::SidebarRooms;
use crate::error::Result;
use crate::model::ListedRoom;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;
use crate::web::views::Frame;

/// Reads a person's rooms, for a page that is not a room's.
pub async fn frame(state: &AppState, user: &CurrentUser) -> Result<Frame> {
    let SidebarRooms { rooms, .. } = state.chat.sidebar_rooms(user.id, "", user.sidebar.favorites()).await?;
    Ok(with_rooms(state, user, rooms))
}

/// The layout with rooms that have been read already.
pub fn with_rooms(state: &AppState, user: &CurrentUser, rooms: Vec<ListedRoom>) -> Frame {
    let presence = state.chat.presence();
    let participants = rooms.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id);
    let online = participants.filter(|person| presence.is_online(*person)).collect();
    Frame::new(user.me.clone(), user.times.clone(), rooms, online, state.chat.display_names().clone())
}
