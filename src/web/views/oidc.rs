//! Single sign-on: one's link to the provider, and the pages on the way there and back.

use askama::Template;

use super::{AppLayout, Problem, general, wrong};
use crate::accounts::single_sign_on::OwnLink;
use crate::model::Theme;

/// `GET /settings/oidc`.
#[derive(Debug, Template)]
#[template(path = "accounts/oidc.html")]
pub struct LinkPage {
    /// The error of a form.
    pub problem: Option<Problem>,
    /// Whether something has just changed.
    pub is_saved: bool,
    layout: AppLayout,
    own: OwnLink,
    /// When it was linked, for programs and for people.
    since: Option<(String, String)>,
}

impl LinkPage {
    /// The page.
    pub fn new(layout: AppLayout, own: OwnLink) -> Self {
        let times = &layout.times;
        let since = own.since.map(|since| (since.to_string(), times.date(&times.at(since))));
        Self { problem: None, is_saved: false, layout, own, since }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["password"])
    }
}

/// `POST /settings/oidc/link`: the way to the provider.
#[derive(Debug, Template)]
#[template(path = "accounts/oidc_continue.html")]
pub struct ContinuePage {
    /// The layout.
    pub layout: AppLayout,
    /// What the provider is called.
    pub name: String,
    /// Where it is: `https:` or `http:`, which `oidc` checks.
    pub url: String,
}

/// `GET /login/oidc/end`.
#[derive(Debug, Template)]
#[template(path = "accounts/oidc_end.html")]
pub struct LoggedOutPage {
    /// The color theme.
    pub theme: Theme,
    /// What the provider is called.
    pub name: String,
    /// Where to log out there: `https:` or `http:`, which `oidc` checks.
    pub url: String,
}
