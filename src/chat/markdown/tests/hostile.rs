//! Malicious input.

use super::*;

#[test]
fn names_in_one_message_are_bounded() {
    let body = "@ada ".repeat(1000);
    let rendered = render(&body, &names());
    assert_eq!(rendered.mentions, ["ada"]);
    assert_eq!(rendered.html.matches("class=\"mention\"").count(), 100);
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
fn what_is_nested_too_deep_is_shown_as_it_was_written() {
    let deep = format!("{} @ada <b>", ">".repeat(200));
    let rendered = render(&deep, &names());
    assert_eq!(rendered.html, format!("<p>{} @ada &lt;b&gt;</p>\n", "&gt;".repeat(200)));
    assert_eq!(rendered.mentions, Vec::<String>::new());
    assert!(html("> > > as deep as people go").contains("<blockquote>\n<blockquote>"));
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
        ("<a class=\"button\" href=\"/x\">a</a>", "<a rel=\"noopener noreferrer nofollow\" href=\"/x\">a</a>"),
        ("<td align=\"evil\">a</td>", "a"),
        ("<p id=\"composer\" data-x=\"1\">a</p>", "<p>a</p>"),
    ] {
        assert_eq!(sanitize::clean(made), passed);
    }
}

/// The tags of well-formed HTML, without quoted attribute values except for links.
fn scan_tags(html: &str) -> Vec<String> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(tag, _)| {
            // An attribute's value cannot start an attribute: check the names, and where links lead.
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

proptest::proptest! {
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
