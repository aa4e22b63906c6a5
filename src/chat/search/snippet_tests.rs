//! Snippets of rendered messages.

use crate::chat::markdown::render;
use crate::chat::names::Names;
use crate::fulltext::snippet::snippet;
use crate::fulltext::term::Term;

/// The snippet of a message.
fn found(body: &str, terms: &[&str]) -> String {
    let names = Names::new(["ada"].map(Into::into), ["general"].map(Into::into));
    let terms: Vec<_> = terms
        .iter()
        .flat_map(|text| Term::of(text, false).map_or_else(|| Term::of_symbols(text).collect(), |one| vec![one]))
        .collect();
    snippet(body, &render(body, &names).html, &terms)
}

#[test]
fn what_is_shown_is_what_people_read() {
    for (body, terms, expected) in [
        ("Use **bold** words", &["bold"][..], "Use <mark>bold</mark> words"),
        ("_a_ ~~b~~ **c**", &[], "a b c"),
        ("**wind** _tunnel_", &["wind tunnel"], "<mark>wind tunnel</mark>"),
        ("call `panic!(\"<now>\")` here", &["panic"], "call <mark>panic</mark>!(&quot;&lt;now&gt;&quot;) here"),
        ("```rust\nlet lamp = 1;\n```", &["lamp"], "let <mark>lamp</mark> = 1;"),
        ("see [the docs](https://example.com/lamp)", &["docs"], "see the <mark>docs</mark>"),
        ("> quoted lamp\n\nanswer", &["lamp"], "quoted <mark>lamp</mark> answer"),
        ("- one\n- two **lamps**", &["lamp"], "one two <mark>lamps</mark>"),
        ("hi @ada in #general", &["ada", "general"], "hi @<mark>ada</mark> in #<mark>general</mark>"),
        (":tada: for **you**", &["🎉"], "<mark>🎉</mark> for you"),
        ("a **b** -> c", &["->"], "a b <mark>-&gt;</mark> c"),
        ("# Crème **brûlée**", &["brulee"], "Crème <mark>brûlée</mark>"),
        ("**東京都**に行く", &["京都"], "東<mark>京都</mark>に行く"),
        ("> **deep _needle_** > b", &["needle"], "deep <mark>needle</mark> &gt; b"),
        // The match is not in the rendered text: then the source is shown.
        ("see **the** [docs](https://example.com/lamp)", &["lamp"], "see **the** [docs](https://example.com/<mark>lamp</mark>)"),
        ("well :tada: done", &["tada"], "well :<mark>tada</mark>: done"),
        ("half**way**ness", &["way"], "half**<mark>way</mark>**ness"),
        // One of two matches is enough to show the rendered text.
        ("[docs](https://example.com/lamp) of **it**", &["lamp", "docs"], "<mark>docs</mark> of it"),
        // Neither matches, as in a message that changed in between.
        ("**other** words", &["lamp"], "other words"),
    ] {
        assert_eq!(found(body, terms), expected, "{body}");
    }
}

proptest::proptest! {
    #[test]
    fn only_marks_are_markup(body in "[a-c<>&'\"東京é\u{301} ]{0,400}|\\PC{0,80}", term in "[a-c東]{1,3}") {
        let shown = found(&body, &[&term]).replace("<mark>", "").replace("</mark>", "");
        assert!(!shown.contains(['<', '>', '"', '\'']), "{shown}");
    }
}
