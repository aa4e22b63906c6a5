//! Sidebar arrangements: favorite rooms and closed sections.
//!
//! Owns their form in the database and their limits. It must not know whether a user can see a room: invisible favorites are not
//! shown.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Maximum number of favorites.
pub const FAVORITES: usize = 100;
/// The sections that can be closed.
pub const SECTIONS: [&str; 3] = ["favorites", "rooms", "directs"];

/// An arrangement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrangement {
    /// The slugs of favorite rooms, in the order in which they were added.
    favorites: Vec<Arc<str>>,
    /// The closed sections.
    closed: Vec<String>,
}

impl Arrangement {
    /// Parses the stored form; unreadable text counts as empty.
    pub fn parse(text: &str) -> Self {
        if text.is_empty() { Self::default() } else { serde_json::from_str(text).unwrap_or_default() }
    }

    /// The slugs of favorite rooms.
    pub fn favorites(&self) -> &[Arc<str>] {
        &self.favorites
    }

    /// Whether a room is a favorite.
    pub fn is_favorite(&self, slug: &str) -> bool {
        self.favorites.iter().any(|favorite| **favorite == *slug)
    }

    /// Whether a section is closed.
    pub fn is_closed(&self, section: &str) -> bool {
        self.closed.iter().any(|closed| closed == section)
    }

    /// The stored form.
    pub fn written(&self) -> String {
        if *self == Self::default() { String::new() } else { serde_json::to_string(self).expect("texts have a JSON form") }
    }

    /// Has each favorite named as it is now, where that is known.
    pub fn rename(&mut self, present: impl Fn(&str) -> Option<Arc<str>>) {
        let mut known = HashSet::new();
        for favorite in &mut self.favorites {
            if let Some(slug) = present(favorite) {
                *favorite = slug;
            }
        }
        self.favorites.retain(|favorite| known.insert(favorite.clone()));
    }

    /// Leaves only these favorites.
    pub fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.favorites.retain(|favorite| is_kept(favorite));
    }

    /// Adds or removes a favorite.
    ///
    /// # Errors
    /// Refused with `field: "on"` if there are too many.
    pub fn favorite(&mut self, slug: &str, on: bool) -> Result<()> {
        self.favorites.retain(|favorite| **favorite != *slug);
        if on && self.favorites.len() >= FAVORITES {
            return Err(Error::invalid("on", format!("You can have up to {FAVORITES} favorites. Remove one first.")));
        }
        if on {
            self.favorites.push(slug.into());
        }
        Ok(())
    }

    /// Closes or opens a section.
    ///
    /// # Errors
    /// Refused with `field: "section"` if there is no such section.
    pub fn close(&mut self, section: &str, is_closed: bool) -> Result<()> {
        let Some(section) = SECTIONS.into_iter().find(|known| *known == section) else {
            return Err(Error::invalid("section", "Choose favorites, rooms or directs."));
        };
        self.closed.retain(|closed| closed != section);
        if is_closed {
            self.closed.push(section.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_arranged_is_written_and_read_again() {
        let mut sidebar = Arrangement::parse("nothing of ours");
        assert_eq!(sidebar, Arrangement::default());
        sidebar.favorite("tea", true).unwrap();
        sidebar.favorite("general", true).unwrap();
        sidebar.favorite("tea", true).unwrap();
        sidebar.close("rooms", true).unwrap();
        let read = Arrangement::parse(&sidebar.written());
        assert_eq!(read, sidebar);
        assert!(read.is_favorite("tea") && read.is_favorite("general") && !read.is_favorite("te"));
        assert!(read.is_closed("rooms") && !read.is_closed("directs"));
        sidebar.favorite("tea", false).unwrap();
        sidebar.favorite("general", false).unwrap();
        sidebar.close("rooms", false).unwrap();
        assert_eq!(sidebar.written(), "");
    }

    #[test]
    fn a_favorite_has_its_present_name_once() {
        let mut sidebar = Arrangement::default();
        for slug in ["tea", "general", "green-tea", "rooms"] {
            sidebar.favorite(slug, true).unwrap();
        }
        sidebar.close("rooms", true).unwrap();
        sidebar.rename(|slug| (slug == "tea").then(|| "green-tea".into()));
        assert_eq!(sidebar.favorites(), ["green-tea", "general", "rooms"].map(Arc::<str>::from));
        sidebar.keep(|slug| slug != "rooms");
        assert!(sidebar.is_favorite("general") && !sidebar.is_favorite("rooms") && sidebar.is_closed("rooms"));
    }

    #[test]
    fn there_is_an_end_to_favorites_and_no_section_of_any_name() {
        let mut sidebar = Arrangement::default();
        for number in 0..FAVORITES {
            sidebar.favorite(&format!("room-{number}"), true).unwrap();
        }
        assert_eq!(sidebar.favorite("one-more", true).unwrap_err().field(), Some("on"));
        sidebar.favorite("room-7", true).unwrap();
        assert_eq!(sidebar.close("everything", true).unwrap_err().field(), Some("section"));
    }
}
