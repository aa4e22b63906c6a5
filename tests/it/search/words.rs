//! Which words find which.

use serde_json::json;

use super::{ask, find, find_live, say};
use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn every_word_must_be_there_and_the_newest_come_first(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(&socket, "general", &["the wind tunnel", "a tunnel without it", "wind in the tunnels", "nothing"]).await;
    assert_eq!(find(&ada, "wind tunnel").await, ["wind in the tunnels", "the wind tunnel"]);
    assert_eq!(find(&ada, "tunnel -wind").await, ["a tunnel without it"]);
    assert_eq!(find(&ada, "-tunnel").await, ["nothing"]);
    assert_eq!(find(&ada, "swordfish").await, Vec::<String>::new());
    assert_eq!(find_live(&socket, "wind tunnel").await, ["wind in the tunnels", "the wind tunnel"]);
}

#[apply(both)]
async fn signs_are_found_and_what_leaves_nothing_is_told(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let said = ["party 🎉 time", "really???", "a → b", "one -> two", "well?", "👩\u{200D}🚀 and 👍🏽", "5 € for C++", "nothing"];
    say(&socket, "general", &said).await;
    for (asked, found) in [
        ("🎉", "party 🎉 time"),
        ("in:general 🎉", "party 🎉 time"),
        (":tada: 🎉 party", ""),
        ("party 🎉", "party 🎉 time"),
        ("???", "really???"),
        ("??", "really???"),
        ("→", "a → b"),
        ("->", "one -> two"),
        ("👩\u{200D}🚀", "👩\u{200D}🚀 and 👍🏽"),
        ("👍", "👩\u{200D}🚀 and 👍🏽"),
        ("€", "5 € for C++"),
        ("++", "5 € for C++"),
        ("🚀🎉", ""),
        ("🦀", ""),
    ] {
        let expected: Vec<String> = if found.is_empty() { Vec::new() } else { vec![found.to_owned()] };
        assert_eq!(find(&ada, asked).await, expected, "{asked}");
    }
    assert_eq!(find(&ada, "nothing -🎉").await, ["nothing"]);
    assert_eq!(find(&ada, "-→ from:ada").await.len(), said.len() - 1);
    for (nothing, told) in [("?", "?"), ("in:general ?", "?"), (".", "."), ("\"\"", ""), ("…", "…")] {
        let answer = ask(&ada, nothing, "").await.expect(200).json();
        assert_eq!((&answer["results"], &answer["hollow"]), (&json!([]), &json!(told)), "{nothing}");
        assert_eq!(find_live(&socket, nothing).await, Vec::<String>::new(), "{nothing}");
    }
    let page = ada.get("/search?q=in%3Ageneral+%3F").await.expect(200).body.clone();
    assert!(page.contains("no word in “?”") && page.contains("value=\"in:general ?\"") && !page.contains("party"), "{page}");
    // An edit takes the sign away, and a word stays marked beside it.
    let shown = ask(&ada, "🎉", "").await.expect(200).json();
    assert_eq!(shown["results"][0]["snippet"], "party <mark>🎉</mark> time");
    socket.ok("edit", json!({ "room": "general", "seq": shown["results"][0]["message"]["seq"], "body": "it is over" })).await;
    assert_eq!(find(&ada, "🎉").await, Vec::<String>::new());
}

#[apply(both)]
async fn accents_and_capitals_make_no_difference(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(&socket, "general", &["Crème BRÛLÉE", "Zażółć gęślą jaźń", "Straße", "ΣΟΦΟΣ", "مُحَمَّد"]).await;
    for (asked, found) in [
        ("creme", "Crème BRÛLÉE"),
        ("CRÈME brulee", "Crème BRÛLÉE"),
        ("cre\u{300}me", "Crème BRÛLÉE"),
        ("zazolc GESLA", "Zażółć gęślą jaźń"),
        ("strasse", "Straße"),
        ("STRASSE", "Straße"),
        ("σοφός", "ΣΟΦΟΣ"),
        ("محمد", "مُحَمَّد"),
    ] {
        assert_eq!(find(&ada, asked).await, [found], "{asked}");
    }
}

#[apply(both)]
async fn what_is_rare_is_found_among_much_that_begins_alike(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut lampshades = Vec::new();
    for number in 0..25 {
        lampshades.push(format!("lampshade {number}"));
        socket.post("general", &lampshades[number], &format!("shade{number}")).await;
    }
    for number in 0..450 {
        socket.post("general", &format!("lamprey {number}"), &format!("fish{number}")).await;
    }
    socket.post("general", "the lampshade of a lamprey", "last").await;
    lampshades.reverse();
    let first: Vec<_> = ["the lampshade of a lamprey".to_owned()].into_iter().chain(lampshades.clone()).take(20).collect();
    assert_eq!(find(&ada, "lamps").await, first);
    assert_eq!(find(&ada, "lampsh -lampr").await, lampshades[..20]);
    assert_eq!(find(&ada, "lampr").await[..2], ["the lampshade of a lamprey", "lamprey 449"]);
    assert_eq!(find(&ada, "lampr lamps").await, ["the lampshade of a lamprey"]);
    assert_eq!(find(&ada, "lampo").await, Vec::<String>::new());
}

#[apply(both)]
async fn a_word_is_found_by_its_beginning_from_three_letters_on(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(&socket, "general", &["observatory", "obs", "at the attic", "internationalisation"]).await;
    for asked in ["obs", "obse", "obser", "observ", "observato", "observatory", "observ*", "obs*"] {
        assert!(find(&ada, asked).await.contains(&"observatory".to_owned()), "{asked}");
    }
    assert_eq!(find(&ada, "obs").await, ["obs", "observatory"]);
    assert_eq!(find(&ada, "\"obs\"").await, ["obs"]);
    assert_eq!(find(&ada, "at").await, ["at the attic"]);
    assert_eq!(find(&ada, "ob").await, Vec::<String>::new());
    assert_eq!(find(&ada, "observatorys").await, Vec::<String>::new());
    assert_eq!(find(&ada, "internationalis").await, ["internationalisation"]);
}

#[apply(both)]
async fn a_phrase_is_its_words_in_a_row(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(&socket, "general", &["to be or not to be", "be to or", "don't panic", "see https://example.com/path?q=1 there"]).await;
    assert_eq!(find(&ada, "\"to be\"").await, ["to be or not to be"]);
    assert_eq!(find(&ada, "“be to”").await, ["be to or"]);
    assert_eq!(find(&ada, "be -\"to be\"").await, ["be to or"]);
    assert_eq!(find(&ada, "don't").await, ["don't panic"]);
    assert_eq!(find(&ada, "example.com/path").await, ["see https://example.com/path?q=1 there"]);
    assert_eq!(find(&ada, "\"not to be\" or").await, ["to be or not to be"]);
    // A quote that never ends.
    assert_eq!(find(&ada, "\"or not").await, ["to be or not to be"]);
}

#[apply(both)]
async fn chinese_japanese_and_korean_are_found_anywhere_in_a_run(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let said = [
        "我们明天去北京大学开会",
        "東京都に行きました",
        "カタカナとｶﾞｲﾄﾞ",
        "나는 서울에 산다",
        "Rust言語は楽しい",
        "京",
        "สวัสดีชาวโลก",
    ];
    say(&socket, "general", &said).await;
    for (asked, found) in [
        ("北京", vec![said[0]]),
        ("北京大学", vec![said[0]]),
        ("大学开", vec![said[0]]),
        ("京大", vec![said[0]]),
        ("学北", vec![]),
        ("会", vec![said[0]]),
        ("京", vec![said[5], said[1], said[0]]),
        ("東京都", vec![said[1]]),
        ("行きました", vec![said[1]]),
        ("ガイド", vec![said[2]]),
        ("カイト", vec![]),
        ("서울", vec![said[3]]),
        ("울에", vec![said[3]]),
        ("rust言語", vec![said[4]]),
        ("\"言語\"", vec![said[4]]),
        ("言語 rust", vec![said[4]]),
        ("北京 -大学", vec![]),
        ("โลก", vec![said[6]]),
    ] {
        assert_eq!(find(&ada, asked).await, found, "{asked}");
    }
}

#[apply(both)]
async fn what_has_no_word_finds_nothing_and_harms_nothing(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(&socket, "general", &["o'clock \\ 100% \u{E000} 'or' 1", "AND OR NOT NEAR"]).await;
    for asked in ["", "   ", "!?", "👍", "\"\"", "-", "\u{E000}", "\u{E001}9", "*", "(", "\\", "'"] {
        assert_eq!(find(&ada, asked).await, Vec::<String>::new(), "{asked:?}");
    }
    for (asked, found) in [
        ("o'clock", 1),
        ("100%", 1),
        ("and or not near", 1),
        ("NEAR(not near)", 0),
        ("NEAR not", 1),
        ("and*", 1),
        ("body:and", 0),
        ("and)", 1),
        ("'and'", 1),
        ("\\clock", 1),
        ("and & or", 1),
        ("!and", 1),
        ("and:*", 1),
        ("^and", 1),
        ("{and}", 1),
        ("a\tand", 0),
    ] {
        assert_eq!(find(&ada, asked).await.len(), found, "{asked:?}");
    }
    // Not even a NUL or broken UTF-8 is a fault of the server's.
    for raw in ["%00", "a%00b", "in:a%00b", "from:%00", "%FF", "%ED%A0%80"] {
        let status = ada.get_json(&format!("/search?q={raw}")).await.status;
        assert!(status < 500, "{raw}: {status}");
    }
}

#[apply(both)]
async fn a_query_has_its_bounds(app: &TestApp) {
    let ada = app.register("ada").await;
    let error = ask(&ada, &"a".repeat(501), "").await.expect(422).json();
    assert_eq!((&error["error"]["code"], &error["error"]["field"]), (&"too_long".into(), &"q".into()));
    let error = ask(&ada, &"ab ".repeat(31), "").await.expect(422).json();
    assert_eq!((&error["error"]["code"], &error["error"]["field"]), (&"invalid".into(), &"q".into()));
    for rest in ["&order=worst", "&before=7", "&before=general~7~x", "&before=general~99"] {
        let error = ask(&ada, "word", rest).await.expect(422).json();
        assert_eq!(error["error"]["code"], "invalid", "{rest}");
    }
    app.stranger().get_json("/search?q=word").await.expect(401);
    assert_eq!(app.stranger().get("/search?q=word").await.expect(303).location(), "/login?next=%2Fsearch%3Fq%3Dword");
}
