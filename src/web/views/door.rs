//! The pages before the door: logging in and registering.

use askama::Template;

use super::{Problem, general, wrong};
use crate::chat::types::Theme;
use crate::config::{Config, Registration};

/// `GET /login`.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What was typed.
    pub username: String,
    /// Why it was refused.
    pub problem: Option<Problem>,
    next: String,
    can_register: bool,
    theme: Theme,
}

impl LoginPage {
    /// An empty form that leads to `next`.
    #[must_use]
    pub fn new(config: &Config, theme: Theme, next: &str) -> Self {
        let can_register = config.registration != Registration::Closed;
        Self { username: String::new(), problem: None, next: next.into(), can_register, theme }
    }
}

/// `GET /register`.
#[derive(Debug, Template)]
#[template(path = "register.html")]
pub struct RegisterPage {
    /// What was typed.
    pub username: String,
    /// What was typed.
    pub name: String,
    /// Why it was refused.
    pub problem: Option<Problem>,
    invite: String,
    setup: String,
    needs_invite: bool,
    theme: Theme,
}

impl RegisterPage {
    /// An empty form with what its link carries.
    #[must_use]
    pub fn new(config: &Config, theme: Theme, invite: &str, setup: &str) -> Self {
        let needs_invite = config.registration == Registration::Invite;
        Self {
            username: String::new(),
            name: String::new(),
            problem: None,
            invite: invite.into(),
            setup: setup.into(),
            needs_invite,
            theme,
        }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    /// What is wrong with none of the fields that are shown.
    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["username", "name", "password", if self.asks_invite() { "invite" } else { "" }])
    }

    fn asks_invite(&self) -> bool {
        self.needs_invite && self.setup.is_empty() && (self.invite.is_empty() || self.wrong("invite").is_some())
    }
}
