//! The pages around the others: the list of keys, and the one for when there is no network.

use askama::Template;

use super::Frame;

/// `GET /keys`.
#[derive(Debug, Template)]
#[template(path = "keys-page.html")]
pub struct KeysPage {
    /// Around it.
    pub frame: Frame,
}

/// `GET /offline`.
#[derive(Debug, Template)]
#[template(path = "offline.html")]
pub struct OfflinePage;
