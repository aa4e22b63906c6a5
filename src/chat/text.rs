//! What people type, checked before anything else sees it.
//!
//! Owns the limits and the refusals of free text. It must not render or store.

use crate::error::{Error, Result};

/// How long a room's name may be, in characters.
pub const ROOM_NAME: usize = 64;
/// How long a room's topic may be, in characters.
pub const TOPIC: usize = 250;
/// How long a nonce may be, in characters.
const NONCE: usize = 64;

/// A message's body: not empty, not too long, no NUL. A form's line ends become `\n`.
///
/// # Errors
/// `invalid` or `too_long`, for the field `body`.
pub fn body(text: &str, limit: usize) -> Result<String> {
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() };
    if text.trim().is_empty() {
        return Err(Error::invalid("body", "Write something first."));
    }
    no_nul("body", &text)?;
    // A character has at least one byte: most texts need no counting.
    if text.len() > limit && text.chars().count() > limit {
        return Err(Error::TooLong { field: "body", limit });
    }
    Ok(text)
}

/// One line of free text: trimmed, no control, invisible or direction-changing characters.
///
/// # Errors
/// `invalid` or `too_long`, for `field`.
pub fn line(field: &'static str, text: &str, limit: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > limit {
        return Err(Error::TooLong { field, limit });
    }
    if let Some(odd) = text.chars().find(|&c| is_hidden(c)) {
        return Err(Error::invalid(field, format!("It must not contain the invisible character U+{:04X}.", odd as u32)));
    }
    Ok(text.to_owned())
}

/// A room's name: one line, not empty.
///
/// # Errors
/// `invalid` or `too_long`, for `name`.
pub fn room_name(text: &str) -> Result<String> {
    let name = line("name", text, ROOM_NAME)?;
    if name.is_empty() {
        return Err(Error::invalid("name", "Give the room a name."));
    }
    Ok(name)
}

/// What the URL of a new room begins with, made from the room's name: 1 to 48 of `a-z 0-9 -`. It is not unique yet.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = slug::slugify(name);
    slug.truncate(48);
    // Where it was cut may have been between two words.
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() {
        slug.push_str("room");
    }
    slug
}

/// A nonce: 1 to 64 visible characters.
///
/// # Errors
/// `invalid`, for `nonce`.
pub fn nonce(text: &str) -> Result<String> {
    if text.is_empty() || text.chars().count() > NONCE || text.chars().any(char::is_control) {
        return Err(Error::invalid("nonce", "A nonce has 1 to 64 characters."));
    }
    Ok(text.to_owned())
}

/// One emoji, as Unicode lists them.
///
/// # Errors
/// `invalid`, for `emoji`.
pub fn emoji(text: &str) -> Result<String> {
    emojis::get(text).map(|emoji| emoji.as_str().to_owned()).ok_or_else(|| Error::invalid("emoji", "This is not an emoji."))
}

/// Text that both databases can store.
///
/// # Errors
/// `invalid`, for `field`.
pub fn no_nul(field: &'static str, text: &str) -> Result<()> {
    if text.contains('\0') { Err(Error::invalid(field, "It must not contain the NUL character.")) } else { Ok(()) }
}

/// Control characters, and those that reorder or hide what a reader sees (Unicode's bidirectional controls and zero-width
/// characters; see UTS #55).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_not_empty_not_too_long_and_has_no_nul() {
        assert_eq!(body("a\r\nb", 10).unwrap(), "a\nb");
        assert_eq!(body("ééé", 3).unwrap(), "ééé");
        assert_eq!(body("  \n", 10).unwrap_err().code(), "invalid");
        assert_eq!(body("a\0b", 10).unwrap_err().field(), Some("body"));
        assert_eq!(body("éééé", 3).unwrap_err().code(), "too_long");
    }

    #[test]
    fn a_line_hides_nothing() {
        assert_eq!(line("name", "  The observatory ", 64).unwrap(), "The observatory");
        assert_eq!(line("name", "a\u{202E}b", 64).unwrap_err().field(), Some("name"));
        assert_eq!(line("name", "a\nb", 64).unwrap_err().code(), "invalid");
    }

    #[test]
    fn a_slug_begins_and_ends_with_a_letter_or_digit() {
        assert_eq!(slug("The Observatory & Café"), "the-observatory-cafe");
        assert_eq!(slug("東京"), "dong-jing");
        assert_eq!(slug("!?"), "room");
        let cut = slug("a room whose name is cut off just where one word-ends and the next begins");
        assert_eq!(cut, "a-room-whose-name-is-cut-off-just-where-one-word");
        assert_eq!(slug(&format!("{} b", "a".repeat(47))), "a".repeat(47));
    }

    #[test]
    fn only_emoji_are_emoji() {
        assert_eq!(emoji("👍").unwrap(), "👍");
        assert_eq!(emoji("lol").unwrap_err().field(), Some("emoji"));
        assert_eq!(emoji("").unwrap_err().code(), "invalid");
    }
}
