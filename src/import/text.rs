//! What a text needs before it is a message here: other names in its mentions, and no more characters than a message has.
//!
//! Owns where such a name begins and ends, and where a long text is cut.

use std::collections::HashMap;

/// Replaces the names behind a sign, where they have another name here. A name ends before signs that usernames do not end with.
pub fn rename(text: &str, sign: char, names: &HashMap<String, String>) -> String {
    replace(text, (sign, sign), names)
}

/// The same, where names have another sign here: the second one.
pub fn replace(text: &str, (sign, here): (char, char), names: &HashMap<String, String>) -> String {
    if names.is_empty() || !text.contains(sign) {
        return text.to_owned();
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(sign) {
        let (before, after) = (&rest[..at], &rest[at + sign.len_utf8()..]);
        renamed.push_str(before);
        let last = renamed.chars().next_back();
        let follows_a_word = last.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '/' || c == sign);
        let end = after.find(|c| !is_of_name(c)).unwrap_or(after.len());
        let word = &after[..end];
        let mut words = [word, word.trim_end_matches(['.', '_', '-'])].into_iter().filter(|_| !follows_a_word);
        let found = words.find_map(|word| Some((word, names.get(&word.to_ascii_lowercase())?)));
        let (sign, name, word) = found.map_or((sign, "", ""), |(word, name)| (here, name.as_str(), word));
        renamed.push(sign);
        renamed.push_str(name);
        rest = &after[word.len()..];
    }
    renamed.push_str(rest);
    renamed
}

/// The text in pieces of at most so many characters, cut at the end of a line or a word where that is possible.
pub fn pieces(text: &str, most: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((limit, _)) = rest.char_indices().nth(most) {
        let head = &rest[..limit];
        // Not near the beginning: the pieces should be few.
        let cut = |at: Option<usize>| at.filter(|at| *at >= limit / 2).map(|at| at + 1);
        let end = cut(head.rfind('\n')).or_else(|| cut(head.rfind(' '))).unwrap_or(limit);
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_get_another_one() {
        let names = HashMap::from([("ada".to_owned(), "ada-2".to_owned()), ("a.b".to_owned(), "ab".to_owned())]);
        for (text, renamed) in [
            ("@ada", "@ada-2"),
            ("hi @Ada, and (@ada).", "hi @ada-2, and (@ada-2)."),
            ("@adam @ada.x mail@ada @@ada", "@adam @ada.x mail@ada @@ada"),
            ("@a.b... @ada-", "@ab... @ada-2-"),
            ("nobody", "nobody"),
            ("@", "@"),
            ("é@ada @é", "é@ada @é"),
        ] {
            assert_eq!(rename(text, '@', &names), renamed);
        }
    }

    #[test]
    fn names_can_get_another_sign() {
        let names = HashMap::from([("town".to_owned(), "town-square".to_owned())]);
        for (text, replaced) in [
            ("~town, ~Town. (~town)", "#town-square, #town-square. (#town-square)"),
            ("~~town~~ ~towns ~/town a~town", "~~town~~ ~towns ~/town a~town"),
        ] {
            assert_eq!(replace(text, ('~', '#'), &names), replaced);
        }
    }

    #[test]
    fn a_long_text_is_cut_and_nothing_is_lost() {
        assert_eq!(pieces("short", 10), ["short"]);
        assert_eq!(pieces("one two three", 8), ["one two ", "three"]);
        assert_eq!(pieces("one\ntwo three", 8), ["one\ntwo ", "three"]);
        assert_eq!(pieces("ééééé", 2), ["éé", "éé", "é"]);
        assert!(pieces("", 5).is_empty());
        let long = "a word ".repeat(1000);
        let cut = pieces(&long, 100);
        assert!(cut.iter().all(|piece| piece.chars().count() <= 100));
        assert_eq!(cut.concat(), long);
    }
}
