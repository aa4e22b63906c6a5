//! What people see and do, in a real browser.

mod cut;
mod hostile;
mod people;
mod plain;
mod talk;

use crate::harness::browser::Browser;

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
