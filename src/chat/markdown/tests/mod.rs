//! What rendering guarantees: CommonMark, additions only where they belong, and nothing that executes.

use std::sync::Arc;

use super::*;

mod code;
mod hostile;
mod plain;
mod typed;

fn names() -> Names {
    Names::new(["ada", "grace.hopper", "c-3po"].map(Arc::from), ["general", "the-observatory"].map(Arc::from))
}

fn html(body: &str) -> String {
    render(body, &names()).html
}

fn mentions(body: &str) -> Vec<String> {
    render(body, &names()).mentions
}

/// The content of the only paragraph.
fn inline(body: &str) -> String {
    let html = html(body);
    html.trim()
        .trim_start_matches("<p>")
        .trim_end_matches("</p>")
        .replace(" rel=\"noopener noreferrer nofollow\"", "")
        .replace(" target=\"_blank\"", "")
}

#[test]
fn commonmark_is_rendered() {
    assert_eq!(html("a **strong** word"), "<p>a <strong>strong</strong> word</p>\n");
    assert_eq!(html("```\nlet x = 1;\n```"), "<pre><code>let x = 1;\n</code></pre>\n");
    assert_eq!(html("```whitespace\nlet\n```"), "<pre><code class=\"language-whitespace\">let\n</code></pre>\n");
    assert_eq!(
        html("[a](https://example.com \"t\")"),
        "<p><a href=\"https://example.com\" title=\"t\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">a</a></p>\n"
    );
    assert_eq!(html("one\ntwo"), "<p>one\ntwo</p>\n");
    assert_eq!(html("a ~~b~~ c"), "<p>a <del>b</del> c</p>\n");
}

#[test]
fn html_in_a_message_is_shown_and_not_obeyed() {
    assert_eq!(html("<div>\n@ada <b>\n\nand"), "<p>&lt;div&gt;\n@ada &lt;b&gt;</p>\n<p>and</p>\n");
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
    assert_eq!(inline("a :smile:"), "a 😄");
    for same in ["10:30:45", "a:tada:b", ":no-such-emoji:", "std::fs::read"] {
        assert_eq!(inline(same), same);
    }
    assert_eq!(inline("`:tada:`"), "<code>:tada:</code>");
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
}
