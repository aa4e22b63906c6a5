//! Outgoing webhooks.

use askama::Template;

use crate::clock::Millis;
use crate::model::Occurrence;
use crate::web::views::{AppLayout, Problem, general, wrong};
use crate::webhooks::administration::{Shown, Wanted, origin};

/// `GET /admin/webhooks`.
#[derive(Debug, Template)]
#[template(path = "admin/webhooks.html")]
pub struct WebhooksPage {
    layout: AppLayout,
    webhooks: Vec<Shown>,
    /// The input of the form.
    pub typed: Wanted,
    /// Its error.
    pub problem: Option<Problem>,
}

impl WebhooksPage {
    /// The list.
    pub fn new(layout: AppLayout, webhooks: Vec<Shown>) -> Self {
        Self { layout, webhooks, typed: Wanted::default(), problem: None }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["url", "events", "rooms", "command", "hint", "name"])
    }

    fn events(&self) -> Vec<(&'static str, bool)> {
        events(&self.typed)
    }

    fn origin(&self, webhook: &Shown) -> String {
        origin(&webhook.url)
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }
}

/// `GET /admin/webhooks/{id}`.
#[derive(Debug, Template)]
#[template(path = "admin/webhook.html")]
pub struct WebhookPage {
    layout: AppLayout,
    webhook: Shown,
    /// A new secret, which is shown this once.
    pub secret: Option<String>,
    /// The input of the form.
    pub typed: Wanted,
    /// Its error.
    pub problem: Option<Problem>,
}

impl WebhookPage {
    /// The page of a webhook.
    pub fn new(layout: AppLayout, webhook: Shown) -> Self {
        let typed = Wanted {
            url: webhook.url.clone(),
            events: webhook.events.clone(),
            rooms: webhook.rooms.clone(),
            command: webhook.command.clone().unwrap_or_default(),
            hint: webhook.hint.clone(),
            name: webhook.name.clone().unwrap_or_default(),
        };
        Self { layout, webhook, secret: None, typed, problem: None }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["url", "events", "rooms", "command", "hint", "name"])
    }

    fn events(&self) -> Vec<(&'static str, bool)> {
        events(&self.typed)
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }
}

/// All events, and whether each is chosen.
fn events(typed: &Wanted) -> Vec<(&'static str, bool)> {
    Occurrence::ALL.iter().map(|event| (event.as_str(), typed.events.iter().any(|name| name == event.as_str()))).collect()
}

/// What a webhook is told, in words.
pub fn told(webhook: &Shown) -> String {
    let events = if webhook.events.is_empty() { "Everything".to_owned() } else { webhook.events.join(", ") };
    let rooms = if webhook.has_all_rooms {
        "all public rooms".to_owned()
    } else if webhook.rooms.is_empty() {
        "rooms that are gone".to_owned()
    } else {
        webhook.rooms.join(", ")
    };
    format!("{events} in {rooms}")
}
