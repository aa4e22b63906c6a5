//! What waits to be delivered elsewhere.

use askama::Template;

use super::count;
use crate::clock::Millis;
use crate::db::deliveries::{Listed, Receiver};
use crate::outbox::administration::{Page, name_of};
use crate::web::query::query_string;
use crate::web::views::AppLayout;

/// `GET /admin/deliveries`.
#[derive(Debug, Template)]
#[template(path = "admin/deliveries.html")]
pub struct DeliveriesPage {
    layout: AppLayout,
    receivers: Vec<Receiver>,
    next: Option<String>,
    is_first: bool,
}

impl DeliveriesPage {
    /// A page of the list.
    pub fn new(layout: AppLayout, found: Page<Receiver>, is_first: bool) -> Self {
        Self { layout, receivers: found.items, next: found.next.map(|next| after(&next)), is_first }
    }

    fn name(&self, receiver: &Receiver) -> String {
        name_of(&receiver.kind, receiver.id)
    }

    fn title(&self, receiver: &Receiver) -> String {
        let name = receiver.name.as_deref().unwrap_or("somebody who is gone");
        match &*receiver.kind {
            "webhook" => format!("Webhook at {name}"),
            "account" => format!("@{name}, mails about the account"),
            "address" => format!("@{name}, mails to a former or unconfirmed address"),
            kind => format!("@{name}, by {kind}"),
        }
    }

    fn numbers(&self, receiver: &Receiver) -> String {
        let given_up = if receiver.dead > 0 { format!(", {} given up", count(receiver.dead)) } else { String::new() };
        format!("{} waiting{given_up}", count(receiver.waiting))
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }
}

/// `GET /admin/deliveries/{receiver}`.
#[derive(Debug, Template)]
#[template(path = "admin/receiver.html")]
pub struct ReceiverPage {
    layout: AppLayout,
    receiver: String,
    deliveries: Vec<Listed>,
    next: Option<String>,
    is_first: bool,
}

impl ReceiverPage {
    /// A page of what waits for a receiver.
    pub fn new(layout: AppLayout, receiver: String, found: Page<Listed>, is_first: bool) -> Self {
        Self { layout, receiver, deliveries: found.items, next: found.next.map(|next| after(&next)), is_first }
    }

    fn attempts(&self, delivery: &Listed) -> String {
        match delivery.attempts {
            0 => "Not tried yet".to_owned(),
            1 => "Failed once".to_owned(),
            attempts => format!("Failed {} times", count(attempts)),
        }
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }
}

/// The query string of the page after a place.
fn after(place: &str) -> String {
    query_string(&[("after", place)])
}
