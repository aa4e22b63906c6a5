//! What the scanner needs to know about a language.
//!
//! Owns the lookup by name; `table` has the languages.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::LazyLock;

use super::table::LANGUAGES;

/// How a language is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words, strings, numbers and comments.
    Code,
    /// Tags with attributes.
    Markup,
    /// Added and deleted lines.
    Diff,
}

/// A language.
#[derive(Debug)]
pub struct Language {
    /// Its names.
    pub names: &'static [&'static str],
    /// How it is scanned.
    pub kind: Kind,
    /// Keywords, separated by spaces.
    pub keywords: &'static str,
    /// Built-in types and constants, separated by spaces.
    pub types: &'static str,
    /// What starts a comment to the end of the line.
    pub line_comments: &'static [&'static str],
    /// What starts and ends a block comment.
    pub block_comment: Option<(&'static str, &'static str)>,
    /// What starts and ends a string, and whether it may span lines. Longer delimiters first.
    pub strings: &'static [(&'static str, &'static str, bool)],
    /// Further traits.
    pub traits: Traits,
}

/// Further traits of a language.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Keywords ignore case.
    pub ignores_case: bool,
    /// Capitalized words are types.
    pub capitals_are_types: bool,
    /// `'a` without a closing quote is not a string.
    pub has_lifetimes: bool,
    /// Comments start only after a space.
    pub spaced_comments: bool,
    /// Words may contain hyphens, and a word before `:` or `=` is a key.
    pub has_keys: bool,
    /// The sign before a variable, attribute or directive: `@`, `$` or `#`.
    pub sigil: Option<u8>,
}

/// A language with word sets for fast lookup.
pub struct Known {
    language: &'static Language,
    keywords: HashSet<&'static str>,
    types: HashSet<&'static str>,
}

impl Known {
    fn new(language: &'static Language) -> Self {
        let words = |list: &'static str| list.split_whitespace().collect();
        Self { language, keywords: words(language.keywords), types: words(language.types) }
    }

    /// Whether this is a keyword.
    pub fn is_keyword(&self, word: &str) -> bool {
        self.is_in(&self.keywords, word)
    }

    /// Whether this is a built-in type or constant.
    pub fn is_type(&self, word: &str) -> bool {
        self.is_in(&self.types, word)
    }

    fn is_in(&self, list: &HashSet<&'static str>, word: &str) -> bool {
        if self.traits.ignores_case { list.contains(&*word.to_ascii_lowercase()) } else { list.contains(word) }
    }
}

impl Deref for Known {
    type Target = Language;

    fn deref(&self) -> &Language {
        self.language
    }
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| LANGUAGES.iter().map(Known::new).collect());

/// Finds a language by name.
pub fn language(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|language| language.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}
