//! Finding, creating, joining, leaving and describing rooms, and their members.
//!
//! Owns the use-cases about a room as a whole. Changes go through the ledger.

use std::sync::Arc;

use super::Chat;
use super::room_names::{fold, taken};
use crate::chat::ledger::change::{Change, Effect, Settings};
use crate::chat::rate_limits::ActionKind;
use crate::db::people::Member;
use crate::db::rooms::{NewRoom, RoomStats, RoomView, random_end};
use crate::db::sidebar::{CurrentRoom, SidebarRooms};
use crate::error::{Error, Result};
use crate::model::pagination::{PageRequest, PeopleListPage, RoomListPage, RoomPageRequest};
use crate::model::validate;
use crate::model::{ListedRoom, Room, RoomId, RoomRole, UserId, Visibility};
use crate::permissions::{self, Actor, Caller, ServerAction};
use crate::security_log::{self, Event, Source};

/// Others may add a user up to this number of memberships.
const MAX_ADDED_TO: i64 = 500;
/// Maximum number of rooms per user.
const MAX_JOINED: i64 = 2_000;
/// How many seconds slow mode may have members wait.
pub const SLOW_MODE: std::ops::RangeInclusive<i64> = 5..=3_600;
/// Maximum number of rooms to leave at once.
const MAX_LEFT_AT_ONCE: usize = 100;

/// The result of leaving one of several rooms.
#[derive(Debug)]
pub struct LeaveResult {
    /// The room's slug, as given.
    pub slug: String,
    /// The room's name if the user can see the room, else the slug.
    pub name: String,
    /// Why they are still a member.
    pub refused: Option<Error>,
}

/// A change of a room; fields that are `None` stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoomUpdate<'a> {
    /// The name to show.
    pub name: Option<&'a str>,
    /// What the room is about.
    pub topic: Option<&'a str>,
    /// Who can find it.
    pub visibility: Option<Visibility>,
    /// How many seconds a member waits between two posts; 0 for none.
    pub slow_mode: Option<i64>,
    /// Whether new messages get previews of their links.
    pub link_previews: Option<bool>,
    /// Whether the actor confirmed that private messages become public.
    pub is_confirmed: bool,
    /// Whether the slug follows the name.
    pub has_new_slug: bool,
    /// Who may post.
    pub posting: Option<RoomRole>,
    /// Who may mention everybody.
    pub mass_mentions: Option<RoomRole>,
}

impl Chat {
    /// A room that a user can see, by its slug or an earlier one: a public room, or one of their own.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn view(&self, reader: UserId, slug: &str) -> Result<RoomView> {
        let mut found = self.db.find_room(slug, reader).await?;
        if found.is_none()
            && let Some(present) = self.db.find_present_slug(slug).await?
        {
            found = self.db.find_room(&present, reader).await?;
        }
        let mut view = found.ok_or(Error::NotFound("room"))?;
        self.large_rooms.learn(view.room.id, view.members);
        self.name_view(&mut view, reader).await?;
        Ok(view)
    }

    /// Makes a user a member of a public room, which the log records. Reading a room or following a link never does that.
    ///
    /// # Errors
    /// `not_found`, `rate_limited`, `forbidden` if they are in too many rooms, or a refusal by the ledger.
    pub async fn enter(&self, person: UserId, slug: &str) -> Result<RoomView> {
        let view = self.view(person, slug).await?;
        if view.membership.is_some() {
            return Ok(view);
        }
        self.allow(person, ActionKind::Enter)?;
        self.check_room_limit(person).await?;
        self.ledger.submit(Caller::as_member(person), view.room.id, Change::Enter)?.outcome().await?;
        self.view(person, slug).await
    }

    /// Gives a room the icon in a file that was stored for it, or none.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, or a refusal by the ledger.
    pub async fn set_icon(&self, caller: Caller, slug: &str, icon: Option<&str>, source: &Source) -> Result<()> {
        self.allow(caller.id, ActionKind::Describe)?;
        let view = self.view(caller.id, slug).await?;
        let change = Change::SetIcon { icon: icon.map(Into::into) };
        self.ledger.submit_from(caller, view.room.id, change, source)?.outcome().await.map(drop)
    }

    /// Ends the user's own membership; idempotent.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, or a refusal by the ledger.
    pub async fn leave(&self, person: UserId, slug: &str) -> Result<()> {
        self.allow(person, ActionKind::Leave)?;
        let view = self.view(person, slug).await?;
        self.ledger.submit(Caller::as_member(person), view.room.id, Change::Leave)?.outcome().await.map(drop)
    }

    /// Ends the user's own membership in several rooms, each independently.
    ///
    /// # Errors
    /// `invalid` for `room` if there are none or too many.
    pub async fn leave_all(&self, person: UserId, slugs: &[String]) -> Result<Vec<LeaveResult>> {
        let mut left: Vec<LeaveResult> = Vec::with_capacity(slugs.len().min(MAX_LEFT_AT_ONCE));
        for slug in slugs {
            if left.iter().all(|result| result.slug != *slug) {
                left.push(LeaveResult { slug: slug.clone(), name: slug.clone(), refused: None });
            }
            if left.len() > MAX_LEFT_AT_ONCE {
                return Err(Error::invalid("room", format!("Leave up to {MAX_LEFT_AT_ONCE} rooms at once.")));
            }
        }
        if left.is_empty() {
            return Err(Error::invalid("room", "Choose at least one room."));
        }
        let mut pending = Vec::with_capacity(left.len());
        for result in &mut left {
            let view = match self.allow(person, ActionKind::Leave) {
                Ok(()) => self.view(person, &result.slug).await,
                Err(error) => Err(error),
            };
            pending.push(match view {
                Ok(view) => {
                    result.name = view.room.name;
                    self.ledger.submit(Caller::as_member(person), view.room.id, Change::Leave)
                }
                Err(error) => Err(error),
            });
        }
        for (result, pending) in left.iter_mut().zip(pending) {
            result.refused = match pending {
                Ok(pending) => pending.outcome().await.err(),
                Err(error) => Some(error),
            };
        }
        Ok(left)
    }

    /// Adds a member to one of the actor's rooms.
    ///
    /// # Errors
    /// `rate_limited`, `not_found` for the room, `invalid` for the `username`, or a refusal by the ledger.
    pub async fn admit(&self, actor: UserId, slug: &str, username: &str, source: &Source) -> Result<()> {
        self.allow(actor, ActionKind::Admit)?;
        let view = self.view(actor, slug).await?;
        let user = self.person(actor, username).await?;
        if self.db.find_user(user).await?.is_none_or(|user| user.banned_at.is_some()) {
            return Err(Error::invalid("username", "Their account is closed, so they can’t be added."));
        }
        if self.rate_limits.is_on() && user != actor && self.db.count_rooms_of(user, false, MAX_ADDED_TO).await? >= MAX_ADDED_TO {
            let many = format!("They’re already in {MAX_ADDED_TO} rooms, so others can’t add them to more.");
            return Err(Error::invalid("username", many));
        }
        self.ledger.submit_from(Caller::as_member(actor), view.room.id, Change::Admit { user }, source)?.outcome().await.map(drop)
    }

    /// Adds a bot of the server's own to one of the actor's rooms; `false` if it is a member already. Its making was charged.
    ///
    /// # Errors
    /// A refusal by the ledger.
    pub async fn admit_server_bot(&self, caller: Caller, room: RoomId, bot: UserId, source: &Source) -> Result<bool> {
        let outcome = self.ledger.submit_from(caller, room, Change::Admit { user: bot }, source)?.outcome().await;
        outcome.map(|effect| !matches!(effect, Effect::Unchanged))
    }

    /// Removes a member.
    ///
    /// # Errors
    /// `rate_limited`, `not_found` for the room, `invalid` for the `username`, or a refusal by the ledger.
    pub async fn remove(&self, caller: Caller, slug: &str, username: &str, source: &Source) -> Result<()> {
        self.allow(caller.id, ActionKind::Remove)?;
        let room = self.room_to_manage(caller, slug).await?;
        let user = self.person(caller.id, username).await?;
        self.ledger.submit_from(caller, room, Change::Remove { user }, source)?.outcome().await.map(drop)
    }

    /// Changes a room's name, topic or visibility. Making a private room public needs a confirmation.
    ///
    /// # Errors
    /// `rate_limited`, `invalid` or `too_long` for a field, `not_found`, or a refusal by the ledger: `invalid` for `confirm` if
    /// the confirmation is missing.
    pub async fn describe(&self, caller: Caller, slug: &str, update: RoomUpdate<'_>, source: &Source) -> Result<()> {
        let RoomUpdate { name, topic, visibility, slow_mode, link_previews, is_confirmed, has_new_slug, posting, mass_mentions } =
            update;
        if slow_mode.is_some_and(|seconds| seconds != 0 && !SLOW_MODE.contains(&seconds)) {
            return Err(Error::invalid("slow_mode", "Choose off, or 5 seconds to an hour."));
        }
        self.allow(caller.id, ActionKind::Describe)?;
        let view = self.view(caller.id, slug).await?;
        let name = name.map(validate::room_name).transpose()?.filter(|name| *name != view.room.name);
        let topic = topic.map(|topic| validate::line("topic", topic, validate::TOPIC)).transpose()?;
        let slug = has_new_slug.then(|| {
            let plain = validate::slug(name.as_deref().unwrap_or(&view.room.name));
            let unique = format!("{plain}-{}", random_end());
            // As for a new room: a private one never has a slug that others could find taken.
            let is_public = visibility.unwrap_or(view.room.visibility) == Visibility::Public;
            (if is_public { plain } else { unique.clone() }, unique)
        });
        let settings = Settings { name, topic, visibility, slow_mode, link_previews, is_confirmed, slug, posting, mass_mentions };
        self.ledger.submit_from(caller, view.room.id, Change::Describe(settings), source)?.outcome().await.map(drop)
    }

    /// How much has been written in a room.
    pub async fn room_stats(&self, view: &RoomView) -> Result<RoomStats> {
        Ok(self.db.room_stats(view.room.id).await?)
    }

    /// Creates a room with its creator as the first member.
    ///
    /// # Errors
    /// `invalid` or `too_long` for a field; `rate_limited`; `forbidden` if they are in too many rooms.
    pub async fn create(
        &self,
        (maker, username): (Actor, &Arc<str>),
        name: &str,
        topic: &str,
        visibility: Visibility,
        source: &Source,
    ) -> Result<Room> {
        permissions::may_administer(maker, ServerAction::CreateRoom(self.settings.now().room_creators))?;
        let maker = maker.id;
        let name = validate::room_name(name)?;
        let topic = validate::line("topic", topic, validate::TOPIC)?;
        self.allow(maker, ActionKind::Create)?;
        self.check_room_limit(maker).await?;
        let folded = fold(&name);
        let slug = validate::slug(&name);
        let now = self.clock.now();
        let event = Event::new(now, security_log::Action::CreateRoom, source).by(maker, username);
        let new = NewRoom { name, topic, visibility, created_by: Some(maker), slug, created_at: now, event: Some(event.clone()) };
        let room = self.db.insert_room(new, move |other| fold(other) == folded).await?.map_err(|other| taken(&other))?;
        event.about(&*room.slug).write_line();
        self.names.set_room(&room.slug, visibility == Visibility::Public);
        self.ledger.submit(Caller::as_member(maker), room.id, Change::Enter)?.outcome().await?;
        Ok(room)
    }

    /// The visible room with this name, ignoring case and whitespace. Rooms that the user cannot see do not occupy a name, which
    /// would reveal them.
    pub async fn room_named(&self, reader: UserId, name: &str) -> Result<Option<Room>> {
        let folded = fold(name);
        let rooms = self.db.list_rooms(reader).await?.into_iter().map(|listed| listed.room);
        Ok(rooms.filter(|room| !room.is_direct).find(|room| fold(&room.name) == folded))
    }

    /// A page of the room directory.
    pub async fn directory(&self, reader: UserId, request: &RoomPageRequest) -> Result<RoomListPage> {
        let mut page = RoomListPage::of_cursors(self.db.list_directory(reader, request, RoomPageRequest::LIMIT).await?);
        self.name_rooms(&mut page.rooms, reader).await?;
        Ok(page)
    }

    /// A page of a user's rooms and conversations after the slug `after`.
    pub async fn list_own(&self, reader: UserId, after: &str) -> Result<RoomListPage> {
        let found = self.db.list_own_rooms_behind(reader, after, RoomListPage::WATCHED).await?;
        let mut page = RoomListPage::of_slugs(found);
        page.rooms.sort_by_cached_key(|listed| (listed.room.name.to_lowercase(), listed.room.slug.clone()));
        self.name_rooms(&mut page.rooms, reader).await?;
        Ok(page)
    }

    /// One of a user's rooms.
    pub async fn own_room(&self, reader: UserId, room: RoomId) -> Result<Option<ListedRoom>> {
        let mut found = self.db.find_own_room(reader, room).await?;
        self.name_rooms(found.as_mut_slice(), reader).await?;
        Ok(found)
    }

    /// The rooms of a user's sidebar including `favorites`, and the current room with what its page shows; an empty slug means no
    /// current room.
    pub async fn sidebar_rooms(&self, reader: UserId, slug: &str, favorites: &[Arc<str>]) -> Result<SidebarRooms> {
        let mut found = self.db.sidebar_rooms(reader, slug, favorites).await?;
        self.name_rooms(&mut found.rooms, reader).await?;
        if let Some(CurrentRoom { view, .. }) = &mut found.current
            && let Some(named) = found.rooms.iter().find(|listed| listed.room.id == view.room.id)
        {
            view.room = named.room.clone();
        }
        Ok(found)
    }

    /// A page of a room's members.
    pub async fn members(&self, view: &RoomView, request: &PageRequest) -> Result<PeopleListPage<Member>> {
        Ok(PeopleListPage::new(
            self.db.list_members((view.room.id, view.members), request, PageRequest::LIMIT).await?,
            |member| &member.person.username,
        ))
    }

    /// Refuses a user who is in the maximum number of rooms.
    async fn check_room_limit(&self, person: UserId) -> Result<()> {
        if self.rate_limits.is_on() && self.db.count_rooms_of(person, false, MAX_JOINED).await? >= MAX_JOINED {
            return Err(Error::Forbidden("You’re in 2,000 rooms, the most one person can be in. Leave some first."));
        }
        Ok(())
    }

    /// Who has a username, as far as `actor` may know: a guest knows only those they share a room with.
    pub(super) async fn person(&self, actor: UserId, username: &str) -> Result<UserId> {
        let unknown = || Error::invalid("username", "No one has that username.");
        let name = username.trim().to_lowercase();
        let person = self.db.find_user_by_name(&name).await?.ok_or_else(unknown)?.id;
        if self.db.is_stranger_to_guest(actor, person).await? {
            return Err(unknown());
        }
        Ok(person)
    }
}
