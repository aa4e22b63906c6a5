//! Finding one's way without a mouse: the palette, the keys, the drawer.

use serde_json::json;

use super::COMPOSER;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

const CONTROL_K: &str = "\u{e009}k";
const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";
const DOWN: &str = "\u{e015}";

/// Waits until the focus is on something that CSS can name.
async fn is_at(browser: &Browser, css: &str) {
    browser.waits_for(async || says(browser, &format!("return document.activeElement.matches({})", json!(css))).await).await;
}

/// What a script says, yes or no.
async fn says(browser: &Browser, script: &str) -> bool {
    browser.execute(script, vec![]).await.expect("our own script runs") == json!(true)
}

/// Somebody in a room of three messages, with another room to go to.
async fn reader(app: &TestApp) -> Browser {
    let grace = app.register("grace").await;
    grace.create_room("Wind tunnel", "public").await;
    let (socket, _) = grace.join("general").await;
    for number in 0..3 {
        socket.post("general", &format!("word {number}"), &format!("n{number}")).await;
    }
    let ada = Browser::open(Scripts::On).await;
    ada.register(app, "ada").await;
    ada.join(app, "general").await;
    ada.sees(COMPOSER).await;
    ada.waits_for(async || says(&ada, "return !document.querySelector('[data-open=palette]').hidden").await).await;
    ada
}

#[test]
fn the_palette_opens_a_room_by_keys_alone_and_gives_the_focus_back() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = reader(app).await;
        is_at(&ada, COMPOSER).await;
        // Also while one is writing; and closing it leads back there.
        ada.type_keys(CONTROL_K).await;
        is_at(&ada, "#palette input").await;
        ada.type_keys(ESCAPE).await;
        is_at(&ada, COMPOSER).await;
        ada.type_keys(CONTROL_K).await;
        ada.type_keys("wd tun").await;
        ada.waits_for(async || ada.texts("#palette [aria-selected=true] .found-label").await == ["Wind tunnel"]).await;
        ada.type_keys(ENTER).await;
        ada.waits_until(|path| path == "/rooms/wind-tunnel").await;
        // With nothing typed, the room before comes first. She is no member here.
        ada.sees(".joining button").await;
        ada.waits_for(async || says(&ada, "return !document.querySelector('[data-open=palette]').hidden").await).await;
        ada.press("[data-open=palette]").await;
        ada.waits_for(async || ada.texts("#palette [role=option] .found-label").await.len() > 10).await;
        ada.waits_for(async || ada.texts("#palette [aria-selected=true] .found-label").await == ["general"]).await;
        // The arrows move the choice, and what has the focus says which it is.
        ada.type_keys(DOWN).await;
        let told = "return document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.ariaSelected";
        ada.waits_for(async || ada.execute(told, vec![]).await.expect("our own script runs") == json!("true")).await;
        ada.type_keys("nothing of that name").await;
        ada.waits_for(async || ada.texts(".palette-none").await == ["No results"]).await;
        // What is no room, person or command may have been said.
        let search = "Search messages for “nothing of that name”";
        ada.waits_for(async || ada.texts("#palette [aria-selected=true] .found-label").await == [search]).await;
        ada.type_keys(ENTER).await;
        ada.waits_until(|path| path == "/search").await;
        // In the room that was open; from there one goes on to all of them.
        ada.waits_for(async || ada.value("[name=q]").await.ends_with(" nothing of that name")).await;
        assert!(ada.value("[name=q]").await.starts_with("in:"));
        ada.sees(".filters .plain[href='/search?q=nothing+of+that+name']").await;
        ada.close().await;
    });
}

#[test]
fn the_list_of_keys_opens_and_closes_and_never_while_one_is_writing() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = reader(app).await;
        ada.type_keys("why?").await;
        assert!(says(&ada, "return document.querySelector('#composer textarea').value === 'why?'").await);
        assert!(!says(&ada, "return document.querySelector('#all-keys').open").await);
        ada.execute("document.querySelector('#log').focus()", vec![]).await.expect("our own script runs");
        ada.type_keys("?").await;
        ada.sees("#all-keys[open]").await;
        // Over it, no other key of a page does anything.
        ada.type_keys("j").await;
        ada.type_keys(ESCAPE).await;
        ada.waits_for(async || !says(&ada, "return document.querySelector('#all-keys').open").await).await;
        is_at(&ada, "#log").await;
        // With nothing open, back to where one writes.
        ada.type_keys(ESCAPE).await;
        is_at(&ada, COMPOSER).await;
        ada.close().await;
    });
}

#[test]
fn keys_walk_through_messages_and_places_and_can_be_turned_off() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = reader(app).await;
        let focus = async |css: &str| {
            ada.execute(&format!("document.querySelector({}).focus()", json!(css)), vec![]).await.expect("our own script runs")
        };
        let last = ada.texts("#log .message .body").await;
        assert_eq!(last, ["word 0", "word 1", "word 2"]);
        focus("#log").await;
        let at = async || ada.execute("return document.activeElement.querySelector('.body')?.textContent.trim()", vec![]).await;
        ada.type_keys("j").await;
        assert_eq!(at().await.expect("our own script runs"), json!("word 2"));
        ada.type_keys("k").await;
        ada.type_keys("k").await;
        assert_eq!(at().await.expect("our own script runs"), json!("word 0"));
        ada.type_keys(DOWN).await;
        assert_eq!(at().await.expect("our own script runs"), json!("word 1"));
        ada.type_keys("G").await;
        assert_eq!(at().await.expect("our own script runs"), json!("word 2"));
        // Turned off, a letter is only a letter.
        ada.type_keys("?").await;
        ada.sees("#all-keys[open]").await;
        ada.press("#all-keys [name=single-keys]").await;
        ada.type_keys(ESCAPE).await;
        focus("#log").await;
        ada.type_keys("j").await;
        assert!(says(&ada, "return document.activeElement.id === 'log'").await);
        ada.type_keys("?").await;
        assert!(!says(&ada, "return document.querySelector('#all-keys').open").await);
        // And on again, a place is two keys away.
        ada.visit(app, "/keys").await;
        ada.press(".keys-page [name=single-keys]").await;
        focus("body a").await;
        ada.type_keys("g").await;
        ada.type_keys("r").await;
        ada.waits_until(|path| path == "/rooms").await;
        ada.close().await;
    });
}

#[test]
fn the_drawer_keeps_the_focus_until_it_is_closed() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = reader(app).await;
        ada.looks("light", 360).await;
        for close in ["Escape", "veil"] {
            ada.press(".menu").await;
            is_at(&ada, ".sidebar a[aria-current=page]").await;
            assert!(says(&ada, "return document.querySelector('#content').inert").await);
            if close == "veil" {
                ada.execute("document.querySelector('.veil').click()", vec![]).await.expect("our own script runs");
            } else {
                ada.type_keys(ESCAPE).await;
            }
            is_at(&ada, ".menu").await;
            assert!(!says(&ada, "return document.querySelector('#content').inert").await);
        }
        ada.close().await;
    });
}
