//! Finding messages by their words, in all rooms that somebody may see and in no others.
//!
//! Owns the use-case: what a query means for its reader, in which order results come, and where a page of them ended. The index is
//! the database's; what it holds (`entry`) and what it is asked (`needle`) is decided here, for both databases alike.
//!
//! Reading order: `words` (how text is cut), `entry` (what is indexed), `query` and `needle` (what is asked), `meaning` (of whom and
//! where), `score` and `snippet` (what is shown).

pub mod cursor;
pub mod entry;
mod meaning;
pub mod needle;
pub mod query;
pub mod score;
pub mod snippet;
pub mod words;

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::sync::Semaphore;

use self::cursor::Cursor;
use self::needle::Needle;
use self::query::Query;
use super::Chat;
use super::change::Logged;
use super::rates::Act;
use super::types::UserId;
use crate::db::Db;
use crate::db::search::{Hit, Wanted};
use crate::error::{Error, Result};

/// How many results an answer holds.
pub const PAGE: usize = 20;
/// Among how many of the newest matches the best are looked for.
const WINDOW: i64 = 1_000;
/// How long a search waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the making of the index rests when the database refuses.
const REST: Duration = Duration::from_secs(5);

/// In which order results come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// Those that answer best first, among the newest 1,000.
    Best,
}

impl Order {
    /// `newest` or `best`; nothing means the newest.
    ///
    /// # Errors
    /// `invalid`, for `order`.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None | Some("" | "newest") => Ok(Self::Newest),
            Some("best") => Ok(Self::Best),
            Some(_) => Err(Error::invalid("order", "Results come `newest` or `best` first.")),
        }
    }
}

/// A message that was found.
#[derive(Debug, Serialize)]
pub struct Found {
    /// The message in its present state.
    pub message: Arc<Logged>,
    /// The stretch of it that shows why, as safe HTML.
    pub snippet: String,
    /// What its room is called.
    #[serde(skip)]
    pub room_name: String,
}

/// A page of results.
#[derive(Debug, Default, Serialize)]
pub struct Results {
    /// In the order that was asked for.
    pub results: Vec<Found>,
    /// Whether there are more.
    pub more: bool,
    /// What to give as `before` to get them.
    pub next: Option<String>,
    /// That messages are still being indexed, and may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub building: bool,
}

/// What searching needs beside the rooms.
#[derive(Debug)]
pub struct Search {
    /// Bounds how many searches run at a time: they must leave connections to everybody else.
    turns: Semaphore,
    is_whole: Arc<AtomicBool>,
}

impl Search {
    /// Makes ready, and indexes in the background what is older than the index, and what comes.
    #[must_use]
    pub fn start(db: &Arc<Db>, connections: u32) -> Self {
        let is_whole = Arc::new(AtomicBool::new(false));
        tokio::spawn(build(db.clone(), is_whole.clone()));
        let follows = db.clone();
        tokio::spawn(async move { follows.index_newer().await });
        Self { turns: Semaphore::new((connections as usize / 2).max(1)), is_whole }
    }
}

/// Indexes what is older than the index, until all of it is, or the database is closed.
async fn build(db: Arc<Db>, is_whole: Arc<AtomicBool>) {
    let mut told = false;
    loop {
        match db.index_older().await {
            Ok(false) => break,
            Ok(true) if !told => {
                told = true;
                tracing::info!("older messages are being indexed for search");
            }
            // Whoever waits to write comes first.
            Ok(true) => tokio::task::yield_now().await,
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => {
                tracing::warn!(%error, "messages could not be indexed; trying again");
                tokio::time::sleep(REST).await;
            }
        }
    }
    is_whole.store(true, Ordering::Release);
    if told {
        tracing::info!("every message is indexed for search");
    }
}

impl Chat {
    /// Searches all rooms that `reader` may see now. `before` is where the page before ended.
    ///
    /// # Errors
    /// `rate_limited`; `invalid` or `too_long`, for `q` or `before`; `busy` when too many search at once.
    pub async fn search(&self, reader: UserId, text: &str, order: Order, before: Option<&str>) -> Result<Results> {
        self.allow(reader, Act::Search)?;
        let zone = match Query::may_name_days(text) {
            true => self.db.find_time_zone(reader).await?.and_then(|zone| TimeZone::get(&zone).ok()).unwrap_or(TimeZone::UTC),
            false => TimeZone::UTC,
        };
        let query = Query::parse(text, &zone, self.clock.now())?;
        let before = before.filter(|before| !before.is_empty()).map(|text| Cursor::parse(text, order)).transpose()?;
        if query.is_empty() {
            return Ok(Results::default());
        }
        let turn = tokio::time::timeout(PATIENCE, self.search.turns.acquire()).await;
        let _turn = turn.map_err(|_elapsed| Error::BUSY)?.map_err(|_closed| Error::BUSY)?;
        // Whoever indexes in the background tells of what is wrong, and once.
        let is_current = self.db.catch_up().await.inspect_err(|error| self.db.note_failure(error)).is_ok();
        let building = !is_current || !self.search.is_whole.load(Ordering::Acquire);
        let Some(wanted) = self.wanted(reader, &query).await? else {
            return Ok(Results { building, ..Results::default() });
        };
        let (hits, next) = match order {
            Order::Newest => self.newest(&wanted, before).await?,
            Order::Best => self.best(&wanted, &query.needles, before).await?,
        };
        let messages = self.db.found(&hits).await?;
        let mut results = Vec::with_capacity(hits.len());
        for (hit, message) in hits.into_iter().zip(messages) {
            // Deleted between the two statements.
            if message.deleted_at.is_some() {
                continue;
            }
            let snippet = snippet::snippet(&message.body, &words::cut(&message.body), &query.needles);
            results.push(Found { message: Arc::new(Logged::new(hit.room, message)), snippet, room_name: hit.name });
        }
        Ok(Results { results, more: next.is_some(), next: next.map(|next| next.to_string()), building })
    }

    async fn newest(&self, wanted: &Wanted, before: Option<Cursor>) -> Result<(Vec<Hit>, Option<Cursor>)> {
        let below = match before {
            Some(cursor) => self.number(&cursor.last, wanted.reader).await?,
            None => i64::MAX,
        };
        let mut hits = self.db.search(wanted, below, PAGE as i64 + 1).await?;
        let more = hits.len() > PAGE;
        hits.truncate(PAGE);
        let next = hits.last().filter(|_| more).map(|last| Cursor { last: cursor::Spot::of(last), best: None });
        Ok((hits, next))
    }

    async fn best(&self, wanted: &Wanted, needles: &[Needle], before: Option<Cursor>) -> Result<(Vec<Hit>, Option<Cursor>)> {
        // Later pages are of the same messages as the first: those up to the newest match of then.
        let (below, after) = match before {
            Some(Cursor { last, best: Some((score, top)) }) => {
                let below = self.number(&top, wanted.reader).await?.saturating_add(1);
                (below, Some((score, self.number(&last, wanted.reader).await?)))
            }
            _ => (i64::MAX, None),
        };
        let hits = self.db.search(wanted, below, WINDOW).await?;
        let bodies = self.db.bodies(&hits).await?;
        let top = hits.first().map(cursor::Spot::of);
        let mut scored: Vec<_> = hits
            .into_iter()
            .map(|hit| {
                let body = bodies.get(&hit.id).map_or("", String::as_str);
                (score::score(&words::cut(body), needles), hit)
            })
            .filter(|(score, hit)| after.is_none_or(|after| (*score, hit.id) < after))
            .collect();
        scored.sort_unstable_by_key(|(score, hit)| Reverse((*score, hit.id)));
        let more = scored.len() > PAGE;
        scored.truncate(PAGE);
        let last = scored.last().filter(|_| more);
        let next = last.zip(top).map(|((score, last), top)| Cursor { last: cursor::Spot::of(last), best: Some((*score, top)) });
        Ok((scored.into_iter().map(|(_, hit)| hit).collect(), next))
    }

    /// The number of the message at which a page ended.
    async fn number(&self, spot: &cursor::Spot, reader: UserId) -> Result<i64> {
        let id = self.db.find_message_id(&spot.room, spot.seq, reader).await?;
        id.ok_or_else(|| Error::invalid("before", "The results have changed: search again."))
    }
}
