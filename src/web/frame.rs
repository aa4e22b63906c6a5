//! What stands around every page of somebody who is signed in: who they are, and their rooms.

use super::session::CurrentUser;
use super::views::Frame;
use crate::error::Result;
use crate::state::AppState;

/// The frame of a page.
///
/// # Errors
/// The database's.
pub async fn frame(state: &AppState, user: &CurrentUser) -> Result<Frame> {
    let rooms = state.chat.list_own(user.id).await?;
    Ok(Frame::new(user, rooms))
}
