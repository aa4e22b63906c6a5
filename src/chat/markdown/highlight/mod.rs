//! Colours for code: the words of common languages, told apart by a scanner that goes over the code once.
//!
//! Owns which parts of code get which class. A scanner and no grammar: rendering must not be a way to burn the server's time,
//! and a grammar's regular expressions are one (see `docs/decisions`). What it does not know stays plain; it must not change a
//! character of the code.

mod languages;
mod markup;
mod scan;
mod table;

/// The classes that code may have: added, deleted, comment, function, keyword, meta, number, string, type.
pub const CLASSES: [&str; 9] = ["hl-a", "hl-c", "hl-d", "hl-f", "hl-k", "hl-m", "hl-n", "hl-s", "hl-t"];

/// How much code of one message is coloured, in bytes, and with how many spans: readers get every one of them.
const MAX_BYTES: usize = 32 * 1024;
const MAX_SPANS: usize = 1_500;

/// Colours the code of one message, as long as its bounds allow.
#[derive(Debug)]
pub struct Painter {
    bytes: usize,
    spans: usize,
    html: String,
}

impl Default for Painter {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, spans: MAX_SPANS, html: String::new() }
    }
}

/// Whether somebody calls a language so.
pub fn knows(name: &str) -> bool {
    languages::language(name).is_some()
}

impl Painter {
    /// A block of code as HTML; `None` when the language that somebody calls `name` is not known, or it is too much.
    pub fn paint(&mut self, name: &str, code: &str) -> Option<String> {
        let language = languages::language(name)?;
        self.bytes = self.bytes.checked_sub(code.len())?;
        self.html = String::with_capacity(code.len() * 3);
        self.html.push_str("<pre><code class=\"language-");
        self.html.push_str(name);
        self.html.push_str("\">");
        match language.kind {
            languages::Kind::Code => scan::code(language, code, self),
            languages::Kind::Markup => markup::markup(code, self),
            languages::Kind::Diff => markup::diff(code, self),
        }
        self.html.push_str("</code></pre>\n");
        Some(std::mem::take(&mut self.html))
    }

    /// Puts a piece of code without a colour.
    fn plain(&mut self, code: &str) {
        let mut said = 0;
        for (at, byte) in code.bytes().enumerate() {
            let escaped = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                _ => continue,
            };
            self.html.push_str(&code[said..at]);
            self.html.push_str(escaped);
            said = at + 1;
        }
        self.html.push_str(&code[said..]);
    }

    /// Puts a piece of code with the colour of `class`, if there are any left.
    fn put(&mut self, class: &'static str, code: &str) {
        match self.spans.checked_sub(1) {
            Some(left) if !code.is_empty() => {
                self.spans = left;
                for piece in ["<span class=\"", class, "\">"] {
                    self.html.push_str(piece);
                }
                self.plain(code);
                self.html.push_str("</span>");
            }
            _ => self.plain(code),
        }
    }
}
