//! Validation of input.
//!
//! Owns the limits on free text and the refusals. It must not render or store.

use unicode_normalization::char::is_combining_mark;

use crate::error::{Error, Result};

/// Maximum length of a room's name, in characters.
pub const ROOM_NAME: usize = 64;
/// Maximum length of a topic, in characters.
pub const TOPIC: usize = 250;
/// Maximum length of a nonce, in characters.
const NONCE: usize = 64;

/// Validates a message: not blank, not too long, no NUL. Line ends become `\n`.
///
/// # Errors
/// `invalid` or `too_long`, for `body`.
pub fn body(text: &str, limit: usize) -> Result<String> {
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() };
    if !shows_something(&text) {
        return Err(empty_body());
    }
    no_nul("body", &text)?;
    // A character has at least one byte: most texts need no counting.
    if text.len() > limit && text.chars().count() > limit {
        return Err(Error::TooLong { field: "body", limit });
    }
    Ok(text)
}

/// The refusal of an empty text.
pub fn empty_body() -> Error {
    Error::invalid("body", "Message can’t be empty.")
}

/// Validates the text of a message with files, which may be empty.
///
/// # Errors
/// As [`body`].
pub fn caption(text: &str, limit: usize) -> Result<String> {
    if shows_something(text) { body(text, limit) } else { Ok(String::new()) }
}

/// Validates one line of free text: trimmed, without control, invisible or bidirectional characters; empty or visible.
///
/// # Errors
/// `invalid` or `too_long`, for `field`.
pub fn line(field: &'static str, text: &str, limit: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > limit {
        return Err(Error::TooLong { field, limit });
    }
    if let Some(odd) = hidden(text) {
        return Err(Error::invalid(field, format!("Remove the invisible character U+{:04X}.", odd as u32)));
    }
    if !text.is_empty() && !shows_something(text) {
        return Err(Error::invalid(field, "Add at least one visible character."));
    }
    Ok(text.to_owned())
}

/// Validates a room's name: one line, not empty.
///
/// # Errors
/// `invalid` or `too_long`, for `name`.
pub fn room_name(text: &str) -> Result<String> {
    let name = line("name", text, ROOM_NAME)?;
    if name.is_empty() {
        return Err(Error::invalid("name", "Enter a room name."));
    }
    Ok(name)
}

/// A slug from a room's name: 1 to 48 of `a-z 0-9 -`. It is not unique yet.
pub fn slug(name: &str) -> String {
    let mut slug = slug::slugify(name);
    slug.truncate(48);
    // The cut may have been between two words.
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() {
        slug.push_str("room");
    }
    slug
}

/// Validates a nonce: 1 to 64 visible characters.
///
/// # Errors
/// `invalid` for `nonce`.
pub fn nonce(text: &str) -> Result<String> {
    if text.is_empty() || text.chars().count() > NONCE || text.chars().any(char::is_control) {
        return Err(Error::invalid("nonce", "A nonce has 1 to 64 characters."));
    }
    Ok(text.to_owned())
}

/// Validates an emoji of Unicode's list.
///
/// # Errors
/// `invalid` for `emoji`.
pub fn emoji(text: &str) -> Result<String> {
    emojis::get(text).map(|emoji| emoji.as_str().to_owned()).ok_or_else(|| Error::invalid("emoji", "That’s not an emoji."))
}

/// Refuses NUL, which Postgres cannot store: where text comes in, and in messages, which other services write too.
///
/// # Errors
/// `invalid` for `field`.
pub fn no_nul(field: &'static str, text: &str) -> Result<()> {
    if text.contains('\0') { Err(Error::invalid(field, "Remove the invisible character U+0000.")) } else { Ok(()) }
}

/// Whether a text shows anything: not only spaces, invisible characters, and combining marks without a base. HTML entities count
/// as the characters that they stand for.
pub fn shows_something(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(is_visible) {
        match blank_entity(&rest[at..]) {
            Some(length) => rest = &rest[at + length..],
            None => return true,
        }
    }
    false
}

/// The length of the entity at the start of a text, if it stands for something invisible.
fn blank_entity(text: &str) -> Option<usize> {
    let name = text.strip_prefix('&')?;
    let end = name.bytes().take(32).position(|b| b == b';')?;
    let name = &name[..end];
    let is_blank = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            !is_visible(char::from_u32(code.ok()?)?)
        }
        None => BLANK_ENTITIES.contains(&name),
    };
    is_blank.then_some(end + 2)
}

/// HTML entities for invisible characters.
const BLANK_ENTITIES: [&str; 35] = [
    "ApplyFunction",
    "InvisibleComma",
    "InvisibleTimes",
    "MediumSpace",
    "NegativeMediumSpace",
    "NegativeThickSpace",
    "NegativeThinSpace",
    "NegativeVeryThinSpace",
    "NewLine",
    "NoBreak",
    "NonBreakingSpace",
    "Tab",
    "ThickSpace",
    "ThinSpace",
    "VeryThinSpace",
    "ZeroWidthSpace",
    "af",
    "emsp",
    "emsp13",
    "emsp14",
    "ensp",
    "hairsp",
    "ic",
    "it",
    "lrm",
    "nbsp",
    "numsp",
    "puncsp",
    "rlm",
    "shy",
    "thinsp",
    "zwj",
    "zwnj",
    "NBSP",
    "SHY",
];

fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_graphic();
    }
    // The Braille blank, the null notehead, and interlinear and hieroglyphic format characters.
    let is_blank = matches!(c, '\u{2800}' | '\u{1D159}' | '\u{FFF9}'..='\u{FFFB}' | '\u{13430}'..='\u{13455}');
    !(c.is_whitespace() || c.is_control() || is_blank || is_ignorable(c) || is_combining_mark(c))
}

/// A text that cannot be refused, such as a page's title, without hidden characters.
pub fn without_hidden(text: &str) -> String {
    let mut is_hidden = is_hidden();
    text.chars().filter(|&c| !is_hidden(c)).collect()
}

/// The first hidden character.
fn hidden(text: &str) -> Option<char> {
    let mut is_hidden = is_hidden();
    text.chars().find(|&c| is_hidden(c))
}

/// Finds hidden characters among those of a text: control and bidirectional characters (see UTS #55), and those with no glyph. Joiners and
/// variation selectors are allowed where they affect another character, and tag letters after a flag.
fn is_hidden() -> impl FnMut(char) -> bool {
    let mut before = None;
    move |c| {
        let is_hidden = match c {
            '\u{200D}' | '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
                before.is_none_or(|before: char| before.is_ascii_alphabetic() || before.is_whitespace() || before == '\u{2800}')
            }
            '\u{E0020}'..='\u{E007F}' => before != Some('\u{1F3F4}'),
            '\u{2028}' | '\u{2029}' => true,
            _ => c.is_control() || is_ignorable(c),
        };
        if !is_ignorable(c) {
            before = Some(c);
        }
        is_hidden
    }
}

/// Unicode's Default_Ignorable_Code_Point: without a glyph unless a font knows better.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
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

    /// Texts that show nothing, each for a different reason.
    const BLANK: [&str; 22] = [
        " ",
        "\u{A0}",
        "\u{3000}\u{2003}",
        "\u{3164}",
        "\u{2800}\u{2800}",
        "\u{115F}",
        "\u{1160}",
        "\u{17B4}",
        "\u{17B5}",
        "\u{FFA0}",
        "\u{FE0F}",
        "\u{E0100}",
        "\u{E0041}\u{E007F}",
        "\u{200B}",
        "\u{200D}\u{200C}",
        "\u{AD}",
        "\u{34F}",
        "\u{301}",
        "\u{20DD}",
        "\u{180E}",
        "\u{1D173}",
        " \u{2800}\u{301}\u{3164}\n\u{FEFF}",
    ];

    #[test]
    fn what_shows_nothing_is_no_words() {
        for blank in BLANK {
            assert_eq!(body(blank, 10).unwrap_err().field(), Some("body"), "{}", blank.escape_unicode());
            for field in ["name", "topic", "status"] {
                assert!(
                    line(field, blank, 64).is_ok_and(|line| line.is_empty()) == blank.trim().is_empty(),
                    "{}",
                    blank.escape_unicode()
                );
            }
            assert!(room_name(blank).is_err(), "{}", blank.escape_unicode());
            assert_eq!(body(&format!("{blank}a"), 10).unwrap(), format!("{blank}a"));
        }
        for shown in ["a", ".", "é", "e\u{301}", "🦊", "👩\u{200D}🚀", "नि", "ا", "\u{2801}", "½", "─"] {
            body(shown, 10).unwrap();
            assert_eq!(line("name", shown, 10).unwrap(), shown);
        }
    }

    #[test]
    fn the_names_of_what_cannot_be_seen_are_no_words() {
        for blank in [
            "&#8203;",
            "&#x200B;",
            "&#X2800;",
            "&nbsp;",
            "&ZeroWidthSpace;",
            "&emsp;&ensp; &#32;",
            "&shy;\n&zwj;",
            " &#12644; ",
            "&#x3164;&nbsp;",
            "&#0160;",
            "&NoBreak;",
        ] {
            assert_eq!(body(blank, 100).unwrap_err().field(), Some("body"), "{blank}");
            assert_eq!(line("name", blank, 64).unwrap_err().field(), Some("name"), "{blank}");
            assert!(room_name(blank).is_err(), "{blank}");
        }
        for shown in
            ["&", "&#65;", "&nbsp", "&nbsp;a", "&amp;", "& ;", "&#;", "&#xzz;", "&#99999999;", "&unknown;", "&#8203; .", "&;"]
        {
            body(shown, 100).unwrap();
        }
    }

    #[test]
    fn a_line_has_joiners_only_where_they_join() {
        for shown in [
            "👩\u{200D}🚀",
            "❤\u{FE0F}",
            "❤\u{FE0F}\u{200D}🔥",
            "1\u{FE0F}\u{20E3}",
            "葛\u{E0100}城",
            "क\u{94D}\u{200D}ष",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        ] {
            assert_eq!(line("name", shown, 64).unwrap(), shown);
        }
        for hiding in [
            "Ada\u{200D}",
            "A\u{FE0F}da",
            "\u{200D}Ada",
            "A da \u{E0100}",
            "Ada\u{E0041}",
            "Ada\u{AD}",
            "a\u{3164}b",
            "a\u{115F}",
            "a\u{180E}b",
            "🦊\u{E0041}",
        ] {
            assert_eq!(line("name", hiding, 64).unwrap_err().field(), Some("name"), "{}", hiding.escape_unicode());
        }
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
