//! What administrators see of the whole server.

mod audit;
mod pages;
mod settings;
mod sweep;

/// The pages for administrators.
const PAGES: [&str; 7] =
    ["/admin", "/admin/people", "/admin/rooms", "/admin/invites", "/admin/audit", "/admin/nodes", "/admin/settings"];
