//! What people hear of people: that somebody shows themselves otherwise, opened a conversation with them, came or went.
//!
//! Owns these events and the asking for a conversation. Who may talk to whom is for `chat` to say.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Realtime;
use super::outgoing::{Answer, Described, Emit, Outgoing};
use super::payload::Payload;
use super::seat::{Seat, Seated};
use crate::chat::direct::{Opened, usernames};
use crate::chat::types::{Room, RoomId, UserId};
use crate::db::people::Profile;
use crate::error::Result;

/// How long somebody may be without a socket before others hear that they have gone: a page that leads to the next one does not count.
const BLINK: Duration = Duration::from_secs(5);

/// Somebody shows themselves otherwise.
#[derive(Debug, Serialize)]
struct Person<'a> {
    username: &'a str,
    name: &'a str,
    status: &'a str,
    /// Whether somebody else's name looks the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    alike: bool,
}

impl Outgoing for Person<'_> {
    const NAME: &'static str = "person";
}

/// Somebody with whom one has direct messages connected, or has gone.
#[derive(Debug, Serialize)]
struct Online<'a> {
    user: &'a str,
    online: bool,
}

impl Outgoing for Online<'_> {
    const NAME: &'static str = "online";
}

/// What `direct` answers.
#[derive(Debug, Serialize)]
pub struct Conversation {
    /// The room, as the asker sees it.
    pub room: Room,
}

impl Realtime {
    /// Finds or makes a conversation, and tells its others of a new one.
    pub(super) async fn direct(self: &Arc<Self>, seated: &Seated, payload: &Payload) -> Result<Answer> {
        let maker = seated.seat.user;
        let users = payload.texts("users")?;
        let opened = self.chat.direct(maker, &usernames(&users)).await?;
        self.introduce(&opened);
        Ok(Answer::Conversation(Conversation { room: self.chat.view(maker, &opened.slug).await?.room }))
    }

    /// Lets everybody in a conversation that has just been made know of it.
    pub fn introduce(self: &Arc<Self>, opened: &Opened) {
        if opened.is_new {
            for person in &opened.people {
                self.entered(opened.room, *person);
            }
        }
    }

    /// Tells those who are live in direct messages of their new topic: each under the name that they see.
    pub(super) fn describe_direct(self: &Arc<Self>, slug: Arc<str>, room: RoomId) {
        let realtime = self.clone();
        // What is published next must not wait for a look into the database.
        tokio::spawn(async move {
            for Seated { socket, seat } in realtime.seats.everybody() {
                if !seat.is_live_in(room) {
                    continue;
                }
                let Ok(view) = realtime.chat.view(seat.user, &slug).await else { continue };
                if socket.tell(&Described { room: &slug, now: &view.room }).is_err() {
                    seat.cut();
                }
            }
        });
    }

    /// Tells everybody how somebody shows themselves now.
    pub fn tell_of_person(&self, profile: &Profile) {
        let person = Person { username: &profile.username, name: &profile.name, status: &profile.status, alike: profile.alike };
        for Seated { socket, seat } in self.seats.everybody() {
            // One that has no room for it is being cut by what fills it, and its next page has the new name anyway.
            if !seat.is_revoked() {
                socket.tell(&person).ok();
            }
        }
    }

    /// Tells those who have direct messages with somebody that they are there.
    pub(super) fn say_here(&self, seat: &Seat, others: impl Iterator<Item = UserId>) {
        if !self.company.may_tell(seat.user, BLINK) {
            return;
        }
        let here = Online { user: &seat.username, online: true };
        for other in others.filter(|other| *other != seat.user) {
            self.tell_watching(other, &here);
        }
    }

    /// Notes when somebody's last socket went; if they do not come back at once, tells those who have direct messages with them.
    pub(super) async fn say_away(&self, seat: &Seat) {
        self.accounts.seen(seat.user);
        // Whoever comes and goes over and over is waited for once.
        if !self.seats.has_watchers() || !self.company.wait_for(seat.user) {
            return;
        }
        tokio::time::sleep(BLINK).await;
        self.company.have_waited(seat.user);
        if self.chat.presence().is_online(seat.user) || !self.seats.has_watchers() {
            return;
        }
        match self.chat.company(seat.user).await {
            Ok(others) => {
                let away = Online { user: &seat.username, online: false };
                for other in others {
                    self.tell_watching(other, &away);
                }
            }
            Err(error) => tracing::debug!(%error, "nobody was told that a person has gone"),
        }
    }

    fn tell_watching(&self, user: UserId, event: &Online<'_>) {
        for Seated { socket, seat } in self.seats.of_user(user) {
            // A dot in a list: the next page has it right.
            if seat.is_watching() {
                socket.tell(event).ok();
            }
        }
    }
}
