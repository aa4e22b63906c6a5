//! The administrators' pages.

mod audit;
mod doctor;
mod invites;
mod jobs;
mod lists;
mod nodes;
mod overview;
mod reports;
mod settings;

pub use self::audit::{AuditFields, AuditPage};
pub use self::doctor::DoctorPage;
pub use self::invites::AdminInvitesPage;
pub use self::jobs::JobsPage;
pub use self::lists::{AdminPeoplePage, AdminRoomsPage};
pub use self::nodes::NodesPage;
pub use self::overview::OverviewPage;
pub use self::reports::ReportsPage;
pub use self::settings::AdminSettingsPage;

/// The pages, in the order of their navigation: name and path.
pub const PAGES: [(&str, &str); 10] = [
    ("Overview", "/admin"),
    ("People", "/admin/people"),
    ("Rooms", "/admin/rooms"),
    ("Invites", "/admin/invites"),
    ("Reports", "/admin/reports"),
    ("Audit log", "/admin/audit"),
    ("Jobs", "/admin/jobs"),
    ("Nodes", "/admin/nodes"),
    ("Doctor", "/admin/doctor"),
    ("Settings", "/admin/settings"),
];

/// A number with a thin space between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number that is never negative.
fn count(number: i64) -> String {
    grouped(u64::try_from(number).unwrap_or_default())
}
