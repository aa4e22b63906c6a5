//! Names that people choose.
//!
//! Owns what a username and a display name may be. An invalid one cannot exist: whoever holds one holds a checked one.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::Profile;

use crate::chat::text;
use crate::error::{Error, Result};

/// How long a display name may be, in characters.
pub const NAME: usize = 64;
/// How long a username may be.
pub const USERNAME: usize = 32;

/// A unique name: 1–32 of `a-z 0-9 . _ -`, beginning with a letter or digit, in the one form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Folds case and width as PRECIS has it (RFC 8265, section 3.3), then takes only the plain alphabet: no other letter can look
    /// like one of these.
    ///
    /// # Errors
    /// `invalid`, for `username`.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = || {
            Error::invalid(
                "username",
                "A username has 1 to 32 of the letters a-z, digits, and . _ - and begins with a letter or digit.",
            )
        };
        let folded = UsernameCaseMapped::new().enforce(text.trim()).map_err(|_| refused())?;
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        let begins_well = folded.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if begins_well && folded.len() <= USERNAME && folded.bytes().all(is_plain) {
            Ok(Self(folded.into_owned()))
        } else {
            Err(refused())
        }
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name to show: free text; the username when there is none.
///
/// # Errors
/// `invalid` or `too_long`, for `name`.
pub fn display_name(text: &str, username: &Username) -> Result<String> {
    let name = text::line("name", text, NAME)?;
    Ok(if name.is_empty() { username.as_str().to_owned() } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_width_do_not_tell_two_names_apart() {
        for same in ["ada", "Ada", "ADA", " ada ", "ａｄａ"] {
            assert_eq!(Username::parse(same).unwrap().as_str(), "ada", "{same}");
        }
        assert_eq!(Username::parse("a.b_c-9").unwrap().as_str(), "a.b_c-9");
    }

    #[test]
    fn what_looks_like_another_name_is_refused() {
        let odd = [
            "",
            "-ada",
            ".ada",
            "a da",
            "ad\0a",
            "ådå",
            "a/b",
            "a\nda",
            "\u{430}dmin",           // Cyrillic а
            "adm\u{456}n",           // Cyrillic і
            "\u{3B1}dmin",           // Greek α
            "admin\u{200D}",         // joiner
            "ad\u{200C}min",         // non-joiner
            "ad\u{200B}min",         // zero-width space
            "\u{202E}nimda",         // right-to-left override
            "\u{2066}admin\u{2069}", // isolate
            "admin\u{301}",          // combining acute
            "adm\u{131}n",           // dotless i
            "adm\u{130}n",           // dotted capital I
            "\u{FEFF}admin",         // byte-order mark
            "admin\u{AD}",           // soft hyphen
            "\u{1D41A}dmin",         // mathematical bold a
            "\u{24D0}dmin",          // circled a
        ];
        for odd in odd.into_iter().chain([&*"a".repeat(33), &*"a".repeat(100_000)]) {
            assert_eq!(Username::parse(odd).unwrap_err().field(), Some("username"), "{odd:?}");
        }
    }

    #[test]
    fn a_display_name_hides_nothing() {
        let ada = Username::parse("ada").unwrap();
        assert_eq!(display_name("", &ada).unwrap(), "ada");
        assert_eq!(display_name("Ada Lovelace", &ada).unwrap(), "Ada Lovelace");
        assert_eq!(display_name("Ada\u{202E}ecalevoL", &ada).unwrap_err().field(), Some("name"));
        assert_eq!(display_name(&"x".repeat(65), &ada).unwrap_err().code(), "too_long");
    }
}
