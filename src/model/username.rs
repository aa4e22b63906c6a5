//! Usernames and display names.
//!
//! Owns which ones are valid. A `Username` is always valid.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::Profile;

use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Result};
use crate::model::lookalikes;
use crate::model::validate;

/// Maximum length of a display name in characters.
pub const NAME: usize = 64;
/// Maximum length of a username.
pub const USERNAME: usize = 32;

/// A valid username: 1–32 of `a-z 0-9 . _ -`, starting with a letter or digit, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Folds case and width with PRECIS (RFC 8265, section 3.3), then accepts only ASCII, so that no other letter can look like
    /// one of these.
    ///
    /// # Errors
    /// `invalid` for `username`.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = || {
            Error::invalid(
                "username",
                "Usernames can have up to 32 letters (a–z), numbers and . _ - and must start with a letter or number.",
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

    /// The username as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Equal for usernames that look alike.
    pub fn fold(&self) -> String {
        let [fold, _] = lookalikes::folds(self.as_str());
        fold
    }
}

/// Validates a display name: free text in one script; the username if empty. Whether it resembles another user's name is checked
/// elsewhere.
///
/// # Errors
/// `invalid` or `too_long`, for `name`.
pub fn display_name(text: &str, username: &Username) -> Result<String> {
    let refused = |why: &str| Err(Error::invalid("name", why));
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if !text.is_empty() && !validate::shows_something(text) {
        return refused("The name needs at least one visible character.");
    }
    let name = validate::line("name", text, NAME)?;
    if name.is_empty() {
        return Ok(username.as_str().to_owned());
    }
    // Includes the Braille blank. Plain spaces may repeat: pages show one.
    let is_space = |c: char| c.is_whitespace() || c == '\u{2800}';
    let is_odd = |c: char| is_space(c) && c != ' ';
    let is_doubled = |pair: (char, char)| is_space(pair.0) && is_space(pair.1) && (is_odd(pair.0) || is_odd(pair.1));
    if text.starts_with(is_odd) || text.ends_with(is_odd) || name.chars().zip(name.chars().skip(1)).any(is_doubled) {
        return refused("The name can’t start or end with special spaces, or have several in a row.");
    }
    if !lookalikes::is_single_script(&name) {
        return refused("The name can’t mix alphabets, such as Latin and Cyrillic.");
    }
    if names_another(&name, username) {
        return refused("The name can’t contain someone else’s @username.");
    }
    let words: Vec<_> = name.split(is_space).filter(|word| !word.is_empty()).collect();
    Ok(words.join(" "))
}

/// Whether a name contains another user's `@username`, in the form in which pages show usernames beside names.
fn names_another(name: &str, username: &Username) -> bool {
    let plain: String = name.nfkc().collect();
    let mut behind = plain.split('@').skip(1);
    behind.any(|word| {
        let word: String = word.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-')).collect();
        !word.is_empty() && !Username::parse(&word).is_ok_and(|own| own == *username)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_seen_and_is_of_one_writing() {
        let ada = Username::parse("ada").unwrap();
        for (given, kept) in [
            ("", "ada"),
            ("   ", "ada"),
            (" Ada  Lovelace ", "Ada Lovelace"),
            ("山田\u{3000}太郎", "山田 太郎"),
            ("Ada\u{A0}L.", "Ada L."),
            ("Ada (@ada)", "Ada (@ada)"),
            ("Ada @ work", "Ada @ work"),
            ("👩\u{200D}🚀 Ada", "👩\u{200D}🚀 Ada"),
            ("محمد", "محمد"),
        ] {
            assert_eq!(display_name(given, &ada).unwrap(), kept);
        }
        for odd in [
            "\u{3164}",
            "\u{2800}",
            "\u{115F}",
            "\u{1160}",
            "\u{17B4}",
            "\u{FFA0}",
            "\u{FE0F}",
            "\u{E0041}",
            "\u{301}",
            "\u{200D}",
            "\u{A0}",
            "\u{3000}",
            "\u{2003}\u{2800}",
            "\u{A0}Ada",
            "Ada\u{2800}",
            "Ada\u{3000}",
            "Ada \u{A0}Lovelace",
            "Ada\u{2003}\u{2003}Lovelace",
            "A\u{3164}da",
            "Adа",
            "Ada Лавлейс",
            "Ada @grace",
            "＠grace",
            "Ada\u{200B}",
            "Ada\u{AD}",
        ] {
            let error = display_name(odd, &ada).unwrap_err();
            assert_eq!((error.code(), error.field()), ("invalid", Some("name")), "{}", odd.escape_unicode());
        }
        assert_eq!(display_name(&"é".repeat(65), &ada).unwrap_err().code(), "too_long");
    }

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
