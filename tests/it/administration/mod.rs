//! What administrators see of the whole server.

mod audit;
mod pages;

/// The pages for administrators.
const PAGES: [&str; 5] = ["/admin", "/admin/people", "/admin/rooms", "/admin/audit", "/admin/nodes"];
