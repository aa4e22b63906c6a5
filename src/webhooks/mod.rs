//! Outgoing webhooks: addresses elsewhere that are told what happens in rooms, by the Standard Webhooks specification.
//!
//! Owns what is sent, how it is signed, what an answer means, and what administrators can do with webhooks. When something is sent is
//! `outbox`'s; what happens at all is decided by the ledger's rules (`telling`). Whether a webhook may still know is decided here, again,
//! when it is sent. It must not connect to other than public addresses, unless the operator allows them.

pub mod administration;
mod body;
mod client;
mod replies;
mod signature;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use self::client::{Answer, Client};
use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::db::outbox::Row;
use crate::db::webhooks::{KIND, Webhook};
use crate::egress::{Allowed, Guard};
use crate::model::Occurrence;
use crate::outbox::{Deliverer, Deliverers, Delivery, Outbox};

/// The most webhooks: each commit looks at all of them, and each is served at once.
pub const MOST: usize = 100;

/// The webhooks of a server.
pub struct Webhooks {
    db: Arc<Db>,
    accounts: Arc<Accounts>,
    chat: Arc<Chat>,
    clock: Clock,
    outbox: Outbox,
    guard: Guard,
    /// `None` if this machine trusts no certificates.
    client: Option<Client>,
}

impl Webhooks {
    /// The webhooks of a database.
    pub fn new(
        db: Arc<Db>,
        accounts: Arc<Accounts>,
        chat: Arc<Chat>,
        clock: Clock,
        outbox: Outbox,
        config: &Config,
    ) -> Arc<Self> {
        let guard = Guard::new(Allowed { networks: config.webhook_addresses.clone(), ..Allowed::default() });
        Arc::new(Self { db, accounts, chat, clock, outbox, client: Client::new(&guard), guard })
    }

    /// Adds their deliverer.
    #[must_use]
    pub fn deliverers(self: &Arc<Self>, deliverers: Deliverers) -> Deliverers {
        // Each has a slot of its own, so a slow one delays no other.
        deliverers.on(KIND, MOST, self.clone())
    }

    async fn try_deliver(&self, id: i64, row: &Row) -> sqlx::Result<Delivery> {
        let Some(webhook) = self.db.find_webhook(id).await? else { return Ok(Delivery::Gone) };
        // Just now.
        if !webhook.is_on {
            return Ok(Delivery::Off);
        }
        let Some(body) = self.body(&webhook, row).await? else { return Ok(Delivery::Done(1)) };
        let Some(client) = &self.client else {
            return Ok(Delivery::failed("this machine trusts no certificates: install the package ca-certificates"));
        };
        let now = self.clock.now();
        let message = signature::Message { id: &self.id_of(row), timestamp: now.0.div_euclid(1000), body: &body };
        let signature = message.sign(&secrets(&webhook, now));
        Ok(match client.post(&self.guard, &webhook.url, &message, &signature).await {
            Answer::Taken(Some(said)) => self.reply(&webhook, row, &message, &said).await,
            Answer::Taken(None) => Delivery::Done(1),
            Answer::Gone => {
                let why = "the server answered that the address is gone (410), so the webhook is off".to_owned();
                Delivery::TurnedOff { why, url: webhook.url }
            }
            Answer::Failed { why, retry_after } => Delivery::Failed { why, retry_after },
        })
    }

    /// What a delivery is called, at each attempt. With the history's id: a restored backup counts again from an earlier number. A command is
    /// called by its sender, who may have asked twice.
    fn id_of(&self, row: &Row) -> String {
        if row.event == Occurrence::CommandUsed.as_str() {
            let payload: Option<Value> = row.payload.as_deref().and_then(|json| serde_json::from_str(json).ok());
            if let Some(id) = payload.as_ref().and_then(|payload| payload["id"].as_str()) {
                return format!("cmd_{id}");
            }
        }
        let epoch = self.chat.epoch();
        format!("evt_{}_{}", epoch.get(..16).unwrap_or(&epoch), row.id)
    }
}

/// The secrets that a delivery is signed with, the present one first.
fn secrets(webhook: &Webhook, now: crate::clock::Millis) -> Vec<&str> {
    let old = webhook.old_secret.as_deref().filter(|_| webhook.old_secret_until.is_some_and(|until| now < until));
    std::iter::once(&*webhook.secret).chain(old).collect()
}

#[async_trait]
impl Deliverer for Webhooks {
    async fn deliver(&self, receiver: i64, due: &[Row]) -> Delivery {
        let Some(first) = due.first() else { return Delivery::Done(1) };
        self.try_deliver(receiver, first).await.unwrap_or_else(Into::into)
    }
}
