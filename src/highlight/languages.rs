//! What the scanner needs to know about a language.
//!
//! Owns the lookup by name; `table` has the languages.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::LazyLock;

use super::table::{LANGUAGES, Language};

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
