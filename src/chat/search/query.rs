//! Parses a search query.
//!
//! Owns the grammar: words, `"phrases"`, `-exclusions` and operators. It must not look anything up; `meaning` resolves names.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::dates;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::fulltext::term::Term;

/// Maximum number of characters.
const LONGEST: usize = 500;
/// Maximum number of tokens.
const MOST: usize = 30;
/// How much of an invalid part is repeated, in characters.
const SHOWN: usize = 20;

/// A parsed query.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Terms that must match.
    pub terms: Vec<Term>,
    /// Terms that must not match.
    pub not_terms: Vec<Term>,
    /// Alternative authors.
    pub from: Vec<String>,
    /// Excluded authors.
    pub not_from: Vec<String>,
    /// Alternative rooms.
    pub rooms: Vec<String>,
    /// Excluded rooms.
    pub not_rooms: Vec<String>,
    /// Users that must all be mentioned.
    pub mentions: Vec<String>,
    /// Users that must not be mentioned.
    pub not_mentions: Vec<String>,
    /// Whether there must be a link, or none.
    pub has_link: Option<bool>,
    /// Whether there must be a file, or none.
    pub has_file: Option<bool>,
    /// Whether there must be a picture, or none.
    pub has_image: Option<bool>,
    /// Whether it must be pinned, or must not.
    pub is_pinned: Option<bool>,
    /// Earliest time.
    pub since: Option<Millis>,
    /// Latest time, exclusive.
    pub until: Option<Millis>,
    /// The first word, if no term is searchable: then nothing matches, rather than everything.
    pub hollow: Option<String>,
}

/// A token of the query.
#[derive(Debug, PartialEq, Eq)]
struct Piece<'a> {
    is_negated: bool,
    is_quoted: bool,
    key: Option<&'a str>,
    value: &'a str,
    /// Its position, with minus and quotes.
    range: Range<usize>,
}

/// An operator with its value, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The whole operator: `from:ada`.
    pub text: String,
    /// Its name in lower case: `from`.
    pub key: String,
    /// The query without it.
    pub without: String,
}

impl Filter {
    /// The room of an `in:` operator, as typed.
    pub fn within(&self) -> Option<&str> {
        let value = self.text.split_once(':').map(|(_, value)| value).filter(|_| self.key == "in" && !self.text.starts_with('-'));
        value.map(|value| value.trim_matches('"').trim_start_matches('#'))
    }
}

/// The operators of a query, in order.
pub fn filters(text: &str) -> Vec<Filter> {
    let filter = |piece: Piece<'_>| {
        let (before, after) = (text[..piece.range.start].trim(), text[piece.range.end..].trim());
        let between = if before.is_empty() || after.is_empty() { "" } else { " " };
        Some(Filter {
            text: text[piece.range].to_owned(),
            key: piece.key?.to_ascii_lowercase(),
            without: format!("{before}{between}{after}"),
        })
    };
    pieces(text).into_iter().filter_map(filter).collect()
}

impl Query {
    /// Parses a query. Dates refer to `zone` and `now`.
    ///
    /// # Errors
    /// `too_long` or `invalid` for `q`.
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
        if query.terms.is_empty() {
            query.hollow = pieces.iter().find(is_sought).map(|piece| piece.value.chars().take(SHOWN).collect());
        }
        Ok(query)
    }

    /// Whether the query is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a query may contain dates, so that the reader's time zone matters.
    pub fn may_name_days(text: &str) -> bool {
        pieces(text).iter().any(|piece| piece.key.is_some_and(|key| is_one_of(key, DAYS)))
    }

    fn add(&mut self, piece: &Piece<'_>, zone: &TimeZone, now: Millis) -> Result<()> {
        let &Piece { is_negated, value, .. } = piece;
        let key = piece.key.map(str::to_ascii_lowercase);
        let list = match key.as_deref() {
            Some("from") if is_negated => &mut self.not_from,
            Some("from") => &mut self.from,
            Some("in") if is_negated => &mut self.not_rooms,
            Some("in") => &mut self.rooms,
            Some("mentions") if is_negated => &mut self.not_mentions,
            Some("mentions") => &mut self.mentions,
            Some("has") => {
                let has = match value {
                    value if is_one_of(value, FILES) => &mut self.has_file,
                    value if is_one_of(value, IMAGES) => &mut self.has_image,
                    _ => &mut self.has_link,
                };
                *has = Some(!is_negated);
                return Ok(());
            }
            Some("is") => {
                self.is_pinned = Some(!is_negated);
                return Ok(());
            }
            Some(day) => return self.add_day(day, value, is_negated, zone, now),
            None => {
                let terms = if is_negated { &mut self.not_terms } else { &mut self.terms };
                match Term::of(value, piece.is_quoted) {
                    Some(term) => terms.push(term),
                    None => terms.extend(Term::of_symbols(value)),
                }
                return Ok(());
            }
        };
        list.push(value.to_lowercase());
        Ok(())
    }

    fn add_day(&mut self, key: &str, value: &str, is_negated: bool, zone: &TimeZone, now: Millis) -> Result<()> {
        let wrong = || {
            let shown: String = value.chars().take(SHOWN).collect();
            let advice = format!("{key}: needs a date, such as {key}:2026-11-22, {key}:monday or {key}:last-week.");
            Error::invalid("q", format!("{advice} “{shown}” isn’t one."))
        };
        let today = now.timestamp().to_zoned(zone.clone()).date();
        let (first, behind) = dates::days(value, today).ok_or_else(wrong)?;
        let midnight = |day: Date| {
            let zoned = day.to_zoned(zone.clone()).map_err(|_| wrong())?;
            Ok::<_, Error>(Millis(zoned.timestamp().as_millisecond()))
        };
        let (begins, ends) = (midnight(first)?, midnight(behind)?);
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

/// Operators that take a date.
const DAYS: &[&str] = &["before", "after", "on", "during"];

/// What `has:` takes.
const LINKS: &[&str] = &["link", "links"];
const FILES: &[&str] = &["file", "files", "attachment", "attachments"];
const IMAGES: &[&str] = &["image", "images", "picture", "pictures", "photo", "photos"];

fn is_one_of(key: &str, known: &[&str]) -> bool {
    known.iter().any(|known| key.eq_ignore_ascii_case(known))
}

/// Whether this is an operator, and not just words with a colon between them.
fn is_operator(key: &str, value: &str) -> bool {
    match value {
        "" => false,
        _ if is_one_of(key, &["from", "in", "mentions"]) || is_one_of(key, DAYS) => true,
        _ if is_one_of(key, &["is"]) => is_one_of(value, &["pinned"]),
        _ => is_one_of(key, &["has"]) && [LINKS, FILES, IMAGES].iter().any(|known| is_one_of(value, known)),
    }
}

/// Whether a minus before this character is an exclusion, and not part of a symbol such as `->`.
fn may_be_negated(c: char) -> bool {
    !c.is_whitespace() && (!c.is_ascii_punctuation() || is_quote(c) || matches!(c, '#' | '@' | ':'))
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』')
}

/// Splits a query at whitespace outside of quotes and dates. An unclosed quote ends at the end.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        let without = rest.strip_prefix('-').filter(|after| after.starts_with(may_be_negated));
        let is_negated = without.is_some();
        rest = without.unwrap_or(rest);
        let (is_quoted, key, value);
        if let Some(quoted) = rest.strip_prefix(is_quote) {
            (is_quoted, key) = (true, None);
            (value, rest) = until_quote(quoted);
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || is_quote(c)).unwrap_or(rest.len());
            let (plain, after) = rest.split_at(end);
            let (name, plain_value) = plain.split_once([':', '：']).unwrap_or(("", ""));
            let quoted = after.strip_prefix(is_quote).filter(|_| plain_value.is_empty() && plain.ends_with([':', '：']));
            if let Some((quoted, after)) = quoted.map(until_quote)
                && is_operator(name, quoted)
            {
                (is_quoted, key, value) = (true, Some(name), quoted);
                rest = after;
            } else if is_operator(name, plain_value) {
                let from = &rest[plain.len() - plain_value.len()..];
                let more = if is_one_of(name, DAYS) { date_in(from) } else { None };
                (is_quoted, key, value) = (false, Some(name), more.unwrap_or(plain_value));
                rest = &from[value.len()..];
            } else {
                (is_quoted, key, value) = (false, None, plain);
                rest = after;
            }
        }
        let range = start..text.len() - rest.len();
        pieces.push(Piece { is_negated, is_quoted, key, value, range });
        rest = rest.trim_start();
    }
    pieces
}

/// The longest date of several words at the start of a text, such as `last week`.
fn date_in(text: &str) -> Option<&str> {
    let ends = text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at).chain([text.len()]);
    ends.take(2 * dates::MOST_WORDS).map(|end| &text[..end]).filter(|date| dates::is_date(date)).last()
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

    fn term(text: &str, is_quoted: bool) -> Term {
        Term::of(text, is_quoted).unwrap()
    }

    #[test]
    fn words_quotes_and_what_must_not_be_there() {
        let query = parse("  wind -drag \"Mach one\" -“not this” foo\"bar baz");
        assert_eq!(query.terms, [term("wind", false), term("Mach one", true), term("foo", false), term("bar baz", true)]);
        assert_eq!(query.not_terms, [term("drag", false), term("not this", true)]);
        assert!(parse("").is_empty() && parse("  ").is_empty());
    }

    #[test]
    fn signs_are_searched_for_and_what_leaves_nothing_is_told() {
        let signs =
            |text: &str| -> Vec<_> { parse(text).terms.iter().filter_map(|term| term.symbol().map(str::to_owned)).collect() };
        assert_eq!(signs("in:general 🎉"), ["🎉"]);
        assert_eq!(signs("??? → -🚀"), ["???", "→"]);
        assert_eq!(parse("wow -🚀").not_terms.len(), 1);
        assert_eq!(parse("wow ?").terms, [term("wow", false)]);
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
        assert_eq!(query.terms, [term("from", false), term("in", false)]);
        assert_eq!(parse("has:wings http://a.example").terms, [term("has:wings", false), term("http://a.example", false)]);
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
        for wrong in ["before:soon", "on:2026-02-30", "after:week", "-on:today", "on:9999-12-31T00:00"] {
            let error = Query::parse(wrong, &TimeZone::UTC, NOW).unwrap_err();
            assert_eq!((error.code(), error.field()), ("invalid", Some("q")), "{wrong}");
        }
        assert!(Query::may_name_days("a -ON:today") && !Query::may_name_days("ada on the roof \"on:today\""));
    }

    #[test]
    fn a_date_of_several_words_needs_no_quotes() {
        let midnight = NOW.0 - DAY / 2;
        // It is a Sunday.
        for (text, since, until) in [
            ("during:last week", Some(-13), Some(-6)),
            ("during:last-week", Some(-13), Some(-6)),
            ("on:\"last week\"", Some(-13), Some(-6)),
            ("after:monday", Some(-5), None),
            ("before:2 weeks ago", None, Some(-14)),
            ("after:nov 1 2026", Some(-20), None),
        ] {
            let query = parse(&format!("{text} lamp"));
            let at = |days: i64| Millis(midnight + days * DAY);
            assert_eq!((query.since, query.until), (since.map(at), until.map(at)), "{text}");
            assert_eq!(query.terms, [term("lamp", false)], "{text}");
        }
        let told = Query::parse("after:someday lamp", &TimeZone::UTC, NOW).unwrap_err().to_string();
        assert!(told.contains("“someday” isn’t one"), "{told}");
    }

    #[test]
    fn each_filter_can_be_taken_away() {
        let told: Vec<_> = filters("  lamp from:\"Grace Hopper\" oil -in:general during:last week has:wings Is:pinned ");
        let told: Vec<_> = told.iter().map(|filter| (&*filter.text, &*filter.without)).collect();
        assert_eq!(
            told,
            [
                ("from:\"Grace Hopper\"", "lamp oil -in:general during:last week has:wings Is:pinned"),
                ("-in:general", "lamp from:\"Grace Hopper\" oil during:last week has:wings Is:pinned"),
                ("during:last week", "lamp from:\"Grace Hopper\" oil -in:general has:wings Is:pinned"),
                ("Is:pinned", "lamp from:\"Grace Hopper\" oil -in:general during:last week has:wings"),
            ]
        );
        assert_eq!(filters("in:general")[0].without, "");
        assert_eq!((parse("is:pinned").is_pinned, parse("-is:pinned").is_pinned), (Some(true), Some(false)));
        assert_eq!(parse("is:there").terms, [term("is:there", false)]);
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
