//! Going from page to page: only what is in the middle is replaced, and the way back leads to where one was.

use serde_json::{Value, json};

use super::{COMPOSER, TwoPeople, WORDS, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

/// Runs a script of the test's own, and gives what it returns.
async fn run(browser: &Browser, script: &str) -> Value {
    browser.execute(script, vec![]).await.expect("our own script runs")
}

/// Marks the document, so that another one can be told from it.
async fn mark_document(browser: &Browser) {
    run(browser, "window.isMarked = true").await;
}

async fn is_same_document(browser: &Browser) -> bool {
    run(browser, "return window.isMarked === true").await == json!(true)
}

/// How many sockets the browser has opened since the document began.
const SOCKETS: &str = "return window.sockets";

/// Ada in a room that everybody is in, in a document that is marked.
async fn in_general(app: &TestApp) -> Browser {
    let ada = Browser::open(Scripts::On).await;
    ada.register(app, "ada").await;
    ada.join(app, "general").await;
    ada.sees(COMPOSER).await;
    mark_document(&ada).await;
    ada
}

#[test]
fn a_click_replaces_only_what_is_in_the_middle() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let room = app.log_in("ada").await.create_room("Attic", "public").await;
        ada.sees(&format!(".sidebar a[data-room='{room}']")).await;
        mark_document(&ada).await;
        let counting = "window.sockets = 0; const Real = WebSocket; \
                        window.WebSocket = class extends Real { constructor(...all) { super(...all); window.sockets += 1; } }; \
                        document.querySelector('.sidebar').dataset.kept = 'yes'";
        run(&ada, counting).await;

        ada.press(&format!(".sidebar a[data-room='{room}']")).await;
        ada.sees(&format!("main[data-room='{room}']")).await;
        ada.sees(&format!(".sidebar a[data-room='{room}'][aria-current=page]")).await;
        assert_eq!(ada.counts(".sidebar [aria-current]").await, 1);
        assert_eq!(ada.path().await, format!("/rooms/{room}"));
        assert_eq!(ada.title().await.expect("a title"), "Attic · Parlor");
        ada.sees(&format!("{COMPOSER}:focus")).await;
        ada.sees(".sidebar[data-kept=yes]").await;
        // The room is live, and the one that was left is heard of beside it.
        say(&ada, "dust everywhere").await;
        ada.waits_for(async || ada.texts(WORDS).await == ["dust everywhere"]).await;
        grace.waits_for(async || grace.texts(".people").await == ["2 members · 1 online"]).await;
        say(&grace, "@ada, are you gone?").await;
        ada.sees(".sidebar a[data-room=general] .count--to-me").await;
        assert_eq!(ada.texts(WORDS).await, ["dust everywhere"], "nothing of another room comes here");

        // Other pages come the same way, and what they need with them.
        ada.press(".sidebar .me summary").await;
        ada.press(".sidebar .me a[href='/settings']").await;
        ada.sees("#settings").await;
        assert_eq!(ada.path().await, "/settings");
        assert_eq!(ada.counts(".sidebar a[data-room][aria-current]").await, 0);
        ada.press(".sidebar a[data-room=general]").await;
        ada.waits_for(async || ada.texts(".people").await == ["2 members · 2 online"]).await;
        say(&ada, "no, here").await;
        grace.waits_for(async || grace.texts(WORDS).await == ["@ada, are you gone?", "no, here"]).await;
        ada.press(".people a").await;
        ada.sees("#members").await;
        ada.back().await.expect("there is a way back");
        ada.waits_for(async || ada.texts(WORDS).await == ["@ada, are you gone?", "no, here"]).await;
        assert_eq!(ada.path().await, "/rooms/general");
        ada.waits_for(async || ada.title().await.is_ok_and(|title| title == "general · Parlor")).await;
        ada.waits_for(async || ada.texts(".people").await == ["2 members · 2 online"]).await;
        ada.forward().await.expect("there is a way forward");
        ada.sees("#members").await;

        assert!(is_same_document(&ada).await);
        assert_eq!(run(&ada, SOCKETS).await, json!(0), "the connection stays");
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn clicks_for_something_else_are_left_to_the_browser() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.sees(COMPOSER).await;
        let taken = "const [options, change, done] = arguments; \
            const link = document.querySelector('.sidebar a[href=\"/people\"]').cloneNode(true); Object.assign(link, change); \
            document.querySelector('main').append(link); \
            addEventListener('click', (event) => { done(event.defaultPrevented); event.preventDefault(); event.stopPropagation(); }, { once: true }); \
            link.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ...options })); link.remove();";
        let origin = app.origin.replace("127.0.0.1", "localhost");
        for (options, change, expected) in [
            (json!({ "ctrlKey": true }), json!({}), false),
            (json!({ "metaKey": true }), json!({}), false),
            (json!({ "shiftKey": true }), json!({}), false),
            (json!({ "altKey": true }), json!({}), false),
            (json!({ "button": 1 }), json!({}), false),
            (json!({}), json!({ "target": "_blank" }), false),
            (json!({}), json!({ "download": "people.html" }), false),
            (json!({}), json!({ "href": format!("{origin}/people") }), false),
            (json!({}), json!({ "href": "mailto:grace@example.com" }), false),
            (json!({}), json!({ "href": "/static/favicon.svg" }), false),
            (json!({}), json!({ "href": "#content" }), false),
            (json!({}), json!({ "href": "/rooms?mine=yes" }), true),
        ] {
            let was_taken = ada.execute_async(taken, vec![options.clone(), change.clone()]).await.expect("our own script runs");
            assert_eq!(was_taken, json!(expected), "{options} {change}");
        }
        ada.close().await;
    });
}

#[test]
fn what_cannot_come_into_the_page_comes_as_a_page() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = in_general(app).await;
        let follow = "const link = document.createElement('a'); link.href = arguments[0]; link.textContent = 'there'; \
                      document.querySelector('main').append(link); link.click()";
        // An error, as a page of its own.
        ada.execute(follow, vec![json!("/rooms/nowhere")]).await.expect("our own script runs");
        ada.waits_until(|path| path == "/rooms/nowhere").await;
        ada.waits_for(async || !is_same_document(&ada).await).await;
        // No page at all.
        ada.visit(app, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        mark_document(&ada).await;
        ada.execute(follow, vec![json!("/emoji.json")]).await.expect("our own script runs");
        ada.waits_until(|path| path == "/emoji.json").await;
        // An answer that does not come.
        ada.visit(app, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        mark_document(&ada).await;
        run(&ada, "window.fetch = () => Promise.reject(new TypeError('no network'))").await;
        ada.press(".sidebar a[href='/people']").await;
        ada.waits_until(|path| path == "/people").await;
        ada.sees(".people-rows").await;
        assert!(!is_same_document(&ada).await);
        // Nobody is signed in any more.
        ada.delete_all_cookies().await.expect("cookies can be deleted");
        ada.press(".sidebar a[data-room=general]").await;
        ada.waits_until(|path| path == "/login").await;
        ada.close().await;
    });
}

#[test]
fn the_last_of_several_clicks_is_where_one_goes() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = in_general(app).await;
        run(&ada, "for (const path of ['/people', '/settings', '/mentions', '/rooms']) document.querySelector(`.sidebar a[href='${path}']`)?.click()")
            .await;
        ada.waits_until(|path| path == "/rooms").await;
        ada.waits_for(async || ada.counts("main").await == 1 && ada.texts("main h1").await == ["Rooms"]).await;
        // One step in the history, not four.
        ada.back().await.expect("there is a way back");
        ada.sees("main[data-room=general]").await;
        assert_eq!(ada.path().await, "/rooms/general");
        assert!(is_same_document(&ada).await);
        ada.close().await;
    });
}

#[test]
fn an_open_palette_and_the_place_in_the_sidebar_stay() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        app.database.fill_rooms("ada", "grace", 90).await;
        ada.visit(app, "/rooms/general").await;
        ada.sees(".sidebar a[data-room=many-0010]").await;
        ada.press(".sidebar a[href='/people']").await;
        ada.sees(".people-rows").await;
        // The list scrolls by itself, wherever the bar is that does it.
        let scrolled = "const link = document.querySelector('.sidebar a[data-room=many-0015]'); let box = link; \
                        while (box.scrollHeight <= box.clientHeight || getComputedStyle(box).overflowY === 'visible') box = box.parentElement; \
                        if (arguments[0]) box.scrollTop = arguments[0]; return Math.round(box.scrollTop)";
        let there = ada.execute(scrolled, vec![json!(200)]).await.expect("our own script runs");
        ada.type_keys("\u{e009}k\u{e000}").await;
        ada.fill("#palette input", "obs").await;
        ada.back().await.expect("there is a way back");
        ada.sees("main[data-room=general]").await;
        ada.sees("#palette[open] input:focus").await;
        assert_eq!(ada.value("#palette input").await, "obs");
        ada.type_keys("\u{e00c}").await;
        ada.forward().await.expect("there is a way forward");
        ada.sees(".people-rows").await;
        assert_eq!(ada.execute(scrolled, vec![json!(0)]).await.expect("our own script runs"), there);
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn pointing_at_a_room_asks_for_it_and_visits_nothing() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let edsger = app.register("edsger").await;
        let room = edsger.create_room("Attic", "public").await;
        let attic = app.log_in("ada").await;
        attic.enter(&room).await;
        edsger.write(&room, "unread words").await.expect(303);
        ada.sees(&format!(".sidebar a[data-room='{room}'].unread")).await;
        let asked = format!(
            "return performance.getEntriesByType('resource').filter(({{ name }}) => name.endsWith('/rooms/{room}')).length"
        );
        ada.hover(&format!(".sidebar a[data-room='{room}']")).await;
        ada.waits_for(async || run(&ada, &asked).await == json!(1)).await;
        let last = "select slug from users join rooms on rooms.id = last_room_id where username = 'ada'";
        assert_eq!(app.database.query(last).await[0]["slug"], "general");
        assert_eq!(ada.counts(&format!(".sidebar a[data-room='{room}'].unread")).await, 1);
        let read = "select read_seq from memberships join users on users.id = user_id join rooms on rooms.id = room_id \
                    where username = 'ada' and slug = 'attic'";
        let before = app.database.query(read).await[0]["read_seq"].clone();
        // Once it is opened, it is a visit like any other.
        ada.press(&format!(".sidebar a[data-room='{room}']")).await;
        ada.sees(&format!("main[data-room='{room}'] .fresh")).await;
        ada.waits_for(async || app.database.query(last).await[0]["slug"] == "attic").await;
        ada.waits_for(async || app.database.query(read).await[0]["read_seq"] != before).await;
        TwoPeople { ada, grace }.close().await;
    });
}
