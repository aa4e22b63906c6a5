//! The pages before the door: logging in and registering.

use askama::Template;

use super::Problem;
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
}

impl LoginPage {
    /// An empty form that leads to `next`.
    #[must_use]
    pub fn new(config: &Config, next: &str) -> Self {
        let can_register = config.registration != Registration::Closed;
        Self { username: String::new(), problem: None, next: next.into(), can_register }
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
}

impl RegisterPage {
    /// An empty form with what its link carries.
    #[must_use]
    pub fn new(config: &Config, invite: &str, setup: &str) -> Self {
        let needs_invite = config.registration == Registration::Invite;
        Self {
            username: String::new(),
            name: String::new(),
            problem: None,
            invite: invite.into(),
            setup: setup.into(),
            needs_invite,
        }
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.field == field)
    }
}
