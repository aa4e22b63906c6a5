//! Rooms, memberships and messages: what people can do with them.
//!
//! Owns the use-cases that pages and sockets share, so that a message posted by a form and one posted by a socket meet in one
//! function. It must not know of HTTP or Socket.IO.
//!
//! Reading order: `types` (the words), `change` (what can happen), `batch` (the rules), `ledger` (the write path), `tail` (the
//! ends of rooms in memory), `markdown` and `names` (what words look like and link), `rates` and `calls` (how much of it one person may
//! do), then the use-cases: writing here, reading in `history`, `rooms`, `activity` (mentions, pins) and `revisions` (the edit history).

pub mod activity;
pub mod batch;
mod calls;
pub mod change;
pub mod direct;
pub mod display_names;
pub mod drafts;
mod history;
pub mod ledger;
pub mod listing;
pub mod markdown;
pub mod names;
mod newcomers;
pub mod preferences;
pub mod presence;
pub mod rates;
pub mod revisions;
pub mod rooms;
pub mod search;
pub mod tail;
pub mod text;
pub mod threads;
pub mod types;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use tokio::sync::mpsc;

use self::calls::LargeRooms;
use self::change::{Change, Event};
use self::display_names::DisplayNames;
use self::ledger::{Ledger, Pending};
use self::names::Names;
use self::presence::Presence;
use self::rates::{Act, Rates};
use self::search::Search;
use self::tail::Tails;
use self::types::{Author, RoomId, UserId};
use crate::clock::Clock;
use crate::config::{Config, Rate};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::limits::Reads;

/// A post before it is checked.
#[derive(Debug, Default)]
pub struct Draft {
    /// The words as written.
    pub body: String,
    /// What tells a retry from a new message.
    pub nonce: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<i64>,
}

/// The rooms, and everything that can be done in them.
pub struct Chat {
    db: Arc<Db>,
    ledger: Ledger,
    tails: Arc<Tails>,
    clock: Clock,
    epoch: Arc<str>,
    presence: Arc<Presence>,
    names: Arc<Names>,
    display_names: Arc<DisplayNames>,
    /// Held while a room gets its name: of two that want the same, the second sees the first.
    naming: tokio::sync::Mutex<()>,
    /// Counts the times that somebody's name changed.
    renamings: AtomicU64,
    search: Search,
    turns: revisions::Turns,
    reads: Reads,
    posts: Option<DefaultKeyedRateLimiter<UserId>>,
    rates: Rates,
    large_rooms: LargeRooms,
    draft_space: drafts::Space,
    default_rooms: Vec<String>,
    max_chars: usize,
}

impl Chat {
    /// Opens the rooms of a database. The receiver gets what happens in them, in commit order, and must be read.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(db: Arc<Db>, config: &Config, clock: Clock) -> Result<(Self, mpsc::Receiver<Vec<Event>>)> {
        let epoch = db.epoch().await?.into();
        let public = db.list_public_slugs().await?.into_iter().map(Into::into);
        let names = Arc::new(Names::new(db.list_usernames().await?.into_iter().map(Into::into), public));
        newcomers::doubt(&config.default_rooms, &names);
        let display_names = Arc::new(DisplayNames::new(db.list_display_names().await?));
        let tails = Arc::new(Tails::new(config.memory_limit / 2));
        let (ledger, events) = Ledger::start(db.clone(), clock.clone(), tails.clone(), names.clone());
        let posts = config.post_rate.map(|rate| DefaultKeyedRateLimiter::keyed(quota(rate)));
        let reads = Reads::new(config.memory_limit / 2);
        let search = Search::start(&db, config);
        let chat = Self {
            db,
            ledger,
            tails,
            clock,
            epoch,
            presence: Arc::default(),
            names,
            display_names,
            naming: tokio::sync::Mutex::default(),
            renamings: AtomicU64::new(0),
            search,
            turns: revisions::Turns::default(),
            reads,
            posts,
            rates: Rates::new(config.act_rate),
            large_rooms: LargeRooms::default(),
            draft_space: drafts::Space::new(config),
            default_rooms: config.default_rooms.clone(),
            max_chars: config.max_message_chars,
        };
        Ok((chat, events))
    }

    /// The id of the history that every `rev` counts in.
    #[must_use]
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// Who is connected, and where.
    #[must_use]
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// The names that messages can link.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What people are called.
    #[must_use]
    pub fn display_names(&self) -> &Arc<DisplayNames> {
        &self.display_names
    }

    /// How many characters a message may have.
    #[must_use]
    pub fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// The reads under way.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Notes that pages have drawn a room's messages in a new way, and keep that.
    pub fn drew(&self, room: RoomId) {
        self.tails.weigh(room);
    }

    /// Takes no more changes; what is queued is still committed and published.
    pub fn close(&self) {
        self.ledger.close();
    }

    /// Notes that somebody has another name, and forgets what is kept in memory under the old one.
    pub fn rename(&self, person: &Author) {
        self.display_names.set(person);
        self.forget_name(person.id);
    }

    /// Forgets what is kept in memory under somebody's name.
    pub fn forget_name(&self, person: UserId) {
        self.tails.forget_author(person);
        // Counted behind it: whoever reads the new count finds no old name in memory.
        self.renamings.fetch_add(1, Ordering::AcqRel);
    }

    /// How often somebody's name has changed since the start: what was said before looks otherwise then, without a change of its room.
    #[must_use]
    pub fn renamings(&self) -> u64 {
        self.renamings.load(Ordering::Acquire)
    }

    /// Forgets the rates of people who have been quiet; called now and then.
    pub fn forget_quiet_people(&self) {
        self.reads.forget_absent();
        if let Some(posts) = &self.posts {
            posts.retain_recent();
        }
        self.rates.forget_quiet_people();
    }

    // ---- writing messages ----------------------------------------------------------------------------------------
    // Each of these checks and queues without waiting, so that a socket's changes keep the order in which it sent them.

    /// Queues a message.
    ///
    /// # Errors
    /// `invalid`, `too_long`, `rate_limited` or `busy`; the outcome may be refused as well.
    pub fn post(&self, actor: UserId, room: RoomId, draft: Draft) -> Result<Pending> {
        let body = text::body(&draft.body, self.max_chars)?;
        let nonce = draft.nonce.as_deref().map(text::nonce).transpose()?;
        self.spend(actor)?;
        let rendered = markdown::render(&body, &self.names);
        let here = self.here(&rendered);
        self.call(actor, room, &rendered, here.len())?;
        self.ledger.submit(actor, room, Change::Post { body, rendered, here, nonce, reply_to: draft.reply_to })
    }

    /// How words would look. It costs as much as posting them, and counts alike.
    ///
    /// # Errors
    /// `invalid` or `too_long` for the body; `rate_limited`.
    pub fn preview(&self, actor: UserId, body: &str) -> Result<markdown::Preview> {
        let body = text::body(body, self.max_chars)?;
        self.spend(actor)?;
        Ok(markdown::Preview { html: markdown::render(&body, &self.names).html })
    }

    /// Queues other words for one's own message.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn edit(&self, actor: UserId, room: RoomId, seq: i64, body: &str) -> Result<Pending> {
        let body = text::body(body, self.max_chars)?;
        self.spend(actor)?;
        let rendered = markdown::render(&body, &self.names);
        let here = self.here(&rendered);
        self.call(actor, room, &rendered, here.len())?;
        self.ledger.submit(actor, room, Change::Edit { seq, body, rendered, here })
    }

    /// Queues a deletion.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn delete(&self, actor: UserId, room: RoomId, seq: i64) -> Result<Pending> {
        self.spend(actor)?;
        self.ledger.submit(actor, room, Change::Delete { seq })
    }

    /// Queues an emoji put under a message or taken away.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn react(&self, actor: UserId, room: RoomId, seq: i64, emoji: &str, on: bool) -> Result<Pending> {
        let emoji = text::emoji(emoji)?;
        self.spend(actor)?;
        self.ledger.submit(actor, room, Change::React { seq, emoji, on })
    }

    /// Queues a pin, put on a message or taken away.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn pin(&self, actor: UserId, room: RoomId, seq: i64, on: bool) -> Result<Pending> {
        self.allow(actor, Act::Pin)?;
        self.ledger.submit(actor, room, Change::Pin { seq, on })
    }

    /// Queues the read marker's way to just before a message.
    ///
    /// # Errors
    /// `rate_limited` or `busy`, or `not_found` as the outcome.
    pub fn mark_unread(&self, actor: UserId, room: RoomId, seq: i64) -> Result<Pending> {
        self.allow(actor, Act::Mark)?;
        self.ledger.submit(actor, room, Change::Unread { seq })
    }

    /// Queues a step of the read marker.
    ///
    /// # Errors
    /// `rate_limited`, `invalid` or `busy`.
    pub fn read(&self, actor: UserId, room: RoomId, seq: i64) -> Result<Pending> {
        self.allow(actor, Act::Mark)?;
        if seq < 0 {
            return Err(Error::invalid("seq", "A seq is not negative."));
        }
        self.ledger.submit(actor, room, Change::Read { seq })
    }

    /// Who is connected, for words that address those who are here.
    fn here(&self, rendered: &markdown::Rendered) -> Vec<UserId> {
        if rendered.mentions.iter().any(|name| name == "@here") { self.presence.connected() } else { Vec::new() }
    }

    /// Counts what words call: a whole large room is called only so often.
    fn call(&self, actor: UserId, room: RoomId, rendered: &markdown::Rendered, connected: usize) -> Result<()> {
        match self.large_rooms.called(room, rendered, connected) {
            Some(people) => self.rates.call(actor, people),
            None => Ok(()),
        }
    }

    /// Counts what somebody does besides posting. Asked first, before anything is looked up.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn allow(&self, person: UserId, act: Act) -> Result<()> {
        self.rates.count(person, act)
    }

    /// Counts one change against a person's rate.
    fn spend(&self, actor: UserId) -> Result<()> {
        let Some(posts) = &self.posts else { return Ok(()) };
        posts.check_key(&actor).map_err(|not_until| Error::RateLimited {
            retry_after: not_until.wait_time_from(governor::clock::DefaultClock::default().now()),
        })
    }
}

/// A rate with a burst of twice its count.
fn quota(rate: Rate) -> Quota {
    let each = rate.per / rate.count.get();
    Quota::with_period(each.max(Duration::from_nanos(1)))
        .expect("the period is not zero")
        .allow_burst(rate.count.saturating_mul(const { std::num::NonZeroU32::new(2).unwrap() }))
}
