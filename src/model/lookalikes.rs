//! Names that readers may confuse.
//!
//! Owns when two names are confusable (UTS 39), and which usernames are reserved. It must not know who has which name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_script::Script;
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

/// Mentions, or words of a sentence: reserved for everybody.
const RESERVED_WORDS: [&str; 7] = ["all", "channel", "everybody", "everyone", "here", "me", "room"];
/// Names of the server or its operators: allowed only through the set-up link and at the command line.
const RESERVED_ROLES: [&str; 21] = [
    "abuse",
    "admin",
    "administration",
    "administrator",
    "admins",
    "helpdesk",
    "hostmaster",
    "moderation",
    "moderator",
    "moderators",
    "noreply",
    "official",
    "parlor",
    "postmaster",
    "root",
    "security",
    "staff",
    "support",
    "sysadmin",
    "system",
    "webmaster",
];

/// Equal for names that look the same, ignoring case, accents, spaces and signs; used to warn readers. It is also equal for some
/// names that are merely similar, which is harmless.
pub fn look(name: &str) -> String {
    let folded = folds(name)[1].replace('i', "l");
    let letters: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    if letters.is_empty() { folded } else { letters }
}

/// What a name has in common with the usernames that it resembles: as read in lower case, and as it looks.
pub fn folds(name: &str) -> [String; 2] {
    let lower = |text: &str| text.to_lowercase();
    let skeleton_of = |text: &str| skeleton(text).collect::<String>();
    let plain: String = name.trim().trim_start_matches('@').nfkc().collect();
    // A second round, because a capital may look like another letter, whose lower case has a skeleton of its own.
    [lower(&skeleton_of(&lower(&plain))), lower(&skeleton_of(&lower(&skeleton_of(&plain))))]
}

/// Whether a username is reserved for everybody.
pub fn is_reserved_word(username: &str) -> bool {
    RESERVED_WORDS.contains(&username)
}

/// Whether a name looks like that of an official role.
pub fn is_reserved_role(name: &str) -> bool {
    let look = look(name);
    RESERVED_ROLES.iter().any(|role| self::look(role) == look)
}

/// Whether the letters of a name belong to scripts that are used together: UTS 39's moderately restrictive level, applied to
/// letters only. Digits, signs and emoji belong to every script.
pub fn is_single_script(name: &str) -> bool {
    let letters = || name.nfkc().filter(|&c| c.is_alphabetic() || is_combining_mark(c));
    let (mut all, mut beside_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for letter in letters() {
        let scripts = AugmentedScriptSet::for_char(letter);
        all.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            beside_latin.intersect_with(scripts);
        }
    }
    if !all.is_empty() || beside_latin.hanb || beside_latin.jpan || beside_latin.kore {
        return true;
    }
    let mut scripts = beside_latin.base.iter();
    match (scripts.next(), scripts.next()) {
        (Some(only), None) => only.is_recommended() && !matches!(only, Script::Cyrillic | Script::Greek),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::username::Username;

    fn is_taken_for(name: &str, username: &str) -> bool {
        folds(name).contains(&Username::parse(username).unwrap().fold())
    }

    #[test]
    fn a_name_is_taken_for_the_username_that_it_looks_like() {
        for (name, username) in [
            ("Ada", "ada"),
            ("ADA", "ada"),
            ("@ada", "ada"),
            ("Ａｄａ", "ada"),
            ("𝒜𝒹𝒶", "ada"),
            ("асе", "ace"),
            ("AdaI", "adal"),
            ("Ada1", "adal"),
            ("ada1", "adal"),
            ("Adarn", "adam"),
            ("ADAM", "adam"),
            ("B0b", "bob"),
            ("ada\u{200D}", "ada"),
            ("ⓐⓓⓐ", "ada"),
            ("grace․h", "grace.h"),
        ] {
            assert!(is_taken_for(name, username), "{name} {:?} {:?}", folds(name), Username::parse(username));
        }
        for (name, username) in [
            ("Ada Lovelace", "ada"),
            ("Ada Lovelace", "ada.lovelace"),
            ("Ådå", "ada"),
            ("Adam", "ada"),
            ("Ali", "all"),
            ("李", "li"),
        ] {
            assert!(!is_taken_for(name, username), "{name}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_found_by_their_look() {
        for (one, other) in [
            ("Ada Lovelace", "ada  lovelace"),
            ("Ada Lovelace", "Adа Lоvelасe"),
            ("Ada Lovelace", "Áda-Lovelace!"),
            ("AdaI", "Adal"),
            ("ADAI", "adai"),
            ("Ali", "AlI"),
            ("Adam", "Adarn"),
            ("🦊", "🦊"),
            ("Jose\u{301}", "José"),
        ] {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        assert_ne!(look("🦊"), look("🐻"));
        assert_ne!(look("Ada Lovelace"), look("Ada Byron"));
        assert_ne!(look("李"), look("王"));
    }

    #[test]
    fn letters_of_different_scripts_do_not_mix() {
        for whole in [
            "Ada Lovelace",
            "José Núñez",
            "Иван 3",
            "Αδα",
            "山田 太郎",
            "山田 Taro",
            "ジョン Smith さん",
            "김철수 Kim",
            "नमस्ते Ada",
            "محمد Ali",
            "Ada 🦊 ★ 42%",
            "Ada™",
            "𝒜da",
            "ᎠᏓ",
            "",
            "★",
            "1234",
            "Mr. T (he/him)",
            "Kaʻiulani",
            "Łukasz O’Neil",
            "Zoë ½",
        ] {
            assert!(is_single_script(whole), "{whole}");
        }
        for mixed in ["Adа", "pаypal", "Ada Лавлейс", "Αda", "βeta Ada", "ᎪᎠa", "Ада Αδα", "한か", "नमस्ते かな"]
        {
            assert!(!is_single_script(mixed), "{mixed}");
        }
    }

    #[test]
    fn offices_are_known_however_they_are_spelled() {
        for role in [
            "admin",
            "Admin",
            "adm1n",
            "a.d.m.i.n",
            "_admin_",
            "ADMIN",
            "Mоderator",
            "r00t",
            "supp0rt",
            "System",
            "Parlor",
            "Administrator",
        ] {
            assert!(is_reserved_role(role), "{role}");
        }
        for other in ["ada", "adminton", "Modesty", "Robot", "Helper", "Rooty", "Abbot"] {
            assert!(!is_reserved_role(other), "{other}");
        }
        assert!(is_reserved_word("here") && !is_reserved_word("ali"));
    }
}
