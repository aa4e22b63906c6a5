//! How well a message answers a query.
//!
//! Owns the one score, counted here from the text itself, so that it is the same whichever database found the message.

use crate::fulltext::term::{Match, Term};
use crate::fulltext::tokenizer::Token;

/// The score of a text that was cut into `words`; the higher the better.
pub fn score(words: &[Token], terms: &[Term]) -> i64 {
    let mut score = 0.0;
    let mut before: Option<Vec<Match>> = None;
    for term in terms {
        let found: Vec<Match> = term.matches(words).collect();
        // The word itself says more than a longer one, and a second time says less than the first.
        let whole = found.iter().filter(|found| found.is_whole).count() as f64;
        let begun = found.len() as f64 - whole;
        score += 2.0 * whole.ln_1p() + 0.5 * begun.ln_1p();
        // Words that were asked for one after the other, and stand so.
        if let Some(before) = &before {
            score += nearest(before, &found).map_or(0.0, |distance| 2.0 / (1.0 + distance as f64));
        }
        before = Some(found);
    }
    // In few words the same find is more of the whole.
    let length = 1.0 + (words.len() as f64 / 12.0).ln_1p();
    (1_000.0 * score / length) as i64
}

/// How many words lie between the two finds that are closest to each other. Both lists are in the order of the text, so each is gone
/// through once: a text may be nothing but finds.
fn nearest(one: &[Match], other: &[Match]) -> Option<usize> {
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    let mut nearest = None;
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let distance = a.at.abs_diff(b.at);
        nearest = Some(nearest.map_or(distance, |nearest: usize| nearest.min(distance)));
        // Only a later one of the one that is behind can be closer.
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
        // In pairs this would be 70,000,000,000 steps.
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
