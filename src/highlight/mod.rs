//! Syntax highlighting with a scanner that passes over the code once.
//!
//! Owns which parts of code get which class. A scanner instead of grammars: rendering must not be a way to consume the server's
//! time, as a grammar's regular expressions can (see `docs/decisions`). Unknown code stays plain, and no character of it changes.

mod languages;
mod markup;
mod scan;
mod table;

/// The classes: added, deleted, comment, function, keyword, meta, number, string, type.
pub const CLASSES: [&str; 9] = ["hl-a", "hl-c", "hl-d", "hl-f", "hl-k", "hl-m", "hl-n", "hl-s", "hl-t"];

/// Bounds on the highlighted code of a message, in bytes and spans, all of which are sent to every reader.
const MAX_BYTES: usize = 32 * 1024;
const MAX_SPANS: usize = 1_500;

/// Highlights the code of one message, within these bounds.
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

/// Whether this names a known language.
pub fn knows(name: &str) -> bool {
    languages::language(name).is_some()
}

impl Painter {
    /// Highlights a block of code as HTML; `None` for an unknown language or too much code.
    pub fn paint(&mut self, name: &str, code: &str) -> Option<String> {
        let language = languages::language(name)?;
        self.bytes = self.bytes.checked_sub(code.len())?;
        self.html = String::with_capacity(code.len() * 3);
        self.html.push_str("<pre><code class=\"language-");
        self.html.push_str(name);
        self.html.push_str("\">");
        match language.kind {
            table::Kind::Code => scan::code(language, code, self),
            table::Kind::Markup => markup::markup(code, self),
            table::Kind::Diff => markup::diff(code, self),
        }
        self.html.push_str("</code></pre>\n");
        Some(std::mem::take(&mut self.html))
    }

    /// Outputs code without a class.
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

    /// Outputs code with a class, unless the bound on spans is reached.
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
