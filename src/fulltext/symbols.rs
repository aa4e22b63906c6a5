//! Searchable symbols: emoji, arrows and other symbols, and runs of ASCII punctuation such as `???` and `->`.
//!
//! Owns which ones those are. Single punctuation marks are not: they would match everything.

/// Maximum length of a run of ASCII punctuation.
const LONGEST: usize = 3;

/// Emits each symbol of a text; for a run all of its parts, such as `??` and `???`.
pub fn for_each<'t>(text: &'t str, mut emit: impl FnMut(&'t str)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if first.is_ascii() {
            if first.is_ascii_punctuation() {
                let row = bytes[at..].iter().take(LONGEST).take_while(|b| b.is_ascii_punctuation()).count();
                for length in 2..=row {
                    emit(&text[at..at + length]);
                }
            }
            at += 1;
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        if is_symbol(c) {
            emit(&text[at..at + c.len_utf8()]);
        }
        at += c.len_utf8();
    }
}

/// The symbols that a token of a query requires: the longest of each run, and the following ones.
pub fn required(text: &str) -> Vec<&str> {
    let mut symbols: Vec<&str> = Vec::new();
    for_each(text, |symbol| match symbols.last_mut() {
        // A longer symbol at the same position replaces the shorter one, and the last two of three are part of the three.
        Some(last) if last.as_ptr() == symbol.as_ptr() => *last = symbol,
        Some(last) if last.len() == LONGEST && last.as_ptr().wrapping_add(1) == symbol.as_ptr() && symbol.len() < LONGEST => {}
        _ => symbols.push(symbol),
    });
    symbols.sort_unstable();
    symbols.dedup();
    symbols
}

/// Whether a character is a symbol: beyond ASCII, neither letter nor space nor punctuation.
fn is_symbol(c: char) -> bool {
    let is_punctuation = matches!(c,
        '\u{80}'..='\u{A0}' | '¡' | '§' | '«' | '\u{AD}' | '¶' | '·' | '»' | '¿' | '\u{2B0}'..='\u{36F}' | '\u{37E}' | '\u{387}' | '\u{55A}'..='\u{589}'
        | '\u{591}'..='\u{5F4}' | '\u{600}'..='\u{61F}' | '\u{66A}'..='\u{66D}' | '\u{6D4}' | '\u{964}' | '\u{965}' | '\u{2000}'..='\u{206F}'
        | '\u{20D0}'..='\u{20FF}' | '\u{2E00}'..='\u{2E7F}' | '\u{3000}'..='\u{303F}' | '\u{30A0}' | '\u{30FB}' | '\u{E000}'..='\u{F8FF}' | '\u{FD3E}' | '\u{FD3F}'
        | '\u{FE00}'..='\u{FE6F}' | '\u{FF01}'..='\u{FF65}' | '\u{FFF0}'..='\u{FFFF}' | '\u{E0000}'..='\u{10FFFF}');
    !(c.is_alphanumeric()
        || c.is_whitespace()
        || c.is_control()
        || is_punctuation
        || unicode_normalization::char::is_combining_mark(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        let mut symbols = Vec::new();
        for_each(text, |symbol| symbols.push(symbol));
        symbols
    }

    #[test]
    fn signs_are_emoji_symbols_and_rows() {
        assert_eq!(all("a → b, 🎉."), ["→", "🎉"]);
        assert_eq!(all("what???"), ["??", "???", "??"]);
        assert_eq!(all("a->b; c != d."), ["->", "!="]);
        assert_eq!(all("5 € ≠ 5 $ ✓ ★"), ["€", "≠", "✓", "★"]);
        assert_eq!(all("👩\u{200D}🚀 ❤\u{FE0F} 👍🏽"), ["👩", "🚀", "❤", "👍", "🏽"]);
        assert_eq!(all("It's “quoted” – so… 你好，世界。 ¿qué? \u{E000}"), Vec::<&str>::new());
    }

    #[test]
    fn what_is_asked_for_is_the_longest_of_a_row() {
        assert_eq!(required("???"), ["???"]);
        assert_eq!(required("????"), ["???"]);
        assert_eq!(required("->"), ["->"]);
        assert_eq!(required("->🎉"), ["->", "🎉"]);
        assert_eq!(required("🎉"), ["🎉"]);
        assert_eq!(required("🎉🚀🎉"), ["🎉", "🚀"]);
        assert_eq!(required("?"), Vec::<&str>::new());
    }
}
