//! A room's members and settings, and the question before it becomes public.

use std::time::Duration;

use askama::Template;

use super::{AppLayout, Listed, Problem, RetentionPanel, general, large_room_icon, wrong};
use crate::db::rooms::{RoomStats, RoomView};
use crate::model::{RoomRole, Visibility};
use crate::permissions;
use crate::web::query::PeopleQuery;

/// `GET /rooms/{slug}/members`.
#[derive(Debug, Template)]
#[template(path = "rooms/members.html")]
pub struct MembersPage {
    layout: AppLayout,
    view: RoomView,
    members: Vec<(Listed, RoomRole)>,
    is_direct: bool,
    is_member: bool,
    is_owner: bool,
    is_moderator: bool,
    is_private: bool,
    /// Whether the room has more members than these.
    is_part: bool,
    q: String,
    /// The query strings of this page and of the next one.
    here: String,
    next: Option<String>,
    is_first: bool,
    /// How long the room keeps its messages.
    pub retention: RetentionPanel,
    /// The error of a form.
    pub problem: Option<Problem>,
    /// Its input.
    pub typed: Typed,
}

/// The input of the forms on this page.
#[derive(Debug, Default)]
pub struct Typed {
    /// The person to add.
    pub username: String,
    /// The room's name.
    pub name: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
}

impl MembersPage {
    /// A page of the members; the next one begins behind `next`.
    pub fn new(
        mut layout: AppLayout,
        view: RoomView,
        members: Vec<(Listed, RoomRole)>,
        query: PeopleQuery,
        next: Option<&str>,
        kept: [Option<Duration>; 2],
    ) -> Self {
        layout.here = Some(view.room.slug.clone());
        let is_member = view.membership.is_some();
        let is_owner = permissions::is_owner(layout.me.actor(), &view.facts());
        let is_moderator = permissions::is_moderator(layout.me.actor(), &view.facts());
        let is_private = view.room.visibility == Visibility::Private;
        let is_direct = view.room.is_direct;
        Self {
            retention: RetentionPanel::new(&view.room.slug, kept),
            layout,
            is_direct,
            is_member,
            is_owner,
            is_moderator,
            is_private,
            is_part: view.members > members.len() as i64,
            view,
            members,
            here: query.query(&query.after),
            next: next.map(|next| query.query(next)),
            is_first: query.after.is_empty(),
            q: query.q,
            problem: None,
            typed: Typed::default(),
        }
    }

    /// Adds the form that decides how long the room keeps its messages, for those who may.
    pub fn offer_retention(&mut self, server: [Option<Duration>; 2]) {
        let (actor, room) = (self.layout.me.actor(), &self.view.room);
        if permissions::may(actor, permissions::Action::SetRetention, &self.view.facts()).is_ok() {
            let now = [room.keep_messages, room.keep_files];
            self.retention = std::mem::take(&mut self.retention).with_form(now, server, actor.is_admin, self.problem.as_ref());
        }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    /// The room's icon, as HTML.
    fn icon(&self) -> String {
        large_room_icon(&self.view.room)
    }

    /// The offered intervals of slow mode, and the present one.
    fn slow_modes(&self) -> Vec<(i64, String)> {
        let offered = [0, 5, 10, 30, 60, 300, 900, 3_600];
        let now = self.view.room.slow_mode;
        let mut all: Vec<i64> = offered.into_iter().filter(|seconds| *seconds != now).chain([now]).collect();
        all.sort_unstable();
        all.into_iter().map(|seconds| (seconds, if seconds == 0 { "Off".to_owned() } else { slow_mode(seconds) })).collect()
    }

    fn general(&self) -> Option<&str> {
        let fields = [
            "username",
            "name",
            "topic",
            "visibility",
            "posting",
            "mass_mentions",
            "slow_mode",
            "link_previews",
            "file",
            "messages",
            "files",
        ];
        general(self.problem.as_ref(), &fields)
    }

    /// Whether the reader may remove and ban a member with this role.
    fn may_remove(&self, listed: &Listed, role: &RoomRole) -> bool {
        let action = permissions::Action::RemoveMember(*role);
        listed.person.id != self.layout.me.id && permissions::may(self.layout.me.actor(), action, &self.view.facts()).is_ok()
    }

    fn is_limited(&self, role: &RoomRole) -> bool {
        *role == RoomRole::Moderator
    }

    fn name(&self) -> &str {
        self.typed.name.as_deref().unwrap_or(&self.view.room.name)
    }

    fn topic(&self) -> &str {
        self.typed.topic.as_deref().unwrap_or(&self.view.room.topic)
    }
}

/// `POST /rooms/{slug}/settings` that would make a private room public.
#[derive(Debug, Template)]
#[template(path = "rooms/publish.html")]
pub struct PublishPage {
    layout: AppLayout,
    view: RoomView,
    /// The messages that become readable, in words; empty if there are none.
    said: String,
    /// The other fields of the form.
    name: Option<String>,
    topic: Option<String>,
}

impl PublishPage {
    /// The question about a room with these `stats`, and the other fields of the form.
    pub fn new(mut layout: AppLayout, view: RoomView, stats: RoomStats, name: Option<String>, topic: Option<String>) -> Self {
        layout.here = Some(view.room.slug.clone());
        let since = stats.since.map(|since| layout.times.date(&layout.times.at(since)));
        let said = match (stats.messages, since) {
            (0, _) | (_, None) => String::new(),
            (1, Some(since)) => format!("the 1 message from {since}"),
            (count, Some(since)) if count > RoomStats::COUNTED => format!("more than 10,000 messages since {since}"),
            (count, Some(since)) => format!("all {} messages since {since}", grouped(count)),
        };
        Self { layout, view, said, name, topic }
    }
}

/// A number with commas between thousands.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "One message every 30 seconds".
pub(super) fn slow_mode(seconds: i64) -> String {
    match (seconds, seconds / 60) {
        (1, _) => "One message a second".to_owned(),
        (60, _) => "One message a minute".to_owned(),
        (3_600, _) => "One message an hour".to_owned(),
        (seconds, minutes) if seconds % 60 == 0 => format!("One message every {minutes} minutes"),
        (seconds, _) => format!("One message every {seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1_000, 10_000].map(grouped), ["0", "999", "1,000", "10,000"]);
    }
}
