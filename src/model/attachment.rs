//! What a message shows beside its text: files, and previews of its links.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// The file's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its media type, as its content shows.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Its size.
    pub bytes: i64,
    /// What a picture shows, in the sender's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
    /// The width of a picture as it is shown, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<i64>,
    /// The height of a picture as it is shown, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// A tiny picture of it, as a data URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blur: Option<String>,
    /// The first lines of a text, as HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// The path of its bytes.
    pub url: String,
    /// The path of its preview, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// Whether its bytes were deleted because they were too old.
    #[serde(rename = "expired", default, skip_serializing_if = "std::ops::Not::not")]
    pub has_expired: bool,
}

/// The preview of a link in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkPreview {
    /// The link.
    pub url: String,
    /// The page's title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What the page says of itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The page's picture: the path of a stored copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl Attachment {
    /// What is left of it once its bytes are deleted: that it was there.
    #[must_use]
    pub fn expired(self) -> Self {
        Self { width: None, height: None, blur: None, excerpt: None, preview: None, has_expired: true, ..self }
    }

    /// The most files that a message has.
    pub const MOST: usize = 20;
    /// The longest alternative text, in characters.
    pub const LONGEST_ALT: usize = 500;
    /// The longest file name, in bytes.
    pub const LONGEST_NAME: usize = 255;

    /// An upper bound on its size as JSON, where a byte of text may take six.
    pub fn most_json(&self) -> usize {
        /// Field names and numbers.
        const FRAME: usize = 256;
        let texts = [&self.id, &self.name, &self.media_type, &self.alt, &self.url].into_iter();
        let others = [&self.blur, &self.excerpt, &self.preview].into_iter().flatten();
        FRAME + texts.chain(others).map(|text| 6 * text.len()).sum::<usize>()
    }
}

impl LinkPreview {
    /// The most links of a message that have a preview.
    pub const MOST: usize = 3;

    /// An upper bound on its size as JSON, where a byte of text may take six.
    pub fn most_json(&self) -> usize {
        /// Field names.
        const FRAME: usize = 64;
        FRAME
            + [&self.url, &self.title, &self.description].into_iter().chain(&self.image).map(|text| 6 * text.len()).sum::<usize>()
    }
}
