//! Photos of people and icons of rooms.
//!
//! Owns that nothing but the square that was chosen is stored, in the sizes in which it is shown: what somebody has cut off is nobody's.
//! It must not read pictures, or know whose they are.

use tempfile::NamedTempFile;

use super::adding::Found;
use super::storage::StorageError;
use super::{Files, in_words};
use crate::db::files::Readable;
use crate::error::{Error, Result};
use crate::model::UserId;
pub use crate::pictures::Square;

/// The largest picture that is taken, in bytes.
pub const LARGEST: u64 = 10 << 20;

/// What a square picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portrait {
    /// A person's photo.
    Photo,
    /// A room's icon.
    Icon,
}

impl Files {
    /// Stores the square of a picture, or its middle, for a person or a room to take within a day. Returns its id.
    ///
    /// # Errors
    /// `invalid` for `file` if it is no picture; as [`Self::add`].
    pub async fn add_portrait(
        &self,
        owner: UserId,
        portrait: Portrait,
        picture: NamedTempFile,
        square: Option<Square>,
    ) -> Result<String> {
        let folder = self.temporary_folder()?;
        let made = self.pictures.crop(picture.path(), square, folder.path()).await?;
        drop(picture);
        let largest =
            made.iter().max_by_key(|made| made.width).ok_or_else(|| Error::Internal("a square without a picture".to_owned()))?;
        let file = self.temporary_file()?;
        tokio::fs::copy(&largest.path, file.path()).await.map_err(StorageError::from)?;
        let (purpose, name) = match portrait {
            Portrait::Photo => ("photo", "photo"),
            Portrait::Icon => ("icon", "icon"),
        };
        let id = self.add_for(owner, purpose, file, name, String::new()).await?;
        if self.add_previews(&id, &made, &Found::default()).await? { Ok(id) } else { Err(Error::BUSY) }
    }

    /// The square picture of a photo or an icon, `small` or `large`. The caller has asked who may see it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn portrait(&self, file: &str, size: &str) -> Result<Readable> {
        self.db.find_portrait(file, size).await?.ok_or(Error::NotFound("picture"))
    }
}

/// The refusal of a picture that is too large.
pub fn too_large() -> Error {
    Error::TooLarge(format!("The picture can have up to {}.", in_words(LARGEST)))
}
