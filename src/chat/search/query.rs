//! What somebody typed into the search field, understood.
//!
//! Owns the grammar: words, `"words in a row"`, `-not this`, and the operators. It must not look anything up: whom a name means, and
//! what may be seen, is decided when the query runs.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::needle::Needle;
use crate::clock::Millis;
use crate::error::{Error, Result};

/// How many characters a query may have.
const LONGEST: usize = 500;
/// How many pieces.
const MOST: usize = 30;
/// How much of what cannot be looked for is told, in characters.
const SHOWN: usize = 20;

/// A query, understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What must be there.
    pub needles: Vec<Needle>,
    /// What must not.
    pub not_needles: Vec<Needle>,
    /// One of these wrote it.
    pub from: Vec<String>,
    /// None of these wrote it.
    pub not_from: Vec<String>,
    /// It was said in one of these rooms.
    pub rooms: Vec<String>,
    /// It was said in none of these rooms.
    pub not_rooms: Vec<String>,
    /// Each of these is addressed.
    pub mentions: Vec<String>,
    /// None of these is addressed.
    pub not_mentions: Vec<String>,
    /// Whether there must be a link, or none.
    pub has_link: Option<bool>,
    /// Not said before this moment.
    pub since: Option<Millis>,
    /// Said before this moment.
    pub until: Option<Millis>,
    /// What was to be there where nothing of it can be looked for: nothing is found, and not everything.
    pub hollow: Option<String>,
}

/// A piece of what was typed.
#[derive(Debug, PartialEq, Eq)]
struct Piece<'a> {
    is_negated: bool,
    is_quoted: bool,
    key: Option<&'a str>,
    value: &'a str,
}

impl Query {
    /// Understands what was typed. Days are those of `zone`; `now` says which is today.
    ///
    /// # Errors
    /// `too_long` or `invalid`, for the field `q`.
    pub fn parse(text: &str, zone: &TimeZone, now: Millis) -> Result<Self> {
        if text.chars().count() > LONGEST {
            return Err(Error::TooLong { field: "q", limit: LONGEST });
        }
        let pieces = pieces(text);
        if pieces.len() > MOST {
            return Err(Error::invalid("q", format!("Search for up to {MOST} words.")));
        }
        let mut query = Self::default();
        for piece in &pieces {
            query.add(piece, zone, now)?;
        }
        let is_sought = |piece: &&Piece<'_>| piece.key.is_none() && !piece.is_negated;
        if query.needles.is_empty() {
            query.hollow = pieces.iter().find(is_sought).map(|piece| piece.value.chars().take(SHOWN).collect());
        }
        Ok(query)
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a query may mean days, so that it matters where its reader is.
    #[must_use]
    pub fn may_name_days(text: &str) -> bool {
        pieces(text).iter().any(|piece| piece.key.is_some_and(|key| is_one_of(key, &["before", "after", "on"])))
    }

    fn add(&mut self, piece: &Piece<'_>, zone: &TimeZone, now: Millis) -> Result<()> {
        let Piece { is_negated, value, .. } = *piece;
        let key = piece.key.map(str::to_ascii_lowercase);
        let list = match key.as_deref() {
            Some("from") if is_negated => &mut self.not_from,
            Some("from") => &mut self.from,
            Some("in") if is_negated => &mut self.not_rooms,
            Some("in") => &mut self.rooms,
            Some("mentions") if is_negated => &mut self.not_mentions,
            Some("mentions") => &mut self.mentions,
            Some("has") => {
                self.has_link = Some(!is_negated);
                return Ok(());
            }
            Some(day) => return self.add_day(day, value, is_negated, zone, now),
            None => {
                let needles = if is_negated { &mut self.not_needles } else { &mut self.needles };
                match Needle::of(value, piece.is_quoted) {
                    Some(needle) => needles.push(needle),
                    None => needles.extend(Needle::of_signs(value)),
                }
                return Ok(());
            }
        };
        list.push(value.to_lowercase());
        Ok(())
    }

    fn add_day(&mut self, key: &str, value: &str, is_negated: bool, zone: &TimeZone, now: Millis) -> Result<()> {
        let wrong =
            || Error::invalid("q", format!("{key}: needs a date, such as {key}:2026-11-22, {key}:today or {key}:yesterday."));
        let today = || now.timestamp().to_zoned(zone.clone()).date();
        let day: Date = match &*value.to_lowercase() {
            "today" => today(),
            "yesterday" => today().yesterday().map_err(|_| wrong())?,
            // Only the plain way of writing one: a date parser takes much more.
            date if date.len() == 10 => date.parse().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let midnight = |day: Date| {
            let zoned = day.to_zoned(zone.clone()).map_err(|_| wrong())?;
            Ok::<_, Error>(Millis(zoned.timestamp().as_millisecond()))
        };
        let (begins, ends) = (midnight(day)?, midnight(day.tomorrow().map_err(|_| wrong())?)?);
        let mut since = |moment: Millis| self.since = Some(self.since.map_or(moment, |other| other.max(moment)));
        let mut until = |moment: Millis| self.until = Some(self.until.map_or(moment, |other| other.min(moment)));
        match (key, is_negated) {
            ("before", false) => until(begins),
            ("before", true) => since(begins),
            ("after", false) => since(ends),
            ("after", true) => until(ends),
            (_, false) => {
                since(begins);
                until(ends);
            }
            (_, true) => return Err(Error::invalid("q", "You can’t exclude a date. Use before: and after: instead.")),
        }
        Ok(())
    }
}

fn is_one_of(key: &str, known: &[&str]) -> bool {
    known.iter().any(|known| key.eq_ignore_ascii_case(known))
}

/// Whether this is an operator and not just words with a colon between them.
fn is_operator(key: &str, value: &str) -> bool {
    match value {
        "" => false,
        _ if is_one_of(key, &["from", "in", "mentions", "before", "after", "on"]) => true,
        _ => is_one_of(key, &["has"]) && is_one_of(value, &["link", "links"]),
    }
}

/// Whether a minus before this begins what must not be there, and is not a part of it as in `->`.
fn may_be_negated(c: char) -> bool {
    !c.is_whitespace() && (!c.is_ascii_punctuation() || is_quote(c) || matches!(c, '#' | '@' | ':'))
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』')
}

/// Cuts what was typed at spaces, where no quotes hold it together. A quote that never ends, ends at the end.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let without = rest.strip_prefix('-').filter(|after| after.starts_with(may_be_negated));
        let is_negated = without.is_some();
        rest = without.unwrap_or(rest);
        let piece;
        if let Some(quoted) = rest.strip_prefix(is_quote) {
            let (value, after) = until_quote(quoted);
            piece = Piece { is_negated, is_quoted: true, key: None, value };
            rest = after;
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || is_quote(c)).unwrap_or(rest.len());
            let (plain, after) = rest.split_at(end);
            let (key, value) = plain.split_once([':', '：']).unwrap_or(("", ""));
            let quoted = after.strip_prefix(is_quote).filter(|_| value.is_empty() && plain.ends_with([':', '：']));
            if let Some((quoted, after)) = quoted.map(until_quote)
                && is_operator(key, quoted)
            {
                piece = Piece { is_negated, is_quoted: true, key: Some(key), value: quoted };
                rest = after;
            } else if is_operator(key, value) {
                piece = Piece { is_negated, is_quoted: false, key: Some(key), value };
                rest = after;
            } else {
                piece = Piece { is_negated, is_quoted: false, key: None, value: plain };
                rest = after;
            }
        }
        pieces.push(piece);
        rest = rest.trim_start();
    }
    pieces
}

fn until_quote(text: &str) -> (&str, &str) {
    match text.find(is_quote) {
        None => (text, ""),
        Some(end) => {
            let after = &text[end..];
            let quote = after.chars().next().map_or(0, char::len_utf8);
            (&text[..end], &after[quote..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 at noon, UTC.
    const NOW: Millis = Millis(1_795_348_800_000);
    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn parse(text: &str) -> Query {
        Query::parse(text, &TimeZone::UTC, NOW).unwrap()
    }

    fn needle(text: &str, is_quoted: bool) -> Needle {
        Needle::of(text, is_quoted).unwrap()
    }

    #[test]
    fn words_quotes_and_what_must_not_be_there() {
        let query = parse("  wind -drag \"Mach one\" -“not this” foo\"bar baz");
        assert_eq!(
            query.needles,
            [needle("wind", false), needle("Mach one", true), needle("foo", false), needle("bar baz", true)]
        );
        assert_eq!(query.not_needles, [needle("drag", false), needle("not this", true)]);
        assert!(parse("").is_empty() && parse("  ").is_empty());
    }

    #[test]
    fn signs_are_searched_for_and_what_leaves_nothing_is_told() {
        let signs =
            |text: &str| -> Vec<_> { parse(text).needles.iter().filter_map(|needle| needle.sign().map(str::to_owned)).collect() };
        assert_eq!(signs("in:general 🎉"), ["🎉"]);
        assert_eq!(signs("??? → -🚀"), ["???", "→"]);
        assert_eq!(parse("wow -🚀").not_needles.len(), 1);
        assert_eq!(parse("wow ?").needles, [needle("wow", false)]);
        for (nothing, told) in
            [("?", "?"), ("in:general .", "."), ("\"\"", ""), ("-", "-"), ("，", "，"), ("from:ada “ ”", " "), ("…", "…")]
        {
            assert_eq!(parse(nothing).hollow.as_deref(), Some(told), "{nothing}");
        }
        assert_eq!(signs("-> --> => -=-"), ["->", "-->", "=>", "-=-"]);
        for something in ["", "in:general", "-word", "word ?", "has:link", "??"] {
            assert_eq!(parse(something).hollow, None, "{something}");
        }
    }

    #[test]
    fn operators_are_known_in_any_case_and_others_are_words() {
        let query = parse("From:Ada -from:me in:\"The Observatory\" -in:general MENTIONS:me has:link from： in:");
        assert_eq!((query.from, query.not_from), (vec!["ada".to_owned()], vec!["me".to_owned()]));
        assert_eq!((query.rooms, query.not_rooms), (vec!["the observatory".to_owned()], vec!["general".to_owned()]));
        assert_eq!((query.mentions, query.has_link), (vec!["me".to_owned()], Some(true)));
        assert_eq!(query.needles, [needle("from", false), needle("in", false)]);
        assert_eq!(parse("has:wings http://a.example").needles, [needle("has:wings", false), needle("http://a.example", false)]);
    }

    #[test]
    fn days_are_whole_days_where_the_reader_is() {
        let midnight = NOW.0 - DAY / 2;
        let query = parse("on:2026-11-22");
        assert_eq!((query.since, query.until), (Some(Millis(midnight)), Some(Millis(midnight + DAY))));
        assert_eq!(parse("before:today").until, Some(Millis(midnight)));
        assert_eq!(parse("after:yesterday").since, Some(Millis(midnight)));
        assert_eq!(parse("-after:yesterday").until, Some(Millis(midnight)));
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let there = Query::parse("on:2026-11-22", &tokyo, NOW).unwrap();
        assert_eq!(there.since, Some(Millis(midnight - 9 * 60 * 60 * 1000)));
        for wrong in ["before:soon", "on:2026-02-30", "after:2026-1-1", "-on:today", "on:9999-12-31T00:00"] {
            let error = Query::parse(wrong, &TimeZone::UTC, NOW).unwrap_err();
            assert_eq!((error.code(), error.field()), ("invalid", Some("q")), "{wrong}");
        }
        assert!(Query::may_name_days("a -ON:today") && !Query::may_name_days("ada on the roof \"on:today\""));
    }

    #[test]
    fn a_query_has_its_bounds() {
        assert_eq!(Query::parse(&"ab ".repeat(31), &TimeZone::UTC, NOW).unwrap_err().code(), "invalid");
        assert_eq!(Query::parse(&"a".repeat(501), &TimeZone::UTC, NOW).unwrap_err().code(), "too_long");
    }

    proptest::proptest! {
        #[test]
        fn anything_can_be_typed(text in "[-\"“”:： a-z東#@*()\\\\']{0,60}|\\PC{0,60}") {
            let _ = Query::parse(&text, &TimeZone::UTC, NOW);
        }
    }
}
