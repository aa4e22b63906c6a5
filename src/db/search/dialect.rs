//! What the index holds and what it is asked, written as each database reads it.
//!
//! Owns the two ways of asking, and Postgres's way of keeping; FTS5 takes an entry's text as it is. Both mean the same. Words have
//! only letters, digits and marks of the script, and no sign that either way of writing gives a meaning.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::fulltext::document::Entry;
use crate::fulltext::term::Expression;

/// An entry as a `tsvector` is written: each word with its places, the marks without.
pub fn tsvector(entry: &Entry) -> String {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, word) in entry.words().enumerate() {
        places.entry(word).or_default().push(at + 1);
    }
    let mut text = String::new();
    for (word, places) in places {
        let _ = write!(text, "'{word}'");
        // Of the words that are left out it does not matter where, and Postgres would not keep so many places.
        for (nth, place) in places.iter().take(255).enumerate() {
            let _ = write!(text, "{}{place}", if nth == 0 { ':' } else { ',' });
        }
        text.push(' ');
    }
    for mark in entry.marks() {
        let _ = write!(text, "'{mark}' ");
    }
    text
}

/// What must be there and what must not, as FTS5 is asked. Something must.
pub fn fts_query(all: &[Expression], none: &[Expression]) -> String {
    let join = |list: &[Expression], with: &str| list.iter().map(fts).collect::<Vec<_>>().join(with);
    match none {
        [] => join(all, " AND "),
        _ => format!("({}) NOT ({})", join(all, " AND "), join(none, " OR ")),
    }
}

fn fts(expression: &Expression) -> String {
    match expression {
        Expression::Is(word) => format!("\"{word}\""),
        Expression::Begins(word) => format!("\"{word}\" *"),
        Expression::Row(words, is_open) => format!("\"{}\"{}", words.join(" "), if *is_open { " *" } else { "" }),
        Expression::Any(list) => format!("({})", list.iter().map(fts).collect::<Vec<_>>().join(" OR ")),
    }
}

/// The same as a `tsquery`.
pub fn tsquery(all: &[Expression], none: &[Expression]) -> String {
    let mut parts: Vec<_> = all.iter().map(ts).collect();
    parts.extend(none.iter().map(|expression| format!("!{}", ts(expression))));
    parts.join(" & ")
}

fn ts(expression: &Expression) -> String {
    let word = |word: &String, is_open: bool| format!("'{word}'{}", if is_open { ":*" } else { "" });
    match expression {
        Expression::Is(text) => word(text, false),
        Expression::Begins(text) => word(text, true),
        Expression::Row(words, is_open) => {
            let last = words.len().saturating_sub(1);
            let row: Vec<_> = words.iter().enumerate().map(|(at, text)| word(text, *is_open && at == last)).collect();
            format!("({})", row.join(" <-> "))
        }
        Expression::Any(list) => format!("({})", list.iter().map(ts).collect::<Vec<_>>().join(" | ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fulltext::document::Source;
    use crate::model::{RoomId, UserId};

    fn is(text: &str) -> Expression {
        Expression::Is(text.into())
    }

    #[test]
    fn both_are_asked_the_same() {
        let all = [
            Expression::Any(vec![is("win"), is("wing")]),
            Expression::Begins("tunnel".into()),
            Expression::Row(vec!["a".into(), "b".into()], true),
        ];
        let none = [is("x"), Expression::Row(vec!["c".into(), "d".into()], false)];
        assert_eq!(fts_query(&all, &none), "((\"win\" OR \"wing\") AND \"tunnel\" * AND \"a b\" *) NOT (\"x\" OR \"c d\")");
        assert_eq!(tsquery(&all, &none), "('win' | 'wing') & 'tunnel':* & ('a' <-> 'b':*) & !'x' & !('c' <-> 'd')");
        assert_eq!(fts_query(&all[..1], &[]), "(\"win\" OR \"wing\")");
    }

    #[test]
    fn an_entry_is_written_with_its_places() {
        let entry = Entry::of(&Source { room: RoomId(3), author: UserId(7), body: "a b a", html: "", mentions: &[] });
        assert_eq!(tsvector(&entry), "'a':1,3 'b':2 '\u{E000}' '\u{E001}7' '\u{E002}3' ");
    }
}
