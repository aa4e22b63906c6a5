//! What somebody sees who is too quick.

use serde_json::json;

use super::{COMPOSER, WORDS, say};
use crate::harness::app::Server;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{Database, Kind, programs, run};

#[test]
fn who_is_too_quick_is_told_in_words_and_what_only_reads_comes_by_itself() {
    if !programs::Program::Browser.is_here_or_may_be_missing() {
        println!("left out: there is no browser on this machine");
        return;
    }
    run(module_path!(), Kind::Sqlite, async |database: &Database| {
        let mut server = Server::start(database.url(), &[("ACT_RATE", "6/min"), ("POST_RATE", "off")]).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&server, "ada").await;
        // Enough to scroll through.
        let (socket, _) = server.log_in("ada").await.join("general").await;
        for number in 0..120 {
            socket.post("general", &format!("line {number}"), &format!("n{number}")).await;
        }
        ada.visit(&server, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        // All of both shares is used up elsewhere.
        let level = json!({ "room": "general", "level": null });
        ada.press("#level summary").await;
        while socket.ask("history", json!({ "room": "general", "before": 2 })).await["ok"] == json!(true) {}
        // Right before the button is pressed: the share comes back with time.
        while socket.ask("level", level.clone()).await["ok"] == json!(true) {}
        ada.press("#level button[value=muted]").await;
        ada.waits_for(async || ada.texts("#said").await.iter().any(|said| said.contains("Too many attempts"))).await;
        // Older messages come all the same, a moment later.
        let has_all = async || {
            ada.execute("document.querySelector('#log').scrollTop = 0", vec![]).await.expect("our own script runs");
            ada.texts(WORDS).await.first().map(String::as_str) == Some("line 0")
        };
        ada.waits_for(has_all).await;
        say(&ada, "still here").await;
        ada.waits_for(async || ada.texts(WORDS).await.last().map(String::as_str) == Some("still here")).await;
        ada.close().await;
        server.stop().await;
    });
}
