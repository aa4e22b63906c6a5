//! With scripts off: everything that matters works by pages and forms alone.

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
        ada.sees(COMPOSER).await;
        say(&ada, "hello from a plain page").await;
        ada.waits_for(async || ada.texts(WORDS).await.last().is_some_and(|words| words == "hello from a plain page")).await;
        assert!(ada.path().await.starts_with("/rooms/general"));
        // Back through the pages by their links.
        ada.visit(app, "/rooms/general").await;
        assert!(ada.texts(WORDS).await.iter().all(|words| words != "post 0"));
        ada.press("a[href*='?before=']").await;
        ada.waits_for(async || ada.texts(WORDS).await.iter().any(|words| words == "post 0")).await;
        // An empty message is refused on the page, by the browser or by the server.
        ada.visit(app, "/rooms/general").await;
        ada.press(SEND).await;
        let count = app.database.query("select seq from messages where kind = 'text'").await.len();
        assert_eq!(count, 71);
        ada.visit(app, "/rooms").await;
        ada.press("form[action='/logout'] button").await;
        ada.waits_until(|path| path == "/login").await;
        ada.fill("[name=username]", "ada").await;
        ada.fill("[name=password]", PASSWORD).await;
        ada.press("form[action='/login'] button").await;
        ada.waits_until(|path| path.starts_with("/rooms")).await;
        ada.close().await;
    });
}
