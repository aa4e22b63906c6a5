//! The relevance of a message to a query.
//!
//! Owns the score, which is computed from the text, so that it does not depend on the database.

use crate::fulltext::term::{Match, Term};
use crate::fulltext::tokenizer::Token;

/// The score of a text; higher is better.
pub fn score(words: &[Token], terms: &[Term]) -> i64 {
    let mut score = 0.0;
    let mut before: Option<Vec<Match>> = None;
    for term in terms {
        let found: Vec<Match> = term.matches(words).collect();
        // A whole word counts more than a prefix, and repetitions count less.
        let whole = found.iter().filter(|found| found.is_whole).count() as f64;
        let begun = found.len() as f64 - whole;
        score += 2.0 * whole.ln_1p() + 0.5 * begun.ln_1p();
        // Consecutive terms of the query count more if they are close in the text.
        if let Some(before) = &before {
            score += nearest(before, &found).map_or(0.0, |distance| 2.0 / (1.0 + distance as f64));
        }
        before = Some(found);
    }
    // In a short text the same match counts more.
    let length = 1.0 + (words.len() as f64 / 12.0).ln_1p();
    (1_000.0 * score / length) as i64
}

/// The minimum distance between two matches. Both lists are sorted and traversed once, because a text may consist of nothing but
/// matches.
fn nearest(one: &[Match], other: &[Match]) -> Option<usize> {
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    let mut nearest = None;
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let distance = a.at.abs_diff(b.at);
        nearest = Some(nearest.map_or(distance, |nearest: usize| nearest.min(distance)));
        // Only a later match of the list that is behind can be closer.
        if a.at < b.at {
            left.next()
        } else {
            right.next()
        };
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fulltext::tokenizer::tokenize;

    fn of(body: &str) -> i64 {
        let terms: Vec<_> = ["wind", "tunnel"].iter().filter_map(|text| Term::of(text, false)).collect();
        score(&tokenize(body), &terms)
    }

    #[test]
    fn a_text_of_nothing_but_finds_is_gone_through_once() {
        let words = tokenize(&"a b ".repeat(100_000));
        let terms: Vec<_> = "abababab".chars().filter_map(|c| Term::of(&c.to_string(), false)).collect();
        // Comparing all pairs would take 70,000,000,000 steps.
        assert!(score(&words, &terms) > 0);
    }

    proptest::proptest! {
        #[test]
        fn the_nearest_are_those_of_all_pairs(one in proptest::collection::btree_set(0_usize..60, 0..12), other in proptest::collection::btree_set(0_usize..60, 0..12)) {
            let found = |places: &std::collections::BTreeSet<usize>| -> Vec<Match> {
                places.iter().map(|&at| Match { start: 0, end: 0, at, is_whole: true }).collect()
            };
            let pairs = one.iter().flat_map(|a| other.iter().map(|b| a.abs_diff(*b)));
            proptest::prop_assert_eq!(nearest(&found(&one), &found(&other)), pairs.min());
        }
    }

    #[test]
    fn closer_shorter_and_whole_is_better() {
        let long = "word ".repeat(80);
        let order = [
            "the wind tunnel, that wind tunnel".to_owned(),
            "the wind tunnel".to_owned(),
            "the windy tunnels".to_owned(),
            format!("wind {long} tunnel"),
        ];
        let scores: Vec<_> = order.iter().map(|body| of(body)).collect();
        assert!(scores.is_sorted_by(|one, other| one > other), "{scores:?}");
    }
}
