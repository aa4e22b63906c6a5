//! Which rooms the rooms of a source are here.
//!
//! Owns their names: a room is not mixed with another one that has its name, unless nothing was ever written there. It must not add people
//! to rooms that an earlier import has made, except those who are new: others may have left. And it must not take a conversation for that of
//! fewer people, because somebody in it is not known.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::ImportError;
use super::people::{Local, People};
use super::report::Report;
use crate::chat::direct::MAX_OTHERS;
use crate::chat::room_names::fold;
use crate::chat::rooms::SLOW_MODE;
use crate::clock::Millis;
use crate::db::import::{NewImportedRoom, NewMember};
use crate::db::{Db, direct};
use crate::model::{Keep, RoomId, RoomPolicy, RoomRole, UserId, Visibility, validate};
use crate::portable::{Ban, Role, Room, RoomSettings, Visibility as Foreign};

/// The rooms of the source, here.
pub struct Rooms {
    known: HashMap<Arc<str>, Option<RoomId>>,
    earlier: HashMap<String, (RoomId, Option<String>)>,
    /// The names that are taken, and empty public rooms among them.
    names: HashMap<String, Option<(RoomId, String)>>,
    /// The conversations that a dry run would have made, by their people.
    foreseen: HashSet<String>,
    /// Slugs as names there make them, that are others here.
    pub renamed: HashMap<String, String>,
    /// The slugs of public rooms here.
    pub public: HashSet<Arc<str>>,
}

/// Where rooms are made.
pub struct Place<'p> {
    /// The database, if there is one.
    pub db: Option<&'p Db>,
    /// Whether nothing is made.
    pub is_dry_run: bool,
    /// The source.
    pub source: &'p str,
    /// When it is imported.
    pub now: Millis,
}

impl Rooms {
    /// None yet, and those that are there.
    ///
    /// # Errors
    /// The database's.
    pub async fn new(db: Option<&Db>, source: &str, is_dry_run: bool) -> Result<Self, ImportError> {
        let (mut earlier, mut names, mut public) = (HashMap::new(), HashMap::new(), HashSet::new());
        if let Some(db) = db {
            for room in db.list_imported_rooms(source).await? {
                earlier.insert(room.key, (room.id, room.slug));
            }
            for room in db.list_named_rooms().await? {
                let free = (room.is_public && room.is_empty).then(|| (room.id, room.slug.clone()));
                names.insert(fold(&room.name), free);
                if room.is_public {
                    public.insert(room.slug.into());
                }
            }
        }
        // The room that every server begins with. What writes has made it by now.
        if is_dry_run && names.is_empty() {
            let slug = "general".to_owned();
            public.insert(slug.as_str().into());
            names.insert(fold(&slug), Some((RoomId(0), slug)));
        }
        let (known, foreseen, renamed) = Default::default();
        Ok(Self { known, earlier, names, foreseen, renamed, public })
    }

    /// Finds a room by its key: `None` if it is not known, `Some(None)` if it is left out.
    pub fn find(&self, key: &str) -> Option<Option<RoomId>> {
        self.known.get(key).copied()
    }

    /// Finds out which room a room is here, and makes it if there is none. Returns it if it was made and somebody is in it: the room, and
    /// its owner or who has been there longest.
    ///
    /// # Errors
    /// The database's.
    pub async fn take(
        &mut self,
        place: &Place<'_>,
        room: Room,
        people: &People,
        report: &mut Report,
    ) -> Result<Option<(RoomId, UserId)>, ImportError> {
        let key: Arc<str> = room.key.as_str().into();
        if self.known.contains_key(&key) {
            return Ok(None);
        }
        let (id, owner) = self.take_new(place, room, people, report).await?;
        self.known.insert(key, id);
        Ok(id.zip(owner))
    }

    async fn take_new(
        &mut self,
        place: &Place<'_>,
        room: Room,
        people: &People,
        report: &mut Report,
    ) -> Result<(Option<RoomId>, Option<UserId>), ImportError> {
        let earlier = self.earlier.remove(&room.key);
        let named: HashSet<&str> = room.members.iter().map(|member| &*member.person).collect();
        let is_direct = room.visibility == Foreign::Direct && named.len() <= MAX_OTHERS + 1;
        if is_direct && earlier.is_none() && named.iter().any(|person| people.find(person).is_none()) {
            report.leave_out("direct messages with people who are not in the source");
            return Ok((None, None));
        }
        let members = members(&room, people, place.now, report);
        if let Some((id, slug)) = earlier {
            let Some(slug) = slug else {
                report.leave_out("rooms that were deleted here since they were imported");
                return Ok((None, None));
            };
            report.rooms.already += 1;
            self.note_slug(&room, &slug);
            let new: Vec<_> = members.iter().filter(|(local, _)| !local.is_known).map(|(_, member)| *member).collect();
            if let Some(db) = place.db
                && !place.is_dry_run
                && !new.is_empty()
                && room.visibility != Foreign::Direct
            {
                let name = room.name.clone();
                db.add_imported_room(row(place, &room, people, (Some(id), name), new, false)).await?;
            }
            return Ok((Some(id), None));
        }
        if room.visibility == Foreign::Direct && members.is_empty() {
            report.leave_out("direct messages of nobody who is known");
            return Ok((None, None));
        }
        let new: Vec<_> = members.iter().map(|(_, member)| *member).collect();
        let (name, used) = if is_direct { (direct::NAME.to_owned(), None) } else { self.name(&room, &members, report) };
        let row = row(place, &room, people, (used.as_ref().map(|(id, _)| *id), name), new, is_direct);
        let rank = |member: &&NewMember| (member.role != RoomRole::Owner, member.joined_at, member.user);
        let owner = row.members.iter().min_by_key(rank).map(|member| member.user);
        let (id, slug, is_new) = match place.db {
            Some(db) if !place.is_dry_run => db.add_imported_room(row).await?,
            db => {
                let users: Vec<_> = row.members.iter().map(|member| member.user).collect();
                let there = match db {
                    _ if is_direct && !self.foreseen.insert(direct::key(&users)) => true,
                    Some(db) if is_direct => db.find_direct(&users).await?.is_some(),
                    _ => used.is_some(),
                };
                (RoomId(0), row.slug.as_str().into(), !there)
            }
        };
        if is_new {
            report.rooms.created += 1;
        } else {
            report.rooms.used += 1;
        }
        if is_new && owner.is_none() && room.icon.is_some() {
            report.leave_out("icons of rooms that nobody is in");
        }
        if !is_new && room.icon.is_some() {
            report.leave_out("icons of rooms that were here already");
        }
        self.note_slug(&room, &slug);
        Ok((Some(id), owner.filter(|_| is_new)))
    }

    /// The name of a new room, or the empty room of this name, which is used.
    fn name(&mut self, room: &Room, members: &[(Local, NewMember)], report: &mut Report) -> (String, Option<(RoomId, String)>) {
        let given = if room.visibility == Foreign::Direct {
            report.note("group messages of more people than a conversation can have, which are private rooms now");
            let names: Vec<_> = members.iter().map(|(local, _)| &*local.username).collect();
            names.join(", ")
        } else {
            validate::without_hidden(&room.name)
        };
        let short = |most: usize| given.chars().take(most).collect::<String>().trim().to_owned();
        let name = validate::room_name(&short(validate::ROOM_NAME)).unwrap_or_else(|_| "room".to_owned());
        if let Some(free) = self.names.get_mut(&fold(&name)) {
            let used = if room.visibility == Foreign::Public { free.take() } else { None };
            if used.is_some() {
                return (name, used);
            }
            report.note("rooms with a number behind their name, because another room has it");
            let base: String = name.chars().take(validate::ROOM_NAME - 8).collect();
            let numbered =
                (2..).map(|number| format!("{} ({number})", base.trim_end())).find(|name| !self.names.contains_key(&fold(name)));
            let name = numbered.unwrap_or(name);
            self.names.insert(fold(&name), None);
            return (name, None);
        }
        self.names.insert(fold(&name), None);
        (name, None)
    }

    /// Notes the slug of a public room, and that it is another one than its name there makes.
    fn note_slug(&mut self, room: &Room, slug: &str) {
        if room.visibility != Foreign::Public {
            return;
        }
        let usual = validate::slug(&room.name);
        if usual != slug {
            self.renamed.insert(usual, slug.to_owned());
        }
        self.public.insert(slug.into());
    }
}

/// What is stored of a room.
fn row(
    place: &Place<'_>,
    room: &Room,
    people: &People,
    (id, name): (Option<RoomId>, String),
    members: Vec<NewMember>,
    is_direct: bool,
) -> NewImportedRoom {
    let topic: String = validate::without_hidden(room.topic.trim()).chars().take(validate::TOPIC).collect();
    let visibility = if room.visibility == Foreign::Public { Visibility::Public } else { Visibility::Private };
    let settings = if is_direct { RoomSettings::default() } else { room.settings.clone() };
    let may = |role| if role == Role::Member { RoomRole::Member } else { RoomRole::Moderator };
    let keep = |days: Option<i64>| Keep::from(days.filter(|days| (0..=Keep::MOST_DAYS).contains(days)));
    let ban =
        |ban: &Ban| people.find(&ban.person).map(|person| (person.id, if ban.at == Millis(0) { place.now } else { ban.at }));
    NewImportedRoom {
        source: place.source.to_owned(),
        key: room.key.clone(),
        id,
        slug: if is_direct { "dm".to_owned() } else { validate::slug(&name) },
        name,
        topic: validate::line("topic", &topic, validate::TOPIC).unwrap_or_default(),
        visibility,
        is_direct,
        created_by: people.find(room.created_by.as_deref().unwrap_or_default()).map(|maker| maker.id),
        created_at: if room.created_at == Millis(0) { place.now } else { room.created_at },
        archived_at: room.archived_at.filter(|_| !is_direct),
        bans: room
            .bans
            .iter()
            .filter_map(ban)
            .filter(|(banned, _)| members.iter().all(|member| member.user != *banned))
            .collect(),
        members,
        policy: RoomPolicy { posting: may(settings.posting), mass_mentions: may(settings.mass_mentions) },
        slow_mode: Some(settings.slow_mode).filter(|seconds| SLOW_MODE.contains(seconds)).unwrap_or_default(),
        link_previews: settings.link_previews,
        keep_messages: keep(settings.keep_messages),
        keep_files: keep(settings.keep_files),
    }
}

/// The members of a room, each once. Where nobody owns it, whoever made it does, or whoever has been there longest.
fn members(room: &Room, people: &People, now: Millis, report: &mut Report) -> Vec<(Local, NewMember)> {
    let mut members: Vec<(Local, NewMember)> = Vec::new();
    let mut seen = HashSet::new();
    let maker = room.created_by.as_deref().and_then(|key| people.find(key));
    for member in &room.members {
        let Some(local) = people.find(&member.person) else {
            report.leave_out("members who are not in the source");
            continue;
        };
        if !seen.insert(local.id) {
            continue;
        }
        let role = match member.role {
            Role::Owner if local.can_own => RoomRole::Owner,
            Role::Moderator | Role::Owner => RoomRole::Moderator,
            Role::Member => RoomRole::Member,
        };
        let role = if room.visibility == Foreign::Direct { RoomRole::Member } else { role };
        let told = [member.joined_at, room.created_at].into_iter().find(|at| *at != Millis(0));
        let joined_at = told.unwrap_or(now);
        members.push((local.clone(), NewMember { user: local.id, role, joined_at }));
    }
    let is_owned = members.iter().any(|(_, member)| member.role == RoomRole::Owner);
    if !is_owned && room.visibility != Foreign::Direct {
        let able = |(local, _): &&mut (Local, NewMember)| local.can_own;
        let order = |(local, member): &(Local, NewMember)| {
            (maker.is_none_or(|maker| maker.id != local.id), member.role != RoomRole::Moderator, member.joined_at, local.id)
        };
        if let Some((_, first)) = members.iter_mut().filter(able).min_by_key(|member| order(member)) {
            first.role = RoomRole::Owner;
        }
    }
    members
}
