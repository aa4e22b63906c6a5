//! What administrators see of the whole server.

mod audit;
mod pages;
mod settings;
mod sweep;

/// The pages for administrators.
const PAGES: [&str; 8] = [
    "/admin",
    "/admin/people",
    "/admin/rooms",
    "/admin/invites",
    "/admin/reports",
    "/admin/audit",
    "/admin/nodes",
    "/admin/settings",
];
