//! Detects passwords that an attacker would try first.
//!
//! Owns the estimate of how common a password is. It must not hash or store passwords.

use zxcvbn::matching::patterns::MatchPattern;
use zxcvbn::{Entropy, Score};

/// Only this many characters are examined; more cannot make a password more common.
const LOOKED_AT: usize = 48;
/// Bound on the estimate's work: characters squared times readings. It keeps the estimate cheaper than hashing.
const WORK: usize = 8 * LOOKED_AT * LOOKED_AT;
/// Signs that can be read as a letter, by letter (zxcvbn's table).
const SIGNS: [&str; 12] = ["4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"];
/// The letters, in the same order.
const LETTERS: [char; 12] = ['a', 'b', 'c', 'e', 'g', 'i', 'l', 'o', 's', 't', 'x', 'z'];
/// Words missing in zxcvbn's English lists: the product's name, and "password" and keyboard rows in other languages.
const WORDS: [&str; 24] = [
    "parlor",
    "parlour",
    "пароль",
    "йцукен",
    "привет",
    "qwertz",
    "azerty",
    "azertyuiop",
    "motdepasse",
    "passwort",
    "kennwort",
    "hallo",
    "contraseña",
    "contrasena",
    "senha",
    "salasana",
    "haslo",
    "hasło",
    "parola",
    "wachtwoord",
    "kodeord",
    "lösenord",
    "şifre",
    "パスワード",
];
/// Maximum length of a dictionary word.
const WORD: usize = 20;
/// Minimum number of guesses, as a power of ten, for a dictionary word with digits and signs around it.
const AROUND_A_WORD: f64 = 9.0;
/// Minimum length of a name to look for in a password.
const NAME: usize = 3;

/// Whether an attacker who knows `own`, the names of the user, would try this password early.
pub fn is_common(password: &str, own: &[&str]) -> bool {
    let start: String = password.chars().take(LOOKED_AT).collect();
    let names = names(own);
    let inputs: Vec<&str> = names.iter().map(String::as_str).chain(WORDS).collect();
    let estimate = estimate(&start, &inputs);
    // A single word, name or run such as `qwertyuiop`: attackers try lists of those first.
    let is_one_thing = match estimate.sequence() {
        [only] => match only.pattern {
            MatchPattern::Dictionary(_) => true,
            MatchPattern::Spatial(_) | MatchPattern::Sequence(_) | MatchPattern::Date(_) => estimate.score() <= Score::One,
            _ => false,
        },
        _ => false,
    };
    // Or fewer than a million guesses.
    is_one_thing
        || estimate.score() <= Score::One
        || estimate.guesses_log10() < AROUND_A_WORD && is_a_word_with_trimmings(&start, &inputs)
        || is_little_beside_names(&start, &names, &inputs)
}

/// `Summer2024!`, `123Admin`, `p@ssw0rd#1`: typical results of a rule that demands digits and signs.
fn is_a_word_with_trimmings(password: &str, inputs: &[&str]) -> bool {
    let is_trimming = |c: char| !c.is_alphabetic();
    let word = password.trim_end_matches(is_trimming);
    // zxcvbn maps each letter to one sign only; in `$5` both are an s.
    let cores = [word.to_owned(), word.trim_start_matches(is_trimming).to_owned(), as_letters(word)];
    cores.iter().any(|core| {
        let length = core.chars().count();
        (NAME..=WORD).contains(&length)
            && matches!(estimate(core, inputs).sequence(), [only] if matches!(only.pattern, MatchPattern::Dictionary(_)))
    })
}

/// Replaces each sign by the letter that it resembles.
fn as_letters(text: &str) -> String {
    let letter = |c: char| SIGNS.iter().position(|signs| signs.contains(c)).map_or(c, |at| LETTERS[at]);
    text.chars().map(letter).collect()
}

/// Whether the password is mostly the user's names or the product's: the rest alone would be too weak.
fn is_little_beside_names(password: &str, names: &[String], inputs: &[&str]) -> bool {
    let whole = password.to_lowercase();
    let mut rest = whole.clone();
    for name in names.iter().map(String::as_str).chain(["parlor"]) {
        rest = rest.replace(name, "");
    }
    rest != whole && estimate(&rest, inputs).score() <= Score::One
}

/// The user's names in lower case, longest first: as a whole, without separators, and each word.
fn names(own: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for name in own.iter().map(|name| name.to_lowercase()) {
        let words: Vec<_> = name.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        names.push(words.concat());
        names.extend(words);
        names.push(name);
    }
    names.retain(|name| name.chars().count() >= NAME);
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    names.dedup();
    names
}

/// Estimates the number of guesses. Trying all readings of a text full of signs can take seconds, so then each sign is read as
/// one letter.
fn estimate(text: &str, inputs: &[&str]) -> Entropy {
    if is_read_in_every_way(text) { zxcvbn::zxcvbn(text, inputs) } else { zxcvbn::zxcvbn(&as_letters(text), inputs) }
}

/// Whether there is time for all readings of a text.
fn is_read_in_every_way(text: &str) -> bool {
    readings(text) * text.chars().count().pow(2) <= WORK
}

/// The number of ways to read the signs of a text as letters.
fn readings(text: &str) -> usize {
    SIGNS.iter().map(|signs| signs.chars().filter(|&sign| text.contains(sign)).count().max(1)).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(password: &str) -> bool {
        is_common(password, &["ada.lovelace", "Countess Byron"])
    }

    #[test]
    fn what_everybody_tries_first_is_common() {
        for poor in [
            "password",
            "12345678",
            "qwertyui",
            "iloveyou",
            "lovelace",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "abcdefghijkl",
            "abcabcabcabc",
            "p@ssw0rd",
            "20011231",
            "1q2w3e4r5t",
            "zaq12wsx",
            "abc12345",
            "trustno1",
        ] {
            assert!(common(poor), "{poor:?}");
        }
    }

    #[test]
    fn a_common_word_with_digits_and_signs_is_common() {
        for poor in [
            "Password1!",
            "Summer2024!",
            "admin1234",
            "Welcome1",
            "Welcome123!",
            "Qwerty123!",
            "P@ssw0rd2024",
            "letmein!!",
            "Changeme123",
            "passw0rd123!",
            "November2023",
            "Liverpool1",
            "hunter2!",
            "swordfish9",
            "Hello123!",
            "Baseball99",
            "!Monkey2025!",
            "2024Summer!",
            "DRAGON_2024",
            "p@$$w0rd!!",
            "aaaaaaaa1!",
            "password-1234",
            "hunter2hunter2",
            "пароль123",
            "Passwort1!",
            "motdepasse1",
        ] {
            assert!(common(poor), "{poor:?}");
        }
    }

    #[test]
    fn ones_own_name_and_the_programs_are_common() {
        for poor in [
            "ada.lovelace",
            "ADA.lovelace",
            "adalovelace1815",
            "Lovelace1815",
            "l0velace!",
            "countess1",
            "Countess-Byron",
            "byron-byron-1",
            "Parlor2024!",
            "parlorparlor",
            "parlor-ada-1",
            "my-parlor",
        ] {
            assert!(common(poor), "{poor:?}");
        }
    }

    #[test]
    fn what_nobody_else_thinks_of_is_good() {
        for good in [
            "correct horse battery",
            "seven quiet harbours",
            "eleven slow lighthouses",
            "nine-Lives-of-tea",
            "пароль-для-ады-1843",
            "七つの静かな港です",
            "рыба-меч и чай",
            "Tr0ub4dor&3",
            "horse83749261",
            "blue-lantern-42",
            "long enough password",
            "  spaces around  ",
            "the parlor is full of tea",
            "xK9#mQ2$vL",
            &"seven quiet harbours, ".repeat(11),
        ] {
            assert!(!common(good), "{good:?}");
        }
    }

    #[test]
    fn a_password_full_of_signs_is_not_read_in_every_way() {
        assert_eq!((readings("password"), readings("p@ssw0rd"), readings("p@$5w0rd4")), (1, 1, 4));
        // All of its readings would take the estimator more than a second.
        let signs = "4@8({[<6935&#!1|0$57+7%2Zz".repeat(3);
        assert_eq!(readings(&signs), 576);
        assert!(!is_read_in_every_way(&signs) && is_read_in_every_way("p@$$w0rd"));
        assert!(!common(&signs));
        assert!(common("p@$$w0rd"), "a word with a few signs in it is still a word");
    }
}
