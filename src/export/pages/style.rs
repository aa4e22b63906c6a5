//! How pages look: as the site does, because these are its style sheets.
//!
//! Owns which of them, and in which order.

/// The site's sheets that pages need, in the order of its cascade, and their own.
const SHEETS: [&str; 13] = [
    include_str!("../../../static/css/tokens.css"),
    include_str!("../../../static/css/base.css"),
    include_str!("../../../static/css/avatars.css"),
    include_str!("../../../static/css/log.css"),
    include_str!("../../../static/css/messages.css"),
    include_str!("../../../static/css/message-text.css"),
    include_str!("../../../static/css/message-references.css"),
    include_str!("../../../static/css/files.css"),
    include_str!("../../../static/css/link-previews.css"),
    include_str!("../../../static/css/icons.css"),
    include_str!("../../../static/css/reactions.css"),
    include_str!("../../../static/css/code.css"),
    include_str!("../../../templates/export/export.css"),
];

/// The style sheet of all pages.
pub fn sheet() -> String {
    SHEETS.concat()
}
