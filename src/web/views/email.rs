//! Email addresses: one's own, and the pages of links that verify one.

use askama::Template;

use super::{AppLayout, Problem, general, wrong};
use crate::accounts::email::Emails;
use crate::model::Theme;

/// `GET /settings/email`.
#[derive(Debug, Template)]
#[template(path = "accounts/email.html")]
pub struct EmailPage {
    /// The input.
    pub typed: String,
    /// The error of a form.
    pub problem: Option<Problem>,
    /// Whether a link has just been sent.
    pub is_sent: bool,
    /// Whether the address has just been removed.
    pub is_removed: bool,
    layout: AppLayout,
    emails: Emails,
    sends_mail: bool,
    has_password: bool,
}

impl EmailPage {
    /// The page with an empty form.
    pub fn new(layout: AppLayout, emails: Emails, sends_mail: bool, has_password: bool) -> Self {
        Self { has_password, typed: String::new(), problem: None, is_sent: false, is_removed: false, layout, emails, sends_mail }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["email", "password"])
    }

    fn has_any(&self) -> bool {
        self.emails.verified.is_some() || self.emails.pending.is_some()
    }
}

/// `GET /email/{token}`.
#[derive(Debug, Template)]
#[template(path = "accounts/verify_email.html")]
pub struct VerifyEmailPage {
    /// The color theme.
    pub theme: Theme,
    /// The token of the link.
    pub token: String,
    /// Whose address it is.
    pub username: String,
    /// The address.
    pub address: String,
}

/// `GET /email/{token}` with a link that does not work.
#[derive(Debug, Template)]
#[template(path = "accounts/invalid_email.html")]
pub struct DeadEmailPage {
    /// The color theme.
    pub theme: Theme,
}
