//! The layout of every page of a signed-in person: the sidebar with their rooms, unread counts and presence.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{face, hue};
use crate::accounts::session::{Announced, SessionUser};
use crate::chat::display_names::DisplayNames;
use crate::model::{Author, ListedRoom, NotificationLevel, UserId, Visibility, user_agent};
use crate::permissions::{self, ServerAction};
use crate::settings::Values;
use crate::web::times::Times;

/// How many rooms the sidebar lists at first, and how many conversations without unread messages. Favorites, the open room and rooms with
/// unread messages are always listed, up to a maximum. The script, which has the same numbers, lists the rest on demand.
const ROOMS: usize = 50;
const QUIET: usize = 20;
const MAX: usize = 200;

/// The layout of a page of a signed-in person.
#[derive(Debug)]
pub struct AppLayout {
    /// The person.
    pub me: Arc<SessionUser>,
    /// Their rooms, then their conversations; some of them, if they have many.
    pub rooms: Vec<ListedRoom>,
    /// How times are written.
    pub times: Times,
    /// The slug of the page's room.
    pub(super) here: Option<Arc<str>>,
    /// Which of the sidebar's other links the page belongs to.
    place: &'static str,
    /// The connected people in their conversations.
    online: HashSet<UserId>,
    /// Everybody's display name.
    pub(super) display_names: Arc<DisplayNames>,
    /// How people call this server.
    pub(super) server_name: Arc<str>,
    /// Whether the person may create invitations.
    pub(super) may_invite: bool,
    /// Whether the person may create rooms.
    pub(super) may_create_rooms: bool,
}

/// Everything that the layout shows, for ETags: the same hash means the same markup.
impl Hash for AppLayout {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The last room is not shown; display names have a version of their own.
        let Self { me, rooms, times, here, place, online, display_names: _, server_name, may_invite, may_create_rooms } = self;
        (server_name, may_invite, may_create_rooms).hash(state);
        let SessionUser {
            id,
            username,
            name,
            photo,
            is_admin,
            is_guest,
            last_room: _,
            time_zone,
            theme,
            notify,
            sidebar,
            new_log_in,
            blocked,
            ..
        } = &**me;
        let mut online: Vec<_> = online.iter().collect();
        online.sort_unstable();
        // "Today" and "Yesterday" depend on the date.
        (times.key(), times.today()).hash(state);
        (
            (id, username, (name, photo), (is_admin, is_guest), time_zone, theme, notify, sidebar, new_log_in, blocked),
            rooms,
            here,
            place,
            online,
        )
            .hash(state);
    }
}

impl AppLayout {
    /// The layout of a page that is not a room's. `online` are the connected people among those in the person's conversations.
    pub fn new(
        me: Arc<SessionUser>,
        times: Times,
        rooms: Vec<ListedRoom>,
        online: HashSet<UserId>,
        display_names: Arc<DisplayNames>,
        settings: &Values,
    ) -> Self {
        let may = |action| permissions::may_administer(me.actor(), action).is_ok();
        Self {
            may_invite: may(ServerAction::Invite(settings.inviters)),
            may_create_rooms: may(ServerAction::CreateRoom(settings.room_creators)),
            server_name: settings.server_name.clone(),
            me,
            rooms,
            times,
            here: None,
            place: "",
            online,
            display_names,
        }
    }

    /// The layout of `search`, `mentions`, `people` or `rooms`, whose link in the sidebar is marked.
    pub fn at(mut self, place: &'static str) -> Self {
        self.place = place;
        self
    }

    /// Adds connected people.
    pub fn with_online(mut self, online: Vec<UserId>) -> Self {
        self.online.extend(online);
        self
    }

    pub(super) fn is_at(&self, place: &str) -> bool {
        self.place == place
    }

    pub(super) fn is_here(&self, listed: &ListedRoom) -> bool {
        self.here.as_ref() == Some(&listed.room.slug)
    }

    pub(super) fn is_private(&self, listed: &ListedRoom) -> bool {
        listed.room.visibility == Visibility::Private
    }

    /// Whether a room that is neither open nor muted has unread messages.
    pub(super) fn is_waiting(&self, listed: &ListedRoom) -> bool {
        listed.unread > 0 && !self.is_here(listed) && !self.is_muted(listed)
    }

    pub(super) fn is_muted(&self, listed: &ListedRoom) -> bool {
        let usual = if listed.room.is_direct { NotificationLevel::All } else { self.me.notify };
        listed.level.unwrap_or(usual) == NotificationLevel::Muted
    }

    /// The number of unread messages in all rooms.
    pub(super) fn waiting(&self) -> i64 {
        self.rooms.iter().filter(|listed| self.is_waiting(listed)).map(|listed| listed.unread).sum()
    }

    /// The number of unread mentions in all rooms.
    pub(super) fn mentions(&self) -> i64 {
        self.rooms.iter().filter(|listed| self.is_waiting(listed)).map(|listed| listed.mentions).sum()
    }

    /// The rooms that are not hidden, and the open one.
    fn shown(&self) -> impl Iterator<Item = &ListedRoom> {
        self.rooms.iter().filter(|listed| !listed.is_hidden || self.is_here(listed))
    }

    /// The favorites: rooms and conversations.
    pub(super) fn favorites(&self) -> impl Iterator<Item = &ListedRoom> {
        self.shown().filter(|listed| self.is_favorite(&listed.room.slug))
    }

    pub(super) fn is_favorite(&self, slug: &str) -> bool {
        self.me.sidebar.is_favorite(slug)
    }

    pub(super) fn has_favorites(&self) -> bool {
        self.favorites().next().is_some()
    }

    pub(super) fn is_closed(&self, section: &str) -> bool {
        self.me.sidebar.is_closed(section)
    }

    /// The rooms that are not favorites.
    fn other_rooms(&self) -> impl Iterator<Item = &ListedRoom> {
        self.rooms.iter().filter(|listed| !listed.room.is_direct && !self.is_favorite(&listed.room.slug))
    }

    /// Those of them that are listed: the open one, those with unread messages, and the first of the rest by name, muted ones last.
    pub(super) fn open_rooms(&self) -> impl Iterator<Item = &ListedRoom> {
        let urgency = |listed: &ListedRoom| {
            if self.is_here(listed) || self.is_waiting(listed) { 0 } else { 1 + usize::from(self.is_muted(listed)) }
        };
        let mut places = [0, 1, 2].map(|wanted| self.other_rooms().filter(|listed| urgency(listed) == wanted).count());
        let [wanted, quiet, muted] = &mut places;
        *quiet = (*quiet).min(ROOMS.saturating_sub(*wanted));
        *muted = (*muted).min(ROOMS.saturating_sub(*wanted + *quiet));
        let is_listed = move |listed: &&ListedRoom| {
            let left = &mut places[urgency(listed)];
            let has_place = *left > 0;
            *left = left.saturating_sub(1);
            has_place
        };
        self.other_rooms().filter(is_listed).take(MAX)
    }

    pub(super) fn has_more_rooms(&self) -> bool {
        self.open_rooms().count() < self.other_rooms().count()
    }

    /// The listed conversations: those with unread messages, the open one, and the most recently active of the rest.
    pub(super) fn directs(&self) -> impl Iterator<Item = &ListedRoom> {
        let directs = self.shown().filter(|listed| listed.room.is_direct).enumerate();
        let listed = move |(at, listed): (usize, &ListedRoom)| at < QUIET || self.is_waiting(listed) || self.is_here(listed);
        directs
            .filter(move |&entry| listed(entry))
            .map(|(_, listed)| listed)
            .filter(|listed| !self.is_favorite(&listed.room.slug))
    }

    pub(super) fn has_no_rooms(&self) -> bool {
        !self.rooms.iter().any(|listed| !listed.room.is_direct)
    }

    pub(super) fn has_more_directs(&self) -> bool {
        self.directs().count()
            < self.rooms.iter().filter(|listed| listed.room.is_direct && !self.is_favorite(&listed.room.slug)).count()
    }

    /// The other person in a conversation of two, and whether they are connected.
    pub(super) fn other<'a>(&self, listed: &'a ListedRoom) -> Option<(&'a Author, bool)> {
        self.partner_here(&listed.room.direct)
    }

    /// The other person in a conversation of two.
    pub fn partner<'a>(&self, direct: &'a [Author]) -> Option<&'a Author> {
        match direct {
            [other] if other.id != self.me.id => Some(other),
            _ => None,
        }
    }

    /// The other person, and whether they are connected.
    pub(super) fn partner_here<'a>(&self, direct: &'a [Author]) -> Option<(&'a Author, bool)> {
        self.partner(direct).map(|other| (other, self.online.contains(&other.id)))
    }

    /// When an administrator removed their second factor.
    pub(super) fn second_factor_removed(&self) -> Option<String> {
        let told = self.me.new_log_in.as_ref().filter(|told| told.what == Announced::SecondFactorRemoved)?;
        Some(self.times.moment(&self.times.at(told.at)))
    }

    /// The latest log-in from an unknown device: where, and when.
    pub(super) fn new_log_in(&self) -> Option<(String, String)> {
        let log_in = self.me.new_log_in.as_ref().filter(|told| told.what == Announced::LogIn)?;
        let device = user_agent::name(log_in.user_agent.as_deref().unwrap_or_default());
        let place = log_in.address.as_ref().map_or_else(String::new, |address| format!(" at {address}"));
        Some((format!("{device}{place}"), self.times.moment(&self.times.at(log_in.at))))
    }

    pub(super) fn face(&self) -> String {
        face(&self.me.username, &self.me.name, self.me.photo.as_deref())
    }

    pub(super) fn hue(&self) -> String {
        hue(self.me.id)
    }
}
