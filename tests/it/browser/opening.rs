//! Where a room opens, what is seen first, and whose days it tells.

use serde_json::{Value, json};

use super::{COMPOSER, TwoPeople, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

async fn run(browser: &Browser, script: &str) -> Value {
    browser.execute(script, vec![]).await.expect("our own script runs")
}

/// The page's module of times, as an expression of a script.
const TIME: &str = "(await import(document.querySelector('head script[type=module]').src)).modules['js/core/time.js']";

/// Has every document note what it shows in each frame that is painted with the log: which messages can be seen, where they stand,
/// and their times and days.
const NOTING: &str = "window.seen = []; const look = () => { \
    const view = document.querySelector('#log')?.getBoundingClientRect(); \
    const nodes = [...document.querySelectorAll('#messages > [data-seq], #messages > .day, #messages > .fresh')]; \
    if (nodes.length) window.seen.push(JSON.stringify(nodes.map((node) => [node, node.getBoundingClientRect()]) \
        .filter(([, { top, bottom }]) => bottom > view.top && top < view.bottom) \
        .map(([node, { top }]) => [Math.round(top), node.id, ...[...node.querySelectorAll('time')].map((time) => time.textContent)]))); \
    requestAnimationFrame(look); }; requestAnimationFrame(look);";

/// Waits until the room is live and has been painted some more, and gives what was seen in all frames until then, each once.
async fn seen(browser: &Browser) -> Vec<Value> {
    browser.waits_for(async || browser.counts(".people .dot--on").await == 1).await;
    run(browser, "window.seen.push('live')").await;
    let later = "return window.seen.length > window.seen.indexOf('live') + 5";
    browser.waits_for(async || run(browser, later).await == json!(true)).await;
    let frames = run(browser, "return [...new Set(window.seen.filter((one) => one !== 'live'))]").await;
    frames.as_array().cloned().unwrap_or_default()
}

/// Whatever was seen in several frames stood in one place in all of them, and said the same. Half a pixel is nobody's movement.
fn assert_still(frames: &[Value]) {
    let frames: Vec<Vec<Value>> =
        frames.iter().map(|frame| serde_json::from_str(frame.as_str().expect("a text")).expect("our own JSON")).collect();
    let last = frames.last().expect("something was seen");
    for frame in &frames {
        let mut common = 0;
        for seen in frame {
            let Some(at_last) = last.iter().find(|other| other[1] == seen[1] && !seen[1].as_str().unwrap_or_default().is_empty())
            else {
                continue;
            };
            common += 1;
            let moved = seen[0].as_i64().zip(at_last[0].as_i64()).map_or(0, |(top, at_last)| (top - at_last).abs());
            let says_the_same = seen.as_array().map(|all| &all[1..]) == at_last.as_array().map(|all| &all[1..]);
            assert!(moved <= 1 && says_the_same, "{seen} became {at_last} in {frames:?}");
        }
        assert!(common > 2, "{frame:?} became {last:?}");
    }
}

/// Whether something stands in the view of the log.
async fn is_in_view(browser: &Browser, css: &str) -> bool {
    let script = "const node = document.querySelector(arguments[0])?.getBoundingClientRect(); \
                  const log = document.querySelector('#log').getBoundingClientRect(); \
                  return !!node && node.top >= log.top && node.bottom <= log.bottom";
    browser.execute(script, vec![json!(css)]).await.expect("our own script runs") == json!(true)
}

/// Where a message stands in the view.
async fn top_of(browser: &Browser, css: &str) -> i64 {
    let script = "return Math.round(document.querySelector(arguments[0]).getBoundingClientRect().top)";
    browser.execute(script, vec![json!(css)]).await.expect("our own script runs").as_i64().expect("a number")
}

/// Fills the room with words of Grace, and has Ada's browser in New York.
async fn filled(app: &TestApp, count: usize) -> Browser {
    let (socket, _) = app.register("grace").await.join("general").await;
    for number in 1..=count {
        socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
    }
    let ada = Browser::open_in("America/New_York").await;
    ada.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTING })).await;
    ada.register(app, "ada").await;
    ada.join(app, "general").await;
    ada
}

#[test]
fn a_room_opens_at_its_end_with_the_readers_times_and_nothing_moves_afterwards() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = filled(app, 60).await;
        ada.visit(app, "/rooms/general").await;
        let frames = seen(&ada).await;
        assert_still(&frames);
        assert!(is_in_view(&ada, "#m62").await);
        let local = "return new Date(document.querySelector('#m61 time').dateTime) \
                     .toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit', timeZone: 'America/New_York' }).replace(/\\s/g, ' ')";
        let local = run(&ada, local).await;
        let said = run(&ada, "return document.querySelector('#m61 .byline time').textContent").await;
        assert_eq!(said, local);
        // On a phone and for people who read the other way alike.
        ada.looks("dark", 360).await;
        ada.visit(app, "/rooms/general").await;
        let frames = seen(&ada).await;
        assert_still(&frames);
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn a_room_opens_at_the_message_of_a_link_and_at_what_is_new() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = filled(app, 60).await;
        ada.visit(app, "/rooms/general/30").await;
        let frames = seen(&ada).await;
        assert_still(&frames);
        assert!(is_in_view(&ada, "#m30.message--target .by").await);
        // More that is new than fits is read from its beginning.
        ada.visit(app, "/rooms").await;
        ada.waits_for(async || ada.texts("main h1").await.len() == 1).await;
        let (socket, _) = app.log_in("grace").await.join("general").await;
        for number in 0..40 {
            socket.post("general", &format!("news {number}"), &format!("news{number}")).await;
        }
        ada.visit(app, "/rooms/general").await;
        let frames = seen(&ada).await;
        assert_still(&frames);
        assert!(is_in_view(&ada, ".fresh").await && is_in_view(&ada, ".fresh + #m63").await);
        ada.close().await;
    });
}

#[test]
fn more_news_than_a_page_holds_have_a_way_to_their_beginning() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = filled(app, 3).await;
        ada.visit(app, "/rooms").await;
        let (socket, _) = app.log_in("grace").await.join("general").await;
        for number in 0..70 {
            socket.post("general", &format!("news {number}"), &format!("news{number}")).await;
        }
        ada.press(".sidebar a[data-room=general]").await;
        ada.sees("#m75").await;
        assert!(is_in_view(&ada, "#since").await);
        ada.press("#since").await;
        ada.sees("#m6.message--target").await;
        assert!(is_in_view(&ada, "#m6 .by").await);
        // A page without a log comes back where one was as well.
        ada.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": 900, "height": 300, "deviceScaleFactor": 1, "mobile": false }),
        )
        .await;
        ada.visit(app, "/settings").await;
        ada.sees("#settings").await;
        run(&ada, "document.querySelector('main').scrollTop = 200").await;
        ada.refresh().await.expect("the page comes again");
        ada.waits_for(async || run(&ada, "return document.querySelector('main').scrollTop").await == json!(200)).await;
        ada.close().await;
    });
}

#[test]
fn back_reload_and_returning_lead_to_where_one_was() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = filled(app, 120).await;
        let attic = app.log_in("ada").await.create_room("Attic", "public").await;
        ada.visit(app, "/rooms/general").await;
        ada.sees(&format!(".sidebar a[data-room='{attic}']")).await;
        seen(&ada).await;
        run(&ada, "document.querySelector('#m90').scrollIntoView({ block: 'start' })").await;
        let there = top_of(&ada, "#m90").await;
        // Returning.
        ada.press(&format!(".sidebar a[data-room='{attic}']")).await;
        ada.sees(&format!("main[data-room='{attic}']")).await;
        ada.press(".sidebar a[data-room=general]").await;
        ada.sees("main[data-room=general]").await;
        assert_eq!(top_of(&ada, "#m90").await, there);
        // Back, and back again.
        ada.back().await.expect("there is a way back");
        ada.sees(&format!("main[data-room='{attic}']")).await;
        ada.back().await.expect("there is a way back");
        ada.sees("main[data-room=general]").await;
        assert_eq!(top_of(&ada, "#m90").await, there);
        // Reload: before anything is painted.
        ada.refresh().await.expect("the page comes again");
        let frames = seen(&ada).await;
        assert_still(&frames);
        assert_eq!(top_of(&ada, "#m90").await, there);
        // A stretch that the page does not begin with.
        run(&ada, "document.querySelector('#log').scrollTop = 0").await;
        ada.sees("#m30").await;
        run(&ada, "document.querySelector('#m30').scrollIntoView({ block: 'start' })").await;
        let there = top_of(&ada, "#m30").await;
        ada.press(&format!(".sidebar a[data-room='{attic}']")).await;
        ada.sees(&format!("main[data-room='{attic}']")).await;
        ada.back().await.expect("there is a way back");
        ada.sees("#m30").await;
        ada.waits_for(async || top_of(&ada, "#m30").await == there).await;
        ada.refresh().await.expect("the page comes again");
        ada.sees("#m30").await;
        ada.waits_for(async || top_of(&ada, "#m30").await == there).await;
        // Pressing the room that is open leads to its end.
        ada.press(".sidebar a[data-room=general]").await;
        ada.sees("#m122").await;
        ada.waits_for(async || is_in_view(&ada, "#m122").await).await;
        ada.close().await;
    });
}

#[test]
fn at_midnight_today_becomes_yesterday() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let clock = "const real = Date.now; window.ahead = 0; Date.now = () => real() + window.ahead";
        ada.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": clock })).await;
        say(&grace, "late").await;
        ada.visit(app, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        ada.waits_for(async || ada.texts(".day").await == ["Today"]).await;
        run(&ada, "window.ahead = 24 * 60 * 60 * 1000; document.dispatchEvent(new Event('visibilitychange'))").await;
        ada.waits_for(async || ada.texts(".day").await == ["Yesterday"]).await;
        TwoPeople { ada, grace }.close().await;
    });
}

/// Has the browser travel to another time zone. A page that is opened just then may still be in the old one.
async fn goes_to(browser: &Browser, app: &TestApp, zone: &str) {
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
    let is_there = "return Intl.DateTimeFormat().resolvedOptions().timeZone";
    browser
        .waits_for(async || {
            browser.visit(app, "/rooms").await;
            run(browser, is_there).await == json!(zone)
        })
        .await;
}

#[test]
fn scripts_and_pages_write_times_alike_whatever_the_day_is_long() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        // The clocks of Paris went back on 25 October 2026, and forward on 29 March; those of Lord Howe by half an hour.
        for (zone, now, at, expected) in [
            ("Europe/Paris", "2026-10-25T22:59:00Z", "2026-10-24T22:01:00Z", "Today"),
            ("Europe/Paris", "2026-10-25T23:01:00Z", "2026-10-24T22:01:00Z", "Yesterday"),
            ("Europe/Paris", "2026-10-25T23:01:00Z", "2026-10-24T21:59:00Z", "Saturday, October 24, 2026"),
            ("Europe/Paris", "2026-03-30T21:30:00Z", "2026-03-28T23:30:00Z", "Yesterday"),
            ("Europe/Paris", "2026-03-29T22:01:00Z", "2026-03-28T22:59:00Z", "Saturday, March 28, 2026"),
            ("Australia/Lord_Howe", "2026-10-04T12:30:00Z", "2026-10-03T13:45:00Z", "Today"),
            ("Asia/Tokyo", "2026-11-27T22:52:00Z", "2026-11-27T15:00:00Z", "Today"),
            ("Asia/Tokyo", "2026-11-27T22:52:00Z", "2026-11-27T14:59:00Z", "Yesterday"),
            ("Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T09:00:00Z", "Thursday, December 29, 2011"),
        ] {
            goes_to(&ada, app, zone).await;
            let script = format!("return ({TIME}).dayName('{at}', '{now}')");
            assert_eq!(ada.promised(&script).await, json!(expected), "{zone}: {at}, seen at {now}");
        }
        let script = format!(
            "const {{ clock, brief, fullTime }} = {TIME}; const at = '2026-11-27T15:05:09Z'; return [clock(at), brief(at), fullTime(at)]"
        );
        goes_to(&ada, app, "Asia/Tokyo").await;
        assert_eq!(ada.promised(&script).await, json!(["12:05 AM", "12:05", "Saturday, November 28, 2026, 12:05:09 AM"]));
        ada.close().await;
    });
}
