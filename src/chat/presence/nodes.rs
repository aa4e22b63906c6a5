//! Presence on other nodes: what this node reports, and what the others have reported.
//!
//! Owns one set for each other node, under the id that it has until its next start. Changes are reported as they happen, and everything
//! every ten seconds, numbered; a node that misses three of these is forgotten. Any report may be lost: the next full one makes up for it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Presence, Present, Room, State};
use crate::model::{RoomId, UserId};

/// The time between full reports.
pub const FULL: Duration = Duration::from_secs(10);
/// A node without a report for this long counts as gone.
const GONE: Duration = Duration::from_secs(30);
/// The most items in one report.
const ITEMS: usize = 2_000;

/// What this node has yet to report, and what other nodes have reported.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Whether there are other nodes to report to.
    is_reporting: bool,
    /// Who has entered or left a room here since the last report. Those who entered have an [`Entered`] even if they have left since: both
    /// moves are reported, because both are published on this node.
    pub rooms: HashMap<(RoomId, UserId), Option<Entered>>,
    /// Who has come or gone here since the last report.
    pub people: HashSet<UserId>,
    /// The number of this node's last full report.
    generation: u64,
    nodes: HashMap<String, Node>,
}

/// The room's slug and the person's username.
type Entered = (Arc<str>, Arc<str>);

/// Another node: whom it has reported, each with the number of the latest full report that listed them.
#[derive(Debug)]
struct Node {
    heard_at: Instant,
    /// Whether it has said that it stops.
    has_left: bool,
    /// The number of its latest full report, and how many items of that have arrived.
    generation: u64,
    received: usize,
    rooms: HashMap<(RoomId, UserId), u64>,
    people: HashMap<UserId, u64>,
}

/// A part of what one node reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The people.
    pub items: Vec<Item>,
    /// Set if it is a part of a full report: the number of that report, and how many items it has.
    pub full: Option<(u64, usize)>,
    /// Whether the node stops: nobody is there any more.
    #[serde(default)]
    pub is_last: bool,
}

/// Whether a person is connected, or is in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Who.
    pub user: UserId,
    /// Their username.
    pub username: Arc<str>,
    /// The room and its slug; `None` for the connection.
    pub room: Option<(RoomId, Arc<str>)>,
    /// Whether they are connected, or in the room.
    pub is_here: bool,
}

impl Presence {
    /// Begins to collect changes for reports.
    pub fn begin_reports(&self) {
        self.with(|state| state.reports.is_reporting = true);
    }

    /// Notes for the next report that somebody has come or gone.
    pub(super) fn note_person(&self, reports: &mut Reports, user: UserId) {
        if reports.is_reporting && reports.people.insert(user) {
            self.changed.notify_one();
        }
    }

    /// Notes for the next report that somebody has entered a room, if they are named, or left it.
    pub(super) fn note_room(&self, reports: &mut Reports, room: RoomId, user: UserId, entered: Option<(&Arc<str>, &Arc<str>)>) {
        if reports.is_reporting {
            let noted = reports.rooms.entry((room, user)).or_default();
            *noted = entered.map(|(slug, username)| (slug.clone(), username.clone())).or(noted.take());
            self.changed.notify_one();
        }
    }

    /// Waits until there is something to report.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What has changed since the last report.
    pub fn changes(&self) -> Vec<Report> {
        self.with(|state| {
            let rooms = std::mem::take(&mut state.reports.rooms);
            let people = std::mem::take(&mut state.reports.people);
            // The names of those who are gone are no longer known, and not needed.
            let nobody: Arc<str> = "".into();
            let mut items = Vec::new();
            for user in people {
                let present = state.people.get(&user).filter(|present| present.sockets > 0);
                let username = present.map_or(&nobody, |present| &present.username).clone();
                items.push(Item { user, username, room: None, is_here: present.is_some() });
            }
            for ((room, user), entered) in rooms {
                let is_here = state.rooms.get(&room).and_then(|room| room.people.get(&user)).is_some_and(|here| here.sockets > 0);
                if let Some((slug, username)) = entered {
                    items.push(Item { user, username, room: Some((room, slug)), is_here: true });
                }
                if !is_here {
                    items.push(Item { user, username: nobody.clone(), room: Some((room, nobody.clone())), is_here });
                }
            }
            items.chunks(ITEMS).map(|items| Report { items: items.to_vec(), full: None, is_last: false }).collect()
        })
    }

    /// The full report of this node.
    pub fn full_report(&self) -> Vec<Report> {
        self.with(|state| {
            state.reports.generation += 1;
            let here = |(user, present): (&UserId, &Present), room: Option<(RoomId, Arc<str>)>| {
                (present.sockets > 0).then(|| Item { user: *user, username: present.username.clone(), room, is_here: true })
            };
            let mut items: Vec<_> = state.people.iter().filter_map(|entry| here(entry, None)).collect();
            for (id, Room { slug, people, .. }) in &state.rooms {
                items.extend(people.iter().filter_map(|entry| here(entry, Some((*id, slug.clone())))));
            }
            let full = Some((state.reports.generation, items.len()));
            if items.is_empty() {
                return vec![Report { items, full, is_last: false }];
            }
            items.chunks(ITEMS).map(|items| Report { items: items.to_vec(), full, is_last: false }).collect()
        })
    }

    /// The report that this node stops.
    pub fn farewell() -> Report {
        Report { items: Vec::new(), full: None, is_last: true }
    }

    /// Applies another node's report. Returns the people who came or went by it, over all nodes.
    pub fn apply(&self, node: &str, report: Report) -> Vec<Item> {
        self.with(|state| {
            let mut moved = Vec::new();
            let mut sender = state.reports.nodes.remove(node).unwrap_or_else(|| Node {
                heard_at: Instant::now(),
                has_left: false,
                generation: 0,
                received: 0,
                rooms: HashMap::new(),
                people: HashMap::new(),
            });
            sender.heard_at = Instant::now();
            sender.has_left |= report.is_last;
            // A person reported as a change outlives the full report that may be arriving.
            let mut generation = sender.generation + 1;
            if let Some((full, _)) = report.full {
                if full != sender.generation {
                    (sender.generation, sender.received) = (full, 0);
                }
                sender.received += report.items.len();
                generation = full;
            }
            for item in report.items {
                let is_news = match (&item.room, item.is_here) {
                    (None, true) => insert(&mut sender.people, item.user, generation),
                    (None, false) => sender.people.remove(&item.user).is_some(),
                    (Some((room, _)), true) => insert(&mut sender.rooms, (*room, item.user), generation),
                    (Some((room, _)), false) => sender.rooms.remove(&(*room, item.user)).is_some(),
                };
                if is_news {
                    moved.extend(state.count(item));
                }
            }
            if report.full.is_some_and(|(_, count)| count == sender.received) {
                let full = sender.generation;
                moved.extend(sender.forget(|generation| generation < full, state));
            }
            state.reports.nodes.insert(node.to_owned(), sender);
            moved
        })
    }

    /// Whether anything was heard from a node lately.
    pub fn knows(&self, node: &str) -> bool {
        self.with(|state| state.reports.nodes.contains_key(node))
    }

    /// Forgets nodes that have stopped or were silent for too long. Returns the people who went with them.
    pub fn forget_gone_nodes(&self) -> Vec<Item> {
        self.forget_nodes(|node| node.has_left || node.heard_at.elapsed() > GONE)
    }

    fn forget_nodes(&self, is_gone: impl Fn(&Node) -> bool) -> Vec<Item> {
        self.with(|state| {
            let gone: Vec<String> =
                state.reports.nodes.iter().filter(|(_, node)| is_gone(node)).map(|(name, _)| name.clone()).collect();
            let mut moved = Vec::new();
            for name in gone {
                if let Some(mut node) = state.reports.nodes.remove(&name) {
                    moved.extend(node.forget(|_| true, state));
                }
            }
            moved
        })
    }
}

/// Whether the key is new.
fn insert<K: Eq + Hash>(set: &mut HashMap<K, u64>, key: K, generation: u64) -> bool {
    set.insert(key, generation).is_none()
}

impl Node {
    fn forget(&mut self, is_old: impl Fn(u64) -> bool, state: &mut State) -> Vec<Item> {
        let gone = |user, room| Item { user, username: "".into(), room, is_here: false };
        let mut items = Vec::new();
        self.people.retain(|user, generation| {
            let stays = !is_old(*generation);
            if !stays {
                items.push(gone(*user, None));
            }
            stays
        });
        self.rooms.retain(|(room, user), generation| {
            let stays = !is_old(*generation);
            if !stays {
                items.push(gone(*user, Some((*room, "".into()))));
            }
            stays
        });
        items.into_iter().filter_map(|item| state.count(item)).collect()
    }
}

impl State {
    /// Adds a node to a person's count, or removes it. Returns the item, with its names, if the person came or went over all nodes.
    fn count(&mut self, item: Item) -> Option<Item> {
        let Item { user, username, room, is_here } = item;
        let (people, slug) = match &room {
            None => (&mut self.people, None),
            Some((id, slug)) if is_here => {
                let room = self.rooms.entry(*id).or_insert_with(|| Room::new(slug));
                (&mut room.people, Some(room.slug.clone()))
            }
            Some((id, _)) => {
                let room = self.rooms.get_mut(id)?;
                (&mut room.people, Some(room.slug.clone()))
            }
        };
        let present = if is_here {
            people.entry(user).or_insert_with(|| Present::new(&username))
        } else {
            people.get_mut(&user).filter(|present| present.nodes > 0)?
        };
        let was_somewhere = !present.is_nowhere();
        present.nodes = if is_here { present.nodes + 1 } else { present.nodes - 1 };
        let is_somewhere = !present.is_nowhere();
        let username = present.username.clone();
        match room {
            Some((id, _)) => self.forget_absent(id, user),
            None if !is_somewhere => drop(self.people.remove(&user)),
            None => {}
        }
        let room = room.zip(slug).map(|((id, _), slug)| (id, slug));
        (was_somewhere != is_somewhere).then_some(Item { user, username, room, is_here })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(1);
    const ADA: UserId = UserId(7);

    /// What a node makes of another one's reports.
    fn hear(to: &Presence, reports: Vec<Report>) -> Vec<(bool, bool)> {
        let moved = reports.into_iter().flat_map(|report| to.apply("a", report));
        moved.map(|item| (item.room.is_some(), item.is_here)).collect()
    }

    fn enter(presence: &Presence) -> bool {
        let (slug, name): (Arc<str>, Arc<str>) = ("tea".into(), "ada".into());
        presence.connect(ADA, &name);
        presence.enter(ROOM, &slug, ADA, &name)
    }

    #[test]
    fn somebody_is_there_while_any_node_has_them() {
        let (a, b) = (Presence::default(), Presence::default());
        a.begin_reports();
        assert!(enter(&a));
        assert_eq!(hear(&b, a.changes()), [(false, true), (true, true)]);
        assert_eq!(b.online(ROOM).users, [Arc::from("ada")]);
        assert!(!enter(&b), "they were there already");
        assert!(!b.leave(ROOM, ADA), "they are still there");
        a.leave(ROOM, ADA);
        a.disconnect(ADA);
        assert_eq!(hear(&b, a.changes()), [(true, false)], "online here, and in the room nowhere");
        assert!(b.is_online(ADA) && !b.is_in(ROOM, ADA));
        assert!(b.disconnect(ADA) && !b.is_online(ADA));
        assert!(a.changes().is_empty());
    }

    #[test]
    fn a_full_report_heals_what_was_lost() {
        let (a, b) = (Presence::default(), Presence::default());
        a.begin_reports();
        enter(&a);
        a.changes();
        assert_eq!(hear(&b, a.full_report()), [(false, true), (true, true)]);
        assert!(hear(&b, a.full_report()).is_empty());
        a.leave(ROOM, ADA);
        a.changes();
        assert_eq!(hear(&b, a.full_report()), [(true, false)]);
        assert!(b.is_online(ADA));
    }

    #[test]
    fn a_node_that_is_gone_takes_its_people_along() {
        let (a, b) = (Presence::default(), Presence::default());
        a.begin_reports();
        enter(&a);
        hear(&b, a.changes());
        assert!(b.forget_gone_nodes().is_empty() && b.knows("a"));
        let mut gone: Vec<_> = b.forget_nodes(|_| true).into_iter().map(|item| (item.room.is_some(), item.username)).collect();
        gone.sort();
        assert_eq!(gone, [(false, "ada".into()), (true, "ada".into())]);
        assert!(!b.is_online(ADA) && b.online(ROOM).count == 0 && !b.knows("a"));
    }
}
