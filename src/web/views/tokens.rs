//! Access tokens: the form for a new one, and the list.

use askama::Template;

use super::{AppLayout, Problem, general, moments, wrong};
use crate::accounts::tokens::{DAYS, MAX_DAYS, MAX_NAME, Token};
use crate::clock::Millis;

/// The fields of the form, as typed.
#[derive(Debug, Default)]
pub struct TokenFields {
    /// What it is called.
    pub name: String,
    /// For how many days.
    pub days: String,
    /// The names of its scopes.
    pub scopes: Vec<String>,
    /// The bot that it is for; empty for oneself.
    pub bot: String,
}

/// `GET /settings/tokens`.
#[derive(Debug, Template)]
#[template(path = "accounts/tokens.html")]
pub struct TokensPage {
    layout: AppLayout,
    tokens: Vec<Row>,
    /// The usernames of the person's bots.
    bots: Vec<String>,
    /// The secret of a new token, which is shown this once.
    pub created: Option<String>,
    /// The input.
    pub typed: TokenFields,
    /// The error of the form.
    pub problem: Option<Problem>,
}

/// A token in the list.
#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    hint: String,
    scopes: String,
    bot: Option<String>,
    /// When it was made, expires and was last used: for programs, and for people.
    created: (String, String),
    expires: Option<(String, String)>,
    used: Option<(String, String)>,
}

/// The scopes to choose from, and what they are for.
const SCOPES: [(&str, &str, &str); 3] = [
    ("read", "Read", "Rooms, messages, people and files that you can see"),
    ("write", "Write", "Post, and change what you can change in rooms"),
    ("admin", "Administer", "People, rooms and settings of the server"),
];

impl TokensPage {
    /// The page, as of now.
    pub fn new(layout: AppLayout, tokens: Vec<Token>, bots: Vec<String>, now: Millis) -> Self {
        let tokens = tokens.into_iter().map(|token| Row::new(&layout, token, now)).collect();
        let typed = TokenFields { days: DAYS.to_string(), scopes: vec!["read".to_owned()], ..TokenFields::default() };
        Self { layout, tokens, bots, created: None, typed, problem: None }
    }

    const fn max_days(&self) -> i64 {
        MAX_DAYS
    }

    const fn max_name(&self) -> usize {
        MAX_NAME
    }

    /// The scopes that the person may choose.
    fn scopes(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let is_admin = self.layout.me.is_admin;
        SCOPES.into_iter().filter(move |(name, ..)| is_admin || *name != "admin")
    }

    fn is_chosen(&self, name: &str) -> bool {
        self.typed.scopes.iter().any(|chosen| chosen == name)
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["name", "days", "scopes"])
    }
}

impl Row {
    fn new(layout: &AppLayout, token: Token, now: Millis) -> Self {
        let times = &layout.times;
        let Token { id, name, scopes, hint, created_at, expires_at, last_used_at, bot } = token;
        Self {
            id,
            name,
            hint,
            bot,
            scopes: scopes.names().collect::<Vec<_>>().join(", "),
            created: (created_at.to_string(), times.moment(&times.at(created_at))),
            expires: expires_at.map(|at| (at.to_string(), times.moment(&times.at(at)))),
            used: last_used_at.map(|at| (at.to_string(), moments::ago(at, now, times))),
        }
    }
}
