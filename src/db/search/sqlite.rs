//! Search on SQLite.
//!
//! Owns the statement, its two plans, and its time limit through SQLite's progress handler. FTS5 streams matches of words and
//! facets newest first, so matches found before the limit are kept. For a prefix it first collects every position of every
//! matching word. So a prefix search first scans messages that have the facet of the same three letters, newest first, and checks
//! their text: common prefixes fill the page soon. If that does not fill the page, the rarest prefix is collected, and finally
//! all of them.

use std::cmp::Reverse;
use std::time::Instant;

use futures_util::TryStreamExt;
use sqlx::{Sqlite, SqliteConnection};

use super::{Hit, HitRow, Matches, SearchQuery, dialect, is_visible};
use crate::db::Connections;
use crate::fulltext::document::{FACET_PREFIX, facet};
use crate::fulltext::term::Expression;
use crate::fulltext::tokenizer;

/// Virtual machine steps between calls of the progress handler. FTS5 takes a few steps per page of the index.
const STEPS: i32 = 50;
/// SQLite's result code after an interruption: `INTERRUPT`.
const INTERRUPTED: &str = "9";
/// Messages between two estimates whether a scan will fill the page: each message may be a page read from disk.
const FIRST: i64 = 20;
/// Maximum number of messages that a scan reads, but at least three per wanted match.
const WALKED: i64 = 120;
/// Range of ids that a scan covers; rare combinations in a larger range are left to the prefix index.
const SPAN: i64 = 100_000;
/// Approximate number of bytes that a scan reads.
const READ: usize = 256 * 1024;

/// The statement: matches newest first, with their text if it has to be checked.
const HITS: &str = concat!(
    "select json_array(messages.id, messages.room_id, slug, rooms.name, messages.seq), case when $9 = 1 then messages.body end
     from words cross join messages on messages.id = words.rowid cross join rooms on rooms.id = messages.room_id
     left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
     where words match $2 and words.rowid > $3 and words.rowid < $4 and",
    is_visible!(),
    "order by words.rowid desc limit $8"
);

/// The same for pinned messages, which are few: each is looked up in the index by id.
const PINNED: &str = concat!(
    "select json_array(messages.id, messages.room_id, slug, rooms.name, messages.seq), case when $9 = 1 then messages.body end
     from messages indexed by messages_by_pin cross join words on words.rowid = messages.id cross join rooms on rooms.id = messages.room_id
     left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
     where messages.pinned_at is not null and words match $2 and messages.id > $3 and messages.id < $4 and",
    is_visible!(),
    "order by messages.id desc limit $8"
);

/// The newest matches between two ids, newest first.
pub(super) async fn search(
    pool: &Connections<Sqlite>,
    wanted: &SearchQuery,
    low: i64,
    high: i64,
    limit: i64,
    until: Option<Instant>,
) -> sqlx::Result<Matches> {
    let mut guard = pool.acquire().await?;
    if let Some(until) = until {
        guard.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < until);
    }
    let mut search = Search { connection: &mut guard, wanted, low, limit, matches: Matches::default() };
    match search.find(high).await {
        Ok(()) => {}
        Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some(INTERRUPTED) => search.matches.is_limited = true,
        Err(error) => return Err(error),
    }
    let matches = search.matches;
    // On an error or cancellation the pool removes the handler, which would interrupt the next statement.
    if until.is_some() {
        guard.lock_handle().await?.remove_progress_handler();
    }
    if !matches.is_limited {
        guard.release();
    }
    Ok(matches)
}

struct Search<'a> {
    connection: &'a mut SqliteConnection,
    wanted: &'a SearchQuery,
    low: i64,
    limit: i64,
    matches: Matches,
}

impl Search<'_> {
    async fn find(&mut self, high: i64) -> sqlx::Result<()> {
        if self.wanted.is_pinned == Some(true) {
            return self.among_pinned(high).await;
        }
        let (mut high, mut gathered) = (high, None);
        while let Some(mut loose) = Loose::of(self.wanted, gathered) {
            match self.walk(&mut loose, high).await? {
                Some(further) => high = further,
                None => return Ok(()),
            }
            let Some(rarest) = loose.rarest().filter(|_| gathered.is_none()) else { break };
            gathered = Some(rarest);
        }
        let query = dialect::fts_query(&self.wanted.all, &self.wanted.none);
        let missing = self.limit - self.matches.hits.len() as i64;
        let mut rows = hits(self.connection, self.wanted, query, self.low, high, missing, false);
        while let Some((row, _)) = rows.try_next().await? {
            self.matches.hits.push(hit(&row)?);
        }
        Ok(())
    }

    /// Searches pinned messages. Prefixes are checked in the text: collecting them for each message would be slow.
    async fn among_pinned(&mut self, high: i64) -> sqlx::Result<()> {
        let mut loose = Loose::of(self.wanted, None);
        let query = match &loose {
            Some(loose) => loose.query.clone(),
            None => dialect::fts_query(&self.wanted.all, &self.wanted.none),
        };
        let mut rows = hits(self.connection, self.wanted, query, self.low, high, i64::MAX, loose.is_some());
        while let Some((row, body)) = rows.try_next().await? {
            if loose.as_mut().is_none_or(|loose| loose.fits(&body.unwrap_or_default())) {
                self.matches.hits.push(hit(&row)?);
            }
            if self.matches.hits.len() as i64 >= self.limit {
                break;
            }
        }
        Ok(())
    }

    /// Scans candidate messages, newest first. Returns where it stopped, unless the page is full or everything was scanned.
    async fn walk(&mut self, loose: &mut Loose, high: i64) -> sqlx::Result<Option<i64>> {
        let most = WALKED.max(3 * self.limit);
        let newest: i64 =
            sqlx::query_scalar("select coalesce(max(id), 0) from messages").fetch_one(&mut *self.connection).await?;
        // A collected prefix leaves few candidates.
        let span = if loose.has_gathered { i64::MAX } else { SPAN };
        let low = self.low.max(high.min(newest.saturating_add(1)).saturating_sub(span));
        let (mut walked, mut read, mut fitting) = (0, 0, 0);
        let mut rows = hits(self.connection, self.wanted, loose.query.clone(), low, high, most, true);
        while let Some((row, body)) = rows.try_next().await? {
            let hit = hit(&row)?;
            let body = body.unwrap_or_default();
            let id = hit.id;
            (walked, read) = (walked + 1, read + body.len());
            if loose.fits(&body) {
                fitting += 1;
                self.matches.hits.push(hit);
                if self.matches.hits.len() as i64 == self.limit {
                    return Ok(None);
                }
            }
            let is_hopeless = walked % FIRST == 0 && fitting * most < self.limit * walked;
            if walked == most || read >= READ || is_hopeless {
                return Ok(Some(id));
            }
        }
        Ok((low > self.low).then_some(low.saturating_add(1)))
    }
}

type Rows<'a> = futures_util::stream::BoxStream<'a, sqlx::Result<(String, Option<String>)>>;

fn hits<'a>(
    connection: &'a mut SqliteConnection,
    wanted: &SearchQuery,
    query: String,
    low: i64,
    high: i64,
    limit: i64,
    reads: bool,
) -> Rows<'a> {
    sqlx::query_as(if wanted.is_pinned == Some(true) { PINNED } else { HITS })
        .bind(wanted.reader)
        .bind(query)
        .bind(low)
        .bind(high)
        .bind(wanted.since())
        .bind(wanted.until())
        .bind(wanted.addressed())
        .bind(limit)
        .bind(i64::from(reads))
        .bind(wanted.pinned())
        .fetch(connection)
}

fn hit(row: &str) -> sqlx::Result<Hit> {
    serde_json::from_str::<HitRow>(row).map(Hit::from).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A query with facets in place of prefixes, which matches too much, and the prefixes to check in the text.
struct Loose {
    query: String,
    /// The prefixes that must occur, with the number of messages in which each did.
    begins: Vec<(String, usize)>,
    /// The prefixes that must not occur.
    begins_not: Vec<String>,
    /// Whether one of the prefixes is collected by FTS5 instead of checked.
    has_gathered: bool,
}

impl Loose {
    /// `gathered` is a prefix to be collected by FTS5 after all. `None` if no prefix is left to check.
    fn of(wanted: &SearchQuery, gathered: Option<usize>) -> Option<Self> {
        let (mut begins, mut begins_not) = (Vec::new(), Vec::new());
        let all = wanted.all.iter().map(|expression| match expression {
            Expression::Prefix(word) => {
                begins.push((word.clone(), 0));
                if gathered == Some(begins.len() - 1) {
                    return expression.clone();
                }
                let letters: String = word.chars().take(FACET_PREFIX).collect();
                Expression::Exact(facet::prefix(&letters))
            }
            other => other.clone(),
        });
        let all: Vec<_> = all.collect();
        let none = wanted.none.iter().filter(|expression| match expression {
            Expression::Prefix(word) => {
                begins_not.push(word.clone());
                false
            }
            _ => true,
        });
        let query = dialect::fts_query(&all, &none.cloned().collect::<Vec<_>>());
        let is_loose = begins.len() > usize::from(gathered.is_some()) || !begins_not.is_empty();
        is_loose.then_some(Self { query, begins, begins_not, has_gathered: gathered.is_some() })
    }

    fn fits(&mut self, body: &str) -> bool {
        let mut found = vec![false; self.begins.len()];
        let mut is_free = true;
        tokenizer::for_each(body, |word| {
            for ((begins, _), found) in self.begins.iter().zip(&mut found) {
                *found |= word.text.starts_with(&**begins);
            }
            is_free &= !self.begins_not.iter().any(|begins| word.text.starts_with(&**begins));
        });
        for ((_, count), found) in self.begins.iter_mut().zip(&found) {
            *count += usize::from(*found);
        }
        is_free && found.into_iter().all(|found| found)
    }

    /// The prefix that was found in the fewest messages; the longer one of two.
    fn rarest(&self) -> Option<usize> {
        (0..self.begins.len()).min_by_key(|nth| {
            let (begins, count) = &self.begins[*nth];
            (*count, Reverse(begins.len()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    #[test]
    fn a_beginning_is_asked_for_by_its_mark_and_then_read() {
        let begins = |word: &str| Expression::Prefix(word.to_owned());
        let is = |word: &str| Expression::Exact(word.to_owned());
        let wanted = |all: &[Expression], none: &[Expression]| {
            let (all, none) = (all.to_vec(), none.to_vec());
            SearchQuery { reader: UserId(1), all, none, since: None, until: None, addressed: None, is_pinned: None }
        };
        assert!(Loose::of(&wanted(&[is("lamp")], &[is("x")]), None).is_none());
        let mut loose =
            Loose::of(&wanted(&[begins("lamps"), is("oil")], &[begins("creme"), is("x")]), None).expect("it has some");
        assert_eq!(loose.query, "(\"\u{E006}lam\" AND \"oil\") NOT (\"x\")");
        assert!(loose.fits("Two LAMPSHADES") && !loose.fits("a lamp, or lampreys") && !loose.fits("lamps, and crèmerie"));
        // The rarest is collected; another one is still checked in the text.
        let two = wanted(&[begins("lamps"), begins("lampr")], &[]);
        let mut loose = Loose::of(&two, None).expect("it has some");
        assert!(!loose.fits("lamprey") && loose.fits("lampshade, lamprey"));
        assert_eq!(loose.rarest(), Some(0));
        let loose = Loose::of(&two, loose.rarest()).expect("there is another");
        assert_eq!(loose.query, "\"lamps\" * AND \"\u{E006}lam\"");
        assert!(Loose::of(&wanted(&[begins("lamps")], &[]), Some(0)).is_none());
    }
}
