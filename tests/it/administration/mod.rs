//! What administrators see of the whole server.

mod audit;
mod pages;

/// The pages for administrators.
const PAGES: [&str; 6] = ["/admin", "/admin/people", "/admin/rooms", "/admin/invites", "/admin/audit", "/admin/nodes"];
