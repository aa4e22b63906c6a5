//! What administrators see of the outbox, and can do with it.
//!
//! Owns these use-cases. What was written is not shown, nor in which private room: administrators need not know rooms that they cannot read.

use std::sync::Arc;

use serde::Deserialize;

use super::Outbox;
use crate::db::deliveries::{Listed, OutboxCounts, Receiver};
use crate::error::{Error, Result};
use crate::permissions::{self, Actor, ServerAction};
use crate::security_log::{Action, Event, Source};

/// Receivers, and deliveries, per page.
const PAGE: usize = 50;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `after` of the next page.
    pub next: Option<String>,
}

/// A delivery to a receiver, or all of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Chosen {
    /// The receiver, such as `webhook-3`.
    pub receiver: String,
    /// The delivery; none: all.
    #[serde(default)]
    pub id: Option<String>,
}

impl Chosen {
    /// The number of the delivery. What is not a number is no delivery.
    fn number(&self) -> Option<i64> {
        self.id.as_ref().map(|id| id.parse().unwrap_or(0))
    }
}

/// A receiver as it is written in addresses: `webhook-3`.
pub fn name_of(kind: &str, id: i64) -> String {
    format!("{kind}-{id}")
}

fn parse(receiver: &str) -> Result<(&str, i64)> {
    let unknown = || Error::NotFound("receiver");
    let (kind, id) = receiver.rsplit_once('-').ok_or_else(unknown)?;
    Ok((kind, id.parse().map_err(|_| unknown())?))
}

impl Outbox {
    /// How much there is.
    ///
    /// # Errors
    /// The database's.
    pub async fn counts(&self) -> Result<OutboxCounts> {
        Ok(self.0.db.count_outbox().await?)
    }

    /// A page of the receivers that something waits for or was given up for.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `invalid` for `after`.
    pub async fn receivers(&self, actor: Actor, after: &str) -> Result<Page<Receiver>> {
        permissions::may_administer(actor, ServerAction::ManageDeliveries)?;
        let after = match after {
            "" => ("", 0),
            after => parse(after).map_err(|_| Error::invalid("after", "This isn’t a place in the list."))?,
        };
        let mut items = self.0.db.list_receivers(after, PAGE as i64 + 1).await?;
        let has_more = items.len() > PAGE;
        items.truncate(PAGE);
        let next = items.last().filter(|_| has_more).map(|last| name_of(&last.kind, last.id));
        Ok(Page { items, next })
    }

    /// A page of what waits for a receiver or was given up, in the order of delivery.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`; `invalid` for `after`.
    pub async fn deliveries(&self, actor: Actor, receiver: &str, after: &str) -> Result<Page<Listed>> {
        permissions::may_administer(actor, ServerAction::ManageDeliveries)?;
        let (kind, id) = parse(receiver)?;
        let after = match after {
            "" => 0,
            after => after.parse().map_err(|_| Error::invalid("after", "This isn’t a place in the list."))?,
        };
        let mut items = self.0.db.list_deliveries(kind, id, after, PAGE as i64 + 1).await?;
        let has_more = items.len() > PAGE;
        items.truncate(PAGE);
        let next = items.last().filter(|_| has_more).map(|last| last.id.to_string());
        Ok(Page { items, next })
    }

    /// Has a delivery to a receiver made now, even if it was given up; all of them, if none is named, which also ends a pause.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`, also for what is another receiver's; `invalid` for a webhook that is off.
    pub async fn redeliver(&self, actor: Actor, by: &Arc<str>, chosen: &Chosen, source: &Source) -> Result<()> {
        let event = self.event(actor, by, Action::Redeliver, chosen, source)?;
        let (kind, receiver) = parse(&chosen.receiver)?;
        if self.0.db.is_receiver_off(kind, receiver).await? {
            return Err(Error::invalid("receiver", "This webhook is off. Turn it on first."));
        }
        let is_there = self.0.db.redeliver(kind, receiver, chosen.number(), event.at, &event).await?;
        self.end(is_there, chosen, &event)
    }

    /// Deletes a delivery to a receiver: it will never be made; all of them, if none is named, which also ends a pause.
    ///
    /// # Errors
    /// As [`Self::redeliver`].
    pub async fn delete(&self, actor: Actor, by: &Arc<str>, chosen: &Chosen, source: &Source) -> Result<()> {
        let event = self.event(actor, by, Action::DeleteDelivery, chosen, source)?;
        let (kind, receiver) = parse(&chosen.receiver)?;
        let is_there = self.0.db.delete_deliveries(kind, receiver, chosen.number(), &event).await?;
        self.end(is_there, chosen, &event)
    }

    fn event(&self, actor: Actor, by: &Arc<str>, action: Action, chosen: &Chosen, source: &Source) -> Result<Event> {
        permissions::may_administer(actor, ServerAction::ManageDeliveries)?;
        let about = chosen.id.as_ref().unwrap_or(&chosen.receiver);
        Ok(Event::new(self.0.clock.now(), action, source).by(actor.id, by).about(&**about))
    }

    fn end(&self, is_there: bool, chosen: &Chosen, event: &Event) -> Result<()> {
        if !is_there {
            return Err(Error::NotFound(if chosen.id.is_some() { "delivery" } else { "receiver" }));
        }
        event.write_line();
        self.wake();
        Ok(())
    }
}
