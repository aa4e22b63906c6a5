//! A room for those who listen to it, and for those who have only keys.

use serde_json::{Value, json};

use super::{COMPOSER, say};
use crate::harness::browser::{Browser, Heard, Scripts};
use crate::harness::{TestApp, in_browser};

const TAB: &str = "\u{e004}";
const BACK_TAB: &str = "\u{e008}\u{e004}\u{e000}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const HOME: &str = "\u{e011}";
const UP: &str = "\u{e013}";
const RIGHT: &str = "\u{e014}";
const DOWN: &str = "\u{e015}";

/// Where the focus is: a message by its number, anything else by its words.
const FOCUS: &str = "const at = document.activeElement; \
                     return at.id || (at.ariaLabel ?? at.textContent).trim().replace(/\\s+/g, ' ')";

async fn focus(browser: &Browser) -> String {
    let at = browser.execute(FOCUS, vec![]).await.expect("our own script runs");
    at.as_str().unwrap_or_default().to_owned()
}

async fn presses(browser: &Browser, keys: &str, at: &str) {
    browser.type_keys(keys).await;
    assert_eq!(focus(browser).await, at);
}

/// The same words at any hour.
fn timeless(name: &str) -> String {
    let parts = name.split_whitespace().filter(|part| !matches!(*part, "AM" | "PM"));
    let is_clock = |part: &str| part.split_once(':').is_some_and(|(hour, rest)| hour.parse::<u8>().is_ok() && rest.len() == 2);
    parts.map(|part| if is_clock(part) { "HH:MM" } else { part }).collect::<Vec<_>>().join(" ")
}

fn named<'a>(all: &'a [Heard], role: &str) -> Vec<&'a str> {
    all.iter().filter(|heard| heard.role == role).map(|heard| heard.name.as_str()).collect()
}

/// Ada at the page of `general`, where Grace Hopper has written.
async fn company(app: &TestApp) -> (Browser, crate::harness::Person) {
    let ada = Browser::open(Scripts::On).await;
    ada.register(app, "ada").await;
    app.log_in("ada").await.post("/settings", &[("name", "Ada Lovelace")]).await.expect(303);
    let grace = app.register("grace").await;
    grace.post("/settings", &[("name", "Grace Hopper")]).await.expect(303);
    ada.join(app, "general").await;
    (ada, grace)
}

#[test]
fn a_room_is_told_to_those_who_listen() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (ada, grace) = company(app).await;
        let (socket, _) = grace.join("general").await;
        for (nonce, body) in [("1", "Hello @ada, *look* at [this](https://example.com)."), ("2", "And `that`.")] {
            socket.post("general", body, nonce).await;
        }
        for (seq, emoji) in [(3, "🎉"), (3, "👍")] {
            socket.ok("react", json!({ "room": "general", "seq": seq, "emoji": emoji, "on": true })).await;
        }
        app.log_in("ada").await.post("/rooms/general/3/react", &[("emoji", "🎉"), ("on", "true")]).await.expect(303);
        socket.ok("pin", json!({ "room": "general", "seq": 4, "on": true })).await;
        ada.visit(app, "/rooms/general").await;
        // What came with the page, and what comes live, are told alike.
        ada.waits_for(async || ada.texts(".people").await == ["2 members · 2 online"]).await;
        socket.post("general", "Live.", "3").await;
        ada.focus("#m4").await;
        ada.sees("#m5").await;

        let all = ada.heard().await;
        assert_eq!(named(&all, "navigation"), ["Rooms and messages"]);
        assert_eq!(named(&all, "main").len(), 1);
        assert_eq!(named(&all, "heading"), ["Rooms", "Direct messages", "general"]);
        assert_eq!(named(&all, "log"), ["Messages in general"]);
        let messages: Vec<_> = named(&all, "article").into_iter().map(timeless).collect();
        let expected = [
            "Ada Lovelace and Grace Hopper joined · HH:MM",
            "Grace Hopper HH:MM Hello @ada, look at this.",
            "Grace Hopper HH:MM And that.",
            "Grace Hopper HH:MM Live.",
        ];
        assert_eq!(messages, expected);
        // What one can press is named, once.
        for heard in
            all.iter().filter(|heard| matches!(heard.role.as_str(), "button" | "link" | "textbox" | "article" | "menuitem"))
        {
            assert!(!heard.name.is_empty(), "{heard:?}");
            let is_doubled = !heard.description.is_empty() && heard.name.contains(&heard.description);
            let words: Vec<_> = heard.name.split_whitespace().collect();
            let has_echo =
                words.len() > 1 && words.len().is_multiple_of(2) && words[..words.len() / 2] == words[words.len() / 2..];
            assert!(!is_doubled && !has_echo, "{heard:?}");
        }
        let state = |role: &str, name: &str, state: &str| {
            let found = all.iter().find(|heard| heard.role == role && heard.name == name);
            let found = found.unwrap_or_else(|| panic!("no {role} is called {name:?}: {all:#?}"));
            found.states.get(state).cloned().unwrap_or(Value::Null)
        };
        assert_eq!(state("button", "You and Grace Hopper reacted with 🎉 2", "pressed"), json!("true"));
        assert_eq!(state("button", "Grace Hopper reacted with 👍 1", "pressed"), json!("false"));
        assert_eq!(state("button", "Favorite", "pressed"), json!("false"));
        assert_eq!(state("button", "Rooms", "expanded"), json!(true));
        assert_eq!(state("textbox", "Message #general", "multiline"), json!(true));
        assert_eq!(state("button", "More actions", "hasPopup"), json!("menu"));
        assert_eq!(state("link", "Pinned by Grace Hopper", "focusable"), json!(true));
        assert_eq!(ada.attribute(".sidebar a[data-room=general]", "aria-current").await, "page");
        // Whoever has written nothing here is called by their name as well: while they write, and under what they react to.
        let mei = app.register("mei").await;
        mei.post("/settings", &[("name", "Mei Chen")]).await.expect(303);
        let (hers, _) = mei.join("general").await;
        hers.tell("typing", json!({ "room": "general" })).await;
        ada.waits_for(async || ada.texts("#typing").await == ["Mei Chen is typing…"]).await;
        hers.ok("react", json!({ "room": "general", "seq": 5, "emoji": "👀", "on": true })).await;
        ada.hover("#m5 .reaction").await;
        ada.waits_for(async || ada.attribute("#m5 .reaction", "aria-label").await == "Mei Chen reacted with 👀 1").await;
        ada.close().await;
    });
}

#[test]
fn the_log_is_one_stop_for_the_tab_key_and_is_walked_with_arrows() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (ada, grace) = company(app).await;
        let (socket, _) = grace.join("general").await;
        for number in 3..70 {
            let body = if number == 68 { "See [this](https://example.com)." } else { "A word." };
            socket.post("general", body, &format!("n{number}")).await;
        }
        app.log_in("ada").await.post("/rooms/general/read", &[("seq", "69")]).await.expect(303);
        ada.visit(app, "/rooms/general").await;
        ada.waits_for(async || ada.texts(".people").await == ["2 members · 2 online"]).await;
        let hears = "window.heard = []; new MutationObserver(() => { \
                     const said = document.querySelector('#said').textContent; if (said) window.heard.push(said.trim()); \
                     }).observe(document.querySelector('#said'), { childList: true, characterData: true, subtree: true })";
        ada.execute(hears, vec![]).await.expect("our own script runs");
        // From the message box it is one step over its button and one into the log, to the last message, and one out to what is over it.
        ada.focus(COMPOSER).await;
        presses(&ada, BACK_TAB, "Attach files").await;
        presses(&ada, BACK_TAB, "m69").await;
        presses(&ada, BACK_TAB, "2 members · 2 online").await;
        presses(&ada, TAB, "m69").await;
        ada.type_keys(&TAB.repeat(2)).await;
        ada.sees(&format!("{COMPOSER}:focus")).await;
        // Arrows walk; it is where one was that one comes back to.
        ada.type_keys(&BACK_TAB.repeat(2)).await;
        presses(&ada, UP, "m68").await;
        ada.type_keys(TAB).await;
        presses(&ada, BACK_TAB, "m68").await;
        // In a message Tab leads through what is in it, and Escape back out.
        presses(&ada, ENTER, "React").await;
        presses(&ada, TAB, "Reply").await;
        presses(&ada, TAB, "More actions").await;
        ada.type_keys(&TAB.repeat(2)).await;
        ada.sees(&format!("{COMPOSER}:focus")).await;
        presses(&ada, &BACK_TAB.repeat(2), "m68").await;
        ada.type_keys(RIGHT).await;
        assert!(focus(&ada).await.starts_with("Link to this message"), "{}", focus(&ada).await);
        presses(&ada, RIGHT, "this").await;
        presses(&ada, TAB, "React").await;
        presses(&ada, BACK_TAB, "this").await;
        presses(&ada, ESCAPE, "m68").await;
        // The three dots open their menu by the space bar too, and have the focus again when it closes.
        ada.type_keys(ENTER).await;
        ada.type_keys(&TAB.repeat(2)).await;
        ada.type_keys(" ").await;
        ada.sees("#acts .act[data-act=react]:focus").await;
        presses(&ada, ESCAPE, "More actions").await;
        presses(&ada, ESCAPE, "m68").await;
        // What comes live is told once, with its author, and takes the focus from nobody.
        socket.post("general", "Good evening.", "live").await;
        ada.sees("#m70").await;
        ada.waits_for(async || ada.execute("return window.heard.length", vec![]).await.expect("our own script runs") == json!(1))
            .await;
        assert_eq!(focus(&ada).await, "m68");
        // The first message, and what is loaded above it: nobody is told of that, and nobody loses their place.
        presses(&ada, HOME, "m20").await;
        ada.sees("#m3").await;
        assert_eq!(focus(&ada).await, "m20");
        presses(&ada, UP, "m19").await;
        presses(&ada, DOWN, "m20").await;
        presses(&ada, HOME, "m1").await;
        presses(&ada, UP, "Today").await;
        presses(&ada, DOWN, "m1").await;
        presses(&ada, DOWN, "m3").await;
        // Escape leads to where one writes, and one's own words are told to nobody but the others.
        ada.type_keys(ESCAPE).await;
        say(&ada, "Good night.").await;
        ada.sees("#m71").await;
        socket.post("general", "Sleep well.", "last").await;
        let told = json!(["Grace Hopper: Good evening.", "Grace Hopper: Sleep well."]);
        ada.waits_for(async || ada.execute("return window.heard", vec![]).await.expect("our own script runs") == told).await;
        // Nothing is pinned by who wanted the room before, and the other way round.
        ada.focus("#m71").await;
        ada.type_keys("b").await;
        ada.type_keys("p").await;
        ada.sees("#m71[data-pinned]").await;
        assert_eq!(ada.path().await, "/rooms/general");
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}
