//! The plain text of rendered messages in one line, from `fulltext::plain`.

use super::*;
use crate::chat::names::Names;
use crate::fulltext::plain::plain;

/// The plain text of a message.
fn read(body: &str) -> String {
    let names = Names::new(["ada", "grace"].map(Into::into), ["general"].map(Into::into));
    plain(&render(body, &names).html, usize::MAX)
}

#[test]
fn html_is_read_without_its_tags() {
    let html = "<p>See <a href=\"https://example.com/?a=1&amp;b=2\">the <em>docs</em></a>\n  &lt;now&gt; &amp; <code>a &quot;b&quot;</code></p>\n<p>é</p>";
    assert_eq!(plain(html, 500), "See the docs <now> & a \"b\" é");
    assert_eq!(plain("", 500), "");
    assert_eq!(plain(&format!("<p>{}</p>", "é ".repeat(200)), 120).chars().count(), 119);
    assert_eq!(plain("<p>&unknown; <b", 500), "&unknown;");
    assert_eq!(plain("<p>a<br>b</p><p>c</p><ul><li>d</li><li>e</li></ul>", 500), "a b c d e");
}

#[test]
fn markdown_is_read_as_it_looks() {
    for (body, expected) in [
        ("plain words", "plain words"),
        ("**bold** and _slanted_ and ~~gone~~", "bold and slanted and gone"),
        ("***both*** **bold _nested_ ~~x~~**", "both bold nested x"),
        ("half**way**ness", "halfwayness"),
        ("`let a = *b;`", "let a = *b;"),
        ("```rust\nfn main() {\n    let a = \"<b>\";\n}\n```", "fn main() { let a = \"<b>\"; }"),
        ("[the docs](https://example.com/a_b_c)", "the docs"),
        ("see https://example.com/a_b_c.", "see https://example.com/a_b_c."),
        ("<https://example.com>", "https://example.com"),
        ("@ada and @room, in #general", "@ada and @room, in #general"),
        (":tada: well done :rocket:", "🎉 well done 🚀"),
        ("🎉", "🎉"),
        ("> a quote\n> goes on\n\nan answer", "a quote goes on an answer"),
        ("> > deep\n>\n> less", "deep less"),
        ("- one\n- two\n  - two and a half\n\n1. first", "one two two and a half first"),
        ("# Title\nwords", "Title words"),
        ("| a | b |\n|---|---|\n| c | **d** |", "a b c d"),
        ("- [ ] todo\n- [x] done", "☐ todo ☑ done"),
        ("2 \\* 3 \\_ 4", "2 * 3 _ 4"),
        ("a < b && c > d", "a < b && c > d"),
        ("Vec<String> &amp; it's \"so\"", "Vec<String> & it's \"so\""),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("one\ntwo\n\nthree", "one two three"),
        ("**東京** と_京都_", "東京 と_京都_"),
        ("**שלום** עולם", "שלום עולם"),
        ("|| not a spoiler ||", "|| not a spoiler ||"),
        ("a\u{A0}b", "a b"),
    ] {
        assert_eq!(read(body), expected, "{body}");
    }
}

proptest::proptest! {
    #[test]
    fn anything_is_one_line(body in "[-*_`~<>&#@:|\\[\\]()a-c \n]{0,80}|\\PC{0,60}") {
        let text = read(&body);
        assert!(!text.contains(['\n', '\t']) && text.trim() == text, "{text:?}");
    }
}
