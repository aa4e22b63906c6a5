//! The pages about second factors, and the one that asks people to prove who they are.

use std::sync::Arc;

use askama::Template;

use super::{AppLayout, Problem, general, moments, wrong};
use crate::accounts::second_factor::SecondFactors;
use crate::accounts::totp::Enrollment;
use crate::clock::Millis;
use crate::db::passkeys::PasskeyRow;
use crate::model::Theme;
use crate::web::times::Times;

/// What the page about a person's second factors shows.
#[derive(Debug)]
pub struct TwoFactor {
    /// What they have.
    pub factors: SecondFactors,
    /// Their passkeys.
    pub passkeys: Vec<Passkey>,
    /// Why passkeys do not work here.
    pub no_passkeys: Option<&'static str>,
    /// Whether they must have one.
    pub is_required: bool,
    /// The authenticator app that they are setting up.
    pub enrollment: Option<Enrollment>,
    /// New recovery codes, shown once.
    pub codes: Vec<String>,
    /// The error of a form.
    pub problem: Option<Problem>,
}

/// A passkey in the list.
#[derive(Debug)]
pub struct Passkey {
    id: String,
    name: String,
    added: String,
    used: String,
}

impl Passkey {
    /// A passkey, as of now.
    pub fn new(row: &PasskeyRow, times: &Times, now: Millis) -> Self {
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            added: times.moment(&times.at(row.created_at)),
            used: row
                .last_used_at
                .map_or_else(|| "not used yet".to_owned(), |at| format!("last used {}", moments::ago(at, now, times))),
        }
    }
}

impl TwoFactor {
    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["code", "password", "name"])
    }

    /// The secret in groups, as people copy it by hand.
    fn grouped(&self) -> String {
        let secret = self.enrollment.as_ref().map_or("", |enrollment| &enrollment.secret);
        secret.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The codes as one text, to copy.
    fn all_codes(&self) -> String {
        self.codes.join("\n")
    }
}

/// `GET /settings/two-factor`.
#[derive(Debug, Template)]
#[template(path = "accounts/two_factor.html")]
pub struct TwoFactorPage {
    /// The layout.
    pub layout: AppLayout,
    /// The content.
    pub it: TwoFactor,
}

/// The same for those who can do nothing before they have a second factor: without the layout, which names rooms.
#[derive(Debug, Template)]
#[template(path = "accounts/two_factor_required.html")]
pub struct TwoFactorCard {
    /// The name of the server.
    pub server_name: Arc<str>,
    /// The color theme.
    pub theme: Theme,
    /// The content.
    pub it: TwoFactor,
}

/// `GET /login/second`.
#[derive(Debug, Template)]
#[template(path = "accounts/second_factor.html")]
pub struct SecondFactorPage {
    /// The name of the server.
    pub server_name: Arc<str>,
    /// The color theme.
    pub theme: Theme,
    /// Who logs in.
    pub username: String,
    /// Whether they can enter a code.
    pub has_code: bool,
    /// Whether they can use a passkey.
    pub has_passkey: bool,
    /// Where the log-in leads.
    pub next: String,
    /// The error of the form.
    pub problem: Option<Problem>,
}

/// `GET /confirm`.
#[derive(Debug, Template)]
#[template(path = "accounts/confirm.html")]
pub struct ConfirmPage {
    /// The name of the server.
    pub server_name: Arc<str>,
    /// The color theme.
    pub theme: Theme,
    /// Whose session it is.
    pub username: String,
    /// Whether they can enter a code instead.
    pub has_code: bool,
    /// Whether they can use a passkey instead.
    pub has_passkey: bool,
    /// Where it leads.
    pub next: String,
    /// The error of the form.
    pub problem: Option<Problem>,
}

impl ConfirmPage {
    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["code", "password"])
    }
}
