//! When two rooms have the same name.

use unicode_normalization::UnicodeNormalization;

use crate::error::Error;

/// The form in which room names are compared: without differences in case and whitespace, except in names that look like code.
pub fn fold(name: &str) -> String {
    let plain: String = name.nfkc().collect();
    let plain = if plain.contains(['(', '[', '{', '<', '=', ';', '/', '\\']) { plain } else { plain.to_lowercase() };
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The refusal of a name.
pub fn taken(other: &str) -> Error {
    Error::invalid("name", format!("There’s already a room called {other}. Choose another name."))
}
