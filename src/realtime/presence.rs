//! What is told of who is here: that somebody came is told at once; that they have gone, a moment later, and only if it is still true.
//!
//! Owns that moment. Somebody who comes and goes over and over is told of once in it, however often that is; what is told last is true.
//! Who is here is counted elsewhere.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Realtime;
use super::outgoing::Presence;
use super::seat::Seat;
use crate::chat::types::{RoomId, UserId};

/// How long a room waits before it is told that somebody has gone: a page that is loaded anew does not count.
const MOMENT: Duration = Duration::from_secs(1);

/// Those who have left a room of late.
#[derive(Debug, Default)]
pub struct Leavers {
    queue: Mutex<Queue>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Of whom the room believes that they are there, until their turn comes.
    going: HashSet<(RoomId, UserId)>,
    /// The same, those who left first in front. Each pair is in it once.
    turns: VecDeque<Leaver>,
}

/// Somebody whose last socket left a room.
#[derive(Debug)]
struct Leaver {
    due: Instant,
    room: RoomId,
    slug: Arc<str>,
    user: UserId,
    username: Arc<str>,
}

impl Leavers {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here can panic half-way through a change, so a poisoned lock still guards a whole queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, leaver: Leaver) {
        let mut queue = self.queue();
        if queue.going.insert((leaver.room, leaver.user)) {
            queue.turns.push_back(leaver);
            drop(queue);
            self.woken.notify_one();
        }
    }

    fn is_going(&self, room: RoomId, user: UserId) -> bool {
        self.queue().going.contains(&(room, user))
    }

    /// The next whose moment has passed; waits for it.
    async fn next(&self) -> Leaver {
        loop {
            let due = self.queue().turns.front().map(|leaver| leaver.due);
            match due {
                None => self.woken.notified().await,
                Some(due) => {
                    tokio::time::sleep_until(due).await;
                    let mut queue = self.queue();
                    if let Some(leaver) = queue.turns.pop_front() {
                        queue.going.remove(&(leaver.room, leaver.user));
                        return leaver;
                    }
                }
            }
        }
    }
}

/// Who was told to be connected, and who is waited for.
#[derive(Debug, Default)]
pub struct Company {
    told: Mutex<HashMap<UserId, Instant>>,
    waited_for: Mutex<HashSet<UserId>>,
}

impl Company {
    /// Whether it is time to tell others that somebody is connected: not if they were told within `time`.
    pub fn may_tell(&self, user: UserId, time: Duration) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_due = told.get(&user).is_none_or(|at| now - *at >= time);
        if is_due {
            told.insert(user, now);
        }
        is_due
    }

    /// Begins to wait for somebody to come back; `false` if others do already.
    pub fn wait_for(&self, user: UserId) -> bool {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner).insert(user)
    }

    /// Waits no longer.
    pub fn have_waited(&self, user: UserId) {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    }

    /// Forgets who was told of longer than `time` ago; called now and then.
    pub fn forget(&self, time: Duration) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| at.elapsed() < time);
        told.shrink_to_fit();
    }
}

impl Realtime {
    /// Tells a room that somebody's first socket has entered it, unless it has not been told yet that they were gone.
    pub(super) async fn say_came(&self, room: RoomId, slug: &str, seat: &Seat) {
        if !self.leavers.is_going(room, seat.user) {
            self.broadcast(room, &Presence { room: slug, user: &seat.username, online: true }).await;
        }
    }

    /// Notes that somebody's last socket has left a room; the room is told a moment later.
    pub(super) fn say_gone(&self, room: RoomId, slug: &Arc<str>, seat: &Seat) {
        let (slug, username) = (slug.clone(), seat.username.clone());
        self.leavers.add(Leaver { due: Instant::now() + MOMENT, room, slug, user: seat.user, username });
    }

    /// Tells rooms of those who have gone, each when their moment has passed.
    pub(super) async fn tell_of_leavers(self: Arc<Self>) {
        loop {
            let Leaver { room, slug, user, username, .. } = self.leavers.next().await;
            let is_here = || self.chat.presence().is_in(room, user);
            if is_here() {
                continue;
            }
            self.broadcast(room, &Presence { room: &slug, user: &username, online: false }).await;
            // Whoever came back in between may have been told of before this was.
            if is_here() {
                self.broadcast(room, &Presence { room: &slug, user: &username, online: true }).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaver(room: i64, user: i64) -> Leaver {
        Leaver {
            due: Instant::now() + MOMENT,
            room: RoomId(room),
            slug: "tea".into(),
            user: UserId(user),
            username: "ada".into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_often_has_one_turn_a_moment() {
        let leavers = Leavers::default();
        for _ in 0..40_000 {
            leavers.add(leaver(1, 7));
        }
        leavers.add(leaver(2, 7));
        assert!(leavers.is_going(RoomId(1), UserId(7)) && !leavers.is_going(RoomId(1), UserId(8)));
        assert_eq!(leavers.queue().turns.len(), 2);
        let began = Instant::now();
        assert_eq!(leavers.next().await.room, RoomId(1));
        assert!(began.elapsed() >= MOMENT && !leavers.is_going(RoomId(1), UserId(7)));
        assert_eq!(leavers.next().await.room, RoomId(2));
        assert!(leavers.queue().turns.is_empty() && leavers.queue().going.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn others_are_told_of_the_same_person_once_in_a_while() {
        let company = Company::default();
        let while_ = Duration::from_secs(5);
        assert!(
            company.may_tell(UserId(7), while_) && !company.may_tell(UserId(7), while_) && company.may_tell(UserId(8), while_)
        );
        tokio::time::advance(while_).await;
        assert!(company.may_tell(UserId(7), while_));
        company.forget(while_);
        assert_eq!(company.told.lock().unwrap().len(), 1);
        assert!(company.wait_for(UserId(7)) && !company.wait_for(UserId(7)));
        company.have_waited(UserId(7));
        assert!(company.wait_for(UserId(7)));
    }
}
