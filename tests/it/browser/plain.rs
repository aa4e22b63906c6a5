//! With scripts off: everything that matters works by pages and forms alone.

use serde_json::json;

use super::{COMPOSER, SEND, WORDS, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{TestApp, in_browser};

#[test]
fn without_scripts_one_can_register_enter_read_back_write_and_log_out() {
    in_browser(module_path!(), async |app: &TestApp| {
        // Enough for more than one page.
        let grace = app.register("grace").await;
        let (socket, _) = grace.join("general").await;
        for number in 0..70 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/rooms").await;
        ada.press("a[href='/rooms/general']").await;
        ada.press(".joining button").await;
        ada.sees(COMPOSER).await;
        say(&ada, "hello from a plain page").await;
        ada.waits_for(async || ada.texts(WORDS).await.last().is_some_and(|words| words == "hello from a plain page")).await;
        assert!(ada.path().await.starts_with("/rooms/general"));
        // Back through the pages by their links.
        ada.visit(app, "/rooms/general").await;
        assert!(!ada.page().await.contains("<p>post 0</p>"));
        let older = "document.querySelector(`a[href*='?before=']`).scrollIntoView()";
        ada.execute(older, vec![]).await.expect("our own script runs");
        ada.press("a[href*='?before=']").await;
        ada.waits_for(async || ada.page().await.contains("<p>post 0</p>")).await;
        // A room opens at its end.
        ada.visit(app, "/rooms/general").await;
        ada.sees(".log").await;
        let end = "const log = document.querySelector('.log').getBoundingClientRect(); const last = [...document.querySelectorAll('#messages .message')].at(-1).getBoundingClientRect(); return last.bottom <= log.bottom + 1";
        assert_eq!(ada.execute(end, vec![]).await.expect("our own script runs"), serde_json::json!(true));
        // An empty message is refused on the page, by the browser or by the server.
        ada.visit(app, "/rooms/general").await;
        ada.press(SEND).await;
        let count = app.database.query("select seq from messages where kind = 'text'").await.len();
        assert_eq!(count, 71);
        ada.visit(app, "/rooms").await;
        ada.log_out().await;
        ada.waits_until(|path| path == "/login").await;
        ada.fill("[name=username]", "ada").await;
        ada.fill("[name=password]", PASSWORD).await;
        ada.press("form[action='/login'] button").await;
        ada.waits_until(|path| path.starts_with("/rooms")).await;
        ada.close().await;
    });
}

#[test]
fn without_scripts_one_can_act_on_messages_and_read_what_is_new() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        socket.post("general", "what do you think, @ada?", "1").await;
        // The line over what is new, the brass edge, and a button that says that it was read.
        ada.visit(app, "/rooms").await;
        ada.sees(".sidebar a[data-room=general].unread .count--to-me").await;
        ada.visit(app, "/rooms/general").await;
        ada.sees(".fresh + #m3.message--me").await;
        ada.press("form[action='/rooms/general/read'] button").await;
        ada.waits_for(async || ada.counts(".fresh").await == 0 && ada.counts("#m3").await == 1).await;
        // Everything else is behind the three dots.
        ada.hover("#m3").await;
        ada.press("#m3 .more").await;
        ada.press("form[action='/rooms/general/3/react'] button[aria-pressed=false]").await;
        ada.sees("#m3 .reaction[aria-pressed=true]").await;
        ada.press("#m3 .reaction").await;
        ada.waits_for(async || ada.counts("#m3").await == 1 && ada.counts("#m3 .reaction").await == 0).await;
        ada.visit(app, "/rooms/general/3/more").await;
        ada.press("a[href*='reply_to=3']").await;
        say(&ada, "I think so").await;
        ada.waits_for(async || ada.texts("#m4 .answers > span").await == ["grace", "what do you think, @ada?"]).await;
        ada.visit(app, "/rooms/general/4/more").await;
        ada.fill("form[action='/rooms/general/4/edit'] textarea", ", mostly").await;
        ada.press("form[action='/rooms/general/4/edit'] .button").await;
        ada.press("#m4 a.edited").await;
        ada.waits_for(async || ada.texts(".revisions .body").await == ["I think so"]).await;
        ada.visit(app, "/rooms/general/4/more").await;
        ada.press("form[action='/rooms/general/4/pin'] button").await;
        ada.press(".head .pins").await;
        ada.sees(".gathered #m4").await;
        ada.visit(app, "/rooms/general/4/more").await;
        ada.press("form[action='/rooms/general/4/delete'] button").await;
        ada.sees("#m4[data-gone]").await;
        ada.close().await;
    });
}

#[test]
fn without_scripts_one_goes_on_with_a_draft_from_elsewhere() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        socket.post("general", "tea or coffee?", "1").await;
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        let (phone, _) = app.log_in("ada").await.join("general").await;
        phone.ok("draft", json!({ "room": "general", "body": "coffee, ", "reply_to": 2 })).await;
        ada.visit(app, "/rooms/general").await;
        assert_eq!(ada.value(COMPOSER).await, "coffee, ");
        assert_eq!(ada.texts("#composer-state .words").await, ["Replying to grace: tea or coffee?"]);
        // No answer after all; then one.
        ada.press("#composer-state a").await;
        ada.waits_for(async || ada.counts("#composer-state[hidden]").await == 1).await;
        assert_eq!(ada.value(COMPOSER).await, "coffee, ");
        ada.visit(app, "/rooms/general").await;
        say(&ada, "please").await;
        ada.waits_for(async || ada.texts("#m4 .answers > span").await == ["grace", "tea or coffee?"]).await;
        assert_eq!(ada.texts(WORDS).await.last().map(String::as_str), Some("coffee, please"));
        assert_eq!(ada.value(COMPOSER).await, "");
        phone.next_where("draft", |it| it["body"] == json!("")).await;
        ada.close().await;
    });
}

#[test]
fn without_scripts_one_can_join_leave_several_rooms_and_make_one_public() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        for name in ["Attic", "Barn", "Cellar"] {
            grace.create_room(name, "public").await;
        }
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        for room in ["attic", "barn", "cellar"] {
            ada.visit(app, "/rooms").await;
            ada.press(&format!("form[action='/rooms/{room}/join'] button")).await;
            ada.sees(COMPOSER).await;
        }
        ada.visit(app, "/rooms").await;
        ada.press("a[href='/rooms?mine=yes']").await;
        ada.press(".leaving button").await;
        ada.sees(".problem").await;
        for room in ["attic", "cellar"] {
            ada.press(&format!("input[name=room][value={room}]")).await;
        }
        ada.press(".leaving button").await;
        ada.waits_for(async || ada.texts(".rows--ticked div > a").await == ["Barn"]).await;
        // A private room is made public in two steps.
        let owner = app.log_in("ada").await;
        let den = owner.create_room("Den", "private").await;
        owner.write(&den, "between us").await.expect(303);
        ada.visit(app, &format!("/rooms/{den}/members")).await;
        ada.press("select[name=visibility] option[value=public]").await;
        ada.press(&format!("form[action='/rooms/{den}/settings'] .button")).await;
        ada.press("button[name=confirm]").await;
        ada.waits_until(|path| path.ends_with("/members")).await;
        ada.visit(app, &format!("/rooms/{den}")).await;
        ada.waits_for(async || ada.texts(".notice .text").await.last().is_some_and(|words| words == "ada made the room public"))
            .await;
        ada.close().await;
    });
}
