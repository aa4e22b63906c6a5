//! Mails about what people missed: mentions and direct messages that they have not read.
//!
//! Owns when somebody is mailed, what such a mail says, and how it is ended. Whoever wants none gets none. The ledger adds a row to the outbox
//! for each message and person; whether they are still to be told is decided here, when it is due. How a mail is sent is `mail`'s. A mail quotes
//! what somebody else typed, so it says who it was, and nothing in it is a link but ours.

mod when;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use askama::Template;
use async_trait::async_trait;

pub use self::when::When;
use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::db::missed::{KIND, Mailed, Missed};
use crate::db::outbox::Row;
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::mail::{Address, Mail, Mailer, NotSent};
use crate::model::UserId;
use crate::outbox::{Deliverer, Deliverers, Delivery, Outbox};

/// How many people are mailed at once.
const AT_ONCE: usize = 4;
/// The most messages in a mail; of more it says how many there are.
const MOST: i64 = 20;
/// How much of a message is in it, in characters.
const TEXT: usize = 500;
/// How many rows are looked at for a mail: more than there can be (`db::ledger`).
const ROWS: i64 = 1000;

/// Mails people about what they missed.
pub struct MissedMails {
    db: Arc<Db>,
    chat: Arc<Chat>,
    accounts: Arc<Accounts>,
    clock: Clock,
    outbox: Outbox,
    mailer: Mailer,
}

/// A message in a mail.
struct Quote<'a> {
    author: &'a str,
    /// "in General", "to you".
    place: String,
    body: String,
    link: String,
}

/// The HTML part of a mail.
#[derive(Template)]
#[template(path = "accounts/missed_mail.html")]
struct Html<'a> {
    username: &'a str,
    site: &'a str,
    unsubscribe: &'a str,
    quotes: &'a [Quote<'a>],
    more: i64,
}

impl MissedMails {
    /// The mails of a server.
    pub fn new(
        db: Arc<Db>,
        chat: Arc<Chat>,
        accounts: Arc<Accounts>,
        clock: Clock,
        outbox: Outbox,
        config: &Config,
    ) -> Arc<Self> {
        Arc::new(Self { db, chat, accounts, clock, outbox, mailer: Mailer::new(config) })
    }

    /// Adds their deliverer. Without a server for mails it delivers nothing, and what waits is deleted: the ledger goes on adding to it.
    #[must_use]
    pub fn deliverers(self: &Arc<Self>, deliverers: Deliverers) -> Deliverers {
        deliverers.on(KIND, AT_ONCE, self.clone())
    }

    /// When somebody is mailed.
    ///
    /// # Errors
    /// The database's.
    pub async fn choice(&self, user: UserId) -> Result<When> {
        Ok(self.db.find_mail_choice(user).await?.and_then(|name| When::parse(&name)).unwrap_or_default())
    }

    /// Sets when somebody is mailed.
    ///
    /// # Errors
    /// The database's.
    pub async fn choose(&self, user: UserId, when: When) -> Result<()> {
        self.db.set_mail_choice(user, when.as_str(), &random_hex(), self.clock.now()).await?;
        self.outbox.wake();
        Ok(())
    }

    /// Whose mails a link ends.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn find_by_token(&self, token: &str) -> Result<String> {
        self.db.find_mailed_by_token(token).await?.ok_or(Error::NotFound("link"))
    }

    /// Ends the mails that a link is for.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn unsubscribe(&self, token: &str) -> Result<()> {
        if self.db.end_mails(token).await? { Ok(()) } else { Err(Error::NotFound("link")) }
    }

    async fn try_deliver(&self, user: UserId, due: &[Row]) -> sqlx::Result<Delivery> {
        let person = if self.mailer.is_on() { self.db.find_mailed(user).await? } else { None };
        let Some(person) = person else { return Ok(Delivery::Gone) };
        let (Some(when), Ok(to)) = (When::parse(&person.missed), Address::parse(&person.address)) else {
            return Ok(Delivery::Gone);
        };
        let (Some(first), Some(last), Some(oldest)) = (due.first(), due.last(), due.iter().map(|row| row.created_at).min())
        else {
            return Ok(Delivery::Done(1));
        };
        let now = self.clock.now();
        let Some(moment) = when.moment(oldest, person.mailed_at, person.time_zone.as_deref()) else { return Ok(Delivery::Gone) };
        if now < moment {
            // Those who read what waits have room for more of it.
            self.db.forget_missed(user).await?;
            return Ok(Delivery::Later(moment));
        }
        // Whoever was here since has seen that there is something.
        let was_here = |row: &Row| when == When::Soon && person.seen_at.is_some_and(|seen| seen > row.created_at);
        let rows: Vec<_> = due.iter().filter(|row| !was_here(row)).map(|row| row.id).collect();
        let missed = if rows.is_empty() { Vec::new() } else { self.db.list_missed(user, &rows, MOST).await? };
        if missed.is_empty() {
            return Ok(Delivery::Done(due.len()));
        }
        if let Err(NotSent { why, .. }) = self.mailer.send(self.mail(to, &person, &missed, (first.id, last.id))).await {
            return Ok(Delivery::failed(why));
        }
        self.db.note_mailed(user, now).await?;
        Ok(Delivery::Done(due.len()))
    }

    /// A mail about messages, at least one. The rows that it is of name it: one that is sent again with more is another one, or programs that
    /// show each name once would hide that.
    fn mail(&self, to: Address, person: &Mailed, missed: &[Missed], (first, last): (i64, i64)) -> Mail {
        let site = self.accounts.site();
        let username = &*person.username;
        let unsubscribe = format!("{site}/unsubscribe/{}", person.token);
        let total = missed.first().map_or(0, |one| one.total);
        let more = total - i64::try_from(missed.len()).unwrap_or(total);
        let quotes: Vec<_> = missed.iter().map(|one| Quote::new(one, site)).collect();
        let mut text = format!("Hello @{username},\n\nyou missed this at {site}:\n");
        for Quote { author, place, body, link } in &quotes {
            let quoted = body.lines().map(|line| format!("> {line}\n")).collect::<String>();
            // Writing to a text never fails.
            let _ = write!(text, "\n@{author} {place}:\n{quoted}{link}\n");
        }
        if more > 0 {
            let _ = write!(text, "\nAnd {more} more.\n");
        }
        let _ = write!(
            text,
            "\nYou chose to get these mails. Change that: {site}/settings/notifications\nNo more mails: {unsubscribe}\n"
        );
        let html = Html { username, site, unsubscribe: &unsubscribe, quotes: &quotes, more }.render().ok();
        let rooms: BTreeSet<_> = missed.iter().map(|one| (one.room_id, one.is_direct)).collect();
        let only = rooms.first().filter(|_| rooms.len() == 1);
        // Nothing that somebody typed is in the subject. It is the same for all mails of a thread, because some programs go by it.
        let subject = match only {
            Some((_, true)) => "Direct messages for you",
            Some((_, false)) => "You were mentioned",
            None => "What you missed",
        };
        // Mails about one room are one thread, and so are all others. Those of another database are not among them.
        let about = only.map_or_else(|| "missed".to_owned(), |(room, _)| format!("room-{}", room.0));
        let epoch = self.chat.epoch();
        let epoch = epoch.get(..16).unwrap_or(&epoch);
        Mail {
            to,
            subject: subject.to_owned(),
            text,
            html,
            id: Some(format!("missed-{first}-{last}.{epoch}")),
            thread: Some(format!("{about}.{epoch}")),
            unsubscribe: Some(unsubscribe),
        }
    }
}

impl<'a> Quote<'a> {
    fn new(one: &'a Missed, site: &str) -> Self {
        let mut body: String = one.body.chars().take(TEXT).collect();
        if body.len() < one.body.len() {
            body.push('…');
        }
        if body.trim().is_empty() {
            "(files)".clone_into(&mut body);
        }
        let place = if one.is_direct { "to you".to_owned() } else { format!("in {}", one.room) };
        Self { author: &one.author, place, body, link: format!("{site}/rooms/{}/{}", one.slug, one.seq) }
    }
}

#[async_trait]
impl Deliverer for MissedMails {
    async fn deliver(&self, receiver: i64, due: &[Row]) -> Delivery {
        self.try_deliver(UserId(receiver), due).await.unwrap_or_else(Into::into)
    }

    fn most(&self) -> i64 {
        ROWS
    }
}
