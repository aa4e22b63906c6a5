//! What the doctor found.

use std::sync::Arc;

use askama::Template;

use crate::doctor::{Finding, State};
use crate::web::views::AppLayout;

/// `GET /admin/doctor`.
#[derive(Debug, Template)]
#[template(path = "admin/doctor.html")]
pub struct DoctorPage {
    layout: AppLayout,
    findings: Arc<[Finding]>,
}

impl DoctorPage {
    /// The page of some findings.
    pub fn new(layout: AppLayout, findings: Arc<[Finding]>) -> Self {
        Self { layout, findings }
    }

    /// What is not well, the worst first.
    fn problems(&self) -> Vec<&Finding> {
        let mut problems: Vec<_> = self.findings.iter().filter(|finding| finding.state != State::Ok).collect();
        problems.sort_by_key(|finding| std::cmp::Reverse(finding.state));
        problems
    }

    /// What is well.
    fn well(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.state == State::Ok)
    }

    /// The class of its mark.
    fn class(&self, finding: &Finding) -> &'static str {
        if finding.state == State::Failed { "gone" } else { "unready" }
    }

    fn state(&self, finding: &Finding) -> &'static str {
        if finding.state == State::Failed { "Failed" } else { "Warning" }
    }

    /// The name of a check.
    fn name(&self, finding: &Finding) -> &'static str {
        match finding.check {
            "settings" => "Settings",
            "database" => "Database",
            "migrations" => "Migrations",
            "durability" => "Durability",
            "sync" => "Disk",
            "space" => "Free space",
            "files" => "File modes",
            "clock" => "Clock",
            "nodes" => "Nodes",
            "search" => "Search",
            "log" => "Messages",
            "jobs" => "Jobs",
            "limits" => "Limits",
            "storage" => "Files",
            "mail" => "Mail",
            "redis" => "Redis",
            "address" => "Public address",
            other => other,
        }
    }
}
