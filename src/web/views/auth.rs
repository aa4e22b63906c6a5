//! The pages for people who are not signed in: logging in, registering, setting the server up.

use std::sync::Arc;

use askama::Template;

use super::{Problem, general, wrong};
use crate::accounts::invites::Invite;
use crate::config::Registration;
use crate::encoding::query_value;
use crate::model::Theme;
use crate::settings::{Name, Settings, Values};

/// `GET /login`.
#[derive(Debug, Template)]
#[template(path = "accounts/login.html")]
pub struct LoginPage {
    /// The input.
    pub username: String,
    /// The error of the form.
    pub problem: Option<Problem>,
    /// Whether passkeys work here.
    pub has_passkeys: bool,
    next: String,
    can_register: bool,
    /// What the OpenID provider is called, if there is one.
    provider: Option<String>,
    server_name: Arc<str>,
    theme: Theme,
}

impl LoginPage {
    /// An empty form that redirects to `next`.
    pub fn new(settings: &Values, theme: Theme, next: &str, provider: Option<&str>) -> Self {
        let can_register = settings.registration != Registration::Closed;
        let server_name = settings.server_name.clone();
        Self {
            username: String::new(),
            problem: None,
            has_passkeys: false,
            provider: provider.map(Into::into),
            next: next.into(),
            can_register,
            server_name,
            theme,
        }
    }

    /// Where a log-in by the provider begins.
    fn provider_url(&self) -> String {
        if self.next.is_empty() { "/login/oidc".into() } else { format!("/login/oidc?next={}", query_value(&self.next)) }
    }
}

/// `GET /register`.
#[derive(Debug, Template)]
#[template(path = "accounts/register.html")]
pub struct RegisterPage {
    /// The input.
    pub username: String,
    /// The input.
    pub name: String,
    /// The error of the form.
    pub problem: Option<Problem>,
    invite: String,
    setup: String,
    needs_invite: bool,
    /// What the OpenID provider is called, if there is one.
    provider: Option<String>,
    /// Who may register from now on, if this is the set-up and may choose.
    pub registration: Option<Registration>,
    server_name: Arc<str>,
    theme: Theme,
}

impl RegisterPage {
    /// An empty form with the parameters of its link.
    pub fn new(settings: &Settings, theme: Theme, invite: &str, setup: &str, provider: Option<&str>) -> Self {
        let values = settings.now();
        let needs_invite = values.registration == Registration::Invite;
        let may_choose = !setup.is_empty() && !settings.is_fixed(Name::Registration);
        Self {
            username: String::new(),
            name: String::new(),
            problem: None,
            invite: invite.into(),
            setup: setup.into(),
            needs_invite,
            registration: may_choose.then_some(values.registration),
            server_name: values.server_name.clone(),
            provider: provider.map(Into::into),
            theme,
        }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    /// The message for none of the visible fields.
    fn general(&self) -> Option<&str> {
        general(
            self.problem.as_ref(),
            &["username", "name", "password", "registration", if self.asks_invite() { "invite" } else { "" }],
        )
    }

    /// The choices of who may register: value, name, and whether it is the present one.
    fn registrations(&self) -> Vec<(&'static str, &'static str, bool)> {
        let choices = [
            (Registration::Open, "Everyone who can reach this server"),
            (Registration::Invite, "People with an invite link"),
            (Registration::Closed, "No one"),
        ];
        let now = self.registration;
        choices.into_iter().map(|(one, name)| (one.as_str(), name, now == Some(one))).collect()
    }

    fn asks_invite(&self) -> bool {
        self.needs_invite && self.setup.is_empty() && (self.invite.is_empty() || self.wrong("invite").is_some())
    }
}

/// `GET /reset`.
#[derive(Debug, Template)]
#[template(path = "accounts/forgot.html")]
pub struct ForgotPage {
    /// The error of the form.
    pub problem: Option<Problem>,
    /// Whether a link was asked for.
    pub is_sent: bool,
    /// Whether the server sends mails.
    pub sends_mail: bool,
    /// The color theme.
    pub theme: Theme,
}

/// `GET /reset/{token}`.
#[derive(Debug, Template)]
#[template(path = "accounts/reset.html")]
pub struct ResetPage {
    username: String,
    token: String,
    problem: Option<Problem>,
    theme: Theme,
}

impl ResetPage {
    /// The form of a link, for this account.
    pub fn new(theme: Theme, token: &str, username: &str, problem: Option<Problem>) -> Self {
        Self { username: username.into(), token: token.into(), problem, theme }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["password"])
    }
}

/// `GET /reset/{token}` with a link that does not work.
#[derive(Debug, Template)]
#[template(path = "accounts/invalid_reset.html")]
pub struct DeadResetPage {
    /// The color theme.
    pub theme: Theme,
}

/// `GET /setup`.
#[derive(Debug, Template)]
#[template(path = "accounts/setup.html")]
pub struct SetupPage {
    /// The input.
    pub token: String,
    /// The error of the form.
    pub problem: Option<Problem>,
    can_register: bool,
    is_signed_in: bool,
    theme: Theme,
}

impl SetupPage {
    /// An empty form.
    pub fn new(settings: &Values, theme: Theme, is_signed_in: bool) -> Self {
        let can_register = settings.registration == Registration::Open && !is_signed_in;
        Self { token: String::new(), problem: None, can_register, is_signed_in, theme }
    }
}

/// `GET /register` with an invite that does not work.
#[derive(Debug, Template)]
#[template(path = "accounts/invalid_invite.html")]
pub struct DeadInvitePage {
    title: &'static str,
    why: &'static str,
    /// The inviter, who can create a new one.
    from: Option<String>,
    theme: Theme,
}

impl DeadInvitePage {
    /// The page of a dead invite; nothing for a good one.
    pub fn new(theme: Theme, invite: Invite) -> Option<Self> {
        let (title, why, from) = match invite {
            Invite::Good { .. } => return None,
            Invite::Used { from } => ("This invite has already been used", "It was for a certain number of people.", from),
            Invite::Expired { from } => ("This invite has expired", "Invite links work for a limited time.", from),
            Invite::Revoked => ("This invite was revoked", "It can’t be used any more.", None),
            Invite::Unknown => ("This invite link doesn’t work", "Check that you have the whole link.", None),
        };
        Some(Self { title, why, from: from.map(|name| name.to_string()), theme })
    }
}
