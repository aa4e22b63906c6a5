//! A long room, in both directions: what comes to view is loaded, what is far away goes, and one always knows the way to the latest.

use serde_json::{Value, json};

use super::{COMPOSER, WORDS, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

/// More than this many messages are never on the page; it is what `room/timeline.js` keeps, with what may come at once.
const MOST: i64 = 400;
const OLDER: &str = "You’re viewing older messages · Jump to latest";

async fn run(browser: &Browser, script: &str) -> Value {
    browser.execute(script, vec![]).await.expect("our own script runs")
}

/// The numbers of the messages on the page.
async fn numbers(browser: &Browser) -> Vec<i64> {
    let seqs = run(
        browser,
        "return [...document.querySelectorAll('#messages [data-seq]:not([data-nonce])')].map((node) => Number(node.dataset.seq))",
    );
    seqs.await.as_array().expect("a list").iter().filter_map(Value::as_i64).collect()
}

/// Scrolls one way until a message is there; what is on the page is always one stretch of the room, and not too long.
async fn scrolls_to(browser: &Browser, seq: i64, is_up: bool) {
    let scroll =
        if is_up { "document.querySelector('#log').scrollTop = 0" } else { "document.querySelector('#log').scrollTop = 1e9" };
    browser
        .waits_for(async || {
            run(browser, scroll).await;
            let numbers = numbers(browser).await;
            assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
            assert!(i64::try_from(numbers.len()).expect("small") <= MOST, "{}", numbers.len());
            numbers.contains(&seq)
        })
        .await;
}

#[test]
fn a_long_room_is_read_in_both_directions_and_the_page_stays_small() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        for number in 1..=700 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.waits_for(async || ada.counts(".people .dot--on").await == 1).await;
        scrolls_to(&ada, 1, true).await;
        assert_eq!(ada.counts("#older").await, 0, "this is the beginning");
        ada.waits_for(async || ada.texts("#pill").await == [OLDER]).await;
        // What comes meanwhile is counted, and not put behind a gap.
        socket.post("general", "news", "news").await;
        ada.waits_for(async || ada.texts("#pill").await == ["You’re viewing older messages · 1 new message · Jump to latest"])
            .await;
        scrolls_to(&ada, 703, false).await;
        ada.waits_for(async || ada.texts(WORDS).await.last().is_some_and(|words| words == "news")).await;
        assert_eq!(ada.counts("#newer").await, 0);
        run(&ada, "document.querySelector('#log').scrollTop = 1e9").await;
        ada.waits_for(async || ada.counts("#pill:not([hidden])").await == 0).await;
        // Live again, and read.
        socket.post("general", "more news", "more").await;
        ada.waits_for(async || ada.texts(WORDS).await.last().is_some_and(|words| words == "more news")).await;
        let read = "select read_seq from memberships join users on users.id = user_id where username = 'ada' and read_seq = 704";
        ada.waits_for(async || app.database.query(read).await.len() == 1).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn from_an_old_message_the_way_leads_down_or_straight_to_the_latest() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        for number in 1..=200 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.visit(app, "/rooms/general/20").await;
        ada.sees("#m20.message--target").await;
        ada.waits_for(async || ada.texts("#pill").await == [OLDER]).await;
        // Newer ones come as one scrolls down, and nothing moves for it.
        assert!(!numbers(&ada).await.contains(&202));
        scrolls_to(&ada, 202, false).await;
        // Straight there.
        ada.visit(app, "/rooms/general/20").await;
        ada.sees("#m20.message--target").await;
        ada.waits_for(async || ada.texts("#pill").await == [OLDER]).await;
        ada.press("#pill").await;
        ada.waits_for(async || numbers(&ada).await.last() == Some(&202)).await;
        assert_eq!(ada.path().await, "/rooms/general");
        // And back to the message.
        ada.back().await.expect("there is a way back");
        ada.sees("#m20.message--target").await;
        // What one writes there is seen at the end of the room.
        ada.sees(COMPOSER).await;
        say(&ada, "I read this just now").await;
        ada.waits_for(async || ada.texts(WORDS).await.last().is_some_and(|words| words == "I read this just now")).await;
        ada.waits_for(async || numbers(&ada).await.last().is_some_and(|last| *last > 202)).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn a_page_that_stays_open_at_the_end_keeps_the_latest_only() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.waits_for(async || ada.counts(".people .dot--on").await == 1).await;
        for number in 1..=500 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        ada.waits_for(async || numbers(&ada).await.last() == Some(&502)).await;
        let numbers = numbers(&ada).await;
        assert!(i64::try_from(numbers.len()).expect("small") <= MOST, "{}", numbers.len());
        ada.waits_for(async || {
            run(&ada, "return Math.round((({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)(document.querySelector('#log')))")
                .await
                .as_i64()
                <= Some(1)
        })
        .await;
        // The others are where they were.
        scrolls_to(&ada, 1, true).await;
        assert_eq!(run(&ada, "return document.querySelectorAll('#m1').length").await, json!(1));
        ada.close().await;
    });
}
