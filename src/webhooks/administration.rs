//! Webhooks, as administrators use them.
//!
//! Owns who may, what an address may be, and how many there may be. A private room can be chosen only by somebody who can read it. What is
//! refused leaves no bot.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Url;
use serde_json::json;

use super::{MOST, Webhooks, signature};
use crate::accounts::session::SessionUser;
use crate::accounts::to_its_end;
use crate::chat::commands;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::outbox::ReceiverId;
use crate::db::webhooks::{KIND, ReplyBot, StoredWebhook, Webhook, WebhookChange};
use crate::egress::address::Host;
use crate::error::{Error, Result};
use crate::model::{Occurrence, RoomId, UserId, validate};
use crate::permissions::{self, Actor, ServerAction};
use crate::security_log::{Action, Event, Source};

/// The longest address, in characters.
const LONGEST_URL: usize = 2000;
/// The longest hint of a command, in characters.
const LONGEST_HINT: usize = 100;
/// The longest name, in characters.
const LONGEST_NAME: usize = 64;
const COMMAND: &str = "A command is a letter, then up to 31 letters, digits and hyphens. The built-in ones can’t be replaced.";
/// The most rooms of a webhook.
const MOST_ROOMS: usize = 100;
/// How long a secret is good after another one was made, in milliseconds.
pub const OVERLAP: i64 = 24 * 60 * 60 * 1000;

/// What an administrator wants of a webhook, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// The names of the events; none: all.
    pub events: Vec<String>,
    /// The slugs of the rooms; none: all public ones.
    pub rooms: Vec<String>,
    /// The name of a slash command; empty: none.
    pub command: String,
    /// What is said of the command.
    pub hint: String,
    /// What it is called when it replies; empty: it doesn't.
    pub name: String,
}

/// A webhook, for administrators. Its secret is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: i64,
    /// Where it is.
    pub url: String,
    /// The names of its events; none: all.
    pub events: Vec<String>,
    /// The slugs of its rooms.
    pub rooms: Vec<String>,
    /// Whether it is told of all public rooms. Otherwise, with none of its rooms left, it is told nothing.
    pub has_all_rooms: bool,
    /// Whether it is told anything.
    pub is_on: bool,
    /// Since when it is paused.
    pub paused_at: Option<Millis>,
    /// Since when so much waits that nothing more is kept.
    pub full_at: Option<Millis>,
    /// Since when deliveries fail.
    pub failing_since: Option<Millis>,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// Until when the secret before the present one is good.
    pub old_secret_until: Option<Millis>,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
    /// The name of its slash command.
    pub command: Option<String>,
    /// What is said of the command.
    pub hint: String,
    /// What it is called when it replies.
    pub name: Option<String>,
}

impl Webhooks {
    /// All webhooks.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn list(&self, actor: Actor) -> Result<Vec<Shown>> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let webhooks = self.db.list_webhooks().await?;
        self.shown(webhooks).await
    }

    /// A webhook.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn find(&self, actor: Actor, id: &str) -> Result<Shown> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let webhook = self.webhook(id).await?;
        self.shown(vec![webhook]).await?.pop().ok_or(Error::NotFound("webhook"))
    }

    /// Adds a webhook; returns its id and its secret. It is run to its end, so that whoever does not wait leaves none whose bot is in no room.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `invalid` for `url`, `events` or `rooms`, or when there are too many.
    pub async fn add(self: &Arc<Self>, actor: Actor, by: &Arc<str>, wanted: &Wanted, source: &Source) -> Result<(i64, String)> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let decided = self.decide((actor, by, source), Action::AddWebhook, wanted, None).await?;
        let webhooks = self.clone();
        to_its_end(async move {
            let secret = signature::new_secret();
            let place = Place::New { secret: &secret, by: &decided.username };
            let StoredWebhook::As(id, bot) = webhooks.store(place, &decided).await? else {
                return Err(Error::invalid("url", format!("There are {MOST} webhooks already. Delete one first.")));
            };
            decided.event.write_line();
            if let Err(error) = webhooks.seat(bot, &decided).await {
                // What was allowed just now is not any more, or nothing can be written.
                let (actor, by, source) = decided.by();
                webhooks.delete(actor, by, &id.to_string(), source).await?;
                return Err(error);
            }
            Ok((id, secret))
        })
        .await
    }

    /// Changes a webhook, which ends a pause. It is run to its end, too.
    ///
    /// # Errors
    /// As [`Self::add`]; `not_found`.
    pub async fn edit(self: &Arc<Self>, actor: Actor, by: &Arc<str>, id: &str, wanted: &Wanted, source: &Source) -> Result<()> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let before = self.webhook(id).await?;
        let decided = self.decide((actor, by, source), Action::ChangeWebhook, wanted, Some(&before)).await?;
        let webhooks = self.clone();
        to_its_end(async move {
            let old_name = webhooks.rename_bot(&before, &decided).await?;
            if let Err(error) = webhooks.replace(&before, &decided).await {
                if let Some((bot, name)) = old_name
                    && let Err(error) = webhooks.accounts.rename_server_bot(bot, name).await
                {
                    tracing::warn!(%error, bot, "the bot of a webhook that was not changed has another name now");
                }
                return Err(error);
            }
            webhooks.outbox.wake();
            if let (None, Some(bot)) = (&decided.replies, &before.bot_username) {
                webhooks.close_bot(decided.by(), bot).await;
            }
            Ok(())
        })
        .await
    }

    /// Stores a changed webhook, and what it was before again if its bot may not be where it is to reply.
    async fn replace(&self, before: &Webhook, decided: &Decided) -> Result<()> {
        let stored = self.store(Place::Known(before.id), decided).await?;
        let StoredWebhook::As(_, bot) = stored else { return Err(Error::NotFound("webhook")) };
        decided.event.write_line();
        let Err(error) = self.seat(bot, decided).await else { return Ok(()) };
        let new = match bot.filter(|bot| before.bot_id != Some(*bot)) {
            Some(bot) => self.db.find_user(bot).await?,
            None => None,
        };
        let undone = decided.event.clone().changed(None, Some(json!({ "undone": true })));
        self.update(before.id, WebhookChange::from(before), &undone).await?;
        if let Some(new) = new {
            self.close_bot(decided.by(), &new.username).await;
        }
        Err(error)
    }

    /// Gives the bot that a webhook has the name that was chosen. Returns the bot with the name that it had, if that was another one.
    async fn rename_bot<'a>(&self, before: &'a Webhook, decided: &Decided) -> Result<Option<(&'a str, &'a str)>> {
        let Some(Replies { bot: Some(_), name, .. }) = &decided.replies else { return Ok(None) };
        let (Some(bot), Some(old)) = (before.bot_username.as_deref(), before.bot_name.as_deref()) else { return Ok(None) };
        if old == name {
            return Ok(None);
        }
        self.accounts.rename_server_bot(bot, name).await?;
        Ok(Some((bot, old)))
    }

    /// Turns a webhook on, which ends a pause, or off.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn switch(&self, actor: Actor, by: &Arc<str>, id: &str, on: bool, source: &Source) -> Result<()> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let webhook = self.webhook(id).await?;
        let event = self.event(actor, by, Action::ChangeWebhook, &webhook.url, source);
        let event = event.changed(None, Some(json!({ "on": on })));
        self.update(webhook.id, WebhookChange { is_on: on, ..WebhookChange::from(&webhook) }, &event).await
    }

    /// Makes another secret, and returns it. Deliveries are signed with both for a day.
    ///
    /// # Errors
    /// As [`Self::switch`].
    pub async fn rotate(&self, actor: Actor, by: &Arc<str>, id: &str, source: &Source) -> Result<(i64, String)> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let webhook = self.webhook(id).await?;
        let event = self.event(actor, by, Action::RotateWebhook, &webhook.url, source);
        let secret = signature::new_secret();
        if !self.db.rotate_webhook(webhook.id, &secret, event.at.plus(OVERLAP), &event).await? {
            return Err(Error::NotFound("webhook"));
        }
        event.write_line();
        Ok((webhook.id, secret))
    }

    /// Deletes a webhook, and what waits for it.
    ///
    /// # Errors
    /// As [`Self::switch`].
    pub async fn delete(&self, actor: Actor, by: &Arc<str>, id: &str, source: &Source) -> Result<()> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let webhook = self.webhook(id).await?;
        let event = self.event(actor, by, Action::DeleteWebhook, &webhook.url, source);
        if !self.db.delete_webhook(webhook.id, &event).await? {
            return Err(Error::NotFound("webhook"));
        }
        event.write_line();
        if let Some(bot) = webhook.bot_username {
            self.close_bot((actor, by, source), &bot).await;
        }
        Ok(())
    }

    /// Sends a webhook something that says no more than that it is a test; returns the name of its receiver.
    ///
    /// # Errors
    /// As [`Self::switch`]; `invalid` for one that is off.
    pub async fn test(&self, actor: Actor, id: &str) -> Result<ReceiverId> {
        permissions::may_administer(actor, ServerAction::ManageWebhooks)?;
        let webhook = self.webhook(id).await?;
        if !webhook.is_on {
            return Err(Error::invalid("id", "This webhook is off. Turn it on first."));
        }
        let receiver = ReceiverId { kind: KIND, id: webhook.id };
        let payload = json!({ "text": "A test of this webhook." }).to_string();
        self.db.insert_delivery(receiver, Occurrence::Test.as_str(), Some(&payload), self.clock.now()).await?;
        self.outbox.wake();
        Ok(receiver)
    }

    async fn update(&self, id: i64, change: WebhookChange, event: &Event) -> Result<()> {
        if self.db.update_webhook(id, change, event).await.map_err(taken)? == StoredWebhook::Refused {
            return Err(Error::NotFound("webhook"));
        }
        event.write_line();
        self.outbox.wake();
        Ok(())
    }

    async fn webhook(&self, id: &str) -> Result<Webhook> {
        let id = id.parse().map_err(|_| Error::NotFound("webhook"))?;
        self.db.find_webhook(id).await?.ok_or(Error::NotFound("webhook"))
    }

    /// An event about a webhook. Of its address only the origin: paths are often secrets.
    fn event(&self, actor: Actor, by: &Arc<str>, action: Action, url: &str, source: &Source) -> Event {
        Event::new(self.clock.now(), action, source).by(actor.id, by).about(&*origin(url))
    }

    /// Checks what is wanted, with who wants it.
    async fn decide(&self, by: By<'_>, action: Action, wanted: &Wanted, before: Option<&Webhook>) -> Result<Decided> {
        let (actor, username, source) = by;
        let change = self.change(actor.id, wanted, before).await?;
        let replies = self.replies(actor, wanted, before).await?;
        let event = self.event(actor, username, action, &change.url, source).changed(None, Some(of(wanted)));
        Ok(Decided { actor, username: username.clone(), source: source.clone(), change, replies, event })
    }

    /// Checks what is wanted, but for the bot. Of rooms that a webhook has already, none is refused, unless they would be told somewhere else.
    async fn change(&self, reader: UserId, wanted: &Wanted, before: Option<&Webhook>) -> Result<WebhookChange> {
        let url = self.url(&wanted.url)?;
        let events: Vec<&str> = wanted
            .events
            .iter()
            .map(|name| Occurrence::parse(name).map(Occurrence::as_str).ok_or_else(|| unknown_event(name)))
            .collect::<Result<_>>()?;
        let had: Vec<i64> = before
            .filter(|before| before.url == url)
            .and_then(|before| serde_json::from_str(&before.rooms).ok())
            .unwrap_or_default();
        let had: BTreeMap<String, i64> = self.db.list_slugs(&had).await?.into_iter().map(|(id, slug)| (slug, id)).collect();
        let mut rooms: Vec<i64> = Vec::new();
        for slug in &wanted.rooms {
            let id = match had.get(slug) {
                Some(id) => *id,
                None => self.room(reader, slug).await?,
            };
            if !rooms.contains(&id) {
                rooms.push(id);
            }
        }
        if rooms.len() > MOST_ROOMS {
            return Err(Error::invalid("rooms", format!("Choose up to {MOST_ROOMS} rooms.")));
        }
        let is_on = before.is_none_or(|before| before.is_on);
        let command = match wanted.command.trim() {
            "" => None,
            typed => Some(commands::new_name(typed).ok_or_else(|| Error::invalid("command", COMMAND))?),
        };
        if let Some(command) = &command
            && let Some(other) = self.db.find_webhook_by_command(command).await?
            && before.is_none_or(|before| before.id != other.id)
        {
            return Err(command_taken());
        }
        let hint = validate::line("hint", &wanted.hint, LONGEST_HINT)?;
        let hint = command.as_ref().map(|_| hint);
        let (events, rooms) = (json!(events).to_string(), json!(rooms).to_string());
        Ok(WebhookChange { url, events, rooms, is_on, command, hint, bot: ReplyBot::None })
    }

    /// How a webhook replies; none: it does not. Refused is whoever may not add its bot to a room that was chosen: before there is one. Where it had
    /// to be before nobody is asked, and nothing is changed: others may have archived that room since, or removed the bot.
    async fn replies(&self, actor: Actor, wanted: &Wanted, before: Option<&Webhook>) -> Result<Option<Replies>> {
        let name = validate::line("name", &wanted.name, LONGEST_NAME)?;
        if name.is_empty() {
            return Ok(None);
        }
        if wanted.rooms.is_empty() {
            return Err(Error::invalid("rooms", "Name the rooms in which it replies: its bot becomes a member of them."));
        }
        let known = match before.and_then(|before| before.bot_id) {
            Some(bot) => self.db.find_user(bot).await?.filter(|bot| bot.banned_at.is_none()),
            None => None,
        };
        let had: Vec<i64> =
            before.filter(|_| known.is_some()).and_then(|before| serde_json::from_str(&before.rooms).ok()).unwrap_or_default();
        let mut rooms = Vec::new();
        for slug in &wanted.rooms {
            // Of those that the administrator cannot see, another one chose it.
            if let Some(view) = self.db.find_room(slug, actor.id).await?
                && !had.contains(&view.room.id.0)
            {
                permissions::may(actor, permissions::Action::AddMember, &view.facts()).map_err(|error| not_there(slug, error))?;
                rooms.push((slug.clone(), view.room.id));
            }
        }
        Ok(Some(Replies { bot: known.map(|bot| bot.id), name, rooms }))
    }

    /// Stores a webhook; a new bot is made in the same transaction.
    async fn store(&self, place: Place<'_>, decided: &Decided) -> Result<StoredWebhook> {
        let Decided { actor, change, event, .. } = decided;
        let change = |bot| WebhookChange { bot, ..change.clone() };
        let name = match &decided.replies {
            None => return self.put(place, change(ReplyBot::None), event).await,
            Some(Replies { bot: Some(bot), .. }) => return self.put(place, change(ReplyBot::Known(*bot)), event).await,
            Some(Replies { name, .. }) => name,
        };
        self.chat.allow(actor.id, ActionKind::Hook)?;
        let store = |bot| {
            let change = change(ReplyBot::New(Box::new(bot)));
            async move {
                let stored = self.put(place, change, event).await?;
                Ok((stored != StoredWebhook::NameTaken).then_some(stored))
            }
        };
        self.accounts.store_server_bot(name, store).await
    }

    async fn put(&self, place: Place<'_>, change: WebhookChange, event: &Event) -> Result<StoredWebhook> {
        let stored = match place {
            Place::New { secret, by } => self.db.insert_webhook(change, secret, by, MOST as i64, event).await,
            Place::Known(id) => self.db.update_webhook(id, change, event).await,
        };
        stored.map_err(taken)
    }

    /// Tells everybody of a bot that is new, and makes it a member of the rooms that are. If one of them refuses it, it leaves the others again.
    async fn seat(&self, bot: Option<UserId>, decided: &Decided) -> Result<()> {
        let (Some(bot), Some(Replies { bot: known, rooms, .. })) = (bot, &decided.replies) else { return Ok(()) };
        if known.is_none() {
            self.accounts.introduce_bot(bot).await?;
        }
        let mut entered = Vec::new();
        for (slug, room) in rooms {
            match self.chat.admit_server_bot(decided.actor.into(), *room, bot, &decided.source).await {
                Ok(true) => entered.push(slug),
                Ok(false) => {}
                Err(error) => {
                    for slug in entered {
                        if let Err(error) = self.chat.leave(bot, slug).await {
                            tracing::warn!(%error, "the bot of a webhook that was not changed did not leave a room");
                        }
                    }
                    return Err(not_there(slug, error));
                }
            }
        }
        Ok(())
    }

    /// Closes the account of a bot that no webhook has any more.
    async fn close_bot(&self, (actor, by, source): By<'_>, username: &str) {
        let by = SessionUser { username: by.clone(), ..SessionUser::only(actor.id) };
        if let Err(error) = self.accounts.close_server_bot(&by, username, source).await {
            tracing::warn!(%error, bot = username, "the bot of a webhook that is gone was not closed");
        }
    }

    fn url(&self, typed: &str) -> Result<String> {
        let typed = typed.trim();
        if typed.chars().count() > LONGEST_URL {
            return Err(Error::TooLong { field: "url", limit: LONGEST_URL });
        }
        let no_url = || Error::invalid("url", "Enter an address that begins with https:// or http://.");
        let mut url = Url::parse(typed).map_err(|_| no_url())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(no_url());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid("url", "Leave out the username and password: deliveries are signed instead."));
        }
        url.set_fragment(None);
        let host = Host::of(&url).ok_or_else(no_url)?;
        if !self.guard.may_ask(&host) {
            return Err(Error::invalid(
                "url",
                "This address isn’t public. Whoever runs this server can allow it (WEBHOOK_PRIVATE_ADDRESSES).",
            ));
        }
        Ok(url.into())
    }

    async fn room(&self, reader: UserId, slug: &str) -> Result<i64> {
        let unknown = || {
            let slug: String = slug.chars().take(64).collect();
            Error::invalid("rooms", format!("There’s no room “{slug}” that you can read."))
        };
        let view = self.db.find_room(slug, reader).await?.filter(|view| !view.room.is_direct).ok_or_else(unknown)?;
        Ok(view.room.id.0)
    }

    async fn shown(&self, webhooks: Vec<Webhook>) -> Result<Vec<Shown>> {
        let rooms: Vec<Vec<i64>> =
            webhooks.iter().map(|webhook| serde_json::from_str(&webhook.rooms).unwrap_or_default()).collect();
        let slugs: BTreeMap<i64, String> = self.db.list_slugs(&rooms.concat()).await?.into_iter().collect();
        let now = self.clock.now();
        let shown = webhooks.into_iter().zip(rooms).map(|(webhook, rooms)| Shown {
            id: webhook.id,
            url: webhook.url,
            events: serde_json::from_str(&webhook.events).unwrap_or_default(),
            has_all_rooms: rooms.is_empty(),
            rooms: rooms.iter().filter_map(|id| slugs.get(id).cloned()).collect(),
            is_on: webhook.is_on,
            paused_at: webhook.paused_at,
            full_at: webhook.full_at,
            failing_since: webhook.failing_since,
            last_error: webhook.last_error,
            old_secret_until: webhook.old_secret_until.filter(|until| now < *until),
            created_by: webhook.created_by,
            created_at: webhook.created_at,
            command: webhook.command,
            hint: webhook.hint.unwrap_or_default(),
            name: webhook.bot_id.and(webhook.bot_name),
        });
        Ok(shown.collect())
    }
}

/// Who does something, by which name, and from where.
type By<'a> = (Actor, &'a Arc<str>, &'a Source);

/// What an administrator wants, as it was checked.
struct Decided {
    actor: Actor,
    username: Arc<str>,
    source: Source,
    change: WebhookChange,
    /// How it replies; none: it does not.
    replies: Option<Replies>,
    /// For the audit log.
    event: Event,
}

impl Decided {
    fn by(&self) -> By<'_> {
        (self.actor, &self.username, &self.source)
    }
}

/// How a webhook replies.
struct Replies {
    /// The bot that it has; none: one is to be made.
    bot: Option<UserId>,
    /// What the bot is to be called.
    name: String,
    /// The rooms that it is to become a member of.
    rooms: Vec<(String, RoomId)>,
}

/// Where a webhook is stored.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// It is added.
    New { secret: &'a str, by: &'a str },
    /// It is there.
    Known(i64),
}

/// Why a bot cannot be in a room.
fn not_there(slug: &str, error: Error) -> Error {
    match error {
        Error::Forbidden(_) => Error::invalid("rooms", format!("You can’t add anybody to “{slug}”, so it can’t reply there.")),
        Error::Invalid { field: "username", .. } => {
            Error::invalid("rooms", format!("Its bot is banned from “{slug}”. Lift the ban first."))
        }
        other => other,
    }
}

/// What an event says of a change.
fn of(wanted: &Wanted) -> serde_json::Value {
    json!({ "events": wanted.events, "rooms": wanted.rooms, "command": wanted.command, "name": wanted.name })
}

/// Somebody else was faster.
fn taken(error: sqlx::Error) -> Error {
    let is_taken = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if is_taken { command_taken() } else { error.into() }
}

fn command_taken() -> Error {
    Error::invalid("command", "Another webhook has this command.")
}

/// The origin of an address: what may be shown anywhere.
pub fn origin(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn unknown_event(name: &str) -> Error {
    let name: String = name.chars().take(64).collect();
    Error::invalid("events", format!("There’s no event “{name}”. The documentation lists them."))
}
