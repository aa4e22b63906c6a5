//! What is new, and how far one has read: badges, the title, the line, the pill, and the place that nobody steals.

use super::{TwoPeople, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{TestApp, in_browser};

/// How far down the log is scrolled.
async fn scrolled(browser: &Browser) -> i64 {
    let top = browser.execute("return Math.round(document.querySelector('#log').scrollTop)", vec![]).await;
    top.expect("our own script runs").as_i64().expect("a number")
}

async fn scroll_to_top(browser: &Browser) {
    browser.execute("document.querySelector('#log').scrollTop = 0", vec![]).await.expect("our own script runs");
}

/// Waits until the sidebar's entry of a room shows this badge; empty for none.
async fn badge(browser: &Browser, room: &str, expected: &str) {
    let entry = format!(".sidebar a[data-room='{room}'] .count");
    browser.waits_for(async || browser.texts(&entry).await.concat() == expected).await;
}

async fn title(browser: &Browser, expected: &str) {
    browser.waits_for(async || browser.title().await.is_ok_and(|title| title == expected)).await;
}

#[test]
fn a_room_that_is_not_open_counts_live_on_every_page() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let (socket, _) = app.register("edsger").await.join("general").await;
        for (page, name) in [("/mentions", "Mentions"), ("/rooms", "Rooms")] {
            ada.visit(app, page).await;
            title(&ada, &format!("{name} · Parlor")).await;
            badge(&ada, "general", "").await;
            let before = socket.post("general", "one", &format!("{name}1")).await["seq"].as_i64().expect("a seq");
            badge(&ada, "general", "1").await;
            title(&ada, &format!("(1) {name} · Parlor")).await;
            ada.sees(".sidebar a[data-room=general].unread").await;
            ada.sees("link[rel=icon][data-dot=unread]").await;
            // What addresses one is counted in brass, at the room and at the mentions.
            socket.post("general", "@ada, two", &format!("{name}2")).await;
            ada.sees(".sidebar a[data-room=general] .count--to-me").await;
            ada.sees(".sidebar a[data-mentions] .count--to-me").await;
            ada.sees("link[rel=icon][data-dot=mine]").await;
            title(&ada, &format!("(2) {name} · Parlor")).await;
            // Read elsewhere, it is read here.
            ada.post("/rooms/general/read", "seq", &(before + 1).to_string()).await;
            badge(&ada, "general", "").await;
            title(&ada, &format!("{name} · Parlor")).await;
            ada.sees("link[rel=icon][data-dot='']").await;
        }
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn the_line_over_what_is_new_stays_while_one_reads_and_is_gone_on_the_next_visit() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        ada.visit(app, "/rooms").await;
        say(&grace, "while she was away").await;
        badge(&ada, "general", "1").await;
        ada.press(".sidebar a[data-room=general]").await;
        ada.sees(".fresh + #m3").await;
        title(&ada, "general · Parlor").await;
        // Read, and the line is where it was: also above what comes now.
        let read = "select read_seq from memberships join users on users.id = user_id where username = 'ada' and read_seq = 3";
        ada.waits_for(async || app.database.query(read).await.len() == 1).await;
        say(&grace, "and now that she is here").await;
        ada.sees("#m4").await;
        ada.sees(".fresh + #m3").await;
        ada.waits_for(async || app.database.query(&read.replace("= 3", "= 4")).await.len() == 1).await;
        ada.visit(app, "/rooms/general").await;
        ada.sees("#m4").await;
        assert_eq!(ada.counts(".fresh").await, 0);
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn who_reads_further_up_is_not_moved_and_told_how_much_is_new() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        let (socket, _) = grace.join("general").await;
        for number in 0..120 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.sees("#log").await;
        // Older messages come in above, and what was at the top stays where it was.
        ada.waits_for(async || scrolled(&ada).await > 0).await;
        let first = ada.texts("#messages .message .body").await[0].clone();
        scroll_to_top(&ada).await;
        ada.waits_for(async || ada.texts("#messages .message .body").await[0] != first).await;
        assert!(scrolled(&ada).await > 0, "the place was kept");
        // Somebody writes, edits and reacts further down: nothing moves, and the pill counts the new ones.
        let is_whole = async || {
            scroll_to_top(&ada).await;
            ada.counts("#older").await == 0
        };
        ada.waits_for(is_whole).await;
        scroll_to_top(&ada).await;
        ada.waits_for(async || scrolled(&ada).await == 0).await;
        let last = socket.post("general", "new 1", "new1").await["seq"].clone();
        socket.ok("react", serde_json::json!({ "room": "general", "seq": last, "emoji": "👍", "on": true })).await;
        socket.post("general", "new 2", "new2").await;
        ada.waits_for(async || ada.texts("#pill").await == ["You’re viewing older messages · 2 new messages · Jump to latest"])
            .await;
        assert_eq!(scrolled(&ada).await, 0);
        ada.press("#pill").await;
        ada.waits_for(async || ada.counts("#pill:not([hidden])").await == 0).await;
        // At the end one stays at the end, whatever the window does.
        ada.set_window_size(900, 500).await.expect("a window has a size");
        socket.post("general", "new 3", "new3").await;
        let distance =
            "const log = document.querySelector('#log'); return Math.round(log.scrollHeight - log.scrollTop - log.clientHeight)";
        ada.waits_for(async || ada.texts("#messages .message .body").await.last().is_some_and(|words| words == "new 3")).await;
        ada.waits_for(async || ada.execute(distance, vec![]).await.is_ok_and(|left| left.as_i64() <= Some(1))).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn what_is_marked_unread_stays_so_until_one_reads_on_and_follows_to_other_windows() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        // A second machine of hers.
        let second = Browser::open(Scripts::On).await;
        second.visit(app, "/login").await;
        second.fill("[name=username]", "ada").await;
        second.fill("[name=password]", PASSWORD).await;
        second.press("form[action='/login'] button").await;
        second.waits_until(|path| path != "/login").await;
        second.visit(app, "/rooms").await;
        for words in ["one", "two", "three"] {
            say(&grace, words).await;
        }
        ada.sees("#m5").await;
        badge(&second, "general", "").await;
        ada.focus("#m4").await;
        ada.type_keys("u").await;
        ada.sees(".fresh + #m4").await;
        badge(&ada, "general", "2").await;
        badge(&second, "general", "2").await;
        // She is still at the end, and the page does not read on by itself; what comes counts.
        say(&grace, "four").await;
        badge(&ada, "general", "3").await;
        badge(&second, "general", "3").await;
        // Her own words are read, and all before them.
        say(&ada, "five").await;
        badge(&ada, "general", "").await;
        badge(&second, "general", "").await;
        second.close().await;
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn the_way_to_what_is_answered_leads_back_as_well() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        for number in 0..45 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        socket.ok("message", serde_json::json!({ "room": "general", "body": "an answer", "nonce": "a", "reply_to": 2 })).await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.waits_for(async || ada.texts("#m47 .answers > span").await == ["grace", "post 0"]).await;
        let there = scrolled(&ada).await;
        ada.press("#m47 .answers").await;
        ada.sees("#m2:focus").await;
        assert!(scrolled(&ada).await < there);
        ada.press("#back").await;
        ada.sees("#m47:focus").await;
        assert_eq!(scrolled(&ada).await, there);
        // It goes when nobody needs it any more: once the answer is in sight, once one writes oneself, and after ten seconds, which are the
        // test's to let pass.
        let run = async |script: &str| ada.execute(script, vec![]).await.expect("our own script runs");
        run("const real = window.setTimeout; \
             window.setTimeout = (then, time, ...rest) => time === 10_000 ? (window.later = then, 0) : real(then, time, ...rest);")
        .await;
        for ending in ["scroll", "write", "time"] {
            ada.press("#m47 .answers").await;
            ada.sees("#m2:focus").await;
            ada.sees("#back:not([hidden])").await;
            match ending {
                "scroll" => drop(run("document.querySelector('#m47').scrollIntoView({ block: 'center' })").await),
                "time" => drop(run("window.later()").await),
                _ => {
                    say(&ada, "And another.").await;
                    ada.sees("#m49").await;
                }
            }
            ada.sees("#back[hidden]").await;
            run("document.querySelector('#log').scrollTop = 1e9").await;
        }
        ada.close().await;
    });
}

#[test]
fn more_than_a_page_of_news_has_its_line_too() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (socket, _) = app.register("grace").await.join("general").await;
        socket.post("general", "before her time", "0").await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.visit(app, "/rooms").await;
        for number in 0..70 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        // A link leads to it, and leaves it unread; so does scrolling up, where the end has been seen and nothing stays unread for long.
        ada.visit(app, "/rooms/general/4").await;
        ada.sees(".fresh + #m4.message--target").await;
        ada.visit(app, "/rooms/general").await;
        ada.sees("#m73").await;
        assert_eq!(ada.counts(".fresh").await, 0);
        scroll_to_top(&ada).await;
        ada.sees(".fresh + #m4").await;
        ada.close().await;
    });
}
