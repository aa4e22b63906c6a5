//! Where a person is logged in.

use askama::Template;

use super::{AppLayout, moments};
use crate::accounts::session_list::{OwnSession, SessionsPage as Listing};
use crate::clock::Millis;
use crate::model::user_agent;

/// `GET /settings/sessions`.
#[derive(Debug, Template)]
#[template(path = "accounts/sessions.html")]
pub struct SessionsPage {
    layout: AppLayout,
    sessions: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    has_others: bool,
}

/// A session.
#[derive(Debug)]
struct Row {
    id: String,
    is_current: bool,
    device: String,
    user_agent: String,
    address: String,
    /// When it began, and when it was last used: for programs, and for people.
    began_at: String,
    began: String,
    seen_at: String,
    seen: String,
}

impl SessionsPage {
    /// The page, as of now.
    pub fn new(layout: AppLayout, listing: Listing, is_first: bool, now: Millis) -> Self {
        let Listing { sessions, next } = listing;
        let has_others = !is_first || sessions.len() > 1;
        let sessions = sessions.into_iter().map(|session| Row::new(&layout, session, now)).collect();
        Self { layout, sessions, next, is_first, has_others }
    }
}

impl Row {
    fn new(layout: &AppLayout, session: OwnSession, now: Millis) -> Self {
        let OwnSession { id, current, address, user_agent, created_at, last_seen_at } = session;
        let (times, user_agent) = (&layout.times, user_agent.unwrap_or_default());
        Self {
            id,
            is_current: current,
            device: user_agent::name(&user_agent),
            user_agent,
            address: address.unwrap_or_default(),
            began_at: created_at.to_string(),
            began: moments::ago(created_at, now, times),
            seen_at: last_seen_at.to_string(),
            seen: moments::ago(last_seen_at, now, times),
        }
    }
}
