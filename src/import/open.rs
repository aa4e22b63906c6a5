//! Which source reads what.

use std::path::Path;

use super::error::ImportError;
use super::source::{Kind, Source};
use super::{campfire, mattermost, parlor, slack};

/// Opens a source and begins to read it.
///
/// # Errors
/// There is none, it is none of this kind, or it cannot be read.
pub async fn source(kind: Kind, from: &Path) -> Result<Source, ImportError> {
    let path = from.to_owned();
    let handle = tokio::runtime::Handle::current();
    let opened = tokio::task::spawn_blocking(move || {
        if matches!(path.try_exists(), Ok(false)) {
            return Err(ImportError::Missing(path.display().to_string()));
        }
        match kind {
            Kind::Parlor => parlor::open(&path),
            Kind::Slack => slack::open(&path),
            Kind::Campfire => campfire::open(&path, handle),
            Kind::Mattermost => mattermost::open(&path),
        }
    });
    Ok(Source::read(opened.await??))
}
