//! The column beside a room's log: members, pins, a thread; live, remembered, and by keys.

use serde_json::{Value, json};

use super::{COMPOSER, TwoPeople, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, axe, in_browser};

const ESCAPE: &str = "\u{e00c}";
/// The words of the messages in the column.
const SAID: &str = "#column .message .body";

/// What a script finds on the page.
async fn found(browser: &Browser, script: &str) -> Value {
    browser.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
}

async fn is_at(browser: &Browser, css: &str) {
    browser
        .waits_for(async || {
            found(browser, &format!("return document.activeElement.matches({})", json!(css))).await == json!(true)
        })
        .await;
}

async fn is_closed(browser: &Browser) {
    browser.waits_for(async || browser.counts("#column").await == 0).await;
}

/// Opens the thread of a message.
async fn opens_thread(browser: &Browser, seq: i64) {
    browser.focus(&format!("#m{seq}")).await;
    browser.type_keys("t").await;
}

#[test]
fn members_pins_and_a_thread_stand_beside_the_log_and_stay_live() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        ada.looks("light", 1440).await;
        // Who is here, and who comes.
        assert_eq!(ada.attribute(".people a", "aria-expanded").await, "false");
        ada.press(".people a").await;
        is_at(&ada, "#column h2").await;
        ada.sees("#column [data-person=grace] .dot--on").await;
        assert_eq!(ada.attribute(".people a", "aria-expanded").await, "true");
        let linus = app.register("linus").await;
        linus.post("/rooms/general/join", &[]).await.expect(303);
        ada.sees("#column [data-person=linus] .dot:not(.dot--on)").await;
        let (socket, _) = linus.join("general").await;
        ada.sees("#column [data-person=linus] .dot--on").await;
        // What is pinned; the members make room for it.
        say(&ada, "the plan").await;
        grace.sees("#m4").await;
        grace.focus("#m4").await;
        grace.type_keys("p").await;
        ada.press(".head .pins").await;
        ada.waits_for(async || ada.texts(SAID).await == ["the plan"]).await;
        assert_eq!(ada.attribute(".people a", "aria-expanded").await, "false");
        let second = socket.post("general", "a second plan", "second").await["seq"].take();
        socket.ok("pin", json!({ "room": "general", "seq": second, "on": true })).await;
        ada.waits_for(async || ada.texts(SAID).await == ["a second plan", "the plan"]).await;
        socket.ok("edit", json!({ "room": "general", "seq": second, "body": "a better plan" })).await;
        ada.waits_for(async || ada.texts(SAID).await == ["a better plan", "the plan"]).await;
        ada.press("#column li:first-child .whence button").await;
        ada.waits_for(async || ada.texts(SAID).await == ["the plan"]).await;
        // The way to a message is a step in the log.
        ada.press("#column .there").await;
        is_at(&ada, "#m4").await;
        // A thread, with what is said in it meanwhile; other words are not in it.
        opens_thread(&ada, 4).await;
        ada.waits_for(async || ada.texts("#column .replies").await == ["No replies yet"]).await;
        let reply = json!({ "room": "general", "body": "which day?", "nonce": "day", "reply_to": 4 });
        let day = socket.ok("message", reply).await["message"]["seq"].take();
        ada.waits_for(async || ada.texts(SAID).await == ["the plan", "which day?"]).await;
        socket.post("general", "by the way", "way").await;
        let reply = json!({ "room": "general", "body": "and where?", "nonce": "where", "reply_to": day });
        socket.ok("message", reply).await;
        ada.waits_for(async || ada.texts(SAID).await == ["the plan", "which day?", "and where?"]).await;
        assert_eq!(ada.texts("#column .replies").await, ["2 replies"]);
        // Replying there is replying to it.
        ada.press("#column [data-column=reply] a").await;
        is_at(&ada, COMPOSER).await;
        say(&ada, "on Monday").await;
        ada.waits_for(async || ada.texts(SAID).await == ["the plan", "which day?", "and where?", "on Monday"]).await;
        assert_eq!(ada.texts("#column .replies").await, ["3 replies"]);
        assert_eq!(found(&ada, "return document.querySelectorAll('[id]').length - new Set([...document.querySelectorAll('[id]')].map(({ id }) => id)).size").await, json!(0));
        for (scheme, width) in [("light", 1280), ("dark", 1440), ("forced", 1440)] {
            ada.looks(scheme, width).await;
            let faults = axe::violations(&ada).await;
            let is_told = |fault: &&String| scheme != "forced" || !fault.starts_with("\"color-contrast\"");
            let faults: Vec<_> = faults.iter().filter(is_told).collect();
            assert!(faults.is_empty(), "{scheme}, {width}: {faults:#?}");
        }
        // What is deleted keeps its place, and nobody replies to it.
        ada.looks("light", 1440).await;
        linus.post(&format!("/rooms/general/{day}/delete"), &[]).await.expect(303);
        ada.waits_for(async || ada.counts("#column .gathered--thread .message[data-gone]").await == 1).await;
        app.log_in("ada").await.post("/rooms/general/4/delete", &[]).await.expect(303);
        ada.sees("#column [data-column=reply][hidden]").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn the_column_is_remembered_takes_no_room_late_and_closes_by_keys() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        let quiet = grace.create_room("Quiet", "public").await;
        let (socket, _) = grace.join("general").await;
        for number in 0..60 {
            socket
                .post(
                    "general",
                    &format!("word {number} with many others behind it {}", "and on ".repeat(40)),
                    &format!("n{number}"),
                )
                .await;
        }
        let ada = Browser::open(Scripts::On).await;
        ada.looks("light", 1440).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.press(".people a").await;
        ada.sees("#column .rows li").await;
        // Another room has it too, from its first paint; and so has a page that is loaded anew.
        ada.press(".list-links a[href='/rooms']").await;
        is_closed(&ada).await;
        ada.visit(app, &format!("/rooms/{quiet}")).await;
        ada.waits_for(async || ada.texts("#column .rows a").await == ["grace"]).await;
        let watch = "new PerformanceObserver((list) => (window.shifts ??= []).push(...list.getEntries().flatMap(({ sources }) => sources) \
                     .map(({ node }) => node).filter((node) => node?.closest?.('#log, #column')).map((node) => node.outerHTML))).observe({ type: 'layout-shift', buffered: true })";
        ada.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": watch })).await;
        ada.visit(app, "/rooms/general").await;
        ada.waits_for(async || ada.counts("#column .rows li").await == 2).await;
        assert_eq!(found(&ada, "return window.shifts ?? []").await, json!([]));
        let ends = "const log = document.querySelector('#log'); return log.scrollHeight - log.scrollTop - log.clientHeight < 2";
        assert_eq!(found(&ada, ends).await, json!(true));
        // Who reads further up goes on reading there when it goes, and when it comes.
        found(&ada, "document.querySelector('#m30').scrollIntoView({ block: 'start' })").await;
        let top = "return Math.round(document.querySelector('#m30').getBoundingClientRect().top)";
        ada.sees("#pill:not([hidden])").await;
        let before = found(&ada, top).await;
        ada.press("#column .column-close").await;
        is_closed(&ada).await;
        is_at(&ada, ".people a").await;
        assert_eq!(found(&ada, top).await, before);
        ada.type_keys("\u{e007}").await;
        is_at(&ada, "#column h2").await;
        assert_eq!(found(&ada, top).await, before);
        ada.type_keys(ESCAPE).await;
        is_closed(&ada).await;
        is_at(&ada, ".people a").await;
        ada.visit(app, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        assert_eq!(ada.counts("[data-column]:not(main *)").await, 0);
        // A thread is its room's own, and there again when one comes back.
        opens_thread(&ada, 30).await;
        ada.sees("#column .replies").await;
        ada.visit(app, &format!("/rooms/{quiet}")).await;
        is_closed(&ada).await;
        ada.visit(app, "/rooms/general").await;
        ada.sees("#column .replies").await;
        // Where there is no room for it, the same leads to pages.
        ada.looks("light", 1100).await;
        is_closed(&ada).await;
        opens_thread(&ada, 30).await;
        ada.waits_until(|path| path == "/rooms/general/30/thread").await;
        ada.sees(".replies").await;
        ada.close().await;
    });
}
