//! The page with one's own data.

use askama::Template;

use super::AppLayout;
use crate::db::data_exports::Archive;
use crate::encoding::path_segment;
use crate::export::OwnData;
use crate::files::in_words;

/// `GET /settings/data`.
#[derive(Debug, Template)]
#[template(path = "accounts/data.html")]
pub struct DataPage {
    /// The layout.
    pub layout: AppLayout,
    /// Where the archive is.
    pub data: OwnData,
}

impl DataPage {
    /// Where an archive can be downloaded.
    pub fn url(archive: &Archive) -> String {
        format!("/files/{}/{}", archive.id, path_segment(&archive.name))
    }

    /// What is said of it.
    fn about(&self, archive: &Archive) -> String {
        let times = &self.layout.times;
        let size = in_words(u64::try_from(archive.bytes).unwrap_or_default());
        let (made, until) = (times.at(archive.created_at), times.at(archive.expires_at));
        format!("{size}, made {}. You can download it until {}; then it’s deleted.", times.moment(&made), times.moment(&until))
    }
}
