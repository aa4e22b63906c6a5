//! Slash commands: what a text does that begins with `/` and the name of a command.
//!
//! Owns the names, how they are told from other texts, and what the sender is told. Who may do it is decided by the use-cases that it calls.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::chat::rooms::RoomUpdate;
use crate::db::rooms::RoomView;
use crate::encoding::{hex, random_hex};
use crate::error::{Error, Result};
use crate::model::{UserId, validate};
use crate::permissions::{self, Action, Actor, Caller};
use crate::security_log::Source;

/// How many people can be invited at once.
const MOST_INVITED: usize = 20;
/// The most characters of a command's name.
const LONGEST_NAME: usize = 32;

/// The commands: the name, what follows it, and what it does. `js/room/composer/commands.js` offers the same.
pub const ALL: [(&str, &str, &str); 7] = [
    ("archive", "", "Archives this room"),
    ("help", "", "Shows these commands"),
    ("invite", "@username …", "Adds people to this room"),
    ("me", "text", "Says what you are doing, in italics"),
    ("remind", "in 10 minutes …", "Reminds you, or the room; list shows what waits"),
    ("shrug", "text", "Adds ¯\\_(ツ)_/¯"),
    ("topic", "text", "Changes the topic of this room"),
];

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'b> {
    /// No command: a message, as it is posted.
    Text(&'b str),
    /// A command that writes a message: its text.
    Said(String),
    /// Something to do.
    Act(Act),
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Change the topic.
    Topic(String),
    /// Add these people, by their usernames.
    Invite(Vec<String>),
    /// Archive the room.
    Archive,
    /// Create a reminder, or list those that wait.
    Remind(String),
    /// Say which commands there are.
    Help,
    /// Nothing: say how the command is written.
    Misused(&'static str),
    /// What a webhook's command does, if there is one of this name.
    Other {
        /// The name.
        name: String,
        /// What follows it.
        text: String,
    },
}

/// Reads a body. A command is `/` and a name, alone or before a space, so that paths are texts; `//` before a name, or a space, makes it one too.
pub fn read(body: &str) -> Input<'_> {
    let as_it_is = Input::Text(body);
    let Some(rest) = body.strip_prefix('/') else { return as_it_is };
    if let Some(escaped) = rest.strip_prefix('/') {
        return if name_of(escaped).is_some() { Input::Text(rest) } else { as_it_is };
    }
    let Some(name) = name_of(rest) else { return as_it_is };
    let said = rest[name.len()..].trim();
    let act = match &*name {
        "archive" if said.is_empty() => Act::Archive,
        "archive" => Act::Misused("Write /archive and nothing else to archive this room."),
        "help" => Act::Help,
        "invite" => {
            let names = said.split([' ', ',', '\n', '\t']).map(|name| name.trim_start_matches('@'));
            let mut names: Vec<_> = names.filter(|name| !name.is_empty()).map(str::to_lowercase).collect();
            let mut seen = HashSet::new();
            names.retain(|name| seen.insert(name.clone()));
            Act::Invite(names)
        }
        "remind" => Act::Remind(said.to_owned()),
        "topic" => Act::Topic(said.split_whitespace().collect::<Vec<_>>().join(" ")),
        "me" if said.is_empty() => Act::Misused("Write what you are doing behind /me."),
        "me" => return Input::Said(italic(said)),
        "shrug" => return Input::Said(format!("{said} ¯\\\\\\_(ツ)\\_/¯").trim_start().to_owned()),
        _ => Act::Other { text: said.to_owned(), name },
    };
    Input::Act(act)
}

/// The text of a message, as it is posted. With files, it is posted as it was typed.
pub fn text(body: &str, has_files: bool) -> Cow<'_, str> {
    match read(body) {
        Input::Text(text) if !has_files => Cow::Borrowed(text),
        Input::Said(text) if !has_files => Cow::Owned(text),
        _ => Cow::Borrowed(body),
    }
}

/// The name of a new command, as typed, with or without its slash; `None` if it can be none, or is taken.
pub fn new_name(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let typed = typed.strip_prefix('/').unwrap_or(typed);
    name_of(typed).filter(|name| name.len() == typed.len() && ALL.iter().all(|(known, ..)| known != name))
}

/// The name that a text without its slash begins with, in small letters; `None` if it does not begin as a command does.
fn name_of(text: &str) -> Option<String> {
    let word = text.split(char::is_whitespace).next()?;
    let is_name = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.len() <= LONGEST_NAME
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| word.to_ascii_lowercase())
}

/// Each line in italics.
fn italic(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim();
        // Marks beside marks would be shown.
        if line.is_empty() || line.starts_with('_') || line.ends_with(['_', '\\']) {
            line.to_owned()
        } else {
            format!("_{line}_")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Chat {
    /// Does something in a room. Returns what whoever asked for it is told; nobody else hears of that. The same `nonce` again does it once.
    ///
    /// # Errors
    /// `not_found` for the room; `invalid` for `body`; as the use-case.
    pub async fn act(&self, caller: Caller, slug: &str, act: Act, nonce: Option<&str>, source: &Source) -> Result<String> {
        // First: what else may be wrong says nothing about rooms that the person may not know of.
        self.allow(caller.id, ActionKind::Read)?;
        let view = self.view(caller.id, slug).await?;
        let nonce = nonce.map(validate::nonce).transpose()?;
        match act {
            Act::Topic(topic) => self.retopic(caller, slug, &topic, source).await,
            Act::Invite(usernames) => self.invite(caller.id, slug, &usernames, source).await,
            Act::Archive => {
                self.archive(caller, slug, true, source).await?;
                Ok("This room is archived now.".to_owned())
            }
            Act::Remind(said) => self.remind(caller, slug, &said, nonce).await,
            Act::Help => Ok(help(&self.commands_of(&view).await?)),
            Act::Misused(usage) => Err(Error::invalid("body", usage)),
            Act::Other { name, text } => self.send_command(caller.id, &view, &name, &text, nonce).await,
        }
    }

    /// The commands of webhooks in a room, by their names.
    ///
    /// # Errors
    /// `not_found` for the room; `rate_limited`.
    pub async fn list_commands(&self, reader: UserId, slug: &str) -> Result<Vec<RoomCommand>> {
        self.allow(reader, ActionKind::Read)?;
        let view = self.view(reader, slug).await?;
        self.commands_of(&view).await
    }

    async fn commands_of(&self, view: &RoomView) -> Result<Vec<RoomCommand>> {
        let room = &view.room;
        let webhooks = self.db.list_webhooks().await?.into_iter();
        let known = webhooks.filter(|webhook| webhook.is_on && webhook.may_know(room.id, room.visibility, room.is_direct));
        let named =
            known.filter_map(|webhook| Some(RoomCommand { name: webhook.command?, hint: webhook.hint.unwrap_or_default() }));
        let mut commands: Vec<_> = named.collect();
        commands.sort();
        Ok(commands)
    }

    /// Tells the webhook that has a command of this name in a room. The delivery has an id of the sender's `nonce`, so that it is the same one if
    /// it is asked for again.
    async fn send_command(
        &self,
        actor: UserId,
        view: &RoomView,
        name: &str,
        text: &str,
        nonce: Option<String>,
    ) -> Result<String> {
        let room = &view.room;
        let webhook = self.db.find_webhook_by_command(name).await?;
        let webhook = webhook.filter(|webhook| webhook.is_on && webhook.may_know(room.id, room.visibility, room.is_direct));
        let Some(webhook) = webhook else {
            let unknown = format!("There’s no command /{name} here. /help lists them all; write //{name} to post it as text.");
            return Err(Error::invalid("body", unknown));
        };
        self.allow(actor, ActionKind::Command)?;
        permissions::may(Actor { id: actor, is_admin: false, is_guest: false }, Action::Post, &view.facts())?;
        if webhook.paused_at.is_some() {
            return Err(Error::Forbidden("The service behind this command hasn’t answered for days. Tell your administrator."));
        }
        if webhook.full_at.is_some() {
            return Err(Error::Forbidden("The service behind this command has too much to do. Tell your administrator."));
        }
        let text = if text.is_empty() { String::new() } else { validate::body(text, self.max_chars)? };
        let id = nonce.map_or_else(random_hex, |nonce| hex(&Sha256::digest(format!("command {actor} {nonce}")))[..32].to_owned());
        let payload = json!({ "id": id, "command": name, "text": text, "user": actor }).to_string();
        self.db.insert_command_use(webhook.id, room.id, &payload, self.clock.now()).await?;
        self.outbox.wake();
        Ok(format!("Sent /{name}."))
    }

    async fn retopic(&self, caller: Caller, slug: &str, topic: &str, source: &Source) -> Result<String> {
        if topic.is_empty() {
            return Err(Error::invalid("body", "Write the topic behind /topic."));
        }
        let update = RoomUpdate { topic: Some(topic), ..RoomUpdate::default() };
        self.describe(caller, slug, update, source).await.map_err(|error| about_body("", error))?;
        Ok(format!("The topic is now “{topic}”."))
    }

    /// Adds people: nobody if one of the names is nobody's.
    async fn invite(&self, actor: UserId, slug: &str, usernames: &[String], source: &Source) -> Result<String> {
        if usernames.is_empty() || usernames.len() > MOST_INVITED {
            return Err(Error::invalid("body", format!("Write one to {MOST_INVITED} usernames behind /invite.")));
        }
        self.allow(actor, ActionKind::People)?;
        for username in usernames {
            self.person(actor, username).await.map_err(|error| about_body(&format!("@{username}: "), error))?;
        }
        let mut added: Vec<String> = Vec::new();
        for username in usernames {
            match self.admit(actor, slug, username, source).await {
                Ok(()) => added.push(format!("@{username}")),
                // What may pass is tried again, and then these are members already.
                Err(error) if added.is_empty() || error.status() != 422 => {
                    return Err(about_body(&format!("@{username}: "), error));
                }
                Err(error) => {
                    let why = format!("Added {}. @{username} was not added: ", added.join(", "));
                    return Err(about_body(&why, error));
                }
            }
        }
        Ok(format!("Added {}.", added.join(", ")))
    }
}

/// An error about a part of a command, for the field that it was written in.
fn about_body(before: &str, error: Error) -> Error {
    match error {
        Error::Invalid { .. } | Error::TooLong { .. } => Error::invalid("body", format!("{before}{error}")),
        other => other,
    }
}

/// A command of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RoomCommand {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub hint: String,
}

/// The list of commands.
fn help(others: &[RoomCommand]) -> String {
    let lines = ALL.iter().map(|(name, follows, does)| match *follows {
        "" => format!("/{name}: {does}"),
        follows => format!("/{name} {follows}: {does}"),
    });
    let others = others.iter().map(|RoomCommand { name, hint }| match &**hint {
        "" => format!("/{name}"),
        hint => format!("/{name}: {hint}"),
    });
    lines
        .chain(others)
        .chain(["To post a text that begins like a command, begin with //.".to_owned()])
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(body: &str) -> String {
        match read(body) {
            Input::Text(posted) => posted.to_owned(),
            Input::Said(posted) => posted,
            Input::Act(act) => panic!("{body} is {act:?}"),
        }
    }

    #[test]
    fn only_what_begins_like_a_command_is_one() {
        let longest = format!("/{}", "a".repeat(LONGEST_NAME + 1));
        let plain = [
            "/usr/bin/x is broken",
            "/ ",
            "/",
            "/4 of it",
            "/-x",
            "/été",
            "/a.b",
            " /topic x",
            "topic x",
            "a /topic x",
            "//",
            "// comment",
            "//usr/bin",
            "",
            &longest,
        ];
        for plain in plain {
            assert_eq!(read(plain), Input::Text(plain));
        }
        for (typed, is_command) in [("//me", false), ("/me waves", true), ("/shrug", true)] {
            assert_eq!(matches!(read(typed), Input::Said(_)), is_command, "{typed}");
        }
        for (typed, expected) in [
            ("//topic x", "/topic x"),
            ("//me", "/me"),
            ("//unknown", "/unknown"),
            ("/me waves", "_waves_"),
            ("/me  waves\n\nand goes ", "_waves_\n\n_and goes_"),
            ("/me says _so_", "says _so_"),
            ("/shrug", "¯\\\\\\_(ツ)\\_/¯"),
            ("/shrug who knows", "who knows ¯\\\\\\_(ツ)\\_/¯"),
        ] {
            assert_eq!(posted(typed), expected, "{typed}");
            assert_eq!(text(typed, true), typed, "with files");
        }
        for (typed, act) in [
            ("/topic  All  about\nit ", Act::Topic("All about it".into())),
            ("/topic", Act::Topic(String::new())),
            ("/Topic x", Act::Topic("x".into())),
            ("/invite @ada, Bob @bob", Act::Invite(vec!["ada".into(), "bob".into()])),
            ("/archive", Act::Archive),
            ("/help ", Act::Help),
            ("/topics", Act::Other { name: "topics".into(), text: String::new() }),
            ("/Deploy now ", Act::Other { name: "deploy".into(), text: "now".into() }),
        ] {
            assert_eq!(read(typed), Input::Act(act), "{typed}");
        }
        for misused in ["/me", "/me ", "/archive it"] {
            assert!(matches!(read(misused), Input::Act(Act::Misused(_))), "{misused}");
        }
    }

    #[test]
    fn a_new_command_has_a_name_of_its_own() {
        for (typed, name) in [("/deploy", "deploy"), (" Deploy-2 ", "deploy-2")] {
            assert_eq!(new_name(typed).as_deref(), Some(name), "{typed}");
        }
        for refused in ["", "/", "//deploy", "two words", "topic", "/Help", "2", "a.b"] {
            assert_eq!(new_name(refused), None, "{refused}");
        }
    }

    #[test]
    fn the_composer_offers_the_same_commands() {
        let script = include_str!("../../static/js/room/composer/commands.js");
        for (name, follows, does) in ALL {
            let does = does.replace('\\', "\\\\");
            assert!(script.contains(&format!("['{name}', '{follows}', '{does}']")), "{name}");
        }
        assert_eq!(script.matches("  ['").count(), ALL.len());
    }
}
