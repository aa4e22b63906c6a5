//! The network goes away while people talk, and comes back: nothing is missing and nothing is doubled.

use super::{COMPOSER, reads, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{TestApp, in_browser};

#[test]
fn after_a_cut_of_the_network_everything_is_there_once() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        ada.join(&proxy, "general").await;
        ada.sees(COMPOSER).await;
        let (socket, _) = app.register("grace").await.join("general").await;
        socket.post("general", "before", "1").await;
        reads(&ada, &["before"]).await;
        for round in 0..3 {
            proxy.cut();
            // Said while she is away, by her and by somebody else.
            say(&ada, &format!("hers {round}")).await;
            socket.post("general", &format!("theirs {round}"), &format!("t{round}")).await;
            proxy.restore();
            socket.hears(&format!("hers {round}")).await;
            ada.waits_for(async || {
                let words = ada.texts(super::WORDS).await;
                let once = |wanted: &str| words.iter().filter(|it| *it == wanted).count() == 1;
                once(&format!("hers {round}")) && once(&format!("theirs {round}"))
            })
            .await;
        }
        let rows = app.database.query("select body from messages where kind = 'text' order by seq").await;
        assert_eq!(rows.len(), 7, "{rows:?}");
        let expected: Vec<_> = rows.iter().map(|row| row["body"].as_str().expect("text")).collect();
        reads(&ada, &expected).await;
        ada.refresh().await.expect("the page can be reloaded");
        reads(&ada, &expected).await;
        ada.close().await;
    });
}

#[test]
fn what_one_arranged_and_began_elsewhere_meanwhile_is_there_without_a_reload() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        ada.join(&proxy, "general").await;
        let phone = app.log_in("ada").await;
        let attic = phone.create_room("Attic", "public").await;
        ada.sees(&format!("[data-list=rooms] a[data-room='{attic}']")).await;
        phone.post("/rooms/general/favorite", &[("on", "true")]).await.expect(303);
        ada.sees("[data-list=favorites] a[data-room=general]").await;
        ada.execute("window.isSame = true", vec![]).await.expect("our own script runs");
        proxy.cut();
        phone.post("/rooms/general/favorite", &[("on", "false")]).await.expect(303);
        phone.post(&format!("/rooms/{attic}/favorite"), &[("on", "true")]).await.expect(303);
        phone.post("/sidebar", &[("section", "rooms"), ("closed", "true")]).await.expect(303);
        phone.post("/rooms/general/draft", &[("body", "begun on the phone")]).await.expect(303);
        phone.post(&format!("/rooms/{attic}/draft"), &[("body", "there as well")]).await.expect(303);
        proxy.restore();
        ada.sees(&format!("[data-list=favorites] a[data-room='{attic}'] .draft")).await;
        ada.waits_for(async || ada.counts("[data-section=rooms][data-closed] [data-list=rooms] a[data-room=general]").await == 1)
            .await;
        ada.sees(".head .favorite button[aria-pressed=false]").await;
        ada.waits_for(async || ada.value(COMPOSER).await == "begun on the phone").await;
        // Sent there while one is away again: it is gone here, and all is open.
        proxy.cut();
        phone.post("/rooms/general/messages", &[("body", "begun on the phone")]).await.expect(303);
        phone.post("/sidebar", &[("section", "rooms"), ("closed", "false")]).await.expect(303);
        proxy.restore();
        ada.waits_for(async || ada.value(COMPOSER).await.is_empty()).await;
        ada.waits_for(async || ada.counts("[data-section=rooms]:not([data-closed])").await == 1).await;
        assert_eq!(ada.execute("return window.isSame", vec![]).await.ok(), Some(serde_json::json!(true)));
        ada.close().await;
    });
}

#[test]
fn a_post_whose_acknowledgement_was_lost_is_not_said_twice() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        ada.join(&proxy, "general").await;
        ada.sees(COMPOSER).await;
        let (socket, _) = app.register("grace").await.join("general").await;
        socket.post("general", "before", "1").await;
        reads(&ada, &["before"]).await;
        proxy.drop_replies();
        say(&ada, "did you hear me").await;
        socket.hears("did you hear me").await;
        proxy.cut();
        proxy.restore();
        reads(&ada, &["before", "did you hear me"]).await;
        socket.post("general", "I did", "2").await;
        reads(&ada, &["before", "did you hear me", "I did"]).await;
        assert_eq!(app.database.query("select seq from messages where kind = 'text'").await.len(), 3);
        ada.close().await;
    });
}
