//! Writing on other keyboards and in other scripts, in two windows, and what is said before a message is sent.

use serde_json::json;

use super::{COMPOSER, EDITOR, SEND, WORDS, reads, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const UP: &str = "\u{e013}";
const OPTIONS: &str = "#completions:not([hidden]) [role=option]";

async fn enter(app: &TestApp, username: &str, room: &str) -> Browser {
    let browser = Browser::open(Scripts::On).await;
    browser.register(app, username).await;
    browser.join(app, room).await;
    browser.sees(COMPOSER).await;
    browser
}

async fn writes(browser: &Browser, expected: &str) {
    browser.waits_for(async || browser.value(COMPOSER).await == expected).await;
}

async fn runs(browser: &Browser, script: &str) -> serde_json::Value {
    browser.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// Puts other words in the field's place, as somebody does who begins anew.
async fn begins(browser: &Browser, text: &str) {
    browser.clear(COMPOSER).await;
    browser.fill(COMPOSER, text).await;
}

#[test]
fn suggestions_are_for_what_an_input_method_has_put_there() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (grace, _) = app.register("grace").await.join("general").await;
        let mei = app.register("mei").await;
        mei.post("/settings", &[("name", "梅")]).await;
        mei.enter("general").await;
        let ada = enter(app, "ada", "general").await;
        // Composed and committed; Enter takes who was meant, and not who was first before.
        for (composed, whom) in [("gr", "grace"), ("梅", "mei")] {
            begins(&ada, "@").await;
            ada.waits_for(async || ada.texts(OPTIONS).await.len() == 5).await;
            let composing =
                json!({ "text": composed, "selectionStart": composed.chars().count(), "selectionEnd": composed.chars().count() });
            ada.devtools("Input.imeSetComposition", composing).await;
            ada.devtools("Input.insertText", json!({ "text": composed })).await;
            ada.fill(COMPOSER, ENTER).await;
            writes(&ada, &format!("@{whom} ")).await;
        }
        // A key of the input method's is not the list's.
        begins(&ada, "@gr").await;
        ada.waits_for(async || ada.texts(OPTIONS).await.len() == 1).await;
        let key = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))";
        assert_eq!(runs(&ada, &format!("return {key}")).await, json!(true), "nobody minds it");
        assert_eq!(ada.value(COMPOSER).await, "@gr");
        // Wide signs, and no space in front; the same boundaries as on the server.
        for (typed, taken) in
            [("你好＠gr", "你好@grace "), ("你好@gr", "你好@grace "), ("@ada/@gr", "@ada/@grace "), ("(@gr", "(@grace ")]
        {
            begins(&ada, typed).await;
            ada.waits_for(async || ada.texts(OPTIONS).await.len() == 1).await;
            ada.fill(COMPOSER, TAB).await;
            writes(&ada, taken).await;
        }
        for typed in ["mail x@gr", "std::ta", "a:tada", "x#gen"] {
            begins(&ada, typed).await;
            ada.fill(COMPOSER, ENTER).await;
            grace.hears(typed).await;
        }
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn an_emoji_is_offered_until_its_last_colon_stands_and_others_words_for_everyone_are_known() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada", "general").await;
        begins(&ada, ":tada").await;
        ada.waits_for(async || ada.texts(OPTIONS).await.first().is_some_and(|first| first.contains(":tada:"))).await;
        ada.fill(COMPOSER, ":").await;
        ada.waits_for(async || ada.texts(OPTIONS).await.is_empty()).await;
        begins(&ada, "：tada").await;
        ada.sees(OPTIONS).await;
        ada.fill(COMPOSER, TAB).await;
        writes(&ada, "🎉 ").await;
        for (typed, taken) in [("@ev", "@everyone "), ("@cha", "@channel "), ("@al", "@all ")] {
            begins(&ada, typed).await;
            ada.sees(OPTIONS).await;
            ada.fill(COMPOSER, TAB).await;
            writes(&ada, taken).await;
        }
        ada.close().await;
    });
}

#[test]
fn keys_are_found_by_their_place_where_letters_are_not_latin() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada", "general").await;
        say(&ada, "one").await;
        reads(&ada, &["one"]).await;
        let press = async |key: &str, code: &str, more: &str| {
            let event = format!("{{ key: '{key}', code: '{code}', bubbles: true, cancelable: true, {more} }}");
            runs(&ada, &format!("(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', {event}))"))
                .await
        };
        let is_open = async || runs(&ada, "return !!document.querySelector('dialog[open]')").await == json!(true);
        for letter in ["л", "κ", "ל", "ن"] {
            press(letter, "KeyK", "ctrlKey: true").await;
            ada.waits_for(is_open).await;
            press(letter, "KeyK", "ctrlKey: true").await;
            ada.waits_for(async || !is_open().await).await;
        }
        runs(&ada, "document.activeElement.blur()").await;
        press("о", "KeyJ", "").await;
        ada.waits_for(async || runs(&ada, "return document.activeElement.matches('.message')").await == json!(true)).await;
        press("؟", "Slash", "shiftKey: true").await;
        ada.waits_for(is_open).await;
        // A Latin letter counts where it is written, wherever its key is.
        runs(&ada, "document.querySelector('dialog[open]').close()").await;
        press("x", "KeyJ", "").await;
        press("x", "KeyK", "ctrlKey: true").await;
        assert!(!is_open().await);
        ada.close().await;
    });
}

#[test]
fn an_address_pasted_over_words_is_a_link_whatever_is_in_it() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada", "general").await;
        for (words, address) in [
            ("Rust", "https://en.wikipedia.org/wiki/Rust_(programming_language)"),
            ("a [b] c", "https://example.com/a(b"),
            ("x)", "https://example.com/)b"),
            ("ends with \\\\", "https://example.com/<a>"),
            ("a ` b", "https://example.com/a"),
        ] {
            let script = format!(
                "const field = document.querySelector('{COMPOSER}'); field.value = '{words}'; field.focus(); field.select();
                 const data = new DataTransfer(); data.setData('text/plain', '{address}');
                 field.dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }}));"
            );
            let before = ada.counts(WORDS).await;
            runs(&ada, &script).await;
            ada.press(SEND).await;
            ada.waits_for(async || ada.counts(&format!("{WORDS} p > a[target=_blank]:only-child")).await == before + 1).await;
        }
        ada.close().await;
    });
}

#[test]
fn a_draft_is_the_same_in_two_windows_and_gone_from_both_when_it_is_sent() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada", "general").await;
        let first = ada.window().await.expect("a window");
        let second = ada.new_window(true).await.expect("another window").handle;
        ada.switch_to_window(second.clone()).await.expect("it is there");
        ada.visit(app, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        ada.fill(COMPOSER, "said once").await;
        ada.switch_to_window(first.clone()).await.expect("it is there");
        writes(&ada, "said once").await;
        ada.press(SEND).await;
        reads(&ada, &["said once"]).await;
        ada.switch_to_window(second).await.expect("it is there");
        writes(&ada, "").await;
        reads(&ada, &["said once"]).await;
        ada.close().await;
    });
}

#[test]
fn words_for_an_edited_message_survive_a_reload_and_another_room() {
    in_browser(module_path!(), async |app: &TestApp| {
        app.register("grace").await.create_room("Tea", "public").await;
        let ada = enter(app, "ada", "general").await;
        say(&ada, "frist").await;
        // It is there before it is committed, and only what is committed can be edited.
        ada.sees("#m2").await;
        let edits = async |expected: &str| {
            ada.sees("#m2.message--editing #edit-composer").await;
            ada.waits_for(async || ada.value(EDITOR).await == expected).await;
        };
        ada.fill(COMPOSER, UP).await;
        edits("frist").await;
        ada.fill(EDITOR, " of all").await;
        // Meanwhile something new can be written.
        ada.fill(COMPOSER, "a draft").await;
        for path in ["/rooms/tea", "/rooms/general"] {
            ada.visit(app, path).await;
        }
        edits("frist of all").await;
        writes(&ada, "a draft").await;
        ada.refresh().await.expect("the page can be reloaded");
        edits("frist of all").await;
        ada.fill(EDITOR, ENTER).await;
        ada.waits_for(async || ada.texts(WORDS).await == ["frist of all"]).await;
        writes(&ada, "a draft").await;
        // Saved or taken back, it is over.
        ada.refresh().await.expect("the page can be reloaded");
        reads(&ada, &["frist of all"]).await;
        assert_eq!(ada.counts(EDITOR).await, 0);
        // Scripts run.
        ada.sees("html[data-waiting]").await;
        begins(&ada, "").await;
        ada.fill(COMPOSER, UP).await;
        edits("frist of all").await;
        ada.fill(EDITOR, &format!("!{ESCAPE}")).await;
        ada.refresh().await.expect("the page can be reloaded");
        reads(&ada, &["frist of all"]).await;
        assert_eq!(ada.counts(EDITOR).await, 0);
        ada.close().await;
    });
}

#[test]
fn who_is_mentioned_and_is_not_in_the_room_is_named_before_it_is_sent() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        grace.post("/settings", &[("name", "Grace H.")]).await;
        let room = app.register("mary").await.create_room("Tea", "public").await;
        let ada = enter(app, "ada", &room).await;
        let note = async || ada.texts("#absent:not([hidden]) .words").await.join("");
        // Written and sent in one go: it is held until it is sent again.
        runs(&ada, &format!("document.querySelector('{COMPOSER}').value = '@grace come'")).await;
        ada.fill(COMPOSER, ENTER).await;
        ada.waits_for(async || note().await.starts_with("Grace H. isn’t in this room and won’t be notified.")).await;
        assert_eq!(ada.counts(WORDS).await, 0);
        ada.fill(COMPOSER, ENTER).await;
        reads(&ada, &["@grace come"]).await;
        writes(&ada, "").await;
        assert_eq!(note().await, "");
        // While one writes it is only said.
        ada.fill(COMPOSER, "and @grace, ").await;
        ada.waits_for(async || note().await == "Grace H. isn’t in this room and won’t be notified.").await;
        ada.fill(COMPOSER, &format!("too{ENTER}")).await;
        reads(&ada, &["@grace come", "and @grace, too"]).await;
        // Members, nobody, code and quotations are no matter.
        for words in ["@mary", "@nobody", "`@grace`", "x@grace.example", "@room @everyone"] {
            let before = ada.counts(WORDS).await;
            ada.fill(COMPOSER, &format!("{words} {ENTER}")).await;
            ada.waits_for(async || ada.counts(WORDS).await == before + 1).await;
            assert_eq!(note().await, "", "{words}");
        }
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn what_waits_in_another_room_becomes_less_when_it_is_taken_back() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        let room = grace.create_room("Tea", "public").await;
        let (socket, _) = grace.join(&room).await;
        let ada = enter(app, "ada", &room).await;
        ada.join(app, "general").await;
        let entry = format!(".sidebar a[data-room={room}]");
        let badge = async || ada.texts(&format!("{entry} .count")).await.join("");
        let first = socket.post(&room, "one @ada", "1").await;
        let second = socket.post(&room, "two", "2").await;
        ada.waits_for(async || ada.texts(&format!("{entry} .count--to-me")).await == ["1"]).await;
        socket.ok("edit", json!({ "room": room, "seq": first["seq"], "body": "one" })).await;
        ada.waits_for(async || ada.counts(&format!("{entry} .count--to-me")).await == 0 && badge().await == "2").await;
        socket.ok("edit", json!({ "room": room, "seq": second["seq"], "body": "two @all" })).await;
        ada.waits_for(async || ada.texts(&format!("{entry} .count--to-me")).await == ["1"]).await;
        socket.ok("delete", json!({ "room": room, "seq": second["seq"] })).await;
        ada.waits_for(async || ada.counts(&format!("{entry} .count--to-me")).await == 0 && badge().await == "1").await;
        socket.ok("delete", json!({ "room": room, "seq": first["seq"] })).await;
        ada.waits_for(async || badge().await.is_empty()).await;
        ada.close().await;
    });
}

#[test]
fn each_block_reads_in_its_own_direction_and_a_few_emoji_are_large() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada", "general").await;
        let (grace, _) = app.register("grace").await.join("general").await;
        let said = ["שלום עולם.", "hello.", "مرحبا.\n\n- واحد\n- two\n\n`let a;`", "🎉 🎉", "20261127. a\n20261130. b"];
        for (nth, body) in said.iter().enumerate() {
            grace.post("general", body, &nth.to_string()).await;
        }
        ada.waits_for(async || ada.counts(WORDS).await == said.len()).await;
        // Where the full stop stands: left of the first letter, or right of it.
        let sides = format!(
            "const at = (text, from) => {{ const range = document.createRange(); range.setStart(text, from); range.setEnd(text, from + 1); return range.getBoundingClientRect().left; }};
             const side = ({{ firstChild: text }}) => (at(text, text.length - 1) < at(text, 0) ? 'left' : 'right');
             return [...document.querySelectorAll('{WORDS} > p:first-child')].slice(0, 3).map(side)"
        );
        assert_eq!(runs(&ada, &sides).await, json!(["left", "right", "left"]));
        let start = "const p = document.querySelector('#log .message .body > p'); const range = document.createRange(); range.selectNodeContents(p);
            return Math.round(p.getBoundingClientRect().right - range.getBoundingClientRect().right)";
        assert_eq!(runs(&ada, start).await, json!(0), "it begins at the right");
        assert_eq!(ada.counts(&format!("{WORDS} ul[dir=rtl]")).await, 1);
        let field = "const field = arguments[0] ?? document.querySelector('#composer textarea'); return getComputedStyle(field).unicodeBidi";
        assert_eq!(runs(&ada, field).await, json!("plaintext"));
        assert_eq!(
            runs(&ada, &format!("return getComputedStyle(document.querySelector('{WORDS} code')).direction")).await,
            json!("ltr")
        );
        let size = |css: &str| format!("return parseFloat(getComputedStyle(document.querySelector('{css}')).fontSize)");
        let (large, plain) =
            (runs(&ada, &size(&format!("{WORDS} p.emoji"))).await, runs(&ada, &size(&format!("{WORDS} p"))).await);
        assert!(large.as_f64() > plain.as_f64().map(|size| 2.0 * size), "{large} {plain}");
        // Long numbers are whole, on a phone too.
        ada.looks("light", 360).await;
        let inside = format!(
            "const list = document.querySelector('{WORDS} ol'); const box = list.closest('.body').getBoundingClientRect();
             return getComputedStyle(list).listStylePosition === 'inside' && list.getBoundingClientRect().left >= box.left && list.scrollWidth <= box.width + 1"
        );
        assert_eq!(runs(&ada, &inside).await, json!(true));
        // On a page that reads from the right, earlier versions begin there, as the message does.
        let (mine, _) = app.log_in("ada").await.join("general").await;
        let seq = mine.post("general", "mine", "mine").await["seq"].clone();
        mine.ok("edit", json!({ "room": "general", "seq": seq, "body": "mine too" })).await;
        ada.visit(app, &format!("/rooms/general/{seq}/history")).await;
        let begins = "document.documentElement.dir = 'rtl';
            const [now, before] = document.querySelectorAll('.words > .body > p, .revisions .body > p');
            const edge = (p) => p.closest('.words, li').getBoundingClientRect().right - parseFloat(getComputedStyle(p.closest('.words, li')).paddingRight);
            const gap = (p) => { const range = document.createRange(); range.selectNodeContents(p); return Math.round(edge(p) - range.getBoundingClientRect().right); };
            return [now.textContent, before.textContent, gap(now) <= 2, gap(before) <= 2]";
        assert_eq!(runs(&ada, begins).await, json!(["mine too", "mine", true, true]));
        ada.close().await;
    });
}
