//! Texts of invented words, with the frequencies of a natural language; the same in every run. They need no escaping in JSON.

const VOCABULARY: f64 = 4096.0;

/// Six to fourteen words, different for each number.
pub fn line(nth: usize) -> String {
    let mut words = Words(nth as u64);
    let count = 6 + words.random() % 9;
    let mut text = String::new();
    for _ in 0..count {
        words.push(&mut text);
    }
    text.pop();
    text
}

/// A text of that many characters, different for each number.
pub fn text(nth: usize, length: usize) -> String {
    let mut words = Words(!(nth as u64));
    let mut text = String::new();
    while text.len() < length {
        words.push(&mut text);
    }
    // It is ASCII. A space at the end would be trimmed.
    text.truncate(length - 1);
    text.push('.');
    text
}

/// Words from a pseudorandom sequence.
struct Words(u64);

impl Words {
    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Appends a word and a space. The frequency of the nth most frequent word is 1/n: Zipf's law.
    fn push(&mut self, text: &mut String) {
        const SYLLABLES: [&str; 16] =
            ["ba", "den", "fo", "gri", "hal", "jo", "kem", "lu", "mar", "no", "pel", "qui", "ras", "so", "tun", "vi"];
        let even = (self.random() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = VOCABULARY.powf(even) as usize;
        for place in 0..3 {
            text.push_str(SYLLABLES[(rank >> (4 * place)) & 15]);
        }
        text.push(' ');
    }
}
