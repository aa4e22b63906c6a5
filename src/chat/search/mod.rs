//! Finding messages by their words, in all rooms that somebody may see and in no others.
//!
//! Owns the use-case: what a query means for its reader, in which order results come, and where a page of them ended. The index is
//! the database's; what it holds (`entry`) and what it is asked (`term`) is decided here, for both databases alike.
//!
//! Reading order: `words` and `signs` (how text is cut), `entry` (what is indexed), `query`, `dates` and `term` (what is asked), `meaning` (of whom and
//! where), `score` and `snippet` (what is shown); `turns` says how many run at once.

pub mod cursor;
pub mod dates;
mod meaning;
pub mod query;
mod queue;
#[cfg(test)]
mod snippet_tests;

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde::Serialize;

use self::cursor::{Cursor, MessageRef};
use self::query::Query;
use self::queue::SearchQueue;
use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::config::Config;
use crate::db::Db;
use crate::db::search::{Hit, Matches, SearchQuery};
use crate::error::{Error, Result};
use crate::fulltext::term::Term;
use crate::fulltext::{score, snippet, tokenizer};
use crate::limits;
use crate::model::Logged;
use crate::model::{Message, UserId};

/// How many results an answer holds.
pub const PAGE: usize = 20;
/// Among how many of the newest matches the best are looked for.
const WINDOW: i64 = 1_000;
/// How many bytes of text are read and weighed for that at the most, but for a last piece.
const MOST_WEIGHED: usize = 2 << 20;
/// How many bytes of them at once, about.
const PIECE: usize = 256 << 10;
/// How many messages show how long the others may be.
const SAMPLE: usize = 50;
/// So many bytes of text are cut and compared in less than it takes others to notice.
const LITTLE: usize = 32 << 10;
/// How many results are counted.
pub const COUNTED: usize = 1_000;
/// How long counting may take, once the page is known.
const COUNTING: Duration = Duration::from_millis(50);
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
            Some(_) => Err(Error::invalid("order", "Choose `newest` or `best`.")),
        }
    }
}

/// A message that was found.
#[derive(Debug, Serialize)]
pub struct Found {
    /// The message in its present state.
    pub message: Arc<Logged>,
    /// The stretch of it that shows why, as it is read, as safe HTML.
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
    /// That it ended before everything was looked at, because it took too long or there was too much to weigh.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub limited: bool,
    /// What was asked for, where no word, emoji or row of signs is in it: then nothing was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hollow: Option<String>,
    /// How many there are in all; of a first page only, and where that was asked for or is known anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// What was named and does not exist, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// That messages are still being indexed, and may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub building: bool,
}

/// How many results there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// So many.
    pub results: usize,
    /// Whether there are more: then nobody counted them.
    pub more: bool,
}

/// What somebody asks of a search.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchRequest<'a> {
    /// What they typed.
    pub text: &'a str,
    /// In which order results come.
    pub order: Order,
    /// Where the page before ended.
    pub before: Option<&'a str>,
    /// Whether results are counted.
    pub counts: bool,
}

/// What searching needs beside the rooms.
#[derive(Debug)]
pub struct Search {
    /// Bounds how many searches run at a time: they must leave connections to everybody else.
    queue: SearchQueue,
    /// How long one may work.
    time: Option<Duration>,
    is_whole: Arc<AtomicBool>,
}

impl Search {
    /// Makes ready, and indexes in the background what is older than the index, and what comes; then the index is kept in good shape.
    pub fn start(db: &Arc<Db>, config: &Config) -> Self {
        let is_whole = Arc::new(AtomicBool::new(false));
        let (builds, whole) = (db.clone(), is_whole.clone());
        tokio::spawn(async move {
            build(&builds, &whole).await;
            builds.merge_in_quiet_times().await;
        });
        let follows = db.clone();
        tokio::spawn(async move { follows.index_newer().await });
        let queue = SearchQueue::new((config.database_connections as usize / 2).max(1));
        Self { queue, time: config.search_time, is_whole }
    }
}

/// Indexes what is older than the index, until all of it is, or the database is closed.
async fn build(db: &Db, is_whole: &AtomicBool) {
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

/// The matches that a page shows.
struct Page {
    /// In the order that was asked for.
    hits: Vec<Hit>,
    /// Their scores, where the best come first.
    scores: Vec<i64>,
    /// The newest match when the search began, where the best come first.
    top: Option<MessageRef>,
    more: bool,
    is_limited: bool,
    count: Option<Count>,
}

impl Page {
    /// Where the page ends, if it shows so many.
    fn end(&self, count: usize) -> Option<Cursor> {
        let last = count.checked_sub(1)?;
        let best = self.scores.get(last).copied().zip(self.top.clone());
        Some(Cursor { last: MessageRef::of(self.hits.get(last)?), best })
    }
}

impl Chat {
    /// Searches all rooms that `reader` may see now. `zone` is whose days are meant, else those of the zone that the reader has set.
    ///
    /// # Errors
    /// `rate_limited`; `invalid` or `too_long`, for `q` or `before`; `busy` when too many search at once, or too much is searched for
    /// this reader.
    pub async fn search(
        self: &Arc<Self>,
        reader: UserId,
        zone: Option<TimeZone>,
        question: SearchRequest<'_>,
    ) -> Result<Results> {
        let SearchRequest { text, order, before, counts } = question;
        self.allow(reader, ActionKind::Search)?;
        let zone = match zone {
            Some(zone) => zone,
            None if Query::may_name_days(text) => {
                self.db.find_time_zone(reader).await?.and_then(|zone| TimeZone::get(&zone).ok()).unwrap_or(TimeZone::UTC)
            }
            None => TimeZone::UTC,
        };
        let query = Query::parse(text, &zone, self.clock.now())?;
        let before = before.filter(|before| !before.is_empty()).map(|text| Cursor::parse(text, order)).transpose()?;
        if query.hollow.is_some() || query.is_empty() {
            return Ok(Results { hollow: query.hollow, ..Results::default() });
        }
        let permit = self.search.queue.acquire(reader).await?;
        let chat = self.clone();
        // A task of its own: whoever goes away meanwhile has their next turn when this one's work has come to its end.
        let work = tokio::spawn(async move {
            let found = chat.run_search(reader, query, order, before, counts).await;
            drop(permit);
            found
        });
        work.await.map_err(|fault| Error::Internal(fault.to_string()))?
    }

    async fn run_search(
        &self,
        reader: UserId,
        query: Query,
        order: Order,
        before: Option<Cursor>,
        counts: bool,
    ) -> Result<Results> {
        // Whoever indexes in the background tells of what is wrong, and once.
        let is_current = self.db.catch_up().await.inspect_err(|error| self.db.note_failure(error)).is_ok();
        let building = !is_current || !self.search.is_whole.load(Ordering::Acquire);
        let until = self.search.time.map(|time| Instant::now() + time);
        let mut hints = Vec::new();
        let Some(wanted) = self.wanted(reader, &query, &mut hints).await? else {
            return Ok(Results { building, hints, ..Results::default() });
        };
        let is_first = before.is_none();
        let terms: Arc<[Term]> = query.terms.into();
        let mut page = match order {
            Order::Newest => self.newest(&wanted, before, until).await?,
            Order::Best => self.best(&wanted, &terms, before, until).await?,
        };
        page.count = match page.count {
            _ if !is_first => None,
            None if page.hits.is_empty() && page.is_limited => None,
            None if !page.more => Some(Count { results: page.hits.len(), more: page.is_limited }),
            None if counts => Some(self.count(&wanted, &page, until).await?),
            count => count,
        };
        let messages = self.db.found(&page.hits).await?;
        let bytes = messages.iter().map(|message| message.body.len() + message.html.len()).sum();
        let mut results = apart(bytes, move || show(&page, messages, &terms, building)).await?;
        results.hints = hints;
        Ok(results)
    }

    /// How many results there are in all, as far as they can be counted in a moment.
    async fn count(&self, wanted: &SearchQuery, page: &Page, until: Option<Instant>) -> Result<Count> {
        let known = page.hits.len();
        let Some(last) = page.hits.last().filter(|_| !page.is_limited) else { return Ok(Count { results: known, more: true }) };
        let soon = Instant::now() + COUNTING;
        let until = until.map_or(soon, |until| until.min(soon));
        let Matches { hits, is_limited } = self.db.search(wanted, last.id, (COUNTED - known) as i64 + 1, Some(until)).await?;
        let results = known + hits.len();
        Ok(Count { results: results.min(COUNTED), more: is_limited || results > COUNTED })
    }

    async fn newest(&self, wanted: &SearchQuery, before: Option<Cursor>, until: Option<Instant>) -> Result<Page> {
        let below = match before {
            Some(cursor) => self.number(&cursor.last, wanted.reader).await?,
            None => i64::MAX,
        };
        let Matches { mut hits, is_limited } = self.db.search(wanted, below, PAGE as i64 + 1, until).await?;
        // From where the time was up one can go on.
        let more = hits.len() > PAGE || (is_limited && !hits.is_empty());
        hits.truncate(PAGE);
        Ok(Page { hits, scores: Vec::new(), top: None, more, is_limited, count: None })
    }

    async fn best(
        &self,
        wanted: &SearchQuery,
        terms: &Arc<[Term]>,
        before: Option<Cursor>,
        until: Option<Instant>,
    ) -> Result<Page> {
        // Later pages are of the same messages as the first: those up to the newest match of then.
        let (below, after) = match before {
            Some(Cursor { last, best: Some((score, top)) }) => {
                let below = self.number(&top, wanted.reader).await?.saturating_add(1);
                (below, Some((score, self.number(&last, wanted.reader).await?)))
            }
            _ => (i64::MAX, None),
        };
        let Matches { hits, mut is_limited } = self.db.search(wanted, below, WINDOW, until).await?;
        let top = hits.first().map(MessageRef::of);
        let mut scored = Vec::with_capacity(hits.len());
        let mut weighed = 0;
        let mut rest = &hits[..];
        while !rest.is_empty() {
            if weighed >= MOST_WEIGHED || until.is_some_and(|until| Instant::now() >= until) {
                is_limited = true;
                break;
            }
            // As many as are likely to be a good piece of work: one long message may be as much as hundreds of others.
            let likely = (PIECE * scored.len()).checked_div(weighed).unwrap_or(SAMPLE);
            let (piece, behind) = rest.split_at(likely.clamp(1, rest.len()));
            rest = behind;
            let bodies = self.db.bodies(piece).await?;
            let bytes = bodies.values().map(String::len).sum();
            weighed += bytes;
            let (piece, terms) = (piece.to_vec(), terms.clone());
            let weigh = move || {
                let score =
                    |hit: &Hit| score::score(&tokenizer::tokenize(bodies.get(&hit.id).map_or("", String::as_str)), &terms);
                piece.into_iter().map(|hit| (score(&hit), hit)).collect::<Vec<_>>()
            };
            scored.extend(apart(bytes, weigh).await?);
        }
        scored.retain(|(score, hit)| after.is_none_or(|after| (*score, hit.id) < after));
        scored.sort_unstable_by_key(|(score, hit)| Reverse((*score, hit.id)));
        let more = scored.len() > PAGE;
        // What is beyond the window is not looked at.
        let count = Some(Count { results: scored.len(), more: is_limited || scored.len() as i64 >= WINDOW });
        scored.truncate(PAGE);
        let (scores, hits) = scored.into_iter().unzip();
        Ok(Page { hits, scores, top, more, is_limited, count })
    }

    /// The number of the message at which a page ended.
    async fn number(&self, spot: &MessageRef, reader: UserId) -> Result<i64> {
        let id = self.db.find_message_id(&spot.room, spot.seq, reader).await?;
        id.ok_or_else(|| Error::invalid("before", "Results have changed. Search again."))
    }
}

/// What a page says of its messages, as many as an answer may hold.
fn show(page: &Page, messages: Vec<Message>, terms: &[Term], building: bool) -> Results {
    let mut results = Vec::with_capacity(page.hits.len());
    let (mut bytes, mut count) = (0, 0);
    for (hit, message) in page.hits.iter().zip(messages) {
        if bytes >= limits::ANSWER {
            break;
        }
        count += 1;
        // Deleted between the two statements.
        if message.deleted_at.is_some() {
            continue;
        }
        let snippet = snippet::snippet(&message.body, &message.html, terms);
        let message = Arc::new(Logged::new(hit.room, message));
        bytes += message.json().get().len() + snippet.len();
        results.push(Found { message, snippet, room_name: hit.name.clone() });
    }
    let more = page.more || count < page.hits.len();
    let next = page.end(count).filter(|_| more).map(|end| end.to_string());
    let count = page.count;
    Results { results, more: next.is_some(), next, limited: page.is_limited, count, building, ..Results::default() }
}

/// Does what reads so many bytes of text; much of it on a thread where nobody else waits for it.
async fn apart<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if bytes < LITTLE {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|fault| Error::Internal(fault.to_string()))
}
