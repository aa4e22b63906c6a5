//! Pages without data of their own: the keyboard shortcuts, and the offline page.

use askama::Template;

use super::AppLayout;

/// `GET /keys`.
#[derive(Debug, Template)]
#[template(path = "shared/shortcuts.html")]
pub struct KeysPage {
    /// The layout.
    pub layout: AppLayout,
}

/// `GET /offline`.
#[derive(Debug, Template)]
#[template(path = "shared/offline.html")]
pub struct OfflinePage;
