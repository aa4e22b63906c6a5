//! A person's bots.

use askama::Template;

use super::{AppLayout, Problem, face, general, hue, large_face, wrong};
use crate::db::bots::BotRow;
use crate::db::people::{Profile, SharedRoom};
use crate::model::ListedRoom;

/// `GET /settings/bots`.
#[derive(Debug, Template)]
#[template(path = "accounts/bots.html")]
pub struct BotsPage {
    /// The layout.
    pub layout: AppLayout,
    /// The bots.
    pub bots: Vec<BotRow>,
    /// How many a person may have.
    pub most: i64,
    /// The typed name.
    pub name: String,
    /// The typed username.
    pub username: String,
    /// The error of the form.
    pub problem: Option<Problem>,
}

impl BotsPage {
    fn face(&self, bot: &BotRow) -> String {
        face(&bot.username, &bot.name, bot.photo.as_deref())
    }

    fn hue(&self, bot: &BotRow) -> String {
        hue(bot.id)
    }

    fn rooms(&self, bot: &BotRow) -> String {
        match bot.rooms {
            0 => "in no room yet".to_owned(),
            1 => "in one room".to_owned(),
            rooms => format!("in {rooms} rooms"),
        }
    }

    fn may_add(&self) -> bool {
        (self.bots.len() as i64) < self.most
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["name", "username"])
    }
}

/// `GET /settings/bots/{username}`.
#[derive(Debug, Template)]
#[template(path = "accounts/bot.html")]
pub struct BotPage {
    /// The layout.
    pub layout: AppLayout,
    /// The bot.
    pub bot: Profile,
    /// The rooms that it is in.
    pub rooms: Vec<SharedRoom>,
    /// Whether an icon can be stored.
    pub has_storage: bool,
    /// The error of a form.
    pub problem: Option<Problem>,
}

impl BotPage {
    fn face(&self) -> String {
        large_face(&self.bot.username, &self.bot.name, self.bot.photo.as_deref())
    }

    fn hue(&self) -> String {
        hue(self.bot.id)
    }

    /// The owner's rooms that it is not in.
    fn others(&self) -> impl Iterator<Item = &ListedRoom> {
        let is_in = |listed: &&ListedRoom| self.rooms.iter().any(|room| *room.slug == *listed.room.slug);
        self.layout.rooms.iter().filter(move |listed| !listed.room.is_direct && !is_in(listed))
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["name", "file"])
    }
}
