//! Presence, debounced: that somebody came is published at once; that they left, a moment later, and only if it is still true.
//!
//! Owns the delays. Somebody who comes and goes over and over is published once in each, and what is published last is true. Connections
//! are counted by `chat::presence`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Realtime;
use crate::events::Event;
use crate::model::{RoomId, UserId};
use crate::realtime::connection::Connection;

/// How long a room waits before it hears that somebody left: a page reload is not noticed.
const MOMENT: Duration = Duration::from_secs(1);
/// How long somebody may be without a connection before others hear that they are offline: following a link does not count.
const BLINK: Duration = Duration::from_secs(5);

/// The people who have just left a room, each with the time when it is published.
#[derive(Debug, Default)]
pub struct Leavers {
    queue: Mutex<Queue>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Those whom the room still believes to be there.
    going: HashSet<(RoomId, UserId)>,
    /// The same, in the order of leaving. Each pair is in it once.
    turns: VecDeque<Leaver>,
}

/// Somebody whose last connection left a room.
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
        self.queue.lock()
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

    /// Waits for the next one that is due.
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

/// Limits how often a person's online state is published: when each was last published, and who is being waited for.
#[derive(Debug, Default)]
pub struct Debounce {
    published: Mutex<HashMap<UserId, Instant>>,
    waited_for: Mutex<HashSet<UserId>>,
}

impl Debounce {
    /// Whether somebody's online state may be published: not if it was within `time`.
    pub fn may_publish(&self, user: UserId, time: Duration) -> bool {
        let mut published = self.published.lock();
        let now = Instant::now();
        let is_due = published.get(&user).is_none_or(|at| now - *at >= time);
        if is_due {
            published.insert(user, now);
        }
        is_due
    }

    /// Starts to wait for somebody to come back; `false` if another task already does.
    pub fn wait_for(&self, user: UserId) -> bool {
        self.waited_for.lock().insert(user)
    }

    /// Ends that wait.
    pub fn have_waited(&self, user: UserId) {
        self.waited_for.lock().remove(&user);
    }

    /// Discards entries older than `time`; called periodically.
    pub fn forget(&self, time: Duration) {
        let mut published = self.published.lock();
        published.retain(|_, at| at.elapsed() < time);
        published.shrink_to_fit();
    }
}

impl Realtime {
    /// Publishes that somebody's first connection has entered a room, unless the room has not heard yet that they were gone.
    pub(super) async fn entered_room(&self, room: RoomId, slug: &Arc<str>, connection: &Connection) {
        if !self.leavers.is_going(room, connection.user) {
            self.publish_presence(room, slug, &connection.username, true).await;
        }
    }

    /// The same for somebody who has come or gone on another node: each node publishes to its own sockets.
    pub(super) async fn moved_elsewhere(&self, room: RoomId, slug: &Arc<str>, user: UserId, username: &Arc<str>, is_here: bool) {
        if !is_here {
            self.leavers.add(Leaver { due: Instant::now() + MOMENT, room, slug: slug.clone(), user, username: username.clone() });
        } else if !self.leavers.is_going(room, user) {
            self.send_presence(room, slug, username, true).await;
        }
    }

    /// Notes that somebody's last connection has left a room; the room hears of it a moment later.
    pub(super) fn left_room(&self, room: RoomId, slug: &Arc<str>, connection: &Connection) {
        let (slug, username) = (slug.clone(), connection.username.clone());
        self.leavers.add(Leaver { due: Instant::now() + MOMENT, room, slug, user: connection.user, username });
    }

    /// Publishes who has left, each when their moment has passed.
    pub(super) async fn publish_leavers(self: Arc<Self>) {
        loop {
            let Leaver { room, slug, user, username, .. } = self.leavers.next().await;
            let is_here = || self.chat.presence().is_in(room, user);
            if is_here() {
                continue;
            }
            self.publish_presence(room, &slug, &username, false).await;
            // Whoever came back in between may have been published before this was.
            if is_here() {
                self.publish_presence(room, &slug, &username, true).await;
            }
        }
    }

    async fn publish_presence(&self, room: RoomId, slug: &Arc<str>, username: &Arc<str>, is_online: bool) {
        let (slug, username) = (slug.clone(), username.clone());
        self.chat.events().publish(vec![Event::PresenceChanged { room, slug, username, is_online }]).await;
    }

    /// Publishes that somebody is online to those who have conversations with them.
    pub(super) async fn came_online(&self, connection: &Connection, participants: impl Iterator<Item = UserId>) {
        if connection.is_bot || !self.debounce.may_publish(connection.user, BLINK) {
            return;
        }
        let audience = participants.filter(|other| *other != connection.user).collect();
        self.publish_online(audience, connection, true).await;
    }

    /// Notes when somebody's last connection went; if they do not come back at once, publishes that they are offline.
    pub(super) async fn went_offline(&self, connection: &Connection) {
        self.accounts.seen(connection.user);
        // Whoever comes and goes over and over is waited for once.
        if !self.registry.has_watchers() || !self.debounce.wait_for(connection.user) {
            return;
        }
        tokio::time::sleep(BLINK).await;
        self.debounce.have_waited(connection.user);
        if self.chat.presence().is_online(connection.user) || !self.registry.has_watchers() {
            return;
        }
        match self.chat.participants(connection.user).await {
            Ok(audience) => self.publish_online(audience.into_iter().collect(), connection, false).await,
            Err(error) => tracing::debug!(%error, "nobody heard that a person went offline"),
        }
    }

    async fn publish_online(&self, audience: Vec<UserId>, connection: &Connection, is_online: bool) {
        if !audience.is_empty() {
            let username = connection.username.clone();
            self.chat.events().publish(vec![Event::OnlineChanged { audience, username, is_online }]).await;
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
        let debounce = Debounce::default();
        let while_ = Duration::from_secs(5);
        assert!(
            debounce.may_publish(UserId(7), while_)
                && !debounce.may_publish(UserId(7), while_)
                && debounce.may_publish(UserId(8), while_)
        );
        tokio::time::advance(while_).await;
        assert!(debounce.may_publish(UserId(7), while_));
        debounce.forget(while_);
        assert_eq!(debounce.published.lock().len(), 1);
        assert!(debounce.wait_for(UserId(7)) && !debounce.wait_for(UserId(7)));
        debounce.have_waited(UserId(7));
        assert!(debounce.wait_for(UserId(7)));
    }
}
