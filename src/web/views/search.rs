//! The page of search.

use askama::Template;

use super::{Frame, Problem, hue, initials};
use crate::chat::search::{Found, Order, Results};
use crate::error::Error;

/// `GET /search`.
#[derive(Debug, Template)]
#[template(path = "search.html")]
pub struct SearchPage {
    frame: Frame,
    /// What was typed.
    q: String,
    order: Order,
    /// Whether this is a later page of the results.
    is_next: bool,
    finds: Vec<Find>,
    /// The link to more.
    next: Option<String>,
    building: bool,
    limited: bool,
    hollow: Option<String>,
    problem: Option<Problem>,
}

/// One result on the page.
#[derive(Debug)]
struct Find {
    room: String,
    room_name: String,
    seq: i64,
    name: String,
    initials: String,
    hue: String,
    at: String,
    clock: String,
    /// Made by `chat::search`: escaped, with nothing but `<mark>` in it.
    snippet: String,
}

impl Find {
    fn new(found: &Found, frame: &Frame) -> Self {
        let message = &found.message.message;
        let at = frame.times.at(message.created_at);
        // A conversation is called after its people, as in the sidebar.
        let own = frame.rooms.iter().find(|listed| listed.room.slug == message.room);
        Self {
            room: message.room.to_string(),
            room_name: own.map_or(&found.room_name, |listed| &listed.room.name).clone(),
            seq: message.seq,
            name: message.author.shown().to_string(),
            initials: initials(&message.author.name),
            hue: hue(message.author.id),
            at: message.created_at.to_string(),
            clock: frame.times.moment(&at),
            snippet: found.snippet.clone(),
        }
    }
}

impl SearchPage {
    /// What was found, or why nothing was looked for.
    #[must_use]
    pub fn new(frame: Frame, q: String, order: Order, is_next: bool, results: Results, problem: Option<&Error>) -> Self {
        let next = results.next.map(|next| format!("{}&before={}", link(&q, order), encode(&next)));
        let finds = results.results.iter().map(|found| Find::new(found, &frame)).collect();
        let Results { building, limited, hollow, .. } = results;
        Self { frame, q, order, is_next, finds, next, building, limited, hollow, problem: problem.map(Into::into) }
    }

    fn is_empty(&self) -> bool {
        self.q.trim().is_empty()
    }

    fn is_best(&self) -> bool {
        self.order == Order::Best
    }

    fn newest(&self) -> String {
        link(&self.q, Order::Newest)
    }

    fn best(&self) -> String {
        link(&self.q, Order::Best)
    }
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn link(q: &str, order: Order) -> String {
    let order = if order == Order::Best { "&order=best" } else { "" };
    format!("/search?q={}{order}", encode(q))
}
