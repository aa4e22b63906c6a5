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

once! {
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
        page("/search?q=lamp&order=worst").await.expect(422);
        page("/search?q=lamp&before=x").await.expect(422);
    }
}
