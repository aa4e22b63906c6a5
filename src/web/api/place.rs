//! Where a page of a list begins, as a query says it. What a place means is the use-case's to know.

use serde::Deserialize;

use crate::error::{Error, Result};

/// Behind this place: the `next` of the page before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    /// The place; empty: from the beginning.
    pub after: String,
}

/// Before this place: the `next` of the page before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    /// The place; empty: from the newest.
    pub before: String,
}

impl Before {
    /// The place as a number.
    ///
    /// # Errors
    /// `invalid` for `before`.
    pub fn id(&self) -> Result<Option<i64>> {
        match self.before.trim() {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| Error::invalid("before", "This is not a place in the list.")),
        }
    }
}
