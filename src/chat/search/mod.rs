//! Searching messages in all rooms that a user can see.
//!
//! Owns the use-case: the meaning of a query for its reader, the order of results, and the cursor between pages. The index
//! belongs to `db::search`; `fulltext` defines its documents and terms for both databases.
//!
//! Reading order: `fulltext::tokenizer`, `fulltext::document` and `fulltext::term` (what is indexed and how it is matched),
//! `query` and `dates` (the grammar), `meaning` (names), here, `fulltext::score` and `fulltext::snippet` (results); `queue`
//! limits concurrent searches.

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
use utoipa::ToSchema;

use self::cursor::{Cursor, MessageRef};
use self::query::Query;
use self::queue::SearchQueue;
use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::config::Config;
use crate::db::Db;
use crate::db::search::{Hit, IndexProgress, Matches, SearchQuery};
use crate::error::{Error, Result};
use crate::fulltext::term::Term;
use crate::fulltext::{score, snippet, tokenizer};
use crate::limits;
use crate::model::Logged;
use crate::model::{Message, UserId};

/// Results per page.
pub const PAGE: usize = 20;
/// The order by score considers this many of the newest matches.
const WINDOW: i64 = 1_000;
/// Maximum bytes of text scored for that, except for the last chunk.
const MOST_WEIGHED: usize = 2 << 20;
/// Approximate bytes per chunk.
const PIECE: usize = 256 << 10;
/// Number of messages from which the average length is estimated.
const SAMPLE: usize = 50;
/// Texts up to this size are processed on the runtime's thread.
const LITTLE: usize = 32 << 10;
/// Maximum number of results counted.
pub const COUNTED: usize = 1_000;
/// Time limit for counting, once the page is known. Where searches have no limit, counting has none either.
const COUNTING: Duration = Duration::from_millis(50);
/// Pause between looks for messages that are not indexed, and after a database error.
const REST: Duration = Duration::from_secs(5);
/// How many times a node finds an index of another version before it looks whether it should rebuild it.
const PATIENCE: u32 = 12;

/// The order of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchOrder {
    /// Newest first.
    #[default]
    Newest,
    /// By score, among the newest 1,000.
    Best,
}

impl SearchOrder {
    /// Parses `newest` or `best`; empty means newest.
    ///
    /// # Errors
    /// `invalid` for `order`.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None | Some("" | "newest") => Ok(Self::Newest),
            Some("best") => Ok(Self::Best),
            Some(_) => Err(Error::invalid("order", "Choose `newest` or `best`.")),
        }
    }
}

/// A result.
#[derive(Debug, Serialize, ToSchema)]
pub struct Found {
    /// The message in its current state.
    #[schema(value_type = Message)]
    pub message: Arc<Logged>,
    /// The excerpt with the matching words, as safe HTML.
    pub snippet: String,
    /// The room's name.
    #[serde(skip)]
    pub room_name: String,
}

/// A page of results.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Results {
    /// The results in the requested order.
    pub results: Vec<Found>,
    /// Whether there are more.
    pub more: bool,
    /// The `before` of the next page.
    pub next: Option<String>,
    /// Whether the search ended early, at its time limit or with too much text to score.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub limited: bool,
    /// The query, if it contains nothing that can be searched for; then nothing was searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hollow: Option<String>,
    /// The number of results; only on the first page, and if requested or known anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// Sentences about names that do not exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Whether messages are still being indexed and may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub building: bool,
}

/// A number of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    /// The number.
    pub results: usize,
    /// Whether there are more, uncounted ones.
    pub more: bool,
}

/// A search request.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchRequest<'a> {
    /// The query as typed.
    pub text: &'a str,
    /// The order of results.
    pub order: SearchOrder,
    /// The cursor of the previous page.
    pub before: Option<&'a str>,
    /// Whether to count results.
    pub counts: bool,
}

/// The state of searching.
#[derive(Debug)]
pub struct Search {
    /// Limits concurrent searches, so that they leave database connections to others.
    queue: SearchQueue,
    /// Time limit of a search.
    time: Option<Duration>,
    is_whole: Arc<AtomicBool>,
}

impl Search {
    /// How many searches run or wait.
    pub fn running_and_waiting(&self) -> usize {
        self.queue.count()
    }

    /// Starts indexing in the background: older messages, then new ones; afterwards keeps the index merged.
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

/// Indexes messages until all are indexed. On Postgres it then looks for those that nodes of another program have written, until the
/// database is closed.
async fn build(db: &Db, is_whole: &AtomicBool) {
    let (mut is_logged, mut looks) = (false, 0);
    loop {
        let progress = build_once(db, &mut is_logged).await;
        is_whole.store(matches!(progress, Ok(IndexProgress::Whole)), Ordering::Release);
        match progress {
            Ok(IndexProgress::Whole) => {
                if std::mem::take(&mut is_logged) {
                    tracing::info!("every message is indexed for search");
                }
                if db.shared().is_none() {
                    return;
                }
            }
            Ok(IndexProgress::Behind) => continue,
            Ok(IndexProgress::OtherVersion) => {
                if looks == 0 {
                    tracing::info!("nodes of another version index messages for search; this one finds less until they are gone");
                }
                looks += 1;
                // Takes back an index whose nodes are gone. Not at once: a node that restarts is gone for a moment.
                if looks % PATIENCE == 0 {
                    db.prepare_index().await.ok();
                }
            }
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "messages could not be indexed; trying again"),
        }
        tokio::time::sleep(REST).await;
    }
}

/// Indexes what is not indexed. Returns how far the index is then.
async fn build_once(db: &Db, is_logged: &mut bool) -> sqlx::Result<IndexProgress> {
    let progress = db.index_progress().await?;
    if progress == IndexProgress::Behind {
        while db.index_older().await? {
            if !std::mem::replace(is_logged, true) {
                tracing::info!("messages are being indexed for search");
            }
            // Lets waiting writers go first.
            tokio::task::yield_now().await;
        }
    }
    Ok(progress)
}

/// The matches of a page.
struct Page {
    /// In the requested order.
    hits: Vec<Hit>,
    /// Their scores, in the order by score.
    scores: Vec<i64>,
    /// The newest match when the search began, in the order by score.
    top: Option<MessageRef>,
    more: bool,
    is_limited: bool,
    count: Option<Count>,
}

impl Page {
    /// The cursor after the first `count` results.
    fn end(&self, count: usize) -> Option<Cursor> {
        let last = count.checked_sub(1)?;
        let best = self.scores.get(last).copied().zip(self.top.clone());
        Some(Cursor { last: MessageRef::of(self.hits.get(last)?), best })
    }
}

impl Chat {
    /// Searches all rooms that `reader` can see now. Dates refer to `zone`, else to the reader's time zone.
    ///
    /// # Errors
    /// `rate_limited`; `invalid` or `too_long` for `q` or `before`; `busy` if too many searches run or wait.
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
        // A task of its own: if the request is cancelled, the permit is held until its work ends.
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
        order: SearchOrder,
        before: Option<Cursor>,
        counts: bool,
    ) -> Result<Results> {
        // The background task logs the error, once.
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
            SearchOrder::Newest => self.newest(&wanted, before, until).await?,
            SearchOrder::Best => self.best(&wanted, &terms, before, until).await?,
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
        let mut results = run_off_thread(bytes, move || show(&page, messages, &terms, building)).await?;
        results.hints = hints;
        Ok(results)
    }

    /// Counts all results, as far as possible within the time limit.
    async fn count(&self, wanted: &SearchQuery, page: &Page, until: Option<Instant>) -> Result<Count> {
        let known = page.hits.len();
        let Some(last) = page.hits.last().filter(|_| !page.is_limited) else { return Ok(Count { results: known, more: true }) };
        let until = until.map(|until| until.min(Instant::now() + COUNTING));
        let Matches { hits, is_limited } = self.db.search(wanted, last.id, (COUNTED - known) as i64 + 1, until).await?;
        let results = known + hits.len();
        Ok(Count { results: results.min(COUNTED), more: is_limited || results > COUNTED })
    }

    async fn newest(&self, wanted: &SearchQuery, before: Option<Cursor>, until: Option<Instant>) -> Result<Page> {
        let below = match before {
            Some(cursor) => self.number(&cursor.last, wanted.reader).await?,
            None => i64::MAX,
        };
        let Matches { mut hits, is_limited } = self.db.search(wanted, below, PAGE as i64 + 1, until).await?;
        // At the time limit, the next page continues from the last result.
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
        // Later pages cover the same messages as the first: those up to its newest match.
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
            // The chunk's length is estimated from previous messages: one long message may equal hundreds of others.
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
            scored.extend(run_off_thread(bytes, weigh).await?);
        }
        scored.retain(|(score, hit)| after.is_none_or(|after| (*score, hit.id) < after));
        scored.sort_unstable_by_key(|(score, hit)| Reverse((*score, hit.id)));
        let more = scored.len() > PAGE;
        // Matches beyond the window are not considered.
        let count = Some(Count { results: scored.len(), more: is_limited || scored.len() as i64 >= WINDOW });
        scored.truncate(PAGE);
        let (scores, hits) = scored.into_iter().unzip();
        Ok(Page { hits, scores, top, more, is_limited, count })
    }

    /// The message id of a cursor.
    async fn number(&self, spot: &MessageRef, reader: UserId) -> Result<i64> {
        let id = self.db.find_message_id(&spot.room, spot.seq, reader).await?;
        id.ok_or_else(|| Error::invalid("before", "Results have changed. Search again."))
    }
}

/// Builds the results, as many as fit into one answer.
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

/// Runs work on this many bytes of text, on a blocking thread if it is much.
async fn run_off_thread<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if bytes < LITTLE {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|fault| Error::Internal(fault.to_string()))
}
