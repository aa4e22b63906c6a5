//! Acting on messages, by mouse and by keys; and what is not offered to those who may not.

use super::{COMPOSER, EDITOR, TwoPeople, say};
use crate::harness::browser::Browser;
use crate::harness::{TestApp, in_browser};

/// The message at a place.
fn at(seq: i64) -> String {
    format!("#m{seq}")
}

/// Opens a message's menu with the mouse.
async fn opens_menu(browser: &Browser, seq: i64) {
    browser.hover(&at(seq)).await;
    browser.press(&format!("#m{seq} .more")).await;
    browser.sees("#acts:popover-open").await;
}

/// The names of what a message's menu offers.
async fn offered(browser: &Browser, seq: i64) -> Vec<String> {
    opens_menu(browser, seq).await;
    let names =
        browser.execute("return [...document.querySelectorAll('#acts .act')].map((act) => act.dataset.act)", vec![]).await;
    browser.type_keys("\u{e00c}").await;
    browser.waits_for(async || browser.counts("#acts:popover-open").await == 0).await;
    serde_json::from_value(names.expect("our own script runs")).expect("names")
}

#[test]
fn a_message_is_reacted_to_pinned_and_deleted_with_the_mouse() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        say(&ada, "a fine evening").await;
        grace.sees("#m3").await;
        // The toolbar's face opens the emoji; one of the usual ones is a press away, and a second press takes it back.
        grace.hover(&at(3)).await;
        grace.press("#m3 [data-act=react]").await;
        grace.press("#picker .usual .face").await;
        ada.sees("#m3 .reaction[aria-pressed=false]").await;
        assert_eq!(ada.texts("#m3 .reaction").await, ["👍 1"]);
        ada.press("#m3 .reaction").await;
        grace.waits_for(async || grace.texts("#m3 .reaction").await == ["👍 2"]).await;
        assert_eq!(ada.attribute("#m3 .reaction", "aria-label").await, "You and grace reacted with 👍 2");
        ada.press("#m3 .reaction").await;
        grace.waits_for(async || grace.texts("#m3 .reaction").await == ["👍 1"]).await;
        // Pinned by one, seen by the other, in the room's head and on the pins' page; under the name by which one is called, though grace
        // has written nothing here.
        app.log_in("grace").await.post("/settings", &[("name", "Grace Hopper")]).await.expect(303);
        opens_menu(&grace, 3).await;
        grace.press("#acts [data-act=pin]").await;
        ada.waits_for(async || ada.texts("#m3[data-pinned] .pinned").await == ["Pinned by Grace Hopper"]).await;
        ada.waits_for(async || ada.texts(".head .pins").await.first().is_some_and(|pins| pins.starts_with('1'))).await;
        // Deleting asks first; "no" leaves all as it is.
        opens_menu(&ada, 3).await;
        ada.press("#acts [data-act=delete]").await;
        ada.press("#ask button[value='']").await;
        opens_menu(&ada, 3).await;
        ada.press("#acts [data-act=delete]").await;
        ada.press("#ask button[value=yes]").await;
        grace.sees("#m3[data-gone] .gone").await;
        grace.waits_for(async || grace.counts("#m3 .reaction, #m3 .pinned, .head .pins:not([hidden])").await == 0).await;
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn the_same_is_done_with_keys_alone() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        say(&ada, "frist words").await;
        grace.sees("#m3").await;
        // Edit, where it stands.
        ada.focus("#m3").await;
        ada.type_keys("e").await;
        ada.sees("#m3.message--editing #edit-composer").await;
        ada.waits_for(async || ada.value(EDITOR).await == "frist words").await;
        ada.clear(EDITOR).await;
        ada.fill(EDITOR, "first words\u{e007}").await;
        grace.sees("#m3[data-edited] .edited").await;
        grace.waits_for(async || grace.texts("#m3 .body").await == ["first words"]).await;
        // Only whoever wrote it may look at the edit history.
        assert_eq!((ada.counts("#m3 a.edited").await, grace.counts("#m3 a.edited").await), (1, 0));
        // Answer: the quoted line stands over the answer at both.
        grace.focus("#m3").await;
        grace.type_keys("r").await;
        grace.fill(COMPOSER, "and an answer\u{e007}").await;
        ada.sees("#m4 .answers[data-to='3']").await;
        ada.waits_for(async || ada.texts("#m4 .answers > span").await == ["ada", "first words"]).await;
        // React, by the name of an emoji.
        ada.focus("#m4").await;
        ada.type_keys("+").await;
        ada.fill("#picker input", "rocket").await;
        ada.waits_for(async || ada.attribute("#picker .emojis .face", "data-emoji").await == "🚀").await;
        ada.fill("#picker input", "\u{e007}").await;
        grace.waits_for(async || grace.texts("#m4 .reaction").await == ["🚀 1"]).await;
        // Pin, and let go.
        grace.focus("#m4").await;
        grace.type_keys("p").await;
        ada.sees("#m4[data-pinned]").await;
        grace.focus("#m4").await;
        grace.type_keys("p").await;
        ada.sees("#m4:not([data-pinned])").await;
        // The menu takes the focus, is walked with arrows, and gives it back.
        ada.focus("#m3").await;
        ada.type_keys("m").await;
        ada.sees("#acts .act[data-act=react]:focus").await;
        ada.type_keys("\u{e015}").await;
        ada.sees("#acts .act[data-act=reply]:focus").await;
        ada.type_keys("\u{e00c}").await;
        ada.sees("#m3:focus").await;
        ada.type_keys("\u{e017}").await;
        ada.press("#ask button[value=yes]").await;
        grace.sees("#m3[data-gone]").await;
        grace.waits_for(async || grace.texts("#m4 .answers > span").await == ["ada", "Deleted message"]).await;
        for browser in [&ada, &grace] {
            assert_eq!(browser.complaints().await, Vec::<String>::new());
        }
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn nothing_is_offered_that_would_be_refused() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        say(&ada, "mine").await;
        grace.sees("#m3").await;
        assert_eq!(offered(&ada, 3).await, ["react", "reply", "thread", "edit", "pin", "unread", "link", "delete"]);
        assert_eq!(offered(&grace, 3).await, ["react", "reply", "thread", "pin", "unread", "link", "report"]);
        // Keys of what is not offered do nothing: the message is as it was when something later has happened.
        grace.focus("#m3").await;
        grace.type_keys("e\u{e017}").await;
        say(&grace, "hers").await;
        ada.sees("#m4").await;
        assert_eq!(ada.texts("#m3 .body").await, ["mine"]);
        assert_eq!(grace.counts("#ask[open]").await, 0);
        // A deleted message can be linked to, and nothing else.
        ada.focus("#m3").await;
        ada.type_keys("\u{e017}").await;
        ada.press("#ask button[value=yes]").await;
        ada.sees("#m3[data-gone]").await;
        assert_eq!(offered(&ada, 3).await, ["unread", "link"]);
        // On the page without scripts it is the same.
        let more = grace.source_of("/rooms/general/4/more").await;
        assert!(more.contains("/rooms/general/4/edit") && more.contains("/rooms/general/4/delete"), "{more}");
        let more = ada.source_of("/rooms/general/4/more").await;
        assert!(more.contains("/rooms/general/4/react"), "{more}");
        assert!(!more.contains("/rooms/general/4/edit") && !more.contains("/rooms/general/4/delete"), "{more}");
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn the_link_of_a_message_is_copied_and_leads_to_it() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        say(&ada, "a place to come back to").await;
        ada.sees("#m3").await;
        // The clipboard of a browser without a window is stood in for.
        let stand_in =
            "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.copied = text; } } })";
        ada.execute(stand_in, vec![]).await.expect("our own script runs");
        ada.focus("#m3").await;
        ada.type_keys("c").await;
        ada.waits_for(async || ada.texts("#said").await == ["Link copied"]).await;
        let copied = ada.execute("return window.copied", vec![]).await.expect("our own script runs");
        assert_eq!(copied, format!("{}/rooms/general/3", app.origin));
        ada.visit(app, "/rooms/general/3").await;
        ada.sees("#m3.message--target").await;
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn a_link_into_a_public_room_shows_it_and_enters_nobody() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        socket.post("general", "for everybody to read", "1").await;
        let ada = Browser::open(crate::harness::browser::Scripts::On).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/rooms/general/2").await;
        ada.sees("#m2.message--target").await;
        // Nothing is offered to her but the link and a report; and the room does not know that she looked.
        assert_eq!(offered(&ada, 2).await, ["thread", "link", "report"]);
        let members = app.database.query("select username from memberships join users on users.id = user_id").await;
        assert_eq!(members.len(), 1, "{members:?}");
        ada.press(".composer .button").await;
        ada.sees("#m3.notice").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}
