//! What mails about an account say, and their delivery from the outbox.
//!
//! Owns their texts, and that the token of a link exists only in its mail: it is made when that is sent, and the database gets its hash. A text
//! must not contain what somebody else typed: a mail from here is trusted. A mail that the server does not take waits with those to the same
//! address, and holds up none to another one. What is mailed, and how much, is `mailing`'s.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::mailing::About;
use super::{Accounts, email, hash, recovery};
use crate::clock::Millis;
use crate::db::account_mails::{OTHER, VERIFIED};
use crate::db::emails::Reachable;
use crate::db::outbox::Row;
use crate::encoding::random_hex;
use crate::mail::{Address, Fault, Mail, NotSent};
use crate::model::UserId;
use crate::outbox::{Deliverer, Deliverers, Delivery};

/// How many people are mailed at once.
const AT_ONCE: usize = 4;

/// The value of the `payload` column.
#[derive(Debug, Deserialize)]
struct Payload {
    /// The address; none: the one that is verified now.
    to: Option<String>,
    detail: Value,
}

/// What is to be sent.
struct Content {
    to: String,
    /// Whether it is the same each time: a link is another one.
    is_same: bool,
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

    async fn try_deliver(&self, user: UserId, row: &Row, due: &[Row]) -> sqlx::Result<Delivery> {
        let Some(Payload { to, detail }) = payload(row) else { return Ok(Delivery::Refused("it cannot be read".into())) };
        let Ok(about) = serde_json::from_value(json!({ "event": row.event, "detail": detail })) else {
            return Ok(Delivery::failed("this version does not know it"));
        };
        // Who chose another address meanwhile, or has none, needs no link.
        let Some(content) = self.content(user, to, row.created_at, about).await? else { return Ok(Delivery::Done(1)) };
        let Ok(address) = Address::parse(&content.to) else { return Ok(Delivery::Refused("the address is not valid".into())) };
        let mut mail = Mail::plain(address, content.subject, content.text);
        mail.id = content.is_same.then(|| format!("account-{}-{}", row.id, row.created_at.0));
        Ok(match self.mailing.mailer.send(mail).await {
            Ok(()) => Delivery::Done(1),
            Err(NotSent { why, fault: Fault::Address }) => Delivery::Refused(why),
            Err(NotSent { why, fault: Fault::Mail }) => {
                Delivery::Apart { why, rows: self.rows_to(user, &content.to, due).await? }
            }
            Err(NotSent { why, fault: Fault::Server }) => Delivery::failed(why),
        })
    }

    /// Those of a person's rows that are mails to this address.
    async fn rows_to(&self, user: UserId, address: &str, due: &[Row]) -> sqlx::Result<Vec<i64>> {
        let verified = self.db.find_reachable(user).await?.map(|now| now.address);
        let is_to = |row: &&Row| payload(row).and_then(|it| it.to).as_ref().or(verified.as_ref()).is_some_and(|to| to == address);
        Ok(due.iter().filter(is_to).map(|row| row.id).collect())
    }

    /// What is sent; none if nothing is to be any more.
    async fn content(&self, user: UserId, to: Option<String>, at: Millis, about: About) -> sqlx::Result<Option<Content>> {
        let Some(username) = self.db.find_username(user).await? else { return Ok(None) };
        let (site, at, now) = (self.site(), minute(at), self.clock.now());
        let token = random_hex();
        let (to, subject, text) = match (about, to) {
            (About::EmailLink {}, Some(to)) => {
                if !self.db.renew_email_link(user, &to, &hash(&token), now, now.plus(email::LIFETIME)).await? {
                    return Ok(None);
                }
                let text = format!(
                    "Hello @{username},\n\nto use this email address for your account at {site}, open this link within 24 hours:\n\n\
                     {site}/email/{token}\n\nIf you don’t know what this is about, ignore this mail: nothing changes.\n"
                );
                return Ok(Some(Content { to, is_same: false, subject: "Confirm your email address", text }));
            }
            (About::ResetLink {}, _) => {
                let Some(Reachable { address: to, .. }) = self.db.find_reachable(user).await? else { return Ok(None) };
                // Earlier links stay: a stranger who asks must not end the one that somebody is about to use.
                self.db.insert_reset(user, hash(&token), now, now.plus(recovery::LIFETIME), false, None).await?;
                let text = format!(
                    "Hello @{username},\n\na new password was asked for on {at}, for your account at {site}. \
                     To choose one, open this link within an hour:\n\n{site}/reset/{token}\n\n\
                     If it wasn’t you, ignore this mail: your password stays as it is.\n"
                );
                return Ok(Some(Content { to, is_same: false, subject: "Choose a new password", text }));
            }
            (_, None) => return Ok(None),
            (About::AddressChanged {}, Some(to)) => (
                to,
                "Your email address was changed",
                format!(
                    "Hello @{username},\n\nyour account at {site} no longer uses this email address.\n\n\
                     If it wasn’t you, change your password now, and look at where you’re logged in:\n\n{site}/settings/sessions\n"
                ),
            ),
            (About::PasswordChanged {}, Some(to)) => (
                to,
                "Your password was changed",
                format!(
                    "Hello @{username},\n\nthe password of your account at {site} was changed on {at}. You are logged out everywhere else.\n\n\
                     If it wasn’t you, choose a new one now:\n\n{site}/reset\n"
                ),
            ),
            (About::NewLogIn { device }, Some(to)) => (
                to,
                "New log-in to your account",
                format!(
                    "Hello @{username},\n\nsomeone logged in to your account at {site} on a new device, on {at}:\n\n{device}\n\n\
                     If it wasn’t you, log that device out and change your password:\n\n{site}/settings/sessions\n"
                ),
            ),
            // Not its name, which whoever made it chose.
            (About::NewToken { device, is_for_bot, scopes, expires_at }, Some(to)) => {
                let account = if is_for_bot { "a bot of yours" } else { "your account" };
                let end = expires_at.map_or_else(|| "until it is revoked".to_owned(), |until| format!("until {}", minute(until)));
                (
                    to,
                    "New access token",
                    format!(
                        "Hello @{username},\n\nan access token for {account} at {site} was made on {at}:\n\n{device}\n\n\
                         Whoever has it can use the account without logging in, {end}. Scopes: {scopes}.\n\n\
                         If it wasn’t you, revoke it and change your password:\n\n{site}/settings/tokens\n"
                    ),
                )
            }
        };
        Ok(Some(Content { to, is_same: true, subject, text }))
    }
}

fn payload(row: &Row) -> Option<Payload> {
    serde_json::from_str(row.payload.as_deref()?).ok()
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
        self.try_deliver(UserId(receiver), first, due).await.unwrap_or_else(Into::into)
    }
}
