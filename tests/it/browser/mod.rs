//! What people see and do, in a real browser.

mod acts;
mod axe;
mod cut;
mod hostile;
mod notices;
mod offline;
mod people;
mod plain;
mod reading;
mod sidebar;
mod talk;
mod ways;
mod writing;

use crate::harness::TestApp;
use crate::harness::browser::{Browser, Scripts};

/// The words of every message on the page, in order.
const WORDS: &str = "#log .message .body";
/// Where one writes.
const COMPOSER: &str = "#composer textarea";
/// What sends it.
const SEND: &str = "#composer .button";

/// Writes a message as people do.
async fn say(browser: &Browser, words: &str) {
    browser.fill(COMPOSER, words).await;
    browser.press(SEND).await;
}

/// Waits until these are the messages on the page: each once, in this order, and nothing else.
async fn reads(browser: &Browser, expected: &[&str]) {
    browser.waits_for(async || browser.texts(WORDS).await == expected).await;
}

/// Ada and Grace, each with a browser that shows the room `general`. Their entries are its first two messages.
struct TwoPeople {
    ada: Browser,
    grace: Browser,
}

impl TwoPeople {
    async fn in_general(app: &TestApp) -> Self {
        let (ada, grace) = tokio::join!(Browser::open(Scripts::On), Browser::open(Scripts::On));
        for (browser, name) in [(&ada, "ada"), (&grace, "grace")] {
            browser.register(app, name).await;
            browser.visit(app, "/rooms/general").await;
            browser.sees(COMPOSER).await;
        }
        // Both live: each hears of the other.
        ada.waits_for(async || ada.texts(".people").await == ["2 of 2 here"]).await;
        grace.waits_for(async || grace.texts(".people").await == ["2 of 2 here"]).await;
        Self { ada, grace }
    }

    async fn close(self) {
        self.ada.close().await;
        self.grace.close().await;
    }
}
