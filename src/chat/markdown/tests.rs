//! What rendering promises: CommonMark, a chat's additions in their places only, and nothing that runs.

use std::sync::Arc;

use super::*;

fn names() -> Names {
    Names::new(["ada", "grace.hopper", "c-3po"].map(Arc::from), ["general", "the-observatory"].map(Arc::from))
}

fn html(body: &str) -> String {
    render(body, &names()).html
}

fn mentions(body: &str) -> Vec<String> {
    render(body, &names()).mentions
}

/// What stands between the paragraph's tags.
fn inline(body: &str) -> String {
    let html = html(body);
    html.trim().trim_start_matches("<p>").trim_end_matches("</p>").replace(" rel=\"noopener noreferrer nofollow\"", "")
}

#[test]
fn commonmark_is_rendered() {
    assert_eq!(html("a **strong** word"), "<p>a <strong>strong</strong> word</p>\n");
    assert_eq!(html("```\nlet x = 1;\n```"), "<pre><code>let x = 1;\n</code></pre>\n");
    assert_eq!(html("```whitespace\nlet\n```"), "<pre><code class=\"language-whitespace\">let\n</code></pre>\n");
    assert_eq!(
        html("[a](https://example.com \"t\")"),
        "<p><a href=\"https://example.com\" title=\"t\" rel=\"noopener noreferrer nofollow\">a</a></p>\n"
    );
    assert_eq!(html("one\ntwo"), "<p>one\ntwo</p>\n");
    assert_eq!(html("a ~~b~~ c"), "<p>a <del>b</del> c</p>\n");
}

#[test]
fn html_in_a_message_is_shown_and_not_obeyed() {
    assert_eq!(html("Vec<String> & <b>you</b>"), "<p>Vec&lt;String&gt; &amp; &lt;b&gt;you&lt;/b&gt;</p>\n");
}

#[test]
fn tables_and_tasks_are_rendered() {
    let table = html("| a | b |\n|:--|--:|\n| 1 | 2 |");
    assert!(table.contains("<th align=\"left\">a</th>") && table.contains("<td align=\"right\">2</td>"), "{table}");
    assert_eq!(
        html("- [x] done\n- [ ] open\n- plain"),
        "<ul>\n<li><span class=\"task\" role=\"img\" aria-label=\"Done\">☑</span> done</li>\n\
         <li><span class=\"task\" role=\"img\" aria-label=\"To do\">☐</span> open</li>\n<li>plain</li>\n</ul>\n"
    );
}

#[test]
fn addresses_become_links() {
    assert_eq!(inline("see www.example.com."), "see <a href=\"http://www.example.com\">www.example.com</a>.");
    assert_eq!(inline("(https://example.com/a_b)"), "(<a href=\"https://example.com/a_b\">https://example.com/a_b</a>)");
    assert_eq!(inline("a@b.com"), "<a href=\"mailto:a@b.com\">a@b.com</a>");
}

#[test]
fn people_are_mentioned_where_they_are_known() {
    assert_eq!(inline("Hi @ada!"), "Hi <a class=\"mention\" href=\"/people/ada\">@ada</a>!");
    assert_eq!(inline("@Ada, @nobody"), "<a class=\"mention\" href=\"/people/ada\">@Ada</a>, @nobody");
    assert_eq!(mentions("@ada @Grace.Hopper. @ada, @c-3po-- @nobody"), ["ada", "grace.hopper", "c-3po"]);
    assert_eq!(mentions("**@ada** and *@here* and (@room)"), ["ada", "@here", "@room"]);
    assert_eq!(inline("@room"), "<span class=\"mention\">@room</span>");
    assert_eq!(mentions("お願いします@adaさん"), ["ada"]);
    assert_eq!(mentions("- @ada\n- [ ] @here\n\n| a |\n|---|\n| @room |"), ["ada", "@here", "@room"]);
}

#[test]
fn what_only_looks_like_a_mention_is_none() {
    for body in [
        "a@ada",
        "x@ada.com",
        "`@ada`",
        "```\n@ada\n```",
        "    @ada",
        "[@ada](https://example.com)",
        "https://example.com/@ada",
        "www.example.com/@ada",
        "<https://example.com/@ada>",
        "![@ada](x)",
        "\\@ada",
        "@adaé",
        "@ada_",
        "@adalbert",
        "@@ada",
        "@ada@example.com",
        "@",
    ] {
        let rendered = render(body, &names());
        assert_eq!(rendered.mentions, Vec::<String>::new(), "{body}: {}", rendered.html);
        assert!(!rendered.html.contains("mention"), "{body}: {}", rendered.html);
    }
}

#[test]
fn repeated_words_address_nobody_and_still_lead_to_people() {
    let rendered = render("> @ada said so\n\n@here", &names());
    assert_eq!(rendered.mentions, ["@here"]);
    assert!(rendered.html.contains("href=\"/people/ada\""));
}

#[test]
fn rooms_are_linked_where_everybody_may_see_them() {
    assert_eq!(inline("in #general."), "in <a class=\"room-link\" href=\"/rooms/general\">#general</a>.");
    assert_eq!(inline("#The-Observatory"), "<a class=\"room-link\" href=\"/rooms/the-observatory\">#The-Observatory</a>");
    for body in
        ["#secret", "a#general", "`#general`", "https://example.com/#general", "[x #general](y)", "/#general", "\\#general"]
    {
        assert!(!html(body).contains("room-link"), "{body}: {}", html(body));
    }
}

#[test]
fn shortcodes_become_emoji_outside_of_code() {
    assert_eq!(inline("yes :+1: and :smile_cat::tada:"), "yes 👍 and 😸🎉");
    assert_eq!(inline(":smile:"), "😄");
    for same in ["10:30:45", "a:tada:b", ":no-such-emoji:", "std::fs::read"] {
        assert_eq!(inline(same), same);
    }
    assert_eq!(inline("`:tada:`"), "<code>:tada:</code>");
}

#[test]
fn names_in_one_message_are_bounded() {
    let body = "@ada ".repeat(1000);
    let rendered = render(&body, &names());
    assert_eq!(rendered.mentions, ["ada"]);
    assert_eq!(rendered.html.matches("class=\"mention\"").count(), 100);
}

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

/// The text of an HTML, as a browser would show it.
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

/// Code that would cost most: each piece again and again, in short lines and in one long one.
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
                let code: String =
                    (0..2000).map(|at| if at % line == line - 1 { format!("{piece}\n") } else { (*piece).to_owned() }).collect();
                let html = html(&format!("~~~{language}\n{code}\n~~~"));
                assert_eq!(text(&html), format!("{code}\n\n"), "{language} {piece}");
                assert!(html.len() < code.len() * 6 + 1_500 * 30 + 200, "{language} {piece}: {}", html.len());
            }
        }
    }
}

#[test]
fn nothing_makes_megabytes_of_a_message() {
    let bodies = [
        format!("{}\n{}\n{}", "|a".repeat(1000), "|-".repeat(1000), "|\n".repeat(2000)),
        format!("[a]: /{}\n\n{}", "x".repeat(3000), "[a]".repeat(1600)),
        ">".repeat(8000),
        "- ".repeat(4000),
        "*a ".repeat(2600),
        "@ada#general".repeat(600),
        "@ada ".repeat(1600),
        ":family_man_woman_girl_boy:".repeat(290),
        "[".repeat(8000),
        "- [x] \n".repeat(1100),
        "<".repeat(8000),
    ];
    for body in bodies {
        let size = html(&body).len();
        assert!(size < 200_000, "{}: {size}", &body[..20]);
    }
}

#[test]
fn nothing_that_runs_loads_or_styles_gets_through() {
    for hostile in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](https://example.com/track.png)",
        "<svg/onload=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<p style=\"position:fixed\">x",
        "``` \"onmouseover=alert(1)\nx\n```",
        "```rust\"onmouseover=\"alert(1)\nx\n```",
        "```html\n<script>alert(1)</script><img src=\"x\" onerror='alert(1)'>\n```",
        "```diff\n+<script>alert(1)</script>\n```",
        "```rust\n\"</code></pre><script>alert(1)</script>\n```",
        "[x](https://example.com\"onmouseover=\"alert(1))",
        "<https://example.com/\"onclick=alert(1)>",
        "www.example.com/\"onclick=alert(1)",
        "https://example.com/<script>alert(1)</script>",
        "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
        "- [x] <script>alert(1)</script>",
        "@ada<script>alert(1)</script>",
        "#general\"onclick=\"alert(1)",
        "~~<svg onload=alert(1)>~~",
        "[@ada](javascript:alert(1))",
        "<span class=\"mention\" onclick=alert(1)>@room</span>",
    ] {
        let html = html(hostile);
        for tag in &scan_tags(&html) {
            assert!(!["script", "img", "svg", "input"].iter().any(|bad| tag.contains(bad)), "{hostile} gave {html}");
            assert!(
                !tag.contains(" on") && !tag.contains("style=") && !tag.contains("javascript:") && !tag.contains("data:"),
                "{hostile} gave {html}"
            );
        }
    }
}

#[test]
fn the_sanitizer_passes_only_what_we_make() {
    for (made, passed) in [
        ("<span class=\"hl-k\">a</span>", "<span class=\"hl-k\">a</span>"),
        ("<span class=\"button\">a</span>", "<span>a</span>"),
        ("<span class=\"hl-k button\">a</span>", "<span>a</span>"),
        ("<code class=\"language-rust composer\">a</code>", "<code>a</code>"),
        ("<code class=\"composer\">a</code>", "<code>a</code>"),
        ("<span role=\"alert\" aria-label=\"Log in again\">a</span>", "<span>a</span>"),
        ("<input type=\"checkbox\" checked>a", "a"),
        ("<a class=\"button\" href=\"/x\">a</a>", "<a href=\"/x\" rel=\"noopener noreferrer nofollow\">a</a>"),
        ("<td align=\"evil\">a</td>", "a"),
        ("<p id=\"composer\" data-x=\"1\">a</p>", "<p>a</p>"),
    ] {
        assert_eq!(sanitize::clean(made), passed);
    }
}

/// What stands between `<` and `>`: the tags of a well-formed rendering, with quoted attribute values left out but for links.
fn scan_tags(html: &str) -> Vec<String> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(tag, _)| {
            // An attribute's value cannot begin an attribute: look at the names, and at where links lead.
            let mut out = String::new();
            for (at, piece) in tag.split('"').enumerate() {
                if at % 2 == 0 || piece.contains(':') && !piece.starts_with("http") {
                    out.push_str(piece);
                }
            }
            out
        })
        .collect()
}

#[test]
fn the_short_way_for_plain_text_says_the_same_as_the_long_way() {
    for body in [
        "hello",
        "Hello, world. How are you?",
        "it's 10:30; 50% done",
        "a/b c.d",
        "http://x y",
        "www.example.com",
        "x",
        "ends with colon:",
        "What?! No!",
        "a:tada:",
        "see :+1: there",
        "ftp://x.example",
    ] {
        assert_eq!(render(body, &names()), render_in_full(body, &names()), "{body}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_renders_alike_on_both_ways(body in "([a-zA-Z0-9 ,?'/%;:.!*_#`\\-\n&<>@]|www\\.|://|:tada:|@ada){1,40}") {
        proptest::prop_assert_eq!(render(&body, &names()), render_in_full(&body, &names()));
    }

    #[test]
    fn no_text_at_all_makes_a_tag_of_its_own(body in "(\\PC|[<>\"'`@#:\\[\\]()|~*_\n\\\\-]|@ada|#general|```rust\n|\n```|<script>| onclick=){1,60}") {
        let rendered = render(&body, &names());
        for tag in scan_tags(&rendered.html) {
            let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
            proptest::prop_assert!(sanitize::TAGS.contains(&&*name), "{body:?} gave {}", rendered.html);
            proptest::prop_assert!(!tag.contains(" on"), "{body:?} gave {}", rendered.html);
        }
        for name in &rendered.mentions {
            proptest::prop_assert!(["ada", "grace.hopper", "c-3po", "@room", "@here"].contains(&&**name));
        }
    }
}
