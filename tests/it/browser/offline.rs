//! Without a network: what was read is there, what is written waits, and nothing of it stays for the next person.

use serde_json::json;

use super::{COMPOSER, WORDS, reads, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{TestApp, in_browser};

/// The addresses of what is kept of a person.
const KEPT: &str = "const kept = []; \
    for (const name of await caches.keys()) if (name.startsWith('private-')) \
    for (const { url } of await (await caches.open(name)).keys()) kept.push(new URL(url).pathname); return kept;";

async fn keeps(browser: &Browser, path: &str) {
    let is_kept = async || browser.promised(KEPT).await.as_array().is_some_and(|kept| kept.contains(&json!(path)));
    browser.waits_for(is_kept).await;
}

/// How many messages that came live are kept beside a room's page.
async fn keeps_words(browser: &Browser, words: &str) {
    let script = "let all = ''; for (const name of await caches.keys()) { \
        const kept = await (await caches.open(name)).match('/kept/rooms/general'); if (kept) all += await kept.text(); } return all;";
    browser.waits_for(async || browser.promised(script).await.as_str().is_some_and(|all| all.contains(words))).await;
}

async fn unsent(browser: &Browser) -> String {
    let script =
        "return Object.keys(localStorage).filter((key) => key.startsWith('outbox:')).map((key) => localStorage[key]).join()";
    browser.execute(script, vec![]).await.expect("our own script runs").as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_was_read_is_there_and_what_is_written_is_sent_once_when_back() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        let (grace, _) = app.register("grace").await.join("general").await;
        grace.post("general", "before the page", "1").await;
        ada.join(&proxy, "general").await;
        ada.sees(COMPOSER).await;
        keeps(&ada, "/rooms/general").await;
        grace.post("general", "after the page", "2").await;
        reads(&ada, &["before the page", "after the page"]).await;
        keeps_words(&ada, "after the page").await;

        proxy.cut();
        ada.refresh().await.expect("the worker answers");
        reads(&ada, &["before the page", "after the page"]).await;
        ada.waits_for(async || ada.texts("#connection").await.iter().any(|line| !line.is_empty())).await;
        say(&ada, "first, offline").await;
        say(&ada, "second, offline").await;
        reads(&ada, &["before the page", "after the page", "first, offline", "second, offline"]).await;
        // Somewhere that was never read: a page that says so, with the way back.
        ada.visit(&proxy, "/rooms/never").await;
        ada.sees("#kept a[href='/rooms/general']").await;
        ada.close_window().await;
        proxy.restore();

        // Whichever page is there first sends them.
        ada.visit(&proxy, "/rooms").await;
        grace.hears("first, offline").await;
        grace.hears("second, offline").await;
        ada.waits_for(async || unsent(&ada).await.is_empty()).await;
        ada.visit(&proxy, "/rooms/general").await;
        reads(&ada, &["before the page", "after the page", "first, offline", "second, offline"]).await;
        let rows = app.database.query("select body from messages where kind = 'text' order by seq").await;
        let bodies: Vec<_> = rows.iter().map(|row| row["body"].as_str().expect("text").to_owned()).collect();
        assert_eq!(bodies, ["before the page", "after the page", "first, offline", "second, offline"]);
        ada.close().await;
    });
}

#[test]
fn two_windows_that_come_back_at_once_send_each_post_once_and_in_order() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        let (grace, _) = app.register("grace").await.join("general").await;
        ada.join(&proxy, "general").await;
        ada.sees(COMPOSER).await;
        let first = ada.window().await.expect("a window is open");
        let second = ada.new_window(true).await.expect("a window can be opened").handle;
        ada.switch_to_window(second).await.expect("it is there");
        ada.visit(&proxy, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        proxy.cut();
        let mut expected = Vec::new();
        for number in 0..4 {
            let words = format!("word {number}");
            say(&ada, &words).await;
            expected.push(words);
        }
        // The other window shows them too.
        ada.switch_to_window(first).await.expect("it is there");
        ada.waits_for(async || ada.texts(WORDS).await == expected).await;
        proxy.restore();
        for words in &expected {
            grace.hears(words).await;
        }
        ada.waits_for(async || unsent(&ada).await.is_empty()).await;
        ada.waits_for(async || ada.texts(WORDS).await == expected).await;
        let rows = app.database.query("select body from messages where kind = 'text' order by seq").await;
        let bodies: Vec<_> = rows.iter().map(|row| row["body"].as_str().expect("text").to_owned()).collect();
        assert_eq!(bodies, expected);
        ada.close().await;
    });
}

#[test]
fn after_logging_out_nothing_that_was_kept_can_be_read() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        ada.join(&proxy, "general").await;
        ada.sees(COMPOSER).await;
        say(&ada, "between us").await;
        reads(&ada, &["between us"]).await;
        keeps(&ada, "/rooms/general").await;
        keeps_words(&ada, "between us").await;
        ada.log_out().await;
        ada.waits_until(|path| path == "/login").await;
        ada.waits_for(async || ada.promised(KEPT).await == json!([])).await;
        let left = ada.execute("return Object.entries(localStorage).join()", vec![]).await.expect("our own script runs");
        assert_eq!(left, json!(""));
        proxy.cut();
        ada.visit(&proxy, "/rooms/general").await;
        ada.sees("#again").await;
        assert!(!ada.page().await.contains("between us"));
        ada.close().await;
    });
}

#[test]
fn what_was_deleted_and_a_room_that_was_left_are_not_kept() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        let grace = app.register("grace").await;
        let (socket, _) = grace.join("general").await;
        let seq = socket.post("general", "better unsaid", "1").await["seq"].clone();
        ada.join(app, "general").await;
        reads(&ada, &["better unsaid"]).await;
        keeps(&ada, "/rooms/general").await;
        // The page is renewed by a worker that stands behind it.
        ada.waits_for(async || ada.promised("return !!navigator.serviceWorker.controller").await == json!(true)).await;
        socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
        let words = "let all = ''; for (const name of await caches.keys()) if (name.startsWith('private-')) { \
            const cache = await caches.open(name); for (const key of await cache.keys()) all += await (await cache.match(key)).text(); } return all;";
        ada.waits_for(async || ada.promised(words).await.as_str().is_some_and(|all| !all.contains("better unsaid"))).await;
        keeps(&ada, "/rooms/general").await;
        app.log_in("ada").await.post("/rooms/general/leave", &[]).await.expect(303);
        let is_dropped =
            async || ada.promised(KEPT).await.as_array().is_some_and(|kept| !kept.contains(&json!("/rooms/general")));
        ada.waits_for(is_dropped).await;
        ada.close().await;
    });
}

#[test]
fn a_session_that_ends_elsewhere_and_another_person_leave_nothing_either() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.sees(COMPOSER).await;
        keeps(&ada, "/rooms/general").await;
        // Whatever ended it: there is no session any more.
        ada.delete_all_cookies().await.expect("cookies can be taken away");
        ada.visit(app, "/rooms/general").await;
        ada.waits_until(|path| path == "/login").await;
        ada.waits_for(async || ada.promised(KEPT).await == json!([])).await;
        // Somebody else in the same browser has only what is theirs.
        app.register("grace").await;
        ada.fill("[name=username]", "grace").await;
        ada.fill("[name=password]", PASSWORD).await;
        ada.press("form[action='/login'] button").await;
        ada.waits_until(|path| path.starts_with("/rooms")).await;
        ada.visit(app, "/rooms/general").await;
        keeps(&ada, "/rooms/general").await;
        let names = ada.promised("return (await caches.keys()).filter((name) => name.startsWith('private-'))").await;
        assert_eq!(names.as_array().map(Vec::len), Some(1), "{names}");
        ada.close().await;
    });
}

#[test]
fn logging_out_asks_before_it_throws_away_what_is_unsent() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        ada.join(&proxy, "general").await;
        ada.sees(COMPOSER).await;
        ada.waits_for(async || ada.texts(".people a").await.iter().any(|line| line.contains("online"))).await;
        proxy.cut();
        say(&ada, "do not lose me").await;
        ada.log_out().await;
        ada.waits_for(async || ada.texts("#leaving[open] strong").await == ["1 message hasn’t been sent yet."]).await;
        ada.press("#leaving [value='']").await;
        assert!(unsent(&ada).await.contains("do not lose me"));
        ada.log_out().await;
        ada.sees("#leaving[open]").await;
        // What was thrown away with open eyes is gone, also when the network comes back.
        let forget = "document.querySelector('#leaving [value=yes]').click()";
        ada.execute(forget, vec![]).await.expect("our own script runs");
        proxy.restore();
        ada.visit(&proxy, "/keys").await;
        assert_eq!(unsent(&ada).await, "");
        ada.close().await;
    });
}

#[test]
fn without_a_network_one_goes_on_between_the_rooms_that_were_read() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(&proxy, "ada").await;
        let person = app.log_in("ada").await;
        let attic = person.create_room("Attic", "public").await;
        person.write(&attic, "dust everywhere").await.expect(303);
        ada.join(&proxy, "general").await;
        ada.sees(COMPOSER).await;
        keeps(&ada, "/rooms/general").await;
        // Going there by a click keeps a room as well.
        ada.press(&format!(".sidebar a[data-room='{attic}']")).await;
        reads(&ada, &["dust everywhere"]).await;
        keeps(&ada, &format!("/rooms/{attic}")).await;
        ada.execute("window.isMarked = true", vec![]).await.expect("our own script runs");
        proxy.cut();
        ada.press(".sidebar a[data-room=general]").await;
        ada.sees("main[data-room=general]").await;
        ada.waits_for(async || ada.texts("#connection").await.iter().any(|line| !line.is_empty())).await;
        ada.press(&format!(".sidebar a[data-room='{attic}']")).await;
        reads(&ada, &["dust everywhere"]).await;
        say(&ada, "swept, offline").await;
        reads(&ada, &["dust everywhere", "swept, offline"]).await;
        let is_same = ada.execute("return window.isMarked === true", vec![]).await.expect("our own script runs");
        assert_eq!(is_same, json!(true));
        // It goes out from wherever one is when the network is there again.
        ada.press(".sidebar a[data-room=general]").await;
        ada.sees("main[data-room=general]").await;
        proxy.restore();
        let sent = async || {
            let page = person.get_json(&format!("/rooms/{attic}")).await.json();
            page["messages"].as_array().and_then(|all| all.last()).is_some_and(|last| last["body"] == "swept, offline")
        };
        ada.waits_for(sent).await;
        ada.close().await;
    });
}
