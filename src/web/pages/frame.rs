//! What stands around every page of somebody who is signed in: who they are, and their rooms.

use crate::db::room_lists::SidebarRooms;
use crate::error::Result;
use crate::model::ListedRoom;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;
use crate::web::views::Frame;

/// The frame of a page.
///
/// # Errors
/// The database's.
pub async fn frame(state: &AppState, user: &CurrentUser) -> Result<Frame> {
    let SidebarRooms { rooms, .. } = state.chat.sidebar_rooms(user.id, "", user.sidebar.favorites()).await?;
    Ok(around(state, user, rooms))
}

/// The same, of rooms that are known already.
#[must_use]
pub fn around(state: &AppState, user: &CurrentUser, rooms: Vec<ListedRoom>) -> Frame {
    let presence = state.chat.presence();
    let participants = rooms.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id);
    let online = participants.filter(|person| presence.is_online(*person)).collect();
    Frame::new(user, rooms, online, state.chat.display_names().clone())
}
