//! People finding, messaging and watching each other.

use serde_json::json;

use super::{COMPOSER, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

/// The conversations in the sidebar, by what they are called.
const CONVERSATIONS: &str = "[data-list=directs] .name";

#[test]
fn without_scripts_one_finds_somebody_writes_to_them_and_changes_how_one_appears() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        grace.post("/settings", &[("name", "Grace Hopper"), ("status", "Looking for a moth")]).await.expect(303);
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/people").await;
        ada.fill("[name=q]", "hopp").await;
        ada.press(".finder .button").await;
        ada.waits_for(async || ada.texts(".people-rows [data-name-of]").await == ["Grace Hopper"]).await;
        ada.press(".people-rows a[href='/people/grace']").await;
        ada.waits_for(async || ada.texts(".person .status").await == ["Looking for a moth"]).await;
        ada.press("form[action='/people/grace/message'] button").await;
        say(&ada, "Have you found it?").await;
        ada.waits_for(async || ada.texts(super::WORDS).await == ["Have you found it?"]).await;
        assert_eq!(ada.texts("h1").await, ["Grace Hopper"]);
        assert_eq!(ada.texts(CONVERSATIONS).await, ["Grace Hopper"]);
        // By ticking, the same conversation is found.
        let conversation = ada.path().await;
        ada.visit(app, "/direct").await;
        ada.press(".companion input[value=grace]").await;
        ada.press("form[action='/direct'] .button").await;
        ada.waits_until(|path| path == conversation).await;
        ada.visit(app, "/settings").await;
        ada.fill("[name=status]", "At the engine").await;
        ada.press("[name=theme][value=dark]").await;
        ada.press("#settings .button").await;
        ada.waits_for(async || ada.texts(".saved").await == ["Changes saved"]).await;
        ada.sees("html[data-theme=dark]").await;
        let page = grace.get("/people/ada").await.body;
        assert!(page.contains("At the engine"), "{page}");
        ada.close().await;
    });
}

#[test]
fn a_blocked_persons_messages_are_one_line_until_they_are_shown() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("eve").await.join("general").await;
        socket.post("general", "before", "1").await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/rooms/general").await;
        ada.press(".composer .button").await;
        ada.sees("#m3.notice").await;
        ada.visit(app, "/people/eve").await;
        ada.press("form[action='/people/eve/block'] button").await;
        ada.sees("form[action='/people/eve/unblock']").await;
        ada.visit(app, "/rooms/general").await;
        ada.waits_for(async || ada.counts(".message[data-blocked]").await == 1).await;
        socket.post("general", "now", "2").await;
        ada.waits_for(async || ada.counts(".message[data-blocked]").await == 2).await;
        for (at, body) in [("#m2", "before"), ("#m4", "now")] {
            assert_eq!(ada.texts(&format!("{at} .blocked")).await, ["Message from a blocked person · Show"]);
            assert_eq!(ada.texts(&format!("{at} .body")).await, [""]);
            ada.press(&format!("{at} > .blocked summary")).await;
            ada.waits_for(async || ada.texts(&format!("{at} .body")).await == [body]).await;
        }
        ada.visit(app, "/settings/blocked").await;
        ada.press("form[action='/people/eve/unblock'] button").await;
        ada.sees("form[action='/people/eve/block']").await;
        ada.visit(app, "/rooms/general").await;
        ada.waits_for(async || ada.texts("#m4 .body").await == ["now"]).await;
        assert_eq!(ada.counts(".blocked").await, 0);
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn a_long_list_of_people_scrolls_and_the_window_around_it_does_not() {
    in_browser(module_path!(), async |app: &TestApp| {
        for nth in 1..=12 {
            app.register(&format!("person{nth}")).await;
        }
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.set_window_size(900, 500).await.expect("a window has a size");
        ada.visit(app, "/people").await;
        ada.waits_for(async || ada.counts(".people-rows > li").await == 13).await;
        let hidden = async |of: &str| {
            let script = format!("const of = document.querySelector('{of}'); return of.scrollHeight - of.clientHeight");
            ada.execute(&script, vec![]).await.expect("it is on the page").as_i64().expect("a number")
        };
        assert!(hidden(".page").await > 0);
        assert_eq!(hidden("html").await, 0, "there are two scroll bars");
        ada.close().await;
    });
}

#[test]
fn a_conversation_that_somebody_begins_appears_by_itself_and_so_does_a_new_name() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/rooms").await;
        let grace = app.register("grace").await;
        let socket = grace.socket().await;
        socket.ok("watch", json!({})).await;
        // Only when the page's own socket is there can it hear of anything.
        ada.waits_for(async || grace.get_json("/people/ada").await.json()["person"]["online"] == json!(true)).await;
        let room = socket.ok("direct", json!({ "users": ["ada"] })).await["room"]["slug"].as_str().expect("a slug").to_owned();
        ada.waits_for(async || ada.texts(CONVERSATIONS).await == ["grace"]).await;
        socket.post(&room, "Are you there?", "1").await;
        ada.waits_for(async || ada.texts("[data-list=directs] .count").await == ["1"]).await;
        grace.post("/settings", &[("name", "Grace <i>Hopper</i>")]).await.expect(303);
        ada.waits_for(async || ada.texts(CONVERSATIONS).await == ["Grace <i>Hopper</i>"]).await;
        ada.press("[data-list=directs] a").await;
        ada.sees(COMPOSER).await;
        ada.waits_for(async || ada.texts(".message .by").await == ["Grace <i>Hopper</i>"]).await;
        grace.post("/settings", &[("name", "Grace")]).await.expect(303);
        ada.waits_for(async || ada.texts(".message .by").await == ["Grace"]).await;
        // Who goes is seen to have gone.
        ada.sees(".portrait[data-person=grace] .dot--on").await;
        drop(socket);
        ada.waits_for(async || ada.texts(".portrait[data-person=grace] .dot--on").await.is_empty()).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn in_a_long_list_of_members_one_is_found_completed_and_sent_out() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        let owner = app.log_in("ada").await;
        let hall = owner.create_room("Hall", "public").await;
        for nth in 0..52 {
            app.register(&format!("person{nth:02}")).await.enter(&hall).await;
        }
        // Their name comes last, behind the first page.
        let zoe = app.register("zoe").await;
        zoe.enter(&hall).await;
        ada.visit(app, &format!("/rooms/{hall}")).await;
        ada.fill(COMPOSER, "Hi @zo").await;
        ada.waits_for(async || ada.texts("#completions:not([hidden]) .label").await == ["@zoe"]).await;
        ada.visit(app, &format!("/rooms/{hall}/members")).await;
        ada.waits_for(async || ada.counts("#members > li").await == 50).await;
        ada.press("a[rel=next]").await;
        ada.waits_for(async || ada.texts("#members > li:last-child [data-name-of]").await == ["zoe"]).await;
        ada.sees("#members [data-person=zoe] .dot:not(.dot--on)").await;
        let _socket = zoe.join(&hall).await;
        ada.sees("#members [data-person=zoe] .dot--on").await;
        ada.fill("[name=q]", "zo").await;
        ada.press(".finder .button").await;
        ada.waits_for(async || ada.texts("#members [data-name-of]").await == ["zoe"]).await;
        ada.press("#members .managing summary").await;
        ada.press("#members .managing [formaction$='/remove?q=zo']").await;
        ada.sees(".empty").await;
        ada.press(".empty a").await;
        ada.waits_for(async || ada.counts("#members > li").await == 50).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn people_are_picked_by_name_and_a_conversation_is_hidden_in_all_windows_until_somebody_writes() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        grace.post("/settings", &[("name", "Grace Hopper")]).await.expect(303);
        app.register("mary").await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/rooms/general").await;
        ada.press(".add[href='/direct']").await;
        ada.sees("form.to .unseen[role=status]").await;
        // Names are completed and chosen from the keyboard.
        ada.fill("form.to [name=q]", "hopp").await;
        ada.waits_for(async || ada.texts(".companion-name").await.len() == 1).await;
        ada.type_keys("\u{E007}").await;
        ada.waits_for(async || ada.value("form.to [name=q]").await.is_empty()).await;
        ada.waits_for(async || ada.counts(".companion").await == 3).await;
        ada.sees(".companion:first-child input[value=grace]:checked").await;
        ada.type_keys("\u{E007}").await;
        ada.waits_until(|path| path.starts_with("/rooms/dm-")).await;
        ada.waits_for(async || ada.texts("h1").await == ["Grace Hopper"]).await;
        say(&ada, "Are you there?").await;
        ada.waits_for(async || ada.texts(super::WORDS).await == ["Are you there?"]).await;
        let slug = ada.path().await["/rooms/".len()..].to_owned();
        // Another window of hers.
        let other = app.log_in("ada").await.socket().await;
        other.ok("watch", json!({})).await;
        ada.press("#level summary").await;
        ada.press("#level .hide").await;
        ada.waits_until(|path| path == "/direct").await;
        ada.waits_for(async || ada.texts(CONVERSATIONS).await.is_empty()).await;
        assert_eq!(other.next("hidden").await, json!({ "room": slug, "hidden": true }));
        let (socket, _) = grace.join(&slug).await;
        socket.post(&slug, "I am", "1").await;
        ada.waits_for(async || ada.texts(CONVERSATIONS).await == ["Grace Hopper"]).await;
        // One who is alone with themselves takes notes.
        ada.visit(app, "/direct").await;
        ada.press(".companion input[value=ada]").await;
        ada.press("form.to .button").await;
        ada.waits_for(async || ada.texts("h1").await == ["Notes to self"]).await;
        ada.waits_for(async || ada.texts(CONVERSATIONS).await.contains(&"Notes to self".to_owned())).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn the_list_of_members_shows_who_comes() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        for person in [&grace] {
            person.enter("general").await;
        }
        ada.join(app, "general").await;
        ada.visit(app, "/rooms/general/members").await;
        ada.sees("#members [data-person=grace] .dot:not(.dot--on)").await;
        let _socket = grace.join("general").await;
        ada.sees("#members [data-person=grace] .dot--on").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}
