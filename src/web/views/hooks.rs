//! A room's incoming webhooks.

use askama::Template;

use super::{AppLayout, Problem, face, general, hue, wrong};
use crate::clock::Millis;
use crate::db::hooks::HookRow;
use crate::db::rooms::ManagedRoom;
use crate::hooks::LONGEST_NAME;
use crate::permissions;

/// `GET /rooms/{slug}/hooks`.
#[derive(Debug, Template)]
#[template(path = "rooms/hooks.html")]
pub struct HooksPage {
    layout: AppLayout,
    room: ManagedRoom,
    hooks: Vec<HookRow>,
    may_add: bool,
    has_storage: bool,
    /// The name and the address of a new one, which is shown this once.
    pub created: Option<(String, String)>,
    /// The typed name.
    pub name: String,
    /// The error of the form for a new one.
    pub problem: Option<Problem>,
    /// The error of a form for one of the others.
    pub refused: Option<String>,
}

impl HooksPage {
    /// The page, for those who manage them.
    pub fn new(layout: AppLayout, room: ManagedRoom, hooks: Vec<HookRow>, most: i64, has_storage: bool) -> Self {
        let may_add = permissions::may(layout.me.actor(), permissions::Action::AddMember, &room.facts()).is_ok();
        Self {
            may_add: may_add && (hooks.len() as i64) < most,
            layout,
            room,
            hooks,
            has_storage,
            created: None,
            name: String::new(),
            problem: None,
            refused: None,
        }
    }

    fn is_visible(&self) -> bool {
        permissions::can_see(&self.room.facts())
    }

    fn face(&self, hook: &HookRow) -> String {
        face(&hook.username, &hook.name, hook.photo.as_deref())
    }

    fn hue(&self, hook: &HookRow) -> String {
        hue(hook.bot)
    }

    fn date(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }

    const fn longest(&self) -> usize {
        LONGEST_NAME
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        self.refused.as_deref().or_else(|| general(self.problem.as_ref(), &["name"]))
    }
}
