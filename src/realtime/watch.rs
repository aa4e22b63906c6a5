//! Hearing of all of one's rooms at once: `watch`, and what follows from it.
//!
//! Owns who watches, and what watchers are told: new messages of rooms in which their socket is not live, rooms that they became
//! members of. It must not tell of a room that its person has lost: the register takes them out of both audiences together.

use std::sync::Arc;

use super::Realtime;
use super::outgoing::{Activity, Answer, Changed, Emit, Entered, OwnRoom, Watched};
use super::publish::Audience;
use super::seat::Seated;
use crate::chat::change::Logged;
use crate::chat::listing::RoomListing;
use crate::chat::types::{Kind, RoomId, UserId};
use crate::error::Result;

impl Realtime {
    /// Lets a socket hear of its person's rooms, a page of them at a time, and tells how they stand.
    pub(super) async fn watch(&self, seated: &Seated, after: Option<&str>) -> Result<Answer> {
        // First the flag, then the list: a room entered in between is watched by what is published of it.
        self.seats.begin_to_watch(seated);
        let sidebar = match after {
            None => Some(self.accounts.arrangement(seated.seat.user).await?),
            Some(_) => None,
        };
        let RoomListing { rooms, next } = self.chat.list_own(seated.seat.user, after.unwrap_or_default()).await?;
        for listed in &rooms {
            self.seats.watch(seated, listed.room.id, listed.head.rev);
        }
        self.say_here(&seated.seat, rooms.iter().flat_map(|listed| &listed.room.direct).map(|person| person.id));
        let rooms = rooms.iter().map(|listed| OwnRoom::new(listed, self.chat.epoch())).collect();
        Ok(Answer::Watched(Watched { rooms, more: next.is_some(), next, sidebar }))
    }

    /// Tells those who watch a room of a new message. Those who are live in it have heard it already.
    pub(super) async fn tell_watchers(&self, logged: &Arc<Logged>) {
        if logged.message.kind == Kind::Text && self.seats.has_watchers() {
            self.broadcast_to(Audience::Watching(logged.room), &Activity { room: &logged.message.room, message: logged }).await;
        }
    }

    /// Tells those who watch a room that a message counts otherwise now: it is deleted, or addresses others.
    pub(super) async fn tell_watchers_of_change(&self, logged: &Arc<Logged>, addressed: &[String]) {
        if self.seats.has_watchers() {
            let changed = Changed { room: &logged.message.room, message: logged, addressed };
            self.broadcast_to(Audience::Watching(logged.room), &changed).await;
        }
    }

    /// Lets a person's watching sockets hear of a room that they have become a member of, and tells them how it stands.
    pub fn entered(self: &Arc<Self>, room: RoomId, user: UserId) {
        let watching = self.seats.watch_user(room, user);
        if watching.is_empty() {
            return;
        }
        let realtime = self.clone();
        // What is published next must not wait for a look into the database.
        tokio::spawn(async move {
            match realtime.chat.own_room(user, room).await {
                Ok(None) => {}
                Ok(Some(listed)) => {
                    let entered = Entered(OwnRoom::new(&listed, realtime.chat.epoch()));
                    for seated in watching {
                        if seated.socket.tell(&entered).is_err() {
                            seated.seat.cut();
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "a person was not told of a room that they entered"),
            }
        });
    }
}
