//! Arranging the sidebar: favorites, closed sections, hidden conversations.
//!
//! Owns these use-cases; `model::sidebar` owns what an arrangement may contain.

use std::collections::HashMap;
use std::sync::Arc;

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::chat::read_markers::Marker;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::UserId;
use crate::model::sidebar::Arrangement;

/// Number of attempts if another window changes the sidebar at the same time.
const TRIES: usize = 5;

/// A stored arrangement.
struct Stored {
    /// As it is in the database.
    text: String,
    /// With the present slugs of rooms.
    sidebar: Arrangement,
    /// The slugs of those favorites that the user can see, by those that are stored.
    present: HashMap<String, Arc<str>>,
}

impl Chat {
    /// A user's sidebar arrangement, with those favorites that they can see now.
    ///
    /// # Errors
    /// The database's.
    pub async fn arrangement(&self, user: UserId) -> Result<Arrangement> {
        let Stored { text, mut sidebar, present } = self.stored_arrangement(user).await?;
        let renamed = sidebar.written();
        // So that pages, which read what is stored, show it too. Reading works on a full disk.
        if renamed != text
            && let Err(error) = self.db.set_sidebar(user, &text, &renamed).await
        {
            tracing::debug!(%error, "the present slugs of favorites were not stored");
        }
        sidebar.keep(|slug| present.values().any(|seen| **seen == *slug));
        Ok(sidebar)
    }

    async fn stored_arrangement(&self, user: UserId) -> Result<Stored> {
        let text = self.db.sidebar(user).await?;
        let mut sidebar = Arrangement::parse(&text);
        let mut present = HashMap::new();
        if !sidebar.favorites().is_empty() {
            let found = self.db.list_present_slugs(user, sidebar.favorites()).await?;
            present.extend(found.into_iter().map(|(stored, slug)| (stored, slug.into())));
            sidebar.rename(|slug| present.get(slug).cloned());
        }
        Ok(Stored { text, sidebar, present })
    }

    /// Adds or removes a favorite. Returns the room if the user can see it; a favorite that is no longer visible can still be
    /// removed.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, or `invalid` if there are too many favorites.
    pub async fn set_favorite(&self, user: UserId, slug: &str, is_favorite: bool) -> Result<Option<RoomView>> {
        self.allow(user, ActionKind::NotificationLevel)?;
        let view = match self.view(user, slug).await {
            Ok(view) => Some(view),
            Err(Error::NotFound(_)) if !is_favorite => None,
            Err(error) => return Err(error),
        };
        // It may have been found under an earlier slug.
        let slug = view.as_ref().map_or_else(|| slug.into(), |view| view.room.slug.clone());
        self.arrange(user, |sidebar| sidebar.favorite(&slug, is_favorite)).await?;
        self.events.publish(vec![Event::FavoriteSet { user, slug, is_favorite }]).await;
        Ok(view)
    }

    /// Closes or opens a section of a user's sidebar.
    ///
    /// # Errors
    /// `rate_limited`, or `invalid` for an unknown section.
    pub async fn set_section(&self, user: UserId, section: &str, is_closed: bool) -> Result<()> {
        self.allow(user, ActionKind::NotificationLevel)?;
        self.arrange(user, |sidebar| sidebar.close(section, is_closed)).await?;
        self.events.publish(vec![Event::SidebarSectionSet { user, section: section.to_owned(), is_closed }]).await;
        Ok(())
    }

    /// Hides a conversation until its next message, and marks it as read.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, or `forbidden` for a room that is not a conversation.
    pub async fn hide(&self, user: UserId, slug: &str) -> Result<Arc<str>> {
        self.allow(user, ActionKind::NotificationLevel)?;
        let view = self.view(user, slug).await?;
        must_be_direct(&view)?;
        let marker = Marker { user, room: view.room.id, slug: &view.room.slug, origin: None };
        self.mark_read(marker, view.head.seq).await?;
        self.set_hidden(user, &view, true).await?;
        Ok(view.room.slug)
    }

    /// Shows a hidden conversation again on request.
    ///
    /// # Errors
    /// As [`Self::hide`].
    pub async fn unhide(&self, user: UserId, slug: &str) -> Result<Arc<str>> {
        self.allow(user, ActionKind::NotificationLevel)?;
        let view = self.view(user, slug).await?;
        must_be_direct(&view)?;
        self.set_hidden(user, &view, false).await?;
        Ok(view.room.slug)
    }

    /// Shows a hidden conversation again because its reader has opened it.
    pub async fn opened_hidden(&self, user: UserId, view: &RoomView) -> Result<()> {
        self.set_hidden(user, view, false).await
    }

    async fn set_hidden(&self, user: UserId, view: &RoomView, is_hidden: bool) -> Result<()> {
        self.db.set_hidden(view.room.id, user, is_hidden).await?;
        self.events.publish(vec![Event::ConversationHidden { user, slug: view.room.slug.clone(), is_hidden }]).await;
        Ok(())
    }

    async fn arrange(&self, user: UserId, change: impl Fn(&mut Arrangement) -> Result<()>) -> Result<()> {
        for _ in 0..TRIES {
            let Stored { text, mut sidebar, .. } = self.stored_arrangement(user).await?;
            change(&mut sidebar)?;
            if self.db.set_sidebar(user, &text, &sidebar.written()).await? {
                return Ok(());
            }
        }
        Err(Error::BUSY)
    }
}

fn must_be_direct(view: &RoomView) -> Result<()> {
    if view.room.is_direct {
        return Ok(());
    }
    Err(Error::Forbidden("Only direct messages can be hidden. You can mute this room, or leave it."))
}
