//! Search queries, and the words of a message.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use parlor::chat::search::SearchOrder;
use parlor::chat::search::cursor::Cursor;
use parlor::chat::search::query::Query;
use parlor::clock::Millis;
use parlor::fulltext::document::{Document, Source};
use parlor::fulltext::score::score;
use parlor::fulltext::snippet::snippet;
use parlor::fulltext::term::{Expression, Term};
use parlor::fulltext::tokenizer::{Token, tokenize};
use parlor::model::{RoomId, UserId};

use crate::bounded;

/// Time zones; in the named ones the day on which the clocks go forward begins at one instead of midnight.
static ZONES: LazyLock<Vec<TimeZone>> = LazyLock::new(|| {
    let named = ["America/Sao_Paulo", "Pacific/Apia"].iter().filter_map(|name| TimeZone::get(name).ok());
    std::iter::once(TimeZone::UTC).chain(named).collect()
});
const NOW: Millis = Millis(1_795_400_000_000);

/// The first line is a query, the rest is a message.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (asked, body) = text.split_once('\n').unwrap_or((text, text));
    let terms = query(asked);
    let words = bounded("cutting", || tokenize(body));
    assert_eq!(words, tokenize(body));
    are_in_place(body, &words);
    are_found(body, &words);
    document(body, &words);
    let shown = bounded("showing", || snippet(body, "", &terms));
    is_a_stretch(&shown, body);
    let reached = bounded("scoring", || score(&words, &terms));
    assert!((0..1_000_000).contains(&reached), "{reached}");
    for order in [SearchOrder::Newest, SearchOrder::Best] {
        if let Ok(cursor) = Cursor::parse(asked, order) {
            assert_eq!(Cursor::parse(&cursor.to_string(), order).ok(), Some(cursor));
        }
    }
}

fn query(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for zone in ZONES.iter() {
        let query = match bounded("reading a query", || Query::parse(text, zone, NOW)) {
            Ok(query) => query,
            Err(error) => {
                assert!(error.field() == Some("q") && error.to_string().len() < 200, "{error:?}");
                continue;
            }
        };
        assert_eq!(Query::parse(text, zone, NOW).ok().as_ref(), Some(&query));
        assert!(query.since.is_none() && query.until.is_none() || Query::may_name_days(text), "days that nobody named");
        for term in query.terms.iter().chain(&query.not_terms) {
            is_quotable(&term.expression());
        }
        terms = query.terms;
    }
    terms
}

/// Both databases get the words in quotes: no word may end them.
fn is_quotable(expression: &Expression) {
    match expression {
        Expression::Exact(word) | Expression::Prefix(word) => is_word(word),
        Expression::Phrase(words, _) => {
            assert!(words.len() > 1);
            words.iter().for_each(|word| is_word(word));
        }
        Expression::AnyOf(list) => list.iter().for_each(is_quotable),
    }
}

fn is_word(word: &str) {
    assert!(!word.is_empty() && word.chars().count() <= 72, "{word:?}");
    let is_special = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() || c.is_control() || c.is_whitespace();
    assert!(!word.contains(is_special), "{word:?}");
}

fn are_in_place(body: &str, words: &[Token]) {
    let mut before = 0;
    for word in words {
        is_word(&word.text);
        assert!(!word.text.contains(|c| matches!(c, '\u{E000}'..='\u{F8FF}')), "somebody typed a mark: {word:?}");
        assert!(before <= word.start && word.start < word.first_end && word.first_end <= word.end && word.end <= body.len());
        assert!([word.start, word.first_end, word.end].iter().all(|&at| body.is_char_boundary(at)), "{word:?}");
        before = word.start;
    }
    // One character can stand for a sentence of 18.
    assert!(words.len() <= 18 * body.chars().count());
}

/// Text that is in a message is found when it is searched for, except characters that are a part of two words.
fn are_found(body: &str, words: &[Token]) {
    for (at, word) in words.iter().enumerate().take(16) {
        let is_shared =
            |other: &Token| other.start < word.end && word.start < other.end && !(word.kind.is_run() && other.kind.is_run());
        if words[at.saturating_sub(20)..words.len().min(at + 20)].iter().any(|other| other != word && is_shared(other)) {
            continue;
        }
        let typed = &body[word.start..word.end];
        let term = Term::of(typed, true);
        let is_found = term.is_some_and(|term| term.matches(words).any(|found| found.start == word.start));
        assert!(is_found, "{typed:?} is not found in {body:?}");
    }
}

fn document(body: &str, words: &[Token]) {
    let source = Source { room: RoomId(1), author: UserId(1), body, html: "", mentions: &[], attachments: &[] };
    let document = bounded("indexing", || Document::of(&source));
    assert_eq!(document, Document::of(&source));
    assert_eq!(document.words().count(), words.len().min(16_000));
    for facet in document.facets() {
        let is_special = |c: char| matches!(c, '\'' | '"' | '\\' | ' ') || c.is_control();
        assert!(
            facet.starts_with(|c| matches!(c, '\u{E000}'..='\u{E006}' | '\u{E008}')) && !facet.contains(is_special),
            "{facet:?}"
        );
    }
}

/// Without its marks and escapes, a snippet is a part of the body.
fn is_a_stretch(shown: &str, body: &str) {
    let mut plain = String::new();
    for (nth, piece) in shown.split("<mark>").enumerate() {
        let (marked, after) = if nth == 0 { ("", piece) } else { piece.split_once("</mark>").expect("a mark that ends") };
        assert_eq!(nth > 0, !marked.is_empty(), "an empty mark in {shown:?}");
        plain.push_str(marked);
        plain.push_str(after);
    }
    assert!(!plain.contains(['<', '>', '"', '\'']), "{shown:?}");
    for (entity, c) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        plain = plain.replace(entity, c);
    }
    let line: String =
        body.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    // An ellipsis before, after, or both; unless the body itself begins or ends with one.
    let ends = [&*plain, plain.trim_start_matches('…'), plain.trim_end_matches('…'), plain.trim_matches('…')];
    assert!(ends.iter().any(|plain| line.contains(plain)), "{shown:?} is not in {body:?}");
    assert!(plain.len() <= 250, "{} bytes", plain.len());
}
