//! Search expressions and documents in the syntax of each database.
//!
//! Owns both query syntaxes, which mean the same, and the `tsvector` of Postgres; FTS5 takes a document's text as it is. Words
//! contain only letters, digits and combining marks, so nothing needs escaping.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::fulltext::document::Document;
use crate::fulltext::term::Expression;

/// A document as `tsvector` text: words with their positions, facets without.
pub fn tsvector(document: &Document) -> String {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, word) in document.words().enumerate() {
        places.entry(word).or_default().push(at + 1);
    }
    let mut text = String::new();
    for (word, places) in places {
        let _ = write!(text, "'{word}'");
        // The position of an omitted word does not matter, and Postgres stores no more than 255.
        for (nth, place) in places.iter().take(255).enumerate() {
            let _ = write!(text, "{}{place}", if nth == 0 { ':' } else { ',' });
        }
        text.push(' ');
    }
    for facet in document.facets() {
        let _ = write!(text, "'{facet}' ");
    }
    text
}

/// An FTS5 query; `all` must not be empty.
pub fn fts_query(all: &[Expression], none: &[Expression]) -> String {
    let join = |list: &[Expression], with: &str| list.iter().map(fts).collect::<Vec<_>>().join(with);
    match none {
        [] => join(all, " AND "),
        _ => format!("({}) NOT ({})", join(all, " AND "), join(none, " OR ")),
    }
}

fn fts(expression: &Expression) -> String {
    match expression {
        Expression::Exact(word) => format!("\"{word}\""),
        Expression::Prefix(word) => format!("\"{word}\" *"),
        Expression::Phrase(words, is_prefix) => format!("\"{}\"{}", words.join(" "), if *is_prefix { " *" } else { "" }),
        Expression::AnyOf(list) => format!("({})", list.iter().map(fts).collect::<Vec<_>>().join(" OR ")),
    }
}

/// The same query as a `tsquery`.
pub fn tsquery(all: &[Expression], none: &[Expression]) -> String {
    let mut parts: Vec<_> = all.iter().map(ts).collect();
    parts.extend(none.iter().map(|expression| format!("!{}", ts(expression))));
    parts.join(" & ")
}

fn ts(expression: &Expression) -> String {
    let word = |word: &String, is_prefix: bool| format!("'{word}'{}", if is_prefix { ":*" } else { "" });
    match expression {
        Expression::Exact(text) => word(text, false),
        Expression::Prefix(text) => word(text, true),
        Expression::Phrase(words, is_prefix) => {
            let last = words.len().saturating_sub(1);
            let row: Vec<_> = words.iter().enumerate().map(|(at, text)| word(text, *is_prefix && at == last)).collect();
            format!("({})", row.join(" <-> "))
        }
        Expression::AnyOf(list) => format!("({})", list.iter().map(ts).collect::<Vec<_>>().join(" | ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fulltext::document::Source;
    use crate::model::{RoomId, UserId};

    fn is(text: &str) -> Expression {
        Expression::Exact(text.into())
    }

    #[test]
    fn both_are_asked_the_same() {
        let all = [
            Expression::AnyOf(vec![is("win"), is("wing")]),
            Expression::Prefix("tunnel".into()),
            Expression::Phrase(vec!["a".into(), "b".into()], true),
        ];
        let none = [is("x"), Expression::Phrase(vec!["c".into(), "d".into()], false)];
        assert_eq!(fts_query(&all, &none), "((\"win\" OR \"wing\") AND \"tunnel\" * AND \"a b\" *) NOT (\"x\" OR \"c d\")");
        assert_eq!(tsquery(&all, &none), "('win' | 'wing') & 'tunnel':* & ('a' <-> 'b':*) & !'x' & !('c' <-> 'd')");
        assert_eq!(fts_query(&all[..1], &[]), "(\"win\" OR \"wing\")");
    }

    #[test]
    fn a_document_is_written_with_its_places() {
        let document = Document::of(&Source {
            room: RoomId(3),
            author: UserId(7),
            body: "a b a",
            html: "",
            mentions: &[],
            attachments: &[],
        });
        assert_eq!(tsvector(&document), "'a':1,3 'b':2 '\u{E000}' '\u{E001}7' '\u{E002}3' ");
    }
}
