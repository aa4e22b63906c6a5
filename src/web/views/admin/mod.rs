//! The administrators' pages.

mod audit;
mod charts;
mod deliveries;
mod doctor;
mod holds;
mod invites;
mod jobs;
mod lists;
mod nodes;
mod overview;
mod reports;
mod settings;
mod webhooks;

pub use self::audit::{AuditFields, AuditPage};
pub use self::deliveries::{DeliveriesPage, ReceiverPage};
pub use self::doctor::DoctorPage;
pub use self::holds::{HeldPage, HoldFields, HoldsPage, covered};
pub use self::invites::AdminInvitesPage;
pub use self::jobs::JobsPage;
pub use self::lists::{AdminPeoplePage, AdminRoomsPage};
pub use self::nodes::NodesPage;
pub use self::overview::OverviewPage;
pub use self::reports::ReportsPage;
pub use self::settings::AdminSettingsPage;
pub use self::webhooks::{WebhookPage, WebhooksPage, told};

/// The pages, in the order of their navigation: name and path.
pub const PAGES: [(&str, &str); 13] = [
    ("Overview", "/admin"),
    ("People", "/admin/people"),
    ("Rooms", "/admin/rooms"),
    ("Invites", "/admin/invites"),
    ("Reports", "/admin/reports"),
    ("Audit log", "/admin/audit"),
    ("Holds", "/admin/holds"),
    ("Webhooks", "/admin/webhooks"),
    ("Deliveries", "/admin/deliveries"),
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

/// A duration in words: "250 ms", "12 s", "5 min", "3 h".
fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{} s", ms / 1_000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

/// A number that is never negative.
fn count(number: i64) -> String {
    grouped(u64::try_from(number).unwrap_or_default())
}

/// A size in words: "12 KB", "3.4 GB".
fn size(bytes: i64) -> String {
    let bytes = u64::try_from(bytes).unwrap_or_default();
    match bytes {
        0..1_048_576 => format!("{} KB", bytes.div_ceil(1024)),
        1_048_576..1_073_741_824 => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
        _ => format!(
            "{} GB",
            if bytes < 107_374_182_400 { format!("{:.1}", bytes as f64 / 1_073_741_824.0) } else { grouped(bytes >> 30) }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_short() {
        assert_eq!(
            [0, 5_000, 3_565_158, 3_650_722_201, 1_099_511_627_776].map(size),
            ["0 KB", "5 KB", "3.4 MB", "3.4 GB", "1\u{202f}024 GB"]
        );
    }
}
