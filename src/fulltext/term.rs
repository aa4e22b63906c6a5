//! What is looked for: one word, the beginning of one, or words in a row.
//!
//! Owns what a piece of a query means, for the index and for a text alike: what the index finds is what a snippet marks.

use crate::fulltext::document::{MARKED_BEGINNING, mark};
use crate::fulltext::symbols;
use crate::fulltext::tokenizer::{Place, Word, cut};

/// From how many characters on a word is found by its beginning.
const SHORTEST_BEGINNING: usize = 3;

/// What the index is asked: a tree that each database writes in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// This word or mark.
    Is(String),
    /// A word that begins so.
    Begins(String),
    /// These words in a row; the last may be only the beginning of a word.
    Row(Vec<String>, bool),
    /// At least one of these.
    Any(Vec<Expression>),
}

/// A piece of a query: words that stand next to each other in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    words: Vec<String>,
    /// Whether a text's word may go on where the last one ends.
    is_open: bool,
    /// Whether the last one is a single character of a script without spaces.
    is_character: bool,
    /// What is looked for instead of words: an emoji, another symbol, or some signs in a row.
    sign: Option<String>,
}

impl Needle {
    /// What a piece of a query asks for; nothing, where it has no word. One in quotes means its words exactly.
    #[must_use]
    pub fn of(text: &str, is_quoted: bool) -> Option<Self> {
        let mut words = cut(text);
        // The pair before it has said it, and in a text the run may go on.
        words.pop_if(|word| word.place == Place::Last);
        let last = words.last()?;
        let is_character = last.place == Place::Only;
        let is_long = last.text.chars().count() >= SHORTEST_BEGINNING;
        let is_beginning = !is_quoted && words.len() == 1 && last.place == Place::Word && is_long;
        Some(Self {
            is_open: is_character || is_beginning,
            is_character,
            sign: None,
            words: words.into_iter().map(|word| word.text).collect(),
        })
    }

    /// What a piece of a query without words asks for: each of its signs.
    pub fn of_signs(text: &str) -> impl Iterator<Item = Self> {
        let sign = |sign: &str| Self { words: Vec::new(), is_open: false, is_character: false, sign: Some(sign.to_owned()) };
        symbols::asked(text).into_iter().map(sign)
    }

    /// The sign that is looked for, if it is no word.
    #[must_use]
    pub fn sign(&self) -> Option<&str> {
        self.sign.as_deref()
    }

    /// How the index is asked for it.
    #[must_use]
    pub fn expression(&self) -> Expression {
        if let Some(sign) = &self.sign {
            return Expression::Is(mark::sign(sign));
        }
        let [word] = &self.words[..] else { return Expression::Row(self.words.clone(), self.is_open) };
        if !self.is_open {
            return Expression::Is(word.clone());
        }
        if self.is_character {
            return word.chars().next().map_or_else(|| Expression::Is(word.clone()), |c| Expression::Is(mark::character(c)));
        }
        if word.chars().count() == MARKED_BEGINNING {
            return Expression::Any(vec![Expression::Is(word.clone()), Expression::Is(mark::beginning(word))]);
        }
        Expression::Begins(word.clone())
    }

    /// Where it stands in a text that was cut into `words`: the bytes of each place, and whether it is there word for word.
    pub fn places(&self, words: &[Word]) -> impl Iterator<Item = Found> {
        words.windows(self.words.len().max(1)).enumerate().filter_map(|(at, row)| {
            let (last, before) = self.words.split_last()?;
            let (its_last, its_before) = row.split_last()?;
            if !before.iter().zip(its_before).all(|(mine, its)| *mine == its.text) {
                return None;
            }
            let is_whole = *last == its_last.text;
            let is_there = is_whole || (self.is_open && its_last.text.starts_with(&**last));
            // A character alone is not all of the pair in which it stands.
            let end = if self.is_character && its_last.place.is_run() { its_last.first_end } else { its_last.end };
            is_there.then_some(Found { start: row[0].start, end, at, is_whole: is_whole || self.is_character })
        })
    }
}

/// A place where a needle stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its first byte.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How many words are before it.
    pub at: usize,
    /// Whether the text's word ends where the needle's does.
    pub is_whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(needle: &str, is_quoted: bool, text: &str) -> Vec<String> {
        let Some(needle) = Needle::of(needle, is_quoted) else { return vec!["no needle".into()] };
        needle.places(&cut(text)).map(|found| text[found.start..found.end].to_owned()).collect()
    }

    #[test]
    fn a_word_is_found_by_its_beginning() {
        assert_eq!(marked("obser", false, "The Observatory observes; observable."), ["Observatory", "observes", "observable"]);
        assert_eq!(marked("obser", true, "The Observatory"), Vec::<String>::new());
        assert_eq!(marked("at", false, "at attic"), ["at"]);
        assert_eq!(marked("CRÈME*", false, "crémerie"), ["crémerie"]);
        assert_eq!(marked("!?", false, "!?"), ["no needle"]);
    }

    #[test]
    fn words_joined_by_signs_stand_in_a_row() {
        assert_eq!(marked("don't", false, "I don't, don t, t don"), ["don't", "don t"]);
        assert_eq!(marked("wind tunnel", true, "the wind-tunnel, wind and tunnel"), ["wind-tunnel"]);
    }

    #[test]
    fn what_is_written_without_spaces_is_found_anywhere() {
        assert_eq!(marked("京", false, "東京都と京都"), ["京", "京"]);
        assert_eq!(marked("都", false, "東京都"), ["都"]);
        assert_eq!(marked("東京都", false, "大東京都民"), ["東京都"]);
        assert_eq!(marked("京東", false, "東京"), Vec::<String>::new());
        assert_eq!(marked("서울", false, "나는 서울에 산다"), ["서울"]);
        assert_eq!(marked("abc字", true, "abc字典"), ["abc字"]);
    }
}
