//! What stands around every page of somebody who is signed in: their rooms, what waits in them, and who of the others is there.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{hue, initials};
use crate::accounts::session::SessionUser;
use crate::chat::display_names::DisplayNames;
use crate::model::{Author, ListedRoom, NotificationLevel, UserId, Visibility};
use crate::web::layers::session::CurrentUser;
use crate::web::times::Times;

/// How many rooms the sidebar lists at first, and how many quiet conversations. Favorites, the open room, and those in which something waits
/// are always there; up to so many, as a page must end. The script lists the others when it is asked to, and knows these numbers too.
const ROOMS: usize = 50;
const QUIET: usize = 20;
const MOST: usize = 200;

/// What stands around the pages of somebody who is signed in.
#[derive(Debug)]
pub struct Frame {
    /// Who.
    pub me: Arc<SessionUser>,
    /// Their rooms, and behind them their direct messages; of somebody with many, some of them.
    pub rooms: Vec<ListedRoom>,
    /// How the page writes times.
    pub times: Times,
    /// The slug of the room that the page is of.
    pub(super) here: Option<Arc<str>>,
    /// Which of the sidebar's other places the page is.
    place: &'static str,
    /// Who of those whom they talk to is connected.
    online: HashSet<UserId>,
    /// What people are called.
    pub(super) display_names: Arc<DisplayNames>,
}

/// Everything that the frame shows: two with the same hash look the same.
impl Hash for Frame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Where they were last is shown nowhere; what people are called is counted elsewhere, as it is for the authors of messages.
        let Self { me, rooms, times, here, place, online, display_names: _ } = self;
        let SessionUser { id, username, name, is_admin, last_room: _, time_zone, theme, notify, sidebar } = &**me;
        let mut online: Vec<_> = online.iter().collect();
        online.sort_unstable();
        // What was today's yesterday is yesterday's now.
        (times.key(), times.today()).hash(state);
        ((id, username, name, is_admin, time_zone, theme, notify, sidebar), rooms, here, place, online).hash(state);
    }
}

impl Frame {
    /// A frame around a page that is of no room. `online` are the connected ones of those whom the person talks to.
    #[must_use]
    pub fn new(user: &CurrentUser, rooms: Vec<ListedRoom>, online: HashSet<UserId>, display_names: Arc<DisplayNames>) -> Self {
        let (me, times) = (user.me.clone(), user.times.clone());
        Self { me, rooms, times, here: None, place: "", online, display_names }
    }

    /// The frame around one of the sidebar's other places: `search`, `mentions`, `people`.
    #[must_use]
    pub fn at(mut self, place: &'static str) -> Self {
        self.place = place;
        self
    }

    /// The same, knowing of more people that they are connected.
    #[must_use]
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

    /// Whether something waits in a room that the page is not of, and that its reader wants to hear of.
    pub(super) fn is_waiting(&self, listed: &ListedRoom) -> bool {
        listed.unread > 0 && !self.is_here(listed) && !self.is_muted(listed)
    }

    pub(super) fn is_muted(&self, listed: &ListedRoom) -> bool {
        let usual = if listed.room.is_direct { NotificationLevel::All } else { self.me.notify };
        listed.level.unwrap_or(usual) == NotificationLevel::Muted
    }

    /// How many messages wait in all their rooms.
    pub(super) fn waiting(&self) -> i64 {
        self.rooms.iter().filter(|listed| self.is_waiting(listed)).map(|listed| listed.unread).sum()
    }

    /// How many messages that address the reader wait in all their rooms.
    pub(super) fn mentions(&self) -> i64 {
        self.rooms.iter().filter(|listed| self.is_waiting(listed)).map(|listed| listed.mentions).sum()
    }

    /// What they have not hidden, and what they look at.
    fn shown(&self) -> impl Iterator<Item = &ListedRoom> {
        self.rooms.iter().filter(|listed| !listed.is_hidden || self.is_here(listed))
    }

    /// Their favorites: rooms and conversations.
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

    /// Their other rooms.
    fn other_rooms(&self) -> impl Iterator<Item = &ListedRoom> {
        self.rooms.iter().filter(|listed| !listed.room.is_direct && !self.is_favorite(&listed.room.slug))
    }

    /// Those of them that are listed: where they are, where something waits, and the first of the others by name, muted ones last.
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
        self.other_rooms().filter(is_listed).take(MOST)
    }

    pub(super) fn has_more_rooms(&self) -> bool {
        self.open_rooms().count() < self.other_rooms().count()
    }

    /// Their conversations: those in which something waits, the open one, and the liveliest of the others.
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

    /// The other one of a conversation of two, with whether they are connected.
    pub(super) fn other<'a>(&self, listed: &'a ListedRoom) -> Option<(&'a Author, bool)> {
        self.partner_here(&listed.room.direct)
    }

    /// The other one, where there is one other.
    pub fn partner<'a>(&self, direct: &'a [Author]) -> Option<&'a Author> {
        match direct {
            [other] if other.id != self.me.id => Some(other),
            _ => None,
        }
    }

    /// The same, with whether they are connected.
    pub(super) fn partner_here<'a>(&self, direct: &'a [Author]) -> Option<(&'a Author, bool)> {
        self.partner(direct).map(|other| (other, self.online.contains(&other.id)))
    }

    pub(super) fn initials(&self) -> String {
        initials(&self.me.name)
    }

    pub(super) fn hue(&self) -> String {
        hue(self.me.id)
    }
}
