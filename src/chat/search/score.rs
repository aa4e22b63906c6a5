//! How well a message answers a query.
//!
//! Owns the one score, counted here from the text itself, so that it is the same whichever database found the message.

use super::needle::{Found, Needle};
use super::words::Word;

/// The score of a text that was cut into `words`; the higher the better.
#[must_use]
pub fn score(words: &[Word], needles: &[Needle]) -> i64 {
    let mut score = 0.0;
    let mut before: Option<Vec<Found>> = None;
    for needle in needles {
        let found: Vec<Found> = needle.places(words).collect();
        // The word itself says more than a longer one, and a second time says less than the first.
        let whole = found.iter().filter(|found| found.is_whole).count() as f64;
        let begun = found.len() as f64 - whole;
        score += 2.0 * whole.ln_1p() + 0.5 * begun.ln_1p();
        // Words that were asked for one after the other, and stand so.
        if let Some(before) = &before {
            let distance = before.iter().flat_map(|one| found.iter().map(|other| one.at.abs_diff(other.at))).min();
            score += distance.map_or(0.0, |distance| 2.0 / (1.0 + distance as f64));
        }
        before = Some(found);
    }
    // In few words the same find is more of the whole.
    let length = 1.0 + (words.len() as f64 / 12.0).ln_1p();
    (1_000.0 * score / length) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::search::words::cut;

    fn of(body: &str) -> i64 {
        let needles: Vec<_> = ["wind", "tunnel"].iter().filter_map(|text| Needle::of(text, false)).collect();
        score(&cut(body), &needles)
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
