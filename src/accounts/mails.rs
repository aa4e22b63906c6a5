//! What mails about an account say, and their delivery from the outbox.
//!
//! Owns their texts, and that the token of a link exists only in its mail: it is made when that is sent, and the database gets its hash. A text
//! must not contain what somebody else typed: a mail from here is trusted. What is mailed, and how much, is `mailing`'s.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::mailing::About;
use super::{Accounts, email, hash, recovery};
use crate::clock::Millis;
use crate::db::account_mails::{OTHER, VERIFIED};
use crate::db::outbox::Row;
use crate::encoding::random_hex;
use crate::mail::{Address, Mail, NotSent};
use crate::model::UserId;
use crate::outbox::{Deliverer, Deliverers, Delivery};

/// How many people are mailed at once.
const AT_ONCE: usize = 4;

/// The value of the `payload` column.
#[derive(Debug, Deserialize)]
struct Payload {
    /// The address, if it is not the verified one.
    to: Option<String>,
    detail: Value,
}

/// What is to be sent.
struct Content {
    to: String,
    subject: &'static str,
    text: String,
}

impl Accounts {
    /// Adds the deliverer of mails about accounts, where there is a server for mails: what waits is for a node that has one.
    #[must_use]
    pub fn deliverers(self: &Arc<Self>, deliverers: Deliverers) -> Deliverers {
        if !self.mailing.is_on() {
            return deliverers;
        }
        deliverers.on(VERIFIED, AT_ONCE, self.clone()).on(OTHER, AT_ONCE, self.clone())
    }

    async fn try_deliver(&self, user: UserId, row: &Row) -> sqlx::Result<Delivery> {
        let payload = row.payload.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let Some(Payload { to, detail }) = payload else { return Ok(Delivery::Refused("it cannot be read".into())) };
        let Ok(about) = serde_json::from_value(json!({ "event": row.event, "detail": detail })) else {
            return Ok(Delivery::failed("this version does not know it"));
        };
        let content = match to {
            Some(to) => self.content_for_other(user, to, &about).await?,
            None => self.content_for_verified(user, row.created_at, &about).await?,
        };
        // Who closed the account, or chose another address, is not told any more.
        let Some(Content { to, subject, text }) = content else { return Ok(Delivery::Done(1)) };
        let Ok(to) = Address::parse(&to) else { return Ok(Delivery::Refused("the address is not valid".into())) };
        Ok(match self.mailing.mailer.send(Mail::plain(to, subject, text)).await {
            Ok(()) => Delivery::Done(1),
            Err(NotSent { why, is_final: true }) => Delivery::Refused(why),
            Err(NotSent { why, .. }) => Delivery::failed(why),
        })
    }

    /// A mail to an address that the account does not have, or not yet.
    async fn content_for_other(&self, user: UserId, to: String, about: &About) -> sqlx::Result<Option<Content>> {
        let Some(username) = self.db.find_username(user).await? else { return Ok(None) };
        let site = self.site();
        if *about == (About::AddressChanged {}) {
            let text = format!(
                "Hello @{username},\n\nyour account at {site} no longer uses this email address.\n\n\
                 If it wasn’t you, change your password now, and look at where you’re logged in:\n\n{site}/settings/sessions\n"
            );
            return Ok(Some(Content { to, subject: "Your email address was changed", text }));
        }
        let (token, now) = (random_hex(), self.clock.now());
        if !self.db.renew_email_link(user, &to, &hash(&token), now, now.plus(email::LIFETIME)).await? {
            return Ok(None);
        }
        let text = format!(
            "Hello @{username},\n\nto use this email address for your account at {site}, open this link within 24 hours:\n\n\
             {site}/email/{token}\n\nIf you don’t know what this is about, ignore this mail: nothing changes.\n"
        );
        Ok(Some(Content { to, subject: "Confirm your email address", text }))
    }

    /// A mail to the verified address.
    async fn content_for_verified(&self, user: UserId, at: Millis, about: &About) -> sqlx::Result<Option<Content>> {
        let Some(person) = self.db.find_reachable(user).await? else { return Ok(None) };
        let (site, username, at) = (self.site(), person.username, minute(at));
        let (subject, text) = match about {
            About::ResetLink {} => {
                let (token, now) = (random_hex(), self.clock.now());
                // Earlier links stay: a stranger who asks must not end the one that somebody is about to use.
                self.db.insert_reset(user, hash(&token), now, now.plus(recovery::LIFETIME), false, None).await?;
                (
                    "Choose a new password",
                    format!(
                        "Hello @{username},\n\na new password was asked for on {at}, for your account at {site}. \
                         To choose one, open this link within an hour:\n\n{site}/reset/{token}\n\n\
                         If it wasn’t you, ignore this mail: your password stays as it is.\n"
                    ),
                )
            }
            About::PasswordChanged {} => (
                "Your password was changed",
                format!(
                    "Hello @{username},\n\nthe password of your account at {site} was changed on {at}. You are logged out everywhere else.\n\n\
                     If it wasn’t you, choose a new one now:\n\n{site}/reset\n"
                ),
            ),
            About::NewLogIn { device } => (
                "New log-in to your account",
                format!(
                    "Hello @{username},\n\nsomeone logged in to your account at {site} on a new device, on {at}:\n\n{device}\n\n\
                     If it wasn’t you, log that device out and change your password:\n\n{site}/settings/sessions\n"
                ),
            ),
            // Not its name, which whoever made it chose.
            About::NewToken { device, is_for_bot, scopes, expires_at } => {
                let account = if *is_for_bot { "a bot of yours" } else { "your account" };
                let end = expires_at.map_or_else(|| "until it is revoked".to_owned(), |until| format!("until {}", minute(until)));
                (
                    "New access token",
                    format!(
                        "Hello @{username},\n\nan access token for {account} at {site} was made on {at}:\n\n{device}\n\n\
                         Whoever has it can use the account without logging in, {end}. Scopes: {scopes}.\n\n\
                         If it wasn’t you, revoke it and change your password:\n\n{site}/settings/tokens\n"
                    ),
                )
            }
            About::EmailLink {} | About::AddressChanged {} => return Ok(None),
        };
        Ok(Some(Content { to: person.address, subject, text }))
    }
}

/// "2026-11-28 at 09:14 UTC".
fn minute(at: Millis) -> String {
    let text = at.to_string();
    format!("{} at {} UTC", &text[..10], &text[11..16])
}

#[async_trait]
impl Deliverer for Accounts {
    async fn deliver(&self, receiver: i64, due: &[Row]) -> Delivery {
        let Some(first) = due.first() else { return Delivery::Done(1) };
        self.try_deliver(UserId(receiver), first).await.unwrap_or_else(Into::into)
    }
}
