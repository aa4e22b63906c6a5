//! Rooms, memberships and messages: the use-cases that pages and sockets share.
//!
//! It must not know about HTTP or Socket.IO.
//!
//! Reading order: `messages` (writing), `commands`, `ledger::change`, `ledger::rules`, `ledger` (the write path), `ledger::recent` (recent
//! messages in memory), `markdown` and `names` (rendering), `rate_limits` and `mass_mentions` (limits), `history` (reading), then
//! a module per feature: `rooms`, `direct`, `threads`, `pins`, `mentions`, `revisions`, `drafts`, `search`, …

mod blocks;
pub mod cleanup;
pub mod commands;
mod default_rooms;
pub mod direct;
pub mod display_names;
pub mod drafts;
pub mod feeds;
mod history;
pub mod ledger;
pub mod markdown;
mod mass_mentions;
pub mod mentions;
pub mod messages;
pub mod names;
pub mod notifications;
pub mod pins;
pub mod presence;
mod profiles;
mod purge;
pub mod rate_limits;
pub mod read_markers;
pub mod reminders;
mod replication;
pub mod reports;
pub mod retention;
pub mod revisions;
pub mod room_administration;
pub mod room_names;
pub mod rooms;
pub mod search;
mod sidebar;
pub mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota};
use tokio::sync::{Notify, watch};

use self::display_names::DisplayNames;
use self::ledger::Ledger;
use self::names::Names;
use self::presence::Presence;
use self::search::Search;
use crate::chat::ledger::recent::RecentCache;
use crate::chat::mass_mentions::LargeRooms;
use crate::chat::rate_limits::{ActionKind, RateLimits, Spender};
use crate::clock::Clock;
use crate::config::{Config, Rate};
use crate::db::Db;
use crate::error::Result;
use crate::events::Bus;
use crate::jobs::Jobs;
use crate::limits::Reads;
use crate::model::{RoomId, UserId};
use crate::outbox::Outbox;
use crate::settings::Settings;

/// All rooms and what can be done in them.
pub struct Chat {
    db: Arc<Db>,
    events: Bus,
    ledger: Ledger,
    recent: Arc<RecentCache>,
    clock: Clock,
    /// On Postgres it changes when another server takes over (`db::history`).
    epoch: watch::Receiver<Arc<str>>,
    presence: Arc<Presence>,
    names: Arc<Names>,
    display_names: Arc<DisplayNames>,
    /// Number of display name changes since the start.
    renamings: AtomicU64,
    search: Search,
    revision_renderer: revisions::Renderer,
    reads: Reads,
    posts: Option<DefaultKeyedRateLimiter<Spender>>,
    rate_limits: RateLimits,
    large_rooms: LargeRooms,
    /// Wakes the task that deletes many messages.
    cleanups: Arc<Notify>,
    draft_storage: drafts::DraftStorage,
    settings: Arc<Settings>,
    purge: Arc<Notify>,
    outbox: Outbox,
    max_chars: usize,
}

impl Chat {
    /// Opens the rooms of a database. Events are published to `events` in commit order; `jobs` and `outbox` are
    /// woken by commits that add something.
    pub async fn open(
        db: Arc<Db>,
        config: &Config,
        clock: Clock,
        events: Bus,
        settings: Arc<Settings>,
        jobs: Jobs,
        outbox: Outbox,
    ) -> Result<Arc<Self>> {
        let epoch = match db.shared() {
            Some(postgres) => postgres.history.epoch(),
            None => watch::Sender::new(Arc::from(db.epoch().await?)).subscribe(),
        };
        let public = db.list_public_slugs().await?.into_iter().map(Into::into);
        let names = Arc::new(Names::new(db.list_usernames().await?.into_iter().map(Into::into), public));
        default_rooms::warn_of_missing(&settings.now().default_rooms, &names);
        let display_names = Arc::new(DisplayNames::new(db.list_display_names().await?));
        let recent = Arc::new(RecentCache::new(config.memory_limit / 2));
        let ledger =
            Ledger::start(db.clone(), clock.clone(), recent.clone(), names.clone(), events.clone(), jobs, outbox.clone());
        let posts = config.post_rate.map(|rate| DefaultKeyedRateLimiter::keyed(quota(rate)));
        let reads = Reads::new(config.memory_limit / 2);
        let search = Search::start(&db, config);
        let purge = purge::start(&db);
        let chat = Self {
            db,
            events,
            ledger,
            recent,
            clock,
            epoch,
            presence: Arc::default(),
            names,
            display_names,
            renamings: AtomicU64::new(0),
            search,
            revision_renderer: revisions::Renderer::default(),
            reads,
            posts,
            rate_limits: RateLimits::new(config.act_rate),
            large_rooms: LargeRooms::default(),
            cleanups: Arc::default(),
            draft_storage: drafts::DraftStorage::new(config),
            settings,
            purge,
            outbox,
            max_chars: config.max_message_chars,
        };
        let chat = Arc::new(chat);
        chat.follow_profiles();
        chat.start_cleanups();
        Ok(chat)
    }

    /// The id of the database's history, to which every `rev` belongs.
    pub fn epoch(&self) -> Arc<str> {
        self.epoch.borrow().clone()
    }

    /// Who is connected, and where.
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// Names that messages can link.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Display names by username.
    pub fn display_names(&self) -> &Arc<DisplayNames> {
        &self.display_names
    }

    /// Maximum length of a message, in characters.
    pub fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// Limits on concurrent reads.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Updates the size of a room's cached messages after pages have rendered and cached their HTML.
    pub fn note_rendered(&self, room: RoomId) {
        self.recent.weigh(room);
    }

    /// Accepts no more changes; queued ones are still committed and published.
    pub fn close(&self) {
        self.ledger.close();
    }

    /// Waits until everything queued before [`Self::close`] is committed and published.
    pub async fn closed(&self) {
        self.ledger.ended().await;
    }

    /// The write path.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many bytes of recent messages are in memory.
    pub fn recent_bytes(&self) -> usize {
        self.recent.bytes()
    }

    /// How many searches run or wait.
    pub fn searches(&self) -> usize {
        self.search.running_and_waiting()
    }

    /// The event bus.
    pub fn events(&self) -> &Bus {
        &self.events
    }

    /// Number of display name changes since the start: they change how old messages look without a change of their room. It keys HTML in
    /// this process; other nodes have other numbers (see [`DisplayNames::version`]).
    pub fn renamings(&self) -> u64 {
        self.renamings.load(Ordering::Acquire)
    }

    /// Drops rate limits of inactive users; called regularly.
    pub fn forget_quiet_people(&self) {
        self.reads.forget_absent();
        if let Some(posts) = &self.posts {
            posts.retain_recent();
        }
        self.rate_limits.forget_quiet_people();
    }

    /// Charges an action other than a post. Call it before any lookup.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn allow(&self, person: UserId, kind: ActionKind) -> Result<()> {
        self.rate_limits.count(person, kind)
    }
}

/// A quota with a burst of twice the rate's count.
fn quota(rate: Rate) -> Quota {
    let each = rate.per / rate.count.get();
    Quota::with_period(each.max(Duration::from_nanos(1)))
        .expect("the period is not zero")
        .allow_burst(rate.count.saturating_mul(const { std::num::NonZeroU32::new(2).unwrap() }))
}
