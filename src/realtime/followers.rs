//! Those who wait for what changes in a room without a socket: long polls and streams of the API.
//!
//! Owns their number, and who is woken by which event. It tells nobody what happened: whoever is woken reads it, and asks again whether
//! they may (docs/decisions/0097). It must not ask the database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::events::{Bus, Event};
use crate::model::{Head, RoomId, SessionKey, UserId};

/// How many may wait in all, and for each person.
const MOST: usize = 4_096;
const MOST_EACH: usize = 32;

/// Everybody who waits.
#[derive(Debug)]
pub struct Followers {
    waiting: Mutex<Waiting>,
    /// Which rooms are listened to, where there are other nodes; changed only with `waiting` locked.
    events: Bus,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The number of the next one.
    next: u64,
    all: HashMap<u64, Waiter>,
    by_room: HashMap<RoomId, HashSet<u64>>,
    /// How many each person has.
    people: HashMap<UserId, usize>,
    /// Whether the server stops.
    is_closed: bool,
}

#[derive(Debug)]
struct Waiter {
    room: RoomId,
    person: UserId,
    session: SessionKey,
    signal: watch::Sender<()>,
}

/// One who waits. Dropping it ends that.
#[derive(Debug)]
pub struct Follower {
    followers: Arc<Followers>,
    number: u64,
    woken: watch::Receiver<()>,
}

impl Followers {
    /// Nobody yet. The logs of rooms that somebody waits for are followed in `events`.
    #[must_use]
    pub fn new(events: Bus) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::default(), events })
    }

    /// Has a person with a session wait for what happens in a room after `head`; none if too many do.
    #[must_use]
    pub fn follow(self: &Arc<Self>, person: UserId, session: &SessionKey, room: RoomId, head: Head) -> Option<Follower> {
        let mut waiting = self.waiting.lock();
        let own = waiting.people.get(&person).copied().unwrap_or_default();
        if waiting.is_closed || waiting.all.len() >= MOST || own >= MOST_EACH {
            return None;
        }
        let number = waiting.next;
        let (signal, woken) = watch::channel(());
        waiting.next += 1;
        waiting.people.insert(person, own + 1);
        waiting.by_room.entry(room).or_default().insert(number);
        waiting.all.insert(number, Waiter { room, person, session: session.clone(), signal });
        self.events.heads().follow(room, head);
        Some(Follower { followers: self.clone(), number, woken })
    }

    /// Wakes those whom an event may concern.
    pub fn hear(&self, event: &Event) {
        match event {
            Event::Message { logged, .. } => self.wake_room(logged.room),
            Event::MemberRemoved { room, .. } | Event::RoomChanged { room, .. } | Event::RoomDeleted { room, .. } => {
                self.wake_room(*room);
            }
            Event::SessionEnded { session, .. } => self.wake(|waiter| waiter.session == *session),
            Event::AccessEnded { user, .. } | Event::AccessReduced { user } | Event::RoleChanged { user } => {
                self.wake(|waiter| waiter.person == *user);
            }
            Event::AccessUncertain | Event::HistoryReplaced => self.wake(|_| true),
            _ => {}
        }
    }

    fn wake_room(&self, room: RoomId) {
        let waiting = self.waiting.lock();
        for number in waiting.by_room.get(&room).into_iter().flatten() {
            if let Some(waiter) = waiting.all.get(number) {
                waiter.signal.send_replace(());
            }
        }
    }

    fn wake(&self, which: impl Fn(&Waiter) -> bool) {
        for waiter in self.waiting.lock().all.values().filter(|waiter| which(waiter)) {
            waiter.signal.send_replace(());
        }
    }

    /// Ends all waiting: the server stops.
    pub fn close(&self) {
        let mut waiting = self.waiting.lock();
        *waiting = Waiting { is_closed: true, ..Waiting::default() };
    }

    /// Does something while the rooms that somebody waits for stay the same.
    pub fn with_rooms<T>(&self, body: impl FnOnce(&HashSet<RoomId>) -> T) -> T {
        let waiting = self.waiting.lock();
        body(&waiting.by_room.keys().copied().collect())
    }
}

impl Waiting {
    fn remove(&mut self, number: u64) {
        // Closed, it has forgotten everybody.
        let Some(Waiter { room, person, .. }) = self.all.remove(&number) else { return };
        if let Some(count) = self.people.get_mut(&person) {
            *count -= 1;
            if *count == 0 {
                self.people.remove(&person);
            }
        }
        if let Some(here) = self.by_room.get_mut(&room) {
            here.remove(&number);
            if here.is_empty() {
                self.by_room.remove(&room);
            }
        }
    }
}

impl Follower {
    /// Waits until something may have happened; `false` if nothing did by then, or the server stops.
    pub async fn woken(&mut self, until: Instant) -> bool {
        matches!(timeout_at(until, self.woken.changed()).await, Ok(Ok(())))
    }

    /// Whether the server stops.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.woken.has_changed().is_err()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.followers.waiting.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::events::SessionEnd;

    const ROOM: RoomId = RoomId(1);
    const ADA: UserId = UserId(1);

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(1)
    }

    fn session(name: &str) -> SessionKey {
        SessionKey::from_digits(format!("{name}000000000000"))
    }

    #[tokio::test(start_paused = true)]
    async fn those_whom_an_event_concerns_are_woken() {
        let followers = Followers::new(Bus::default());
        let follow = |name, room| followers.follow(ADA, &session(name), room, Head::default());
        let (mut here, mut there) = (follow("a", ROOM).unwrap(), follow("b", RoomId(2)).unwrap());
        followers.hear(&Event::RoomDeleted { room: ROOM, slug: "x".into() });
        assert!(here.woken(soon()).await && !there.woken(soon()).await);
        assert!(!here.woken(soon()).await, "once");
        followers.hear(&Event::SessionEnded { session: session("b"), reason: SessionEnd::Ended });
        assert!(!here.woken(soon()).await && there.woken(soon()).await);
        followers.hear(&Event::AccessEnded { user: UserId(2), reason: SessionEnd::Banned });
        assert!(!here.woken(soon()).await && !there.woken(soon()).await);
        followers.hear(&Event::AccessUncertain);
        assert!(here.woken(soon()).await && there.woken(soon()).await);
        followers.close();
        assert!(here.is_closed() && !here.woken(soon()).await);
        assert!(follow("a", ROOM).is_none());
    }

    #[tokio::test]
    async fn their_number_is_bounded_and_they_leave_nothing() {
        let followers = Followers::new(Bus::default());
        let follow = |person| followers.follow(person, &session("a"), ROOM, Head::default());
        let all: Vec<_> = (0..MOST_EACH).filter_map(|_| follow(ADA)).collect();
        assert_eq!(all.len(), MOST_EACH);
        assert!(follow(ADA).is_none());
        let other = follow(UserId(2));
        assert!(other.is_some());
        drop((all, other));
        let waiting = followers.waiting.lock();
        assert!(waiting.all.is_empty() && waiting.by_room.is_empty() && waiting.people.is_empty());
    }
}
