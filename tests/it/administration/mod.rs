//! What administrators see of the whole server.

mod audit;
mod jobs;
mod pages;
mod settings;
mod sweep;

/// The pages for administrators.
const PAGES: [&str; 10] = [
    "/admin",
    "/admin/people",
    "/admin/rooms",
    "/admin/invites",
    "/admin/reports",
    "/admin/audit",
    "/admin/jobs",
    "/admin/nodes",
    "/admin/doctor",
    "/admin/settings",
];
