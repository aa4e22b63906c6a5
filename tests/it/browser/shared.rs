//! Several people at one browser: whoever's session has ended leaves nothing there for the next.

use std::time::Duration;

use serde_json::json;

use super::COMPOSER;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{TestApp, in_browser};

const DRAFT: &str = "half a thought";

/// What the browser keeps of anybody: the names under which it does.
const KEPT: &str = "return [...Object.keys(localStorage), ...await caches.keys()] \
                    .filter((name) => /^(outbox|draft|recent|private)[:-]/.test(name)).sort()";

async fn kept(browser: &Browser) -> Vec<String> {
    let names = browser.promised(KEPT).await;
    names.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Waits until everything of a person's lies here, some of it unsent.
async fn leaves_much(browser: &Browser, app: &TestApp) {
    browser.visit(app, "/rooms/general").await;
    if browser.counts(COMPOSER).await == 0 {
        browser.join(app, "general").await;
    }
    browser.fill(COMPOSER, DRAFT).await;
    // As if the network had gone just before.
    let unsent = "const id = document.querySelector('.app').dataset.myId; \
                  localStorage.setItem(`outbox:${id}:elsewhere`, JSON.stringify([{ nonce: 'n', body: 'never sent', problem: 'No.' }]));";
    browser.execute(unsent, vec![]).await.expect("our own script runs");
    let kinds = ["draft:", "outbox:", "private-", "recent:"];
    let has_all = async || {
        let kept = kept(browser).await;
        kinds.iter().all(|kind| kept.iter().any(|name| name.starts_with(kind)))
    };
    browser.waits_for(has_all).await;
}

async fn keeps_nothing(browser: &Browser) {
    browser.waits_for(async || kept(browser).await.is_empty()).await;
}

async fn is_at_the_door(browser: &Browser) {
    browser.waits_until(|path| path == "/login").await;
}

/// The server looks after the sessions under open sockets three times a minute.
async fn runs_out(browser: &Browser, app: &TestApp) {
    app.pass(Duration::from_secs(20 * 24 * 60 * 60));
    let at_the_door = async {
        let mut again = tokio::time::interval(Duration::from_millis(200));
        while browser.path().await != "/login" {
            again.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), at_the_door).await.is_ok(), "the page outlives its session");
}

async fn logs_in(browser: &Browser, username: &str) {
    browser.fill("[name=username]", username).await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.press("form[action='/login'] button").await;
    browser.waits_until(|path| path.starts_with("/rooms")).await;
}

#[test]
fn an_access_that_ends_elsewhere_leaves_nothing_in_any_window() {
    in_browser(module_path!(), async |app: &TestApp| {
        let rosa = app.register("rosa").await;
        app.database.make_admin("rosa").await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/rooms").await;
        let first = ada.window().await.expect("a window is open");
        let second = ada.new_window(true).await.expect("a window can be opened").handle;
        ada.switch_to_window(second).await.expect("it is there");
        leaves_much(&ada, app).await;
        rosa.post("/people/ada/ban", &[]).await.expect(303);
        is_at_the_door(&ada).await;
        keeps_nothing(&ada).await;
        ada.switch_to_window(first).await.expect("it is there");
        is_at_the_door(&ada).await;
        keeps_nothing(&ada).await;
        rosa.post("/people/ada/unban", &[]).await.expect(303);
        // Somebody who was away when it happened finds out from the next page.
        logs_in(&ada, "ada").await;
        leaves_much(&ada, app).await;
        let elsewhere = app.log_in("ada").await;
        let fields = [("current", PASSWORD), ("password", "eleven slow lighthouses")];
        elsewhere.post("/settings/password", &fields).await.expect(303);
        is_at_the_door(&ada).await;
        keeps_nothing(&ada).await;
        ada.close().await;
    });
}

#[test]
fn a_page_of_somebody_else_leaves_nothing_of_who_was_here_before() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        leaves_much(&ada, app).await;
        let hers = kept(&ada).await;
        // No door in between: the form is sent from elsewhere.
        app.register("grace").await;
        ada.close_window().await;
        ada.visit(app, "/healthz").await;
        let form = format!(
            "const body = new URLSearchParams([['username', 'grace'], ['password', '{PASSWORD}']]); \
             return (await fetch('/login', {{ method: 'POST', body }})).status"
        );
        assert_eq!(ada.promised(&form).await, json!(200));
        ada.visit(app, "/rooms").await;
        ada.waits_for(async || kept(&ada).await.iter().all(|name| !hers.contains(name))).await;
        ada.close().await;
    });
}

#[test]
fn what_was_unsent_when_a_session_ran_out_waits_for_its_person_and_for_nobody_else() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        leaves_much(&ada, app).await;
        runs_out(&ada, app).await;
        let only_words = async || kept(&ada).await.iter().all(|name| name.starts_with("draft:") || name.starts_with("outbox:"));
        ada.waits_for(only_words).await;
        assert_eq!(kept(&ada).await.len(), 2);
        logs_in(&ada, "ada").await;
        ada.visit(app, "/rooms/general").await;
        assert_eq!(ada.value(COMPOSER).await, DRAFT);
        runs_out(&ada, app).await;
        app.register("grace").await;
        logs_in(&ada, "grace").await;
        let is_gone = async || {
            let left = ada.promised("return Object.values(localStorage).join()").await;
            left != json!(null) && !left.to_string().contains(DRAFT) && !left.to_string().contains("never sent")
        };
        ada.waits_for(is_gone).await;
        ada.close().await;
    });
}
