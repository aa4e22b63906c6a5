//! Two people talking.

use super::{COMPOSER, reads, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

#[test]
fn two_people_talk_live_and_a_reload_in_the_middle_changes_nothing() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (ada, grace) = tokio::join!(Browser::open(Scripts::On), Browser::open(Scripts::On));
        ada.register(app, "ada").await;
        grace.register(app, "grace").await;
        for browser in [&ada, &grace] {
            browser.join(app, "general").await;
            browser.sees(COMPOSER).await;
        }
        say(&ada, "Is anybody here?").await;
        reads(&grace, &["Is anybody here?"]).await;
        reads(&ada, &["Is anybody here?"]).await;
        say(&grace, "I am.").await;
        reads(&ada, &["Is anybody here?", "I am."]).await;
        ada.refresh().await.expect("the page can be reloaded");
        reads(&ada, &["Is anybody here?", "I am."]).await;
        say(&grace, "Still there?").await;
        reads(&ada, &["Is anybody here?", "I am.", "Still there?"]).await;
        // The enter key sends as well, and shift with it begins a new line.
        ada.fill(COMPOSER, "Yes.\u{e007}").await;
        reads(&grace, &["Is anybody here?", "I am.", "Still there?", "Yes."]).await;
        for browser in [&ada, &grace] {
            assert_eq!(browser.complaints().await, Vec::<String>::new());
        }
        ada.close().await;
        grace.close().await;
    });
}

#[test]
fn what_is_said_by_other_means_appears_as_well() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.sees(COMPOSER).await;
        let (socket, _) = app.register("grace").await.join("general").await;
        let seq = socket.post("general", "first *words*", "1").await["seq"].clone();
        reads(&ada, &["first words"]).await;
        socket.ok("edit", serde_json::json!({ "room": "general", "seq": seq, "body": "other words" })).await;
        ada.waits_for(async || ada.texts(super::WORDS).await.iter().any(|words| words.starts_with("other words"))).await;
        socket.ok("delete", serde_json::json!({ "room": "general", "seq": seq })).await;
        ada.waits_for(async || ada.texts(super::WORDS).await.iter().all(|words| !words.contains("other words"))).await;
        socket.post("general", "the end", "2").await;
        ada.waits_for(async || ada.texts(super::WORDS).await.iter().any(|words| words == "the end")).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}
