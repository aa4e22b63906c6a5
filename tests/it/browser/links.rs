//! Link previews: they appear, and are removed.

use super::axe::is_open_to_all;
use super::{WORDS, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser, web_pages};

#[test]
fn previews_appear_and_are_removed_with_one_button() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        let (grace, _) = app.register("grace").await.join("general").await;
        let (hers, own) = (web_pages::name(), web_pages::name());
        grace.post("general", &format!("see http://pages.test/plain/{hers}"), "g1").await;
        ada.waits_for(async || ada.texts(".link-title").await == [format!("Page {hers}")]).await;
        assert_eq!(ada.texts(".link-host").await, ["pages.test"]);
        assert_eq!(ada.texts(".link-preview p").await, [format!("About {hers}")]);
        assert_eq!(ada.counts(".hide-links").await, 0, "it is not hers");
        say(&ada, &format!("http://pages.test/plain/{own}")).await;
        ada.waits_for(async || ada.counts(".link-preview").await == 2).await;
        let mut faults = Vec::new();
        is_open_to_all(&ada, "link previews", &mut faults).await;
        assert!(faults.is_empty(), "{faults:#?}");
        ada.looks("light", 1100).await;
        ada.hover(".message:has(.hide-links)").await;
        ada.press(".hide-links button").await;
        ada.waits_for(async || ada.counts(".link-preview").await == 1).await;
        assert_eq!(ada.texts(WORDS).await.len(), 2);
        ada.visit(app, "/rooms/general").await;
        ada.sees(".link-preview").await;
        assert_eq!(ada.texts(".link-title").await, [format!("Page {hers}")]);
        ada.close().await;
    });
}

#[test]
fn without_scripts_previews_are_removed_by_their_form() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        say(&ada, &format!("http://pages.test/plain/{}", web_pages::name())).await;
        ada.waits_for(async || {
            ada.visit(app, "/rooms/general").await;
            ada.counts(".hide-links").await == 1
        })
        .await;
        ada.press(".hide-links button").await;
        ada.waits_for(async || ada.counts(".link-preview").await == 0).await;
        assert_eq!(ada.texts(WORDS).await.len(), 1);
        ada.close().await;
    });
}
