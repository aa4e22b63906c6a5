//! Slash commands: what a text does that begins with `/` and the name of a command.
//!
//! Owns the names, how they are told from other texts, and what the sender is told. Who may do it is decided by the use-cases that it calls.

use std::borrow::Cow;

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::chat::rooms::RoomUpdate;
use crate::error::{Error, Result};
use crate::model::UserId;
use crate::security_log::Source;

/// How many people can be invited at once.
const MOST_INVITED: usize = 20;

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
    /// A message, as it is posted.
    Text(Cow<'b, str>),
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
    /// Take down a reminder, or list those that wait.
    Remind(String),
    /// Say which commands there are.
    Help,
}

/// Reads a body. One that begins with `/` is a command only if one has that name, so that paths and other programs' commands are texts; with
/// `//` or a space before it, a command's name is a text too.
pub fn read(body: &str) -> Input<'_> {
    let as_it_is = Input::Text(Cow::Borrowed(body));
    let Some(rest) = body.strip_prefix('/') else { return as_it_is };
    if let Some(escaped) = rest.strip_prefix('/') {
        return if name_of(escaped).is_some() { Input::Text(Cow::Borrowed(rest)) } else { as_it_is };
    }
    let Some(name) = name_of(rest) else { return as_it_is };
    let said = rest[name.len()..].trim();
    match name {
        "archive" if said.is_empty() => Input::Act(Act::Archive),
        "help" if said.is_empty() => Input::Act(Act::Help),
        "invite" => {
            let names =
                said.split([' ', ',', '\n', '\t']).map(|name| name.trim_start_matches('@')).filter(|name| !name.is_empty());
            Input::Act(Act::Invite(names.map(ToOwned::to_owned).collect()))
        }
        "remind" => Input::Act(Act::Remind(said.to_owned())),
        "topic" => Input::Act(Act::Topic(said.split_whitespace().collect::<Vec<_>>().join(" "))),
        "me" if !said.is_empty() => Input::Text(Cow::Owned(italic(said))),
        "shrug" => Input::Text(Cow::Owned(format!("{said} ¯\\\\\\_(ツ)\\_/¯").trim_start().to_owned())),
        _ => as_it_is,
    }
}

/// The name of the command that a text without its slash begins with.
fn name_of(text: &str) -> Option<&'static str> {
    let word = text.split(char::is_whitespace).next()?;
    ALL.iter().map(|(name, ..)| *name).find(|name| *name == word)
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
    /// Does something in a room. Returns what whoever asked for it is told; nobody else hears of that.
    ///
    /// # Errors
    /// `not_found` for the room; `invalid` for `body`; as the use-case.
    pub async fn act(&self, actor: UserId, slug: &str, act: Act, source: &Source) -> Result<String> {
        match act {
            Act::Help => {
                self.allow(actor, ActionKind::People)?;
                self.view(actor, slug).await?;
                Ok(help())
            }
            Act::Remind(said) => self.remind(actor, slug, &said).await,
            Act::Archive => {
                self.archive(actor, slug, true, source).await?;
                Ok("This room is archived now.".to_owned())
            }
            Act::Topic(topic) => {
                self.view(actor, slug).await?;
                if topic.is_empty() {
                    return Err(Error::invalid("body", "Write the topic behind /topic."));
                }
                self.describe(actor, slug, RoomUpdate { topic: Some(&topic), ..RoomUpdate::default() }, source).await?;
                Ok(format!("The topic is now “{topic}”."))
            }
            Act::Invite(usernames) => {
                self.view(actor, slug).await?;
                if usernames.is_empty() || usernames.len() > MOST_INVITED {
                    return Err(Error::invalid("body", format!("Write one to {MOST_INVITED} usernames behind /invite.")));
                }
                for username in &usernames {
                    self.admit(actor, slug, username, source).await?;
                }
                let names: Vec<_> = usernames.iter().map(|username| format!("@{username}")).collect();
                Ok(format!("Added {}.", names.join(", ")))
            }
        }
    }
}

/// The list of commands.
fn help() -> String {
    let lines = ALL.iter().map(|(name, follows, does)| match *follows {
        "" => format!("/{name}: {does}"),
        follows => format!("/{name} {follows}: {does}"),
    });
    lines.chain(["To post a text that begins like that, begin with //.".to_owned()]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> String {
        match read(body) {
            Input::Text(text) => text.into_owned(),
            Input::Act(act) => panic!("{body} is {act:?}"),
        }
    }

    #[test]
    fn only_what_begins_like_a_command_is_one() {
        for plain in [
            "/usr/bin/x is broken",
            "/ ",
            "/",
            "/unknown",
            "/topics",
            "/Topic x",
            " /topic x",
            "topic x",
            "a /topic x",
            "//",
            "// comment",
            "//usr/bin",
            "/me",
            "/help me",
            "/archive it",
            "",
        ] {
            assert_eq!(text(plain), plain);
        }
        for (typed, posted) in [
            ("//topic x", "/topic x"),
            ("//me", "/me"),
            ("/me waves", "_waves_"),
            ("/me  waves\n\nand goes ", "_waves_\n\n_and goes_"),
            ("/me says _so_", "says _so_"),
            ("/shrug", "¯\\\\\\_(ツ)\\_/¯"),
            ("/shrug who knows", "who knows ¯\\\\\\_(ツ)\\_/¯"),
        ] {
            assert_eq!(text(typed), posted, "{typed}");
        }
        for (typed, act) in [
            ("/topic  All  about\nit ", Act::Topic("All about it".into())),
            ("/topic", Act::Topic(String::new())),
            ("/invite @ada, bob", Act::Invite(vec!["ada".into(), "bob".into()])),
            ("/archive", Act::Archive),
            ("/help ", Act::Help),
        ] {
            assert_eq!(read(typed), Input::Act(act), "{typed}");
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
