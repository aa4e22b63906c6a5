//! Highlighting: the right classes, and unchanged text.

use super::*;
use crate::highlight::Painter;

#[test]
fn code_is_coloured() {
    let rust = html("```rust\n// it's\nlet x: &'a str = \"<b>\"; // 'x'\nprint!('\\n', 0x1f);\n```");
    assert_eq!(
        rust,
        "<pre><code class=\"language-rust\"><span class=\"hl-c\">// it's</span>\n<span class=\"hl-k\">let</span> x: &amp;'a \
         <span class=\"hl-t\">str</span> = <span class=\"hl-s\">\"&lt;b&gt;\"</span>; <span class=\"hl-c\">// 'x'</span>\n\
         <span class=\"hl-f\">print</span>!(<span class=\"hl-s\">'\\n'</span>, <span class=\"hl-n\">0x1f</span>);\n</code></pre>\n"
    );
    let diff = html("```diff\n@@ -1 +1 @@\n-a\n+b\n c\n```");
    assert!(diff.contains("<span class=\"hl-d\">-a</span>\n<span class=\"hl-a\">+b</span>\n c\n"), "{diff}");
    let page = html("```html\n<a href=\"x\">&amp;</a><!-- c -->\n```");
    assert!(page.contains("<span class=\"hl-t\">href</span>=<span class=\"hl-s\">\"x\"</span>"), "{page}");
}

/// The text of HTML, as a browser shows it.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}

const LANGUAGES: &[&str] = &[
    "rust", "python", "ts", "json", "go", "java", "c++", "c#", "swift", "php", "ruby", "sh", "ps1", "r", "lua", "hs", "sql",
    "css", "yaml", "toml", "make", "html", "diff",
];

/// The most expensive code: each piece repeated, in short lines and in one long line.
const TIRING: &[&str] = &[
    "(",
    "#[",
    "${",
    "$(",
    "<",
    "<a ",
    "<!--",
    "\"",
    "'",
    "''",
    "\"\\",
    "/*",
    "a",
    "a ",
    "a:",
    "a  ",
    "1",
    "1.",
    "_",
    "@a ",
    "=",
    "--",
    "{-",
    "[[",
    "r#\"",
    "\"\"\"",
    "a(",
    "#",
    " #",
    "\\",
    "\u{1F600}",
    "'\\",
    "é'",
];

#[test]
fn colours_change_no_character_of_the_code_and_are_bounded() {
    for language in LANGUAGES {
        for piece in TIRING {
            for line in [usize::MAX, 20] {
                let in_lines = |at| if at % line == line - 1 { format!("{piece}\n") } else { (*piece).to_owned() };
                let code: String = (0..2000).map(in_lines).collect();
                let html = Painter::default().paint(language, &code).expect("the language is known");
                assert_eq!(text(&html), format!("{code}\n"), "{language} {piece}");
                assert!(html.len() < code.len() * 6 + 1_500 * 30 + 200, "{language} {piece}: {}", html.len());
            }
        }
    }
}

#[test]
fn too_much_code_is_shown_plain() {
    let code = "let a = 1;\n".repeat(4000);
    let html = html(&format!("```rust\n{code}```"));
    assert_eq!(html, format!("<pre><code class=\"language-rust\">{code}</code></pre>\n"));
}
