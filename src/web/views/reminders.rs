//! The list of a person's own reminders.

use askama::Template;

use super::AppLayout;
use crate::chat::reminders::{ReminderPage, WaitingReminder};

/// `GET /settings/reminders`.
#[derive(Debug, Template)]
#[template(path = "accounts/reminders.html")]
pub struct RemindersPage {
    layout: AppLayout,
    reminders: Vec<ListedReminder>,
    /// The `after` of the next page.
    next: Option<String>,
    /// Whether nothing is before this page.
    is_first: bool,
}

/// A reminder in the list.
#[derive(Debug)]
struct ListedReminder {
    id: i64,
    text: String,
    due_at: String,
    due: String,
    /// Slug and name of the room that is reminded, if its person can see that; `None` for themselves.
    room: Option<Option<(String, String)>>,
}

impl RemindersPage {
    /// The page.
    pub fn new(layout: AppLayout, found: ReminderPage, is_first: bool) -> Self {
        let times = &layout.times;
        let listed = found.reminders.into_iter().map(|WaitingReminder { id, due_at, text, room }| ListedReminder {
            id,
            text,
            due_at: due_at.to_string(),
            due: times.moment(&times.at(due_at)),
            room: room.map(|view| view.map(|view| (view.room.slug.to_string(), view.room.name.to_string()))),
        });
        let reminders = listed.collect();
        Self { layout, reminders, next: found.next, is_first }
    }
}
