//! The pages around the others: the list of keys, and the one for when there is no network.

use askama::Template;

use super::Frame;

/// `GET /keys`.
#[derive(Debug, Template)]
#[template(path = "shared/shortcuts.html")]
pub struct KeysPage {
    /// Around it.
    pub frame: Frame,
}

/// `GET /offline`.
#[derive(Debug, Template)]
#[template(path = "shared/offline.html")]
pub struct OfflinePage;
