//! What people see and do, in a real browser.

mod acts;
mod axe;
mod column;
mod cut;
mod files;
mod first;
mod hostile;
mod links;
mod listening;
mod looks;
mod notices;
mod offline;
mod opening;
mod passkeys;
mod people;
mod plain;
mod portraits;
mod rates;
mod reading;
mod reference;
mod scrolling;
mod shared;
mod sidebar;
mod talk;
mod typing;
mod visits;
mod ways;
mod writing;

use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

/// The words of every message on the page, in order.
const WORDS: &str = "#log .message .body";
/// Where one writes.
const COMPOSER: &str = "#composer textarea";
/// The field of a message that is edited where it stands.
const EDITOR: &str = "#edit-composer textarea";
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
            browser.join(app, "general").await;
        }
        // Both live: each hears of the other.
        ada.waits_for(async || ada.texts(".people").await == ["2 members · 2 online"]).await;
        grace.waits_for(async || grace.texts(".people").await == ["2 members · 2 online"]).await;
        Self { ada, grace }
    }

    async fn close(self) {
        self.ada.close().await;
        self.grace.close().await;
    }
}

/// The harness itself: a page under load is often not yet what one presses.
#[test]
fn what_is_covered_or_replaced_for_a_moment_is_pressed_all_the_same() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.visit(app, "/login").await;
        let cover = "const cover = document.createElement('p'); cover.style = 'position: fixed; inset: 0; z-index: 9'; \
                     document.body.append(cover); setTimeout(() => cover.remove(), 300)";
        ada.execute(cover, vec![]).await.expect("our own script runs");
        let renew = "let link = document.querySelector('a[href=\"/register\"]'); \
                     const renewing = setInterval(() => { const next = link.cloneNode(true); link.replaceWith(next); link = next }, 10); \
                     setTimeout(() => clearInterval(renewing), 600)";
        ada.execute(renew, vec![]).await.expect("our own script runs");
        ada.press("a[href='/register']").await;
        ada.waits_until(|path| path == "/register").await;
        ada.close().await;
    });
}
