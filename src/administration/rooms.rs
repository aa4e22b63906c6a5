//! All rooms, as administrators see them: private ones too, but no conversations, and nothing of what is said.

use super::Administration;
use crate::db::overview::AdminRoom;
use crate::error::Result;
use crate::model::pagination::PageRequest;
use crate::permissions::{self, Actor, ServerAction};

/// A page of rooms.
#[derive(Debug)]
pub struct Page {
    /// The rooms, by name.
    pub rooms: Vec<AdminRoom>,
    /// The `after` of the next page: a slug.
    pub next: Option<String>,
}

impl Administration {
    /// A page of rooms by name. `request.after` is a slug.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn rooms(&self, actor: Actor, request: &PageRequest) -> Result<Page> {
        permissions::may_administer(actor, ServerAction::SeeAdministration)?;
        let mut rooms = self.db.list_all_rooms(request, PageRequest::LIMIT).await?;
        let count = PageRequest::LIMIT as usize - 1;
        let has_more = rooms.len() > count;
        rooms.truncate(count);
        let next = rooms.last().filter(|_| has_more).map(|last| last.slug.clone());
        Ok(Page { rooms, next })
    }
}
