//! The tokenizer, for documents, queries and snippets alike.
//!
//! Owns character folding and word boundaries. Neither database uses a tokenizer of its own, so both find the same.
//! docs/decisions/0016 explains the rules.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Version of the index. Increment it with every change of a document’s content: the index is then rebuilt. Nodes from schema 19 on bear
/// nodes of another version beside them (`db::search`).
pub const VERSION: i64 = 3;
/// Maximum number of characters of a word; the rest is ignored.
const MAX_CHARACTERS: usize = 64;

/// A word, or a position in a run of characters of a script without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<T = String> {
    /// Folded: without accents and case. In a run, the character and the next one; at its end the character alone.
    pub text: T,
    /// Its first byte.
    pub start: usize,
    /// Its end.
    pub end: usize,
    /// The end of its first character.
    pub first_end: usize,
    /// Its kind.
    pub kind: TokenKind,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A word.
    Word,
    /// Two characters of a run.
    Bigram,
    /// The last character of a run, which is also part of a bigram.
    FinalCharacter,
    /// The only character of a run.
    SingleCharacter,
}

impl TokenKind {
    /// Whether it belongs to a run.
    pub fn is_run(self) -> bool {
        self != Self::Word
    }
}

/// The tokens of a text.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut words = Vec::with_capacity(text.len() / 6 + 1);
    for_each(text, |Token { text, start, end, first_end, kind }| {
        words.push(Token { text: text.to_owned(), start, end, first_end, kind });
    });
    words
}

/// Emits the tokens of a text without allocating each.
pub fn for_each(text: &str, emit: impl FnMut(Token<&str>)) {
    let mut tokenizer = Tokenizer { emit, text: String::with_capacity(64), word: None, length: 0, run: Vec::new() };
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let plain = plain_at(text, at);
        if plain > 0 {
            tokenizer.take_plain(&text[at..at + plain], at);
            at += plain;
            continue;
        }
        let start = at;
        at += c.len_utf8();
        // Punctuation or a space without a combining mark.
        if c.is_ascii() && !c.is_ascii_alphanumeric() && text.as_bytes().get(at).is_none_or(u8::is_ascii) {
            tokenizer.end_word();
            tokenizer.end_run();
            continue;
        }
        at += text[at..].chars().take_while(|c| belongs_to_the_one_before(*c)).map(char::len_utf8).sum::<usize>();
        if c.is_ascii() && at == start + 1 {
            tokenizer.take(c.to_ascii_lowercase(), start, at);
            continue;
        }
        // Composed first, so that decomposed syllables and small kana marks become one character.
        for c in text[start..at].nfkc() {
            fold(c, |folded| tokenizer.take(folded, start, at));
        }
    }
    tokenizer.end_word();
    tokenizer.end_run();
}

/// The number of ASCII letters and digits without a combining mark.
fn plain_at(text: &str, at: usize) -> usize {
    let rest = &text.as_bytes()[at..];
    let plain = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if rest.get(plain).is_some_and(|byte| !byte.is_ascii()) { plain.saturating_sub(1) } else { plain }
}

/// Combining marks, later letters of a Korean syllable, half-width voicing marks, and invisible characters.
fn belongs_to_the_one_before(c: char) -> bool {
    !c.is_ascii() && (is_combining_mark(c) || is_unseen(c) || matches!(c, '\u{1160}'..='\u{11FF}' | '\u{FF9E}' | '\u{FF9F}'))
}

/// Format characters for line breaks and glyph selection.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Emits the folded form of a composed character.
fn fold(c: char, mut take: impl FnMut(char)) {
    if is_unspaced(c) {
        // Decomposed, a voiced kana would lose its mark and a Korean syllable become letters.
        return take(c);
    }
    for part in std::iter::once(c).nfkd().filter(|&part| !is_accent(part) && !is_unseen(part)) {
        for lower in part.to_lowercase() {
            match lower {
                'ß' => "ss".chars().for_each(&mut take),
                'æ' => "ae".chars().for_each(&mut take),
                'œ' => "oe".chars().for_each(&mut take),
                'þ' => "th".chars().for_each(&mut take),
                'ø' => take('o'),
                'ł' => take('l'),
                'đ' | 'ð' => take('d'),
                'ħ' => take('h'),
                'ı' => take('i'),
                'ς' => take('σ'),
                _ if is_accent(lower) => {}
                _ => take(lower),
            }
        }
    }
}

/// Marks that searches ignore: accents, and the vowel points that Hebrew and Arabic mostly omit. Vowel signs of Indic scripts are
/// kept.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}'..='\u{5C2}' | '\u{5C4}'..='\u{5C5}' | '\u{5C7}'
        | '\u{640}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{3099}'..='\u{309A}')
}

/// Scripts without spaces between words, and Korean, whose words have grammatical endings.
fn is_unspaced(c: char) -> bool {
    // Most characters are below this.
    c >= '\u{E01}'
        && matches!(c,
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}' | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{3096}' | '\u{309D}'..='\u{309F}' | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3105}'..='\u{312F}' | '\u{AC00}'..='\u{D7A3}' | '\u{1100}'..='\u{11FF}' | '\u{A000}'..='\u{A48C}'
        | '\u{E01}'..='\u{E4E}' | '\u{E81}'..='\u{EDF}' | '\u{1000}'..='\u{1049}' | '\u{1780}'..='\u{17D3}')
}

/// Collects characters into tokens. Either a word or a run is open, never both.
struct Tokenizer<F> {
    emit: F,
    /// The text of the open word.
    text: String,
    word: Option<Span>,
    /// Its length in characters.
    length: usize,
    run: Vec<(char, usize, usize)>,
}

/// The position of a word, and the end of its first character.
struct Span {
    start: usize,
    end: usize,
    first_end: usize,
}

impl<F: FnMut(Token<&str>)> Tokenizer<F> {
    /// Adds ASCII letters and digits, like repeated calls of [`Self::take`].
    fn take_plain(&mut self, letters: &str, start: usize) {
        let room = self.begin_word(start, start + 1, start + letters.len());
        let (from, taken) = (self.text.len(), letters.len().min(room));
        self.text.push_str(&letters[..taken]);
        self.text[from..].make_ascii_lowercase();
        self.length += taken;
    }

    /// Continues or opens a word; returns how many more characters it can take.
    fn begin_word(&mut self, start: usize, first_end: usize, end: usize) -> usize {
        self.end_run();
        self.word.get_or_insert(Span { start, end, first_end }).end = end;
        MAX_CHARACTERS - self.length
    }

    fn take(&mut self, c: char, start: usize, end: usize) {
        if is_unspaced(c) {
            self.end_word();
            self.run.push((c, start, end));
        } else if c.is_alphanumeric() || (!c.is_ascii() && is_combining_mark(c) && self.word.is_some()) {
            if self.begin_word(start, end, end) > 0 {
                self.text.push(c);
                self.length += 1;
            }
        } else {
            self.end_word();
            self.end_run();
        }
    }

    fn end_word(&mut self) {
        if let Some(Span { start, end, first_end }) = self.word.take() {
            (self.emit)(Token { text: &self.text, start, end, first_end, kind: TokenKind::Word });
            self.text.clear();
            self.length = 0;
        }
    }

    fn end_run(&mut self) {
        for (at, &(c, start, first_end)) in self.run.iter().enumerate() {
            self.text.push(c);
            let (end, kind) = match self.run.get(at + 1) {
                Some(&(next, _, end)) => {
                    self.text.push(next);
                    (end, TokenKind::Bigram)
                }
                None if at == 0 => (first_end, TokenKind::SingleCharacter),
                None => (first_end, TokenKind::FinalCharacter),
            };
            (self.emit)(Token { text: &self.text, start, end, first_end, kind });
            self.text.clear();
        }
        self.run.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        tokenize(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn accents_capitals_and_widths_make_no_difference() {
        assert_eq!(texts("Crème BRÛLÉE"), ["creme", "brulee"]);
        assert_eq!(texts("cre\u{300}me"), ["creme"]);
        assert_eq!(texts("Straße ŁÓDŹ Ørsted ΣΟΦΟΣ σοφός"), ["strasse", "lodz", "orsted", "σοφοσ", "σοφοσ"]);
        assert_eq!(texts("ＡＢＣ１２３ ﬁne"), ["abc123", "fine"]);
        assert_eq!(texts("soft\u{AD}ly"), ["softly"]);
        assert_eq!(texts("שָׁלוֹם مُحَمَّد"), ["שלום", "محمد"]);
    }

    #[test]
    fn signs_part_words() {
        assert_eq!(
            texts("don't foo_bar, http://a.example/x?y=1"),
            ["don", "t", "foo", "bar", "http", "a", "example", "x", "y", "1"]
        );
        assert_eq!(texts("  \n👍 — ! \u{E000}\u{E001}7 "), ["7"]);
    }

    #[test]
    fn a_run_without_spaces_is_cut_into_pairs() {
        assert_eq!(texts("東京都 a"), ["東京", "京都", "都", "a"]);
        assert_eq!(texts("字"), ["字"]);
        assert_eq!(texts("Rust言語"), ["rust", "言語", "語"]);
        assert_eq!(texts("ｶﾞｲﾄﾞ"), texts("ガイド"));
        assert_ne!(texts("ガ"), texts("カ"));
        // As separate letters, as some keyboards send them.
        assert_eq!(texts("\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}"), texts("한글"));
    }

    #[test]
    fn a_mark_over_a_plain_letter_belongs_to_it_and_long_words_end() {
        let text = "abcre\u{301}x Caffe\u{300}9";
        let words = tokenize(text);
        assert_eq!(texts(text), ["abcrex", "caffe9"]);
        assert_eq!(words.iter().map(|word| &text[word.start..word.end]).collect::<Vec<_>>(), ["abcre\u{301}x", "Caffe\u{300}9"]);
        assert_eq!(words[1].first_end, words[1].start + 1);
        assert_eq!(texts(&"Ab".repeat(40)), ["ab".repeat(32)]);
        assert_eq!(texts(&format!("{}é{}", "a".repeat(63), "b".repeat(9))), [format!("{}e", "a".repeat(63))]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "Ein schönes 東京!";
        let words = tokenize(text);
        assert_eq!(words.iter().map(|word| &text[word.start..word.end]).collect::<Vec<_>>(), ["Ein", "schönes", "東京", "京"]);
        assert_eq!(&text[words[2].start..words[2].first_end], "東");
        assert_eq!(
            words.iter().map(|word| word.kind).collect::<Vec<_>>(),
            [TokenKind::Word, TokenKind::Word, TokenKind::Bigram, TokenKind::FinalCharacter]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_cut_at_its_own_characters(text in "\\PC{0,40}") {
            for word in tokenize(&text) {
                assert!(text.get(word.start..word.end).is_some() && word.first_end <= word.end);
                assert!(word.text.chars().all(|c| c.is_alphanumeric() || is_combining_mark(c) || is_unspaced(c)), "{word:?}");
            }
        }
    }
}
