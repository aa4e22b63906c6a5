//! What a scanner has to know of a language.
//!
//! Owns the finding of a language by its name. Which there are is in `table`.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::LazyLock;

use super::table::LANGUAGES;

/// How a language is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words, strings, numbers and comments.
    Code,
    /// Tags with attributes.
    Markup,
    /// Lines that were added and deleted.
    Diff,
}

/// A language.
#[derive(Debug)]
pub struct Language {
    /// What people call it.
    pub names: &'static [&'static str],
    /// How it is read.
    pub kind: Kind,
    /// Its keywords, with spaces between.
    pub keywords: &'static str,
    /// Its own types and constants, with spaces between.
    pub types: &'static str,
    /// What begins a comment that goes to the end of the line.
    pub line_comments: &'static [&'static str],
    /// What begins and ends a longer one.
    pub block_comment: Option<(&'static str, &'static str)>,
    /// What begins and ends a string, and whether it may have more than one line. Longer ones first.
    pub strings: &'static [(&'static str, &'static str, bool)],
    /// What else matters.
    pub traits: Traits,
}

/// What else matters of a language.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Capitals do not matter in keywords.
    pub ignores_case: bool,
    /// A word that begins with a capital is a type.
    pub capitals_are_types: bool,
    /// `'a` alone is no string.
    pub has_lifetimes: bool,
    /// A comment begins only after a space.
    pub spaced_comments: bool,
    /// Words may have hyphens in them, and one before `:` or `=` is a key.
    pub has_keys: bool,
    /// What begins a word that is a variable, an attribute or an instruction: `@`, `$` or `#`.
    pub sigil: Option<u8>,
}

/// A language with its words where they are found quickly.
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

    /// Whether it has this keyword.
    pub fn is_keyword(&self, word: &str) -> bool {
        self.is_in(&self.keywords, word)
    }

    /// Whether it has this type or constant of its own.
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

/// The language that somebody calls `name`.
pub fn language(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|language| language.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}
