//! What is looked for: one word, the beginning of one, or words in a row.
//!
//! Owns what a piece of a query means, for the index and for a text alike: what the index finds is what a snippet marks.

use crate::fulltext::document::{FACET_PREFIX, facet};
use crate::fulltext::symbols;
use crate::fulltext::tokenizer::{Token, TokenKind, tokenize};

/// From how many characters on a word is found by its beginning.
const SHORTEST_BEGINNING: usize = 3;

/// What the index is required: a tree that each database writes in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// This word or mark.
    Exact(String),
    /// A word that begins so.
    Prefix(String),
    /// These words in a row; the last may be only the beginning of a word.
    Phrase(Vec<String>, bool),
    /// At least one of these.
    AnyOf(Vec<Expression>),
}

/// A piece of a query: words that stand next to each other in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    words: Vec<String>,
    /// Whether a text's word may go on where the last one ends.
    is_prefix: bool,
    /// Whether the last one is a single character of a script without spaces.
    is_character: bool,
    /// What is looked for instead of words: an emoji, another symbol, or some symbols in a row.
    symbol: Option<String>,
}

impl Term {
    /// What a piece of a query asks for; nothing, where it has no word. One in quotes means its words exactly.
    pub fn of(text: &str, is_quoted: bool) -> Option<Self> {
        let mut words = tokenize(text);
        // The pair before it has said it, and in a text the run may go on.
        words.pop_if(|word| word.kind == TokenKind::FinalCharacter);
        let last = words.last()?;
        let is_character = last.kind == TokenKind::SingleCharacter;
        let is_long = last.text.chars().count() >= SHORTEST_BEGINNING;
        let is_beginning = !is_quoted && words.len() == 1 && last.kind == TokenKind::Word && is_long;
        Some(Self {
            is_prefix: is_character || is_beginning,
            is_character,
            symbol: None,
            words: words.into_iter().map(|word| word.text).collect(),
        })
    }

    /// What a piece of a query without words asks for: each of its symbols.
    pub fn of_symbols(text: &str) -> impl Iterator<Item = Self> {
        let symbol =
            |symbol: &str| Self { words: Vec::new(), is_prefix: false, is_character: false, symbol: Some(symbol.to_owned()) };
        symbols::required(text).into_iter().map(symbol)
    }

    /// The symbol that is looked for, if it is no word.
    pub fn symbol(&self) -> Option<&str> {
        self.symbol.as_deref()
    }

    /// How the index is required for it.
    pub fn expression(&self) -> Expression {
        if let Some(symbol) = &self.symbol {
            return Expression::Exact(facet::symbol(symbol));
        }
        let [word] = &self.words[..] else { return Expression::Phrase(self.words.clone(), self.is_prefix) };
        if !self.is_prefix {
            return Expression::Exact(word.clone());
        }
        if self.is_character {
            return word
                .chars()
                .next()
                .map_or_else(|| Expression::Exact(word.clone()), |c| Expression::Exact(facet::character(c)));
        }
        if word.chars().count() == FACET_PREFIX {
            return Expression::AnyOf(vec![Expression::Exact(word.clone()), Expression::Exact(facet::prefix(word))]);
        }
        Expression::Prefix(word.clone())
    }

    /// Where it stands in a text that was cut into `words`: the bytes of each place, and whether it is there word for word.
    pub fn matches(&self, words: &[Token]) -> impl Iterator<Item = Match> {
        words.windows(self.words.len().max(1)).enumerate().filter_map(|(at, row)| {
            let (last, before) = self.words.split_last()?;
            let (its_last, its_before) = row.split_last()?;
            if !before.iter().zip(its_before).all(|(mine, its)| *mine == its.text) {
                return None;
            }
            let is_whole = *last == its_last.text;
            let is_there = is_whole || (self.is_prefix && its_last.text.starts_with(&**last));
            // A character alone is not all of the pair in which it stands.
            let end = if self.is_character && its_last.kind.is_run() { its_last.first_end } else { its_last.end };
            is_there.then_some(Match { start: row[0].start, end, at, is_whole: is_whole || self.is_character })
        })
    }
}

/// A place where a term stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its first byte.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How many words are before it.
    pub at: usize,
    /// Whether the text's word ends where the term's does.
    pub is_whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(term: &str, is_quoted: bool, text: &str) -> Vec<String> {
        let Some(term) = Term::of(term, is_quoted) else { return vec!["no term".into()] };
        term.matches(&tokenize(text)).map(|found| text[found.start..found.end].to_owned()).collect()
    }

    #[test]
    fn a_word_is_found_by_its_beginning() {
        assert_eq!(marked("obser", false, "The Observatory observes; observable."), ["Observatory", "observes", "observable"]);
        assert_eq!(marked("obser", true, "The Observatory"), Vec::<String>::new());
        assert_eq!(marked("at", false, "at attic"), ["at"]);
        assert_eq!(marked("CRÈME*", false, "crémerie"), ["crémerie"]);
        assert_eq!(marked("!?", false, "!?"), ["no term"]);
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
