//! The layout of every page of a signed-in person: who they are, and their rooms.

use crate::db::sidebar::SidebarRooms;
use crate::error::Result;
use crate::model::ListedRoom;
use crate::web::layers::session::CurrentUser;
use crate::web::state::AppState;
use crate::web::views::AppLayout;

/// Reads a person's rooms, for a page that is not a room's.
pub async fn layout(state: &AppState, user: &CurrentUser) -> Result<AppLayout> {
    let SidebarRooms { rooms, .. } = state.chat.sidebar_rooms(user.id, "", user.sidebar.favorites()).await?;
    Ok(with_rooms(state, user, rooms))
}

/// The layout with rooms that have been read already.
pub fn with_rooms(state: &AppState, user: &CurrentUser, rooms: Vec<ListedRoom>) -> AppLayout {
    let presence = state.chat.presence();
    let participants = rooms.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id);
    let online = participants.filter(|person| presence.is_online(*person)).collect();
    AppLayout::new(user.me.clone(), user.times.clone(), rooms, online, state.chat.display_names().clone(), &state.settings.now())
}
