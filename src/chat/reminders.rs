//! Reminders: what `/remind` creates, to be said later.
//!
//! Owns how a time is written, and how many a person may have. A reminder is a job that becomes due (`reminders` says it then). It must not
//! say anything itself.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use sha2::{Digest, Sha256};

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::db::reminders::{NewReminder, Reminder};
use crate::db::rooms::RoomView;
use crate::encoding::{hex, random_hex};
use crate::error::{Error, Result};
use crate::model::{RoomId, Task, UserId, validate};
use crate::permissions::Caller;

/// How many may wait for a person.
pub const MOST: i64 = 50;
/// The longest time until one is due.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// How many are on a page.
const PAGE: usize = 20;
/// How many `/remind list` tells.
const LISTED: usize = 10;
/// The longest text, in characters.
const TEXT: usize = 1_000;

const NO_REMINDER: Error = Error::NotFound("reminder");
const USAGE: &str = "Write /remind in 10 minutes and what about, or /remind at 15:00. Behind /remind, room says it to everyone here; /remind list shows yours.";

/// What was written behind `/remind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<'t> {
    /// Whether the room is reminded, instead of the person.
    is_for_room: bool,
    /// When.
    due: Timestamp,
    /// Of what.
    text: &'t str,
}

/// Reads `[me|room] in 10 minutes TEXT` or `[me|room] at 15:00 TEXT`, at this moment where the person is.
fn parse<'t>(said: &'t str, now: &Zoned) -> Option<Written<'t>> {
    let (first, rest) = word(said);
    let (is_for_room, rest) = match first {
        "me" => (false, rest),
        "room" => (true, rest),
        _ => (false, said),
    };
    let (how, rest) = word(rest);
    let (due, text) = match how {
        "in" => {
            let (number, rest) = word(rest);
            // `10m` as well as `10 minutes`.
            let digits = number.len() - number.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, joined) = number.split_at(digits);
            let (unit, text) = if joined.is_empty() { word(rest) } else { (joined, rest) };
            let number: i64 = number.parse().ok().filter(|number| (1..=1_000_000).contains(number))?;
            let span = match unit {
                "s" | "sec" | "second" | "seconds" => number.seconds(),
                "m" | "min" | "mins" | "minute" | "minutes" => number.minutes(),
                "h" | "hour" | "hours" => number.hours(),
                "d" | "day" | "days" => number.days(),
                "w" | "week" | "weeks" => number.weeks(),
                _ => return None,
            };
            (now.checked_add(span).ok()?, text)
        }
        "at" => {
            let (clock, text) = word(rest);
            let (hour, minute) = clock.split_once(':')?;
            let time = jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
            let today = now.date().to_zoned(now.time_zone().clone()).ok()?.with().time(time).build().ok()?;
            (if today > *now { today } else { today.checked_add(1.day()).ok()? }, text)
        }
        _ => return None,
    };
    (!text.is_empty()).then(|| Written { is_for_room, due: due.timestamp(), text })
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// A reminder that waits.
#[derive(Clone, Debug)]
pub struct WaitingReminder {
    /// Its id.
    pub id: i64,
    /// When it is due.
    pub due_at: Millis,
    /// Of what.
    pub text: String,
    /// The room that is reminded, where its person can still see it: the name of another one is not theirs to know. `None` for themselves.
    pub room: Option<Option<RoomView>>,
}

/// A reminder that was asked for.
#[derive(Clone, Debug)]
pub struct AddedReminder {
    /// The reminder, as it waits.
    pub reminder: WaitingReminder,
    /// Whether it did not wait before: one with the same nonce is not added again.
    pub is_new: bool,
}

/// A page of them, the next one first.
#[derive(Clone, Debug)]
pub struct ReminderPage {
    /// The reminders.
    pub reminders: Vec<WaitingReminder>,
    /// The `after` of the next page.
    pub next: Option<String>,
}

impl Chat {
    /// The reminders that wait for a person, behind `after` of the page before, or the first ones.
    ///
    /// # Errors
    /// `invalid` for `after`.
    pub async fn reminders(&self, person: UserId, after: &str) -> Result<ReminderPage> {
        let unreadable = || Error::invalid("after", "Give back `next` of the page before.");
        let from = match after {
            "" => (Millis(i64::MIN), 0),
            after => {
                let (due, id) = after.split_once('-').ok_or_else(unreadable)?;
                (Millis(due.parse().map_err(|_| unreadable())?), id.parse().map_err(|_| unreadable())?)
            }
        };
        let mut rows = self.db.list_reminders(person, from, PAGE as i64 + 1).await?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let next = rows.last().filter(|_| has_more).map(|last| format!("{}-{}", last.due_at.0, last.id));
        let mut reminders = Vec::with_capacity(rows.len());
        for row in rows {
            reminders.extend(self.waiting_reminder(person, row).await?);
        }
        Ok(ReminderPage { reminders, next })
    }

    /// A stored reminder as its person sees it; `None` if it cannot be read.
    async fn waiting_reminder(&self, person: UserId, stored: Reminder) -> Result<Option<WaitingReminder>> {
        let Reminder { id, payload, due_at } = stored;
        let Some(Task::Remind { room, text, .. }) = Task::from_columns("remind", &payload) else { return Ok(None) };
        let room = match room {
            Some(room) => Some(self.seen_room(person, room).await?),
            None => None,
        };
        Ok(Some(WaitingReminder { id, due_at, text, room }))
    }

    /// A room, if somebody can see it.
    async fn seen_room(&self, person: UserId, room: RoomId) -> Result<Option<RoomView>> {
        let Some((_, slug)) = self.db.list_slugs(&[room.0]).await?.pop() else { return Ok(None) };
        match self.view(person, &slug).await {
            Ok(view) => Ok(Some(view)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes one of a person's reminders.
    ///
    /// # Errors
    /// `rate_limited`; `not_found` for one that is nobody's, somebody else's, or was said.
    pub async fn delete_reminder(&self, person: UserId, id: &str) -> Result<()> {
        self.allow(person, ActionKind::Remind)?;
        let id = id.parse().map_err(|_| NO_REMINDER)?;
        if self.db.delete_reminder(person, id).await? { Ok(()) } else { Err(NO_REMINDER) }
    }

    /// Creates a reminder, or lists those that wait. Returns what the person is told.
    ///
    /// # Errors
    /// As [`Self::add_reminder`].
    pub(super) async fn remind(&self, caller: Caller, slug: &str, said: &str, nonce: Option<String>) -> Result<String> {
        let person = caller.id;
        if said != "list" {
            let AddedReminder { reminder, .. } = self.add_reminder(caller, slug, said, nonce).await?;
            let whom = if reminder.room.is_some() { "this room" } else { "you" };
            return Ok(format!("I’ll remind {whom} {}.", when(reminder.due_at, &self.zone(person).await?)));
        }
        self.allow(person, ActionKind::Remind)?;
        self.view(person, slug).await?;
        let zone = self.zone(person).await?;
        Ok(list(&self.reminders(person, "").await?, &zone))
    }

    /// Creates a reminder, as it is written behind `/remind`. With the nonce of one that waits, that one is returned.
    ///
    /// # Errors
    /// `not_found` for the room; `invalid` for `body`; `forbidden` with [`MOST`], or for a room that they are not in; `rate_limited`.
    pub async fn add_reminder(&self, caller: Caller, slug: &str, said: &str, nonce: Option<String>) -> Result<AddedReminder> {
        let person = caller.id;
        self.allow(person, ActionKind::Remind)?;
        let view = self.view(person, slug).await?;
        let zone = self.zone(person).await?;
        let now = self.clock.now();
        let at = Timestamp::from_millisecond(now.0).unwrap_or_default().to_zoned(zone);
        let written = parse(said, &at).ok_or_else(|| Error::invalid("body", USAGE))?;
        let due = Millis(written.due.as_millisecond());
        if due.0 - now.0 > i64::try_from(LONGEST.as_millis()).unwrap_or(i64::MAX) {
            return Err(Error::invalid("body", "A reminder is for a year ahead at most."));
        }
        let text = validate::body(written.text, TEXT)?;
        if written.is_for_room && view.membership.is_none() {
            return Err(Error::Forbidden("Join this room to remind it."));
        }
        let room = written.is_for_room.then_some(view.room.id);
        // Of the same command again, the same: a client asks again if it heard no answer. Apart from the nonces of messages.
        let nonce = nonce.map_or_else(random_hex, |nonce| hex(&Sha256::digest(format!("reminder {person} {nonce}"))));
        let task = Task::Remind { nonce: nonce.clone(), plain: !caller.may_administer, room, text, user: person };
        let reminder = NewReminder { user: person, task, nonce, due };
        let Some((stored, is_new)) = self.db.insert_reminder(&reminder, now, MOST).await? else {
            return Err(Error::Forbidden("50 reminders of yours wait already. Delete one of them, or wait for it."));
        };
        let unreadable = || Error::Internal("a reminder that was just stored cannot be read".into());
        let reminder = self.waiting_reminder(person, stored).await?.ok_or_else(unreadable)?;
        Ok(AddedReminder { reminder, is_new })
    }

    /// Where somebody is, for times of day.
    async fn zone(&self, person: UserId) -> Result<TimeZone> {
        let zone = self.db.find_time_zone(person).await?;
        Ok(zone.and_then(|zone| TimeZone::get(&zone).ok()).unwrap_or(TimeZone::UTC))
    }
}

/// The reminders that wait, one a line, as many as are easily read.
fn list(page: &ReminderPage, zone: &TimeZone) -> String {
    let lines = page.reminders.iter().take(LISTED).map(|reminder| {
        let whom = match &reminder.room {
            None => "you".to_owned(),
            Some(Some(view)) => format!("#{}", view.room.slug),
            Some(None) => "a room".to_owned(),
        };
        let text: String = reminder.text.chars().take(80).collect();
        format!("{}, {whom}: {}", when(reminder.due_at, zone), text.replace('\n', " "))
    });
    let mut lines: Vec<_> = lines.collect();
    match page.reminders.len() {
        0 => lines.push("No reminders wait.".to_owned()),
        1..=LISTED => {}
        _ => lines.push("Your settings have the rest, under Reminders.".to_owned()),
    }
    lines.join("\n")
}

/// "on 2026-11-29 at 15:00"
fn when(at: Millis, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(zone.clone());
    at.strftime("on %Y-%m-%d at %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_where_the_person_is() {
        let now: Zoned = "2026-11-29T14:30:00+01:00[Europe/Paris]".parse().unwrap();
        let at = |said: &str| {
            let written = parse(said, &now)?;
            let due = written.due.to_zoned(now.time_zone().clone()).strftime("%m-%d %H:%M:%S").to_string();
            Some((due, written.is_for_room, written.text.to_owned()))
        };
        for (said, due, is_for_room, text) in [
            ("in 10 minutes stand up", "11-29 14:40:00", false, "stand up"),
            ("me in 1 hour  look\nagain", "11-29 15:30:00", false, "look\nagain"),
            ("in 90s tea", "11-29 14:31:30", false, "tea"),
            ("room in 2 days demo", "12-01 14:30:00", true, "demo"),
            ("at 15:00 call", "11-29 15:00:00", false, "call"),
            ("room at 9:05 stand-up", "11-30 09:05:00", true, "stand-up"),
        ] {
            assert_eq!(at(said), Some((due.to_owned(), is_for_room, text.to_owned())), "{said}");
        }
        for unreadable in [
            "",
            "me",
            "tea",
            "in 10 minutes",
            "in ten minutes tea",
            "in 0 minutes tea",
            "in 5 years tea",
            "at noon tea",
            "at 25:00 tea",
            "at 15:00",
        ] {
            assert_eq!(at(unreadable), None, "{unreadable}");
        }
    }
}
