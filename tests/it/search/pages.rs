//! The page of search, with a browser whose scripts are off.

use super::say;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};
use crate::once;

#[test]
fn without_scripts_one_can_search_page_on_and_go_to_a_result() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        let (socket, _) = grace.join("general").await;
        for number in 0..45 {
            socket.post("general", &format!("the lamp number {number}"), &format!("n{number}")).await;
        }
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/search").await;
        ada.sees(".ways").await;
        ada.fill(".seek [name=q]", "lamps from:grace").await;
        ada.press(".seek .button").await;
        ada.sees(".empty").await;
        ada.visit(app, "/search").await;
        ada.fill(".seek [name=q]", "lamp from:grace").await;
        ada.press(".seek .button").await;
        ada.waits_for(async || ada.texts(".result .words").await.len() == 20).await;
        assert_eq!(ada.texts(".result .words").await[0], "the lamp number 44");
        assert_eq!(ada.texts(".result mark").await[0], "lamp");
        ada.press("a[rel=next]").await;
        ada.waits_for(async || ada.texts(".result .words").await.first().is_some_and(|words| words == "the lamp number 24"))
            .await;
        ada.press("a[rel=next]").await;
        ada.waits_for(async || ada.texts(".result .words").await.len() == 5).await;
        ada.press(".result .words").await;
        ada.waits_until(|path| path.starts_with("/rooms/general/")).await;
        ada.sees(".message--target").await;
        // What is wrong is said on the page, with the words still there.
        ada.visit(app, "/search?q=lamp+before%3Asoon").await;
        assert!(ada.texts(".problem").await[0].starts_with("before: needs a date"));
        ada.close().await;
    });
}

#[test]
fn a_search_begins_in_the_room_suggests_what_can_stand_there_and_is_widened_by_its_chips() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        grace.post("/settings", &[("name", "Grace Hopper")]).await.expect(303);
        let room = grace.create_room("Observatory", "public").await;
        let (socket, _) = grace.join("general").await;
        socket.ok("join", serde_json::json!({ "room": room })).await;
        say(&socket, "general", &["a lamp in general"]).await;
        say(&socket, &room, &["a lamp in the dome"]).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, &room).await;
        ada.press(".places a[href^='/search']").await;
        ada.waits_for(async || ada.texts(".filters a > span:nth-child(2)").await == ["in: Observatory"]).await;
        ada.sees("[name=q][role=combobox]").await;
        assert_eq!(ada.value(".seek [name=q]").await, format!("in:{room} "));
        // Somebody is found by their name, from the keyboard.
        ada.focus(".seek [name=q]").await;
        ada.type_keys("from:hopp").await;
        ada.waits_for(async || ada.texts("#suggestions [aria-selected=true] .label").await == ["Grace Hopper"]).await;
        ada.type_keys("\u{E007}").await;
        ada.waits_for(async || ada.value(".seek [name=q]").await == format!("in:{room} from:grace ")).await;
        ada.type_keys("lamp\u{E007}").await;
        ada.waits_for(async || ada.texts(".result .words").await == ["a lamp in the dome"]).await;
        assert_eq!(ada.texts(".tally").await, ["1 result"]);
        ada.press(".filters .plain").await;
        ada.waits_for(async || ada.texts(".result .words").await == ["a lamp in the dome", "a lamp in general"]).await;
        assert_eq!(ada.value(".seek [name=q]").await, "from:grace lamp");
        ada.press(".filters a").await;
        ada.waits_for(async || ada.value(".seek [name=q]").await == "lamp").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn a_search_in_a_group_conversation_is_called_after_its_people() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (grace, mei) = (app.register("grace").await, app.register("mei").await);
        grace.post("/settings", &[("name", "Grace Hopper")]).await.expect(303);
        mei.post("/settings", &[("name", "梅")]).await.expect(303);
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        let socket = grace.socket().await;
        let group = socket.ok("direct", serde_json::json!({ "users": ["ada", "mei"] })).await["room"]["slug"].clone();
        let group = group.as_str().expect("a slug").to_owned();
        socket.ok("join", serde_json::json!({ "room": group })).await;
        say(&socket, &group, &["a **lamp** for [three](https://example.com/)"]).await;
        // From its page, by a suggestion, and by what was typed or shared: it is a chip with their names, and the field has the words.
        ada.visit(app, &format!("/rooms/{group}")).await;
        ada.press(".places a[href^='/search']").await;
        let chips = async || ada.texts(".filters a > span:nth-child(2)").await;
        let is_within = async || chips().await == ["in: Grace Hopper, 梅"];
        ada.waits_for(is_within).await;
        ada.sees("[name=q][role=combobox]").await;
        assert_eq!(ada.value(".seek [name=q]").await, "");
        ada.type_keys("lamp\u{E007}").await;
        ada.waits_for(async || ada.texts(".result .words").await == ["a lamp for three"]).await;
        assert!(is_within().await && ada.value(".seek [name=q]").await == "lamp");
        assert_eq!(ada.texts(".result mark").await, ["lamp"]);
        ada.press(".filters a").await;
        ada.waits_for(async || chips().await.is_empty()).await;
        assert_eq!(ada.value(".seek [name=q]").await, "lamp");
        ada.visit(app, "/search?q=swordfish").await;
        ada.sees("[name=q][role=combobox]").await;
        ada.clear(".seek [name=q]").await;
        ada.fill(".seek [name=q]", "lamp in:Hopp").await;
        ada.waits_for(async || ada.texts("#suggestions [aria-selected=true] .label").await == ["Grace Hopper, 梅"]).await;
        ada.type_keys("\u{E007}").await;
        ada.waits_for(async || is_within().await && ada.texts(".result .words").await == ["a lamp for three"]).await;
        ada.visit(app, &format!("/search?q=in:{group}+lamp")).await;
        ada.waits_for(is_within).await;
        assert_eq!(ada.value(".seek [name=q]").await, "lamp");
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[apply(once)]
async fn the_page_has_a_state_for_everything(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(&socket, "general", &["a lamp"]).await;
    let page = async |path: &str| ada.get(path).await;
    assert!(page("/search").await.expect(200).body.contains("Search tips"));
    assert!(page("/search?q=%20").await.expect(200).body.contains("Search tips"));
    assert!(page("/search?q=swordfish").await.expect(200).body.contains("No results"));
    let found = page("/search?q=lamp").await.expect(200).body.clone();
    assert!(found.contains("<mark>lamp</mark>") && found.contains("/search?q=lamp&#38;order=best"), "{found}");
    assert!(page("/search?q=lamp&order=best").await.expect(200).body.contains("name=\"order\" value=\"best\""));
    assert!(page("/search?q=on:soon").await.expect(422).body.contains("on: needs a date"));
    // From a room, that room is searched, and one can leave it.
    let begun = page("/search?in=general").await.expect(200).body.clone();
    assert!(begun.contains("value=\"in:general \"") && begun.contains("in: general") && begun.contains("Search tips"), "{begun}");
    assert!(begun.contains("<a class=\"plain\" href=\"/search\">Search everywhere</a>"), "{begun}");
    let found = page("/search?in=general&q=lamp").await.expect(200).body.clone();
    assert!(found.contains("1 result<") && found.contains("href=\"/search?q=lamp\""), "{found}");
    // A conversation of several has no name that can be typed.
    for name in ["grace", "mei"] {
        app.register(name).await;
    }
    let group = socket.ok("direct", serde_json::json!({ "users": ["grace", "mei"] })).await["room"]["slug"].clone();
    let group = group.as_str().expect("a slug");
    socket.ok("join", serde_json::json!({ "room": group })).await;
    say(&socket, group, &["a lamp for three"]).await;
    for path in
        [format!("/search?in={group}&q=lamp"), format!("/search?q=lamp+in:{group}"), format!("/search?q=in:%23{group}+lamp")]
    {
        let found = page(&path).await.expect(200).body.clone();
        let is_split = found.contains("value=\"lamp\"") && found.contains(&format!("name=\"in\" value=\"{group}\""));
        assert!(is_split && found.contains("1 result<") && found.contains("in: grace, mei"), "{found}");
    }
    let begun = page(&format!("/search?in={group}")).await.expect(200).body.clone();
    assert!(begun.contains("Search tips") && begun.contains("name=\"q\" value=\"\""), "{begun}");
    // All that was said there, and what was not said there.
    assert!(page(&format!("/search?in={group}&q=")).await.expect(200).body.contains("<a class=\"words\""));
    let found = page(&format!("/search?q=lamp+-in:{group}")).await.expect(200).body.clone();
    assert!(found.contains("not in: grace, mei") && found.contains("1 result<"), "{found}");
    // Each filter can be taken away by itself.
    let found = page("/search?q=lamp+from:me+after:last+week").await.expect(200).body.clone();
    assert!(
        found.contains("href=\"/search?q=lamp+from%3Ame\"") && found.contains("href=\"/search?q=lamp+after%3Alast+week\""),
        "{found}"
    );
    page("/search?q=lamp&order=worst").await.expect(422);
    page("/search?q=lamp&before=x").await.expect(422);
}
