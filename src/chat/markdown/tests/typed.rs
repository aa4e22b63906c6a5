//! Text that renders as typed: nothing vanishes, and nothing gets an unintended meaning.

use super::*;

#[test]
fn a_message_never_vanishes() {
    for (body, shown) in [
        ("#", "#"),
        ("###", "###"),
        (">", "&gt;"),
        ("***", "***"),
        ("---", "---"),
        ("_ _ _", "_ _ _"),
        ("-", "-"),
        ("*", "*"),
        ("1.", "1."),
        ("100.", "100."),
        ("20261127.", "20261127."),
        ("2.\n5.", "2.</p>\n<p>5."),
        ("-\n-", "-\n-"),
        ("1)", "1)"),
        ("- [ ]", "- [ ]"),
        ("```", "```"),
        ("```\n```", "```\n```"),
        ("```rust\n```", "```rust\n```"),
        ("~~~", "~~~"),
        ("> ***", "&gt; ***"),
        ("**&#8203;**", "**&amp;#8203;**"),
        ("| |\n|-|", "| |\n|-|"),
        ("<!-- a -->", "&lt;!-- a --&gt;"),
        ("[](<>)", "[](&lt;&gt;)"),
        ("\\", "\\"),
        ("[ ]: x", "[ ]: x"),
    ] {
        assert_eq!(html(body), format!("<p>{shown}</p>\n"), "{body}");
    }
    assert!(html("a\n\n#\n\n>\n\nb").contains("<p>a</p>\n<p>#</p>\n<p>&gt;</p>\n<p>b</p>"), "{}", html("a\n\n#\n\n>\n\nb"));
    assert_eq!(html("a\n\n***\n\nb"), "<p>a</p>\n<hr>\n<p>b</p>\n");
}

#[test]
fn pictures_and_links_without_words_show_where_they_lead() {
    for (body, shown) in [
        ("![pic](https://example.com/a.png)", "<a href=\"https://example.com/a.png\">pic</a>"),
        ("![](https://example.com/a.png)", "<a href=\"https://example.com/a.png\">https://example.com/a.png</a>"),
        ("[](https://example.com)", "<a href=\"https://example.com\">https://example.com</a>"),
        ("[ ](https://example.com)", "<a href=\"https://example.com\">https://example.com</a>"),
        ("[&nbsp;](https://example.com)", "<a href=\"https://example.com\">https://example.com</a>"),
        ("[![pic](a.png)](https://example.com)", "<a href=\"https://example.com\">pic</a>"),
        ("[![](a.png)](https://example.com)", "<a href=\"https://example.com\">https://example.com</a>"),
        ("![a [b](https://b.example) c](https://example.com)", "<a href=\"https://example.com\">a b c</a>"),
    ] {
        assert_eq!(inline(body), shown, "{body}");
    }
}

#[test]
fn a_definition_that_nothing_uses_is_text() {
    for (body, shown) in [
        ("[Ada]: https://example.com", "[Ada]: <a href=\"https://example.com\">https://example.com</a>"),
        ("[10:30]: meeting", "[10:30]: meeting"),
        ("[10:30]: meeting\n[11:00]: lunch", "[10:30]: meeting\n[11:00]: lunch"),
        ("[a]: <b>", "[a]: &lt;b&gt;"),
        ("[a\nb]: c", "[a\nb]: c"),
        ("[a]: b \"c\"", "[a]: b \"c\""),
        ("[ada]: see `[ada]`", "[ada]: see <code>[ada]</code>"),
        ("   [a]: b", "[a]: b"),
        ("[a]: https://a.example\n\nsee [a]", "see <a href=\"https://a.example\">a</a>"),
        ("see [A][b  c]\n\n[B C]: https://a.example", "see <a href=\"https://a.example\">A</a>"),
    ] {
        assert_eq!(inline(body), shown, "{body}");
    }
    assert_eq!(html("> [a]: b"), "<blockquote>\n<p>[a]: b</p>\n</blockquote>\n");
    assert_eq!(html("- [a]: b\n- [x]: c"), "<ul>\n<li>[a]: b</li>\n<li>[x]: c</li>\n</ul>\n");
    let twice = html("[a]: https://a.example\n[a]: https://b.example\n\n[a]");
    assert!(twice.contains("href=\"https://a.example\"") && twice.contains(">https://b.example</a>"), "{twice}");
    assert_eq!(html("```\n[a]: b\n```"), "<pre><code>[a]: b\n</code></pre>\n");
    assert_eq!(html("`x\n[a]: b`"), "<p><code>x [a]: b</code></p>\n");
    assert_eq!(mentions("[@ada]: look"), ["ada"]);
    assert!(html("\u{FDD0}[a]: b").contains("\u{FDD0}[a]: b"));
}

#[test]
fn all_of_the_code_is_shown() {
    for (body, code) in [
        ("```SELECT *\nFROM t\nWHERE x = 1```", "SELECT *\nFROM t\nWHERE x = 1\n"),
        ("```{\"a\": 1}\n```", "{\"a\": 1}\n"),
        ("```let x = 1;\n```", "let x = 1;\n"),
        ("```hello world\nagain\n```", "hello world\nagain\n"),
        ("``` a \\_ &amp; b\nc\n```", "a \\_ &amp;amp; b\nc\n"),
        ("~~~ a ` b\nc\n~~~", "a ` b\nc\n"),
        ("```\na```", "a\n"),
        ("````\na```", "a```"),
    ] {
        assert_eq!(html(body), format!("<pre><code>{code}</code></pre>\n"), "{body}");
    }
    assert_eq!(
        html("> ```go to the shop\n> a\n> ```"),
        "<blockquote>\n<pre><code>go to the shop\na\n</code></pre>\n</blockquote>\n"
    );
    assert_eq!(
        html("```rust,ignore\n```\n\na"),
        "<pre><code class=\"language-rust,ignore\"></code></pre>\n<p>a</p>\n".replace(" class=\"language-rust,ignore\"", "")
    );
    assert!(html("```rust\nfn a() {}```").contains("hl-k"));
}

#[test]
fn addresses_end_where_the_sentence_goes_on() {
    let link = |address: &str| format!("<a href=\"{address}\">{address}</a>");
    for (body, shown) in [
        ("参见 https://example.com/docs（中文说明）了解", format!("参见 {}（中文说明）了解", link("https://example.com/docs"))),
        ("参见https://example.com/docs。", format!("参见{}。", link("https://example.com/docs"))),
        ("www.example.com，你好", "<a href=\"http://www.example.com\">www.example.com</a>，你好".to_owned()),
        ("见www.example.com你好", "见<a href=\"http://www.example.com\">www.example.com</a>你好".to_owned()),
        ("[https://example.com/a]", format!("[{}]", link("https://example.com/a"))),
        ("[[https://example.com/a_b_c]]", format!("[[{}]]", link("https://example.com/a_b_c"))),
        ("{\"url\": \"https://example.com/a\"}", format!("{{\"url\": \"{}\"}}", link("https://example.com/a"))),
        ("“https://example.com/a”", format!("“{}”", link("https://example.com/a"))),
        ("https://a.example/（https://b.example/）", format!("{}（{}）", link("https://a.example/"), link("https://b.example/"))),
        ("https://a.example/,https://b.example/", link("https://a.example/,https://b.example/")),
        (
            "https://a.example/）@ada",
            format!("{}）<a class=\"mention\" href=\"/people/ada\">@ada</a>", link("https://a.example/")),
        ),
        ("ftp://example.com/a", "ftp://example.com/a".to_owned()),
        ("<ftp://example.com/a>", "ftp://example.com/a".to_owned()),
        ("https://", "https://".to_owned()),
        ("https://[bad", "https://[bad".to_owned()),
        ("xhttps://example.com", "xhttps://example.com".to_owned()),
        ("**https://example.com/a**", format!("<strong>{}</strong>", link("https://example.com/a"))),
    ] {
        assert_eq!(inline(body), shown, "{body}");
    }
    assert!(html("https://ja.wikipedia.org/wiki/日本語").contains(">https://ja.wikipedia.org/wiki/日本語</a>"));
    assert!(html("<https://example.com/（a）>").contains(">https://example.com/（a）</a>"));
}

#[test]
fn links_lead_somewhere_or_are_text() {
    assert_eq!(
        html("[x](example.com)"),
        "<p><a href=\"https://example.com\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">x</a></p>\n"
    );
    assert_eq!(html("[x](/rooms/general)"), "<p><a href=\"/rooms/general\" rel=\"noopener noreferrer nofollow\">x</a></p>\n");
    for body in [
        "[a](javascript:alert(1))",
        "[a](JAVASCRIPT:x)",
        "[a](data:x)",
        "arr[i](x)",
        "[a](#b)",
        "[a](b/c)",
        "![a](file:///a)",
        "[a]()",
    ] {
        assert_eq!(html(body), format!("<p>{body}</p>\n"));
    }
    assert_eq!(html("[a](tel:1 \"t\")"), "<p>[a](tel:1)</p>\n");
}

#[test]
fn emphasis_stands_beside_chinese_japanese_and_korean() {
    assert_eq!(inline("これは**「重要」**です。"), "これは<strong>「重要」</strong>です。");
    assert_eq!(inline("**这句话很重要。**但是"), "<strong>这句话很重要。</strong>但是");
    assert_eq!(inline("이것은 **(중요)**합니다"), "이것은 <strong>(중요)</strong>합니다");
    assert_eq!(inline("~~「古い」~~です"), "<del>「古い」</del>です");
    assert_eq!(inline("snake_case_name 2*3*4"), "snake_case_name 2<em>3</em>4");
}

#[test]
fn colons_in_code_are_no_emoji() {
    for same in [
        "std::hash::Hash",
        "crate::key::Key",
        "a::tada::b",
        "::tada::",
        ":tada::",
        "::tada:",
        "10:30:45",
        "12:key:3",
        "x:tada:",
        ":tada:x",
        "http:key:",
        ":key::Key",
        ":tada::key::x",
        "é:tada:",
    ] {
        assert_eq!(inline(same), same);
    }
    assert!(inline(":tada::+1:").ends_with(">🎉👍"));
    assert_eq!(inline("a :tada: b, (:key:) and :tada:."), "a 🎉 b, (🔑) and 🎉.");
    assert_eq!(inline("好:tada:好"), "好🎉好");
}

#[test]
fn a_mention_means_the_longest_name_that_there_is() {
    let names = Names::new(["test", "test-", "ada", "grace", "a.b"].map(Arc::from), ["general", "random"].map(Arc::from));
    let mentions = |body: &str| render(body, &names).mentions.join(" ");
    for (body, whom) in [
        ("@test- ping", "test-"),
        ("@test-- ping", "test-"),
        ("@test-. ping", "test-"),
        ("@test. ping", "test"),
        ("@test", "test"),
        ("@test_ ping", "test"),
        ("@a.b. ping", "a.b"),
        ("@ada/@grace", "ada grace"),
        ("@ada,@grace;@test", "ada grace test"),
        ("@ada-@grace", "ada grace"),
        ("@ada.@grace", "ada grace"),
        ("@ada|@grace", "ada grace"),
        ("(@ada)/(@grace)", "ada grace"),
        ("@nobody/@grace", "grace"),
        ("hello/@ada", "ada"),
        (".@ada", "ada"),
        ("...@ada", "ada"),
        ("Hi.@ada", "ada"),
        ("\"@ada\"", "ada"),
        ("<@ada>", "ada"),
        ("→@ada", "ada"),
        ("cc:@ada", "ada"),
        ("你好@ada，", "ada"),
        ("＠ada", "ada"),
        ("@everyone", "@room"),
        ("@channel and @all and @room", "@room"),
        ("@Everyone!", "@room"),
        ("@here @all", "@here @room"),
        ("@all-hands", ""),
        ("@allstars", ""),
        ("@everyone@example.com", ""),
        ("ada@grace.example", ""),
        ("mail ada@ada", ""),
        ("https://example.com/@ada", ""),
        ("example.com/@ada", ""),
        ("(example.com/people/@ada)", ""),
        ("medium.com/@ada/@grace", ""),
        ("@ada@grace", ""),
        ("@@ada", ""),
    ] {
        assert_eq!(mentions(body), whom, "{body}");
    }
    assert!(render("@test- x", &names).html.contains(">@test-</a> x"));
    assert!(render("@everyone", &names).html.contains("<span class=\"mention\">@everyone</span>"));
    let rooms = render("#general/#random", &names).html;
    assert_eq!(rooms.matches("room-link").count(), 2, "{rooms}");
}

#[test]
fn lists_have_the_numbers_that_were_typed() {
    assert_eq!(html("2. a\n5. b\n6. c"), "<ol start=\"2\">\n<li>a</li>\n<li value=\"5\">b</li>\n<li>c</li>\n</ol>\n");
    assert_eq!(html("1. a\n1. b"), "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n");
    assert_eq!(html("1. a\n2. b\n1. c"), "<ol>\n<li>a</li>\n<li>b</li>\n<li value=\"1\">c</li>\n</ol>\n");
    assert_eq!(html("1. a\n2. b"), "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n");
    assert_eq!(html("20261127. a"), "<ol class=\"wide\" start=\"20261127\">\n<li>a</li>\n</ol>\n");
    assert_eq!(html("100. a"), "<ol class=\"wide\" start=\"100\">\n<li>a</li>\n</ol>\n");
    assert!(html("1. [x] a\n2. [ ] b\n3. c").contains("☑"));
}

#[test]
fn a_shrug_has_both_arms() {
    let shrug = "¯\\_(ツ)_/¯";
    for body in [shrug.to_owned(), format!("well {shrug}"), format!("{shrug} and {shrug}"), format!("{shrug}{shrug}")] {
        assert_eq!(html(&body), format!("<p>{body}</p>\n"));
    }
    assert_eq!(inline("¯\\\\\\_(ツ)\\_/¯"), shrug);
    assert_eq!(inline("C:\\dir\\_build"), "C:\\dir\\_build");
    assert_eq!(inline("\\_not emphasis\\_"), "_not emphasis\\_");
    assert_eq!(inline(&format!("`{shrug}`")), format!("<code>{shrug}</code>"));
}

#[test]
fn a_few_emoji_alone_are_large() {
    for body in [
        "🎉",
        "🎉 🎉",
        ":tada:",
        ":tada: :+1:",
        "🎉🎉🎉🎉🎉🎉",
        "👩\u{200D}🚀",
        "❤\u{FE0F}",
        "🇩🇪",
        "👍🏽",
        " 🎉 ",
        "🎉\n🎉",
        "1\u{FE0F}\u{20E3}",
    ] {
        assert!(html(body).starts_with("<p class=\"emoji\">"), "{body}: {}", html(body));
    }
    for body in ["🎉🎉🎉🎉🎉🎉🎉", "🎉 a", "a", "1", "→", "`🎉`", "> 🎉", "- 🎉", "**🎉**", "# 🎉", "🎉\n\n🎉"]
    {
        assert!(!html(body).contains("class=\"emoji\""), "{body}: {}", html(body));
    }
}

#[test]
fn what_holds_right_to_left_blocks_has_their_direction() {
    assert_eq!(html("- שלום\n- עולם"), "<ul dir=\"rtl\">\n<li>שלום</li>\n<li>עולם</li>\n</ul>\n");
    assert!(html("1. مرحبا").starts_with("<ol dir=\"rtl\">"));
    assert!(html("> مرحبا").starts_with("<blockquote dir=\"rtl\">"));
    assert!(html("| مرحبا | a |\n|---|---|\n| b | c |").starts_with("<table dir=\"rtl\">"));
    for body in ["- hello שלום", "> a", "1. 2", "- **a** مرحبا", "مرحبا"] {
        assert!(!html(body).contains("dir="), "{body}: {}", html(body));
    }
    assert!(!html("```\nمرحبا\n```").contains("dir="));
}

#[test]
fn what_the_author_links_may_have_a_preview() {
    let links = |body: &str| render(body, &names()).links;
    assert_eq!(links("plain words"), [""; 0]);
    assert_eq!(
        links("https://example.com/a, [b](https://example.com/b?c#d) ![c](https://example.com/c.png) and www.example.com."),
        ["https://example.com/a", "https://example.com/b?c#d", "https://example.com/c.png", "http://www.example.com"]
    );
    assert_eq!(links("https://a.example https://b.example https://a.example"), ["https://a.example", "https://b.example"]);
    // With a line that could be a definition, which is guarded.
    assert_eq!(links("[x]: https://example.com/x\n\nhttps://example.com/y"), ["https://example.com/x", "https://example.com/y"]);
    for silent in [
        "`https://example.com`",
        "```\nhttps://example.com\n```",
        "> https://example.com",
        "> > [a](https://example.com)",
        "[a](/rooms/general) and [b](mailto:ada@example.com) ada@example.com",
        "[a](https://ada@example.com/) and [b](https://ada:secret@example.com/)",
        "[a](ftp://example.com)",
    ] {
        assert_eq!(links(silent), [""; 0], "{silent}");
    }
    assert_eq!(links(&format!("https://example.com/{}", "x".repeat(3000))), [""; 0]);
    let many: String = (0..50).map(|nth| format!("https://example.com/{nth} ")).collect();
    assert_eq!(links(&many).len(), 8);
}
