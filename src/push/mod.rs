//! Notifications to browsers that are not open (Web Push).
//!
//! Owns subscriptions, what a notification says, and whether somebody is notified of a message. The ledger adds a row to the outbox for each
//! browser that a message may concern; whether it does is decided here, when it is delivered: who has read it by then, or may not see the
//! room any more, is not told. It must not connect to other than public addresses, unless the operator allows them.

mod keys;
mod service;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::keys::Keys;
pub use self::keys::{Stored, stored};
use self::service::{Push, Sent, Service};
pub use self::settings::{Keywords, NotificationSettings, SearchedText, SettingsChange};
use crate::chat::Chat;
use crate::clock::{Clock, Millis};
use crate::config::Config;
use crate::db::Db;
use crate::db::outbox::{ReceiverId, Row};
use crate::db::push::{Destination, KIND, NewSubscription, Subscription};
use crate::egress::{Allowed, Guard};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::fulltext::plain::plain;
use crate::model::{Occurrence, RoomId, SessionKey, UserId, photo_path};
use crate::outbox::{Deliverer, Deliverers, Delivery, Outbox};

/// How many browsers a person may have.
const MOST: i64 = 10;
/// How many browsers are served at once on this node: push services are few and fast. A person has [`MOST`] at most, so a few who have chosen slow
/// ones cannot take them all.
const AT_ONCE: usize = 256;
/// How much of a message is in a notification, in bytes: a push service takes 4 KB.
const TEXT: usize = 600;
/// How much of a name is in it, in characters.
const NAME: usize = 100;
/// Whom a push service's operator asks where nothing is configured.
const NOBODY: &str = "mailto:nobody@localhost.invalid";

/// The event that has notifications of a room withdrawn.
const READ: &str = "room.read";

/// A subscription as the browser gives it (`PushSubscription` of the Push API).
#[derive(Clone, Copy, Debug)]
pub struct PushSubscription<'a> {
    /// Where its push service takes notifications.
    pub endpoint: &'a str,
    /// Its public key, in base64url.
    pub p256dh: &'a str,
    /// The secret that it shares, in base64url.
    pub auth: &'a str,
}

/// The notifications of a server.
pub struct Notifications {
    db: Arc<Db>,
    chat: Arc<Chat>,
    clock: Clock,
    outbox: Outbox,
    keys: Keys,
    service: Service,
    contact: String,
    idle: i64,
}

impl Notifications {
    /// The notifications of a database. Its key is made now, if there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(db: Arc<Db>, chat: Arc<Chat>, clock: Clock, outbox: Outbox, config: &Config) -> sqlx::Result<Arc<Self>> {
        let guard = Guard::new(Allowed { networks: config.push_addresses.clone(), ..Allowed::default() });
        let keys = Keys::open(&db).await?;
        let contact = match (&config.public_url, &config.mail_from) {
            (Some(url), _) if url.is_https => url.origin.clone(),
            (_, Some(from)) => {
                format!("mailto:{}", from.rsplit_once('<').map_or(&**from, |(_, address)| address.trim_end_matches('>')))
            }
            _ => NOBODY.to_owned(),
        };
        let idle = i64::try_from(config.session_idle.as_millis()).unwrap_or(i64::MAX);
        Ok(Arc::new(Self { db, chat, clock, outbox, keys, service: Service::new(guard), contact, idle }))
    }

    /// Adds their deliverer.
    #[must_use]
    pub fn deliverers(self: &Arc<Self>, deliverers: Deliverers) -> Deliverers {
        deliverers.on(KIND, AT_ONCE, self.clone())
    }

    /// The public key, which browsers ask for when they subscribe: a point of P-256 without compression, in base64url.
    pub fn public_key(&self) -> String {
        self.keys.public()
    }

    /// Adds a browser, or renews it, also after a pause; returns the subscription's id and the present moment. With `since`, such a moment, it
    /// is renewed unless its person ended it since: one that ended with an earlier session is added again.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for the field; `not_found` if it is not renewed; `unauthenticated` if the session has ended.
    pub async fn subscribe(
        &self,
        user: UserId,
        session: &SessionKey,
        PushSubscription { endpoint, p256dh, auth }: PushSubscription<'_>,
        since: Option<Millis>,
    ) -> Result<(i64, Millis)> {
        self.service.check(endpoint, p256dh, auth)?;
        let now = self.clock.now();
        let new = NewSubscription {
            user,
            session: session.as_str().to_owned(),
            endpoint: endpoint.to_owned(),
            p256dh: p256dh.to_owned(),
            auth: auth.to_owned(),
            now,
            since,
        };
        let refused = if since.is_some() { Error::NotFound("subscription") } else { Error::Unauthenticated };
        Ok((self.db.subscribe(new, MOST).await?.ok_or(refused)?, now))
    }

    /// A person's browsers, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn subscriptions(&self, user: UserId) -> Result<Vec<Subscription>> {
        Ok(self.db.list_subscriptions(user).await?)
    }

    /// Ends one of them.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn unsubscribe(&self, user: UserId, id: i64) -> Result<()> {
        if self.db.delete_subscription(user, id).await? { Ok(()) } else { Err(Error::NotFound("subscription")) }
    }

    /// Ends the one at this address; that there is none is no error.
    ///
    /// # Errors
    /// The database's.
    pub async fn unsubscribe_at(&self, user: UserId, endpoint: &str) -> Result<()> {
        self.db.delete_subscription_at(user, endpoint).await?;
        Ok(())
    }

    /// Has a notification sent to all of a person's browsers, also those that were paused, so that they see whether it comes; returns to
    /// how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn test(&self, user: UserId) -> Result<usize> {
        let subscriptions = self.db.list_subscriptions(user).await?;
        for subscription in &subscriptions {
            let receiver = ReceiverId { kind: KIND, id: subscription.id };
            self.db.resume_subscription(subscription.id).await?;
            self.db.insert_delivery(receiver, Occurrence::Test.as_str(), None, self.clock.now()).await?;
        }
        self.outbox.wake();
        Ok(subscriptions.len())
    }

    /// When and about what somebody wants to be notified.
    ///
    /// # Errors
    /// The database's.
    pub async fn settings(&self, user: UserId) -> Result<NotificationSettings> {
        Ok(self.db.notification_settings(user).await?.map(NotificationSettings::from_columns).unwrap_or_default())
    }

    /// Changes it.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for the field.
    pub async fn change_settings(&self, user: UserId, change: SettingsChange) -> Result<NotificationSettings> {
        let mut settings = self.settings(user).await?;
        let before = settings.keywords.clone();
        settings.change(change, self.clock.now())?;
        self.db.set_notification_settings(user, settings.columns()).await?;
        if settings.keywords != before {
            let keywords = settings.keywords.clone();
            self.chat.events().publish(vec![Event::KeywordsSet { user, keywords }]).await;
        }
        Ok(settings)
    }

    /// Delivers a row; an error is a fault of ours, and the row is tried again.
    async fn try_deliver(&self, id: i64, row: &Row) -> Result<Delivery> {
        let now = self.clock.now();
        let Some(to) = self.db.find_destination(id, now, now.plus(-self.idle)).await? else {
            // Its session has ended, which is seen here before it is deleted.
            self.db.drop_subscription(id).await?;
            return Ok(Delivery::Gone);
        };
        let Some(body) = self.body(id, &to, row).await? else { return Ok(Delivery::Done(1)) };
        let topic = topic(row.room_id);
        let push = Push { body: &body.to_string(), topic: &topic, is_urgent: row.event != READ, now };
        Ok(match self.service.send(&to, &self.keys, &self.contact, push).await {
            Sent::Taken => {
                if let (Some(room), Some(seq)) = (row.room_id, row.seq) {
                    if row.event == READ {
                        self.db.forget_shown(id, room, seq).await?;
                    } else {
                        self.db.note_shown(id, room, seq).await?;
                        // For whoever read it while it was under way, nothing was withdrawn.
                        let standing = self.db.find_standing(to.user_id, room, seq).await?;
                        if let Some(standing) = standing.filter(|standing| standing.read_seq >= seq) {
                            let read = Row { event: READ.to_owned(), seq: Some(standing.read_seq), ..row.clone() };
                            // If that fails, what is read next withdraws it.
                            Box::pin(self.try_deliver(id, &read)).await?;
                        }
                    }
                }
                Delivery::Done(1)
            }
            Sent::Gone => {
                self.db.drop_subscription(id).await?;
                Delivery::Gone
            }
            Sent::Failed(delivery) => delivery,
        })
    }

    /// What a browser gets for a row; `None` if its person is not to be told any more.
    async fn body(&self, id: i64, to: &Destination, row: &Row) -> Result<Option<Value>> {
        if row.event == Occurrence::Test.as_str() {
            return Ok(Some(json!({ "kind": "test" })));
        }
        let (Some(room), Some(seq)) = (row.room_id, row.seq) else { return Ok(None) };
        let Some(standing) = self.db.find_standing(to.user_id, room, seq).await? else { return Ok(None) };
        if row.event == READ {
            let is_shown = self.db.find_shown(id, room).await?.is_some_and(|shown| shown <= seq);
            // A browser of Apple's ends a subscription that shows nothing for a push.
            let is_strict = to.endpoint.starts_with("https://web.push.apple.com/");
            return Ok((is_shown && !is_strict).then(|| json!({ "kind": "read", "room": standing.slug, "seq": seq })));
        }
        let settings = self.settings(to.user_id).await?;
        let is_away = !self.chat.presence().is_online(to.user_id);
        if settings.away_only && !is_away || settings.is_quiet(self.clock.now(), to.time_zone.as_deref()) {
            return Ok(None);
        }
        let view = match self.chat.view(to.user_id, &standing.slug).await {
            Ok(view) => view,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let logged = match self.chat.message(&view, seq).await {
            Ok(logged) => logged,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let message = &logged.message;
        if message.deleted_at.is_some() || !settings.wants(&standing, seq, &message.body) {
            return Ok(None);
        }
        let mut text = plain(&message.html, TEXT);
        if text.trim().is_empty() {
            text = message.attachments.iter().map(|file| &*file.name).collect::<Vec<_>>().join(", ");
        }
        let cut = |text: &str| text.chars().take(NAME).collect::<String>();
        let photo = message.author.photo.as_deref().map(|photo| photo_path(&message.author.username, photo));
        Ok(Some(json!({
            "kind": "message",
            "room": view.room.slug,
            "title": if standing.is_direct { cut(&message.author.shown()) } else { cut(&view.room.name) },
            "author": if standing.is_direct { None } else { Some(cut(&message.author.shown())) },
            "body": text.chars().take(TEXT / 3).collect::<String>(),
            "seq": seq,
            "at": message.created_at.0,
            "icon": photo,
            "url": format!("/rooms/{}/{seq}", view.room.slug),
        })))
    }
}

#[async_trait]
impl Deliverer for Notifications {
    async fn deliver(&self, receiver: i64, due: &[Row]) -> Delivery {
        let Some(first) = due.first() else { return Delivery::Done(1) };
        self.try_deliver(receiver, first).await.unwrap_or_else(|error| match error {
            Error::Internal(why) => Delivery::failed(why),
            other => Delivery::failed(other.to_string()),
        })
    }
}

/// The topic of a room's notifications (RFC 8030, section 5.4): of one that the service still has, only the latest is delivered. It tells the
/// service nothing of the room.
fn topic(room: Option<RoomId>) -> String {
    let digest = Sha256::digest(format!("room {:?}", room.map(|room| room.0)));
    URL_SAFE_NO_PAD.encode(&digest[..24])
}
