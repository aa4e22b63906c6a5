//! Search terms: a word, a prefix, or a phrase.
//!
//! Owns how a token of a query matches the index and a text, so that a snippet marks what the index finds.

use crate::fulltext::document::{FACET_PREFIX, facet};
use crate::fulltext::symbols;
use crate::fulltext::tokenizer::{Token, TokenKind, tokenize};

/// Minimum length of a word that matches as a prefix.
const SHORTEST_BEGINNING: usize = 3;

/// An index query, which each database writes in its own syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A word or facet.
    Exact(String),
    /// A word that starts like this.
    Prefix(String),
    /// Consecutive words; the last one may be a prefix.
    Phrase(Vec<String>, bool),
    /// At least one of these.
    AnyOf(Vec<Expression>),
}

/// A term of a query: consecutive words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    words: Vec<String>,
    /// Whether the last word is a prefix.
    is_prefix: bool,
    /// Whether the last word is a single character of a script without spaces.
    is_character: bool,
    /// An emoji or other symbol, instead of words.
    symbol: Option<String>,
}

impl Term {
    /// The term of a token; `None` if it contains no word. A quoted token matches exactly.
    pub fn of(text: &str, is_quoted: bool) -> Option<Self> {
        let mut words = tokenize(text);
        // The bigram before it covers it, and in a text the run may continue.
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

    /// The symbols of a token without words.
    pub fn of_symbols(text: &str) -> impl Iterator<Item = Self> {
        let symbol =
            |symbol: &str| Self { words: Vec::new(), is_prefix: false, is_character: false, symbol: Some(symbol.to_owned()) };
        symbols::required(text).into_iter().map(symbol)
    }

    /// The symbol, if the term is one.
    pub fn symbol(&self) -> Option<&str> {
        self.symbol.as_deref()
    }

    /// The index query of the term.
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

    /// The matches in a tokenized text.
    pub fn matches(&self, words: &[Token]) -> impl Iterator<Item = Match> {
        words.windows(self.words.len().max(1)).enumerate().filter_map(|(at, row)| {
            let (last, before) = self.words.split_last()?;
            let (its_last, its_before) = row.split_last()?;
            if !before.iter().zip(its_before).all(|(mine, its)| *mine == its.text) {
                return None;
            }
            let is_whole = *last == its_last.text;
            let is_there = is_whole || (self.is_prefix && its_last.text.starts_with(&**last));
            // A single character matches half of a bigram.
            let end = if self.is_character && its_last.kind.is_run() { its_last.first_end } else { its_last.end };
            is_there.then_some(Match { start: row[0].start, end, at, is_whole: is_whole || self.is_character })
        })
    }
}

/// A match of a term in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its first byte.
    pub start: usize,
    /// Its end.
    pub end: usize,
    /// The index of its first token.
    pub at: usize,
    /// Whether it ends at the end of a word.
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
