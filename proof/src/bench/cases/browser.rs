//! What a reader waits for, in a real browser: a first visit to a room over a slow network, the way from room to room, and the cost of a
//! message and of a key press where few and where many messages are loaded.
//!
//! The browser shares the processor of this program. All times are its own measurements.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Fixture;
use crate::bench::Result;
use crate::bench::options::Kind;
use crate::bench::people::{self, Person};
use crate::bench::results::{Figure, grouped};
use crate::bench::sender::{Sender, post_all};
use crate::bench::server::Server;
use crate::client::browser::Browser;
use crate::infra::programs;

/// The rooms between which the reader moves.
const ROOMS: [&str; 2] = ["first-room", "second-room"];
const MESSAGES: usize = 60;
const VISITS: usize = 20;
/// The slow network: latency in milliseconds, and bytes a second.
const LATENCY: u64 = 100;
const THROUGHPUT: u64 = 1_000_000;
/// Over how many messages and key presses a cost is averaged.
const SAMPLE: usize = 200;
/// How many are posted at once until then: the page shows them within the deadline.
const AT_ONCE: usize = 200;
/// How many messages the page has received when the cost is measured.
const LOADED: [usize; 2] = [50, 5_000];

pub fn measure(fixture: &mut Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    if programs::browser().is_none() || programs::on_path("chromedriver").is_none() {
        return Err("this machine has no chromium with chromedriver".into());
    }
    let (_site, server) = fixture.fresh(kind, true)?;
    let (writer, reader) = (people::register(server.address, "writer")?, people::register(server.address, "reader")?);
    for room in ROOMS {
        people::open_room(server.address, &writer, room)?;
        post(&server, &writer, room, 0, MESSAGES)?;
        drop(Sender::connect(server.address, &reader, "reader", &[room.to_owned()], false)?);
    }
    let runtime = Runtime::new()?;
    figures.extend(runtime.block_on(first_visits(&server, &reader)));
    figures.extend(runtime.block_on(from_room_to_room(&server, &reader)));
    figures.extend(costs(&runtime, &server, &writer, &reader)?);
    server.stop()?;
    Ok(())
}

/// Posts `count` messages in a room that has `said`; returns when all are acknowledged.
fn post(server: &Server, person: &Person, room: &str, said: usize, count: usize) -> Result<()> {
    // Nonces must be new each time.
    let sender = Sender::connect(server.address, person, &format!("{room}-{said}"), &[room.to_owned()], false)?;
    post_all(&mut [sender], count, 8)
}

async fn signed_in(server: &Server, person: &Person) -> Browser {
    let browser = Browser::open(json!({})).await;
    let (name, value) = person.cookie.split_once('=').expect("a cookie has a name");
    let cookie = json!({ "name": name, "value": value, "url": format!("http://{}/", server.address), "httpOnly": true });
    browser.devtools("Network.setCookie", cookie).await;
    browser
}

async fn opens(browser: &Browser, server: &Server, room: &str) {
    browser.goto(&format!("http://{}/rooms/{room}", server.address)).await.expect("the room can be opened");
    browser.waits_for_script("return performance.getEntriesByName('live').length > 0").await;
}

/// Slows the browser's network down. A service worker's requests would not be slowed down, so it is bypassed.
async fn slow(browser: &Browser) {
    browser.slow_network(LATENCY, THROUGHPUT).await;
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setBypassServiceWorker", json!({ "bypass": true })).await;
}

/// A first visit, and one with a full cache.
async fn first_visits(server: &Server, person: &Person) -> Vec<Figure> {
    let browser = signed_in(server, person).await;
    slow(&browser).await;
    let mut figures = Vec::new();
    for setting in ["first visit", "the same again"] {
        let setting = format!("{setting}, {LATENCY} ms and {} MB/s", THROUGHPUT / 1_000_000);
        opens(&browser, server, ROOMS[0]).await;
        let seen = browser
            .run(
                "const [page] = performance.getEntriesByType('navigation'); const live = performance.getEntriesByName('live')[0].startTime; \
                 const files = performance.getEntriesByType('resource').filter(({ startTime, transferSize }) => startTime < live && transferSize); \
                 const [paint] = performance.getEntriesByName('first-contentful-paint'); \
                 return [1 + files.length + 1, [page, ...files].reduce((sum, { transferSize }) => sum + transferSize, 0) / 1000, paint.startTime, live]",
            )
            .await;
        let value = |at: usize| seen[at].as_f64().unwrap_or(f64::NAN);
        figures.push(Figure::less(&setting, "requests until live, the socket included", value(0)));
        figures.push(Figure::less(&setting, "KB transferred until live", value(1)));
        figures.push(Figure::less(&setting, "first paint, ms", value(2)));
        figures.push(Figure::less(&setting, "live, ms", value(3)));
    }
    browser.close().await;
    figures
}

async fn from_room_to_room(server: &Server, person: &Person) -> Vec<Figure> {
    let browser = signed_in(server, person).await;
    opens(&browser, server, ROOMS[0]).await;
    let mut figures = Vec::new();
    for (setting, latency) in [("a click on a room, local", 0), ("a click on a room, 100 ms away", LATENCY)] {
        if latency > 0 {
            slow(&browser).await;
        }
        let mut took = Vec::new();
        for nth in 0..VISITS {
            let room = ROOMS[(nth + 1) % ROOMS.len()];
            browser
                .run(&format!(
                    "window.took = null; const began = performance.now(); \
                     const seen = new MutationObserver(() => {{ if (!document.querySelector('main[data-room={room}] .message')) return; \
                     seen.disconnect(); requestAnimationFrame(() => setTimeout(() => {{ window.took = performance.now() - began; }})); }}); \
                     seen.observe(document.body, {{ childList: true, subtree: true }}); \
                     document.querySelector('.sidebar a[data-room={room}]').click()"
                ))
                .await;
            browser.waits_for_script("return window.took !== null").await;
            took.push(browser.run("return window.took").await.as_f64().unwrap_or(f64::NAN));
        }
        took.sort_by(f64::total_cmp);
        figures.push(Figure::less(setting, "painted, p50, ms", took[took.len() / 2]));
        figures.push(Figure::less(setting, "painted, worst, ms", took[took.len() - 1]));
    }
    browser.close().await;
    figures
}

/// The cost of a message and of a key press, and the page's memory.
fn costs(runtime: &Runtime, server: &Server, writer: &Person, reader: &Person) -> Result<Vec<Figure>> {
    let browser = runtime.block_on(signed_in(server, reader));
    runtime.block_on(opens(&browser, server, ROOMS[0]));
    runtime.block_on(browser.devtools("Performance.enable", json!({})));
    // At the end of the log the page stays there; elsewhere distant messages are not loaded.
    runtime.block_on(browser.run("const log = document.querySelector('#log'); log.scrollTop = log.scrollHeight"));
    runtime.block_on(shows(&browser, MESSAGES));
    let mut come = MESSAGES;
    let mut figures = Vec::new();
    for loaded in LOADED {
        let setting = format!("{} messages came to the page", grouped(loaded));
        while come < loaded {
            let more = AT_ONCE.min(loaded - come);
            post(server, writer, ROOMS[0], come, more)?;
            come += more;
            runtime.block_on(shows(&browser, come));
        }
        let before = runtime.block_on(busy(&browser));
        post(server, writer, ROOMS[0], come, SAMPLE)?;
        come += SAMPLE;
        runtime.block_on(shows(&browser, come));
        let (after, key) = runtime.block_on(async {
            let after = busy(&browser).await;
            browser.run("document.querySelector('#composer textarea').focus()").await;
            let before = busy(&browser).await;
            for _ in 0..SAMPLE {
                browser.devtools("Input.dispatchKeyEvent", json!({ "type": "char", "text": "a" })).await;
            }
            (after, (busy(&browser).await - before) / SAMPLE as f64)
        });
        let heap = runtime.block_on(async {
            browser.devtools("HeapProfiler.collectGarbage", json!({})).await;
            metric(&browser, "JSHeapUsedSize").await
        });
        figures.push(Figure::less(&setting, "a message, ms of the page's thread", (after - before) / SAMPLE as f64));
        figures.push(Figure::less(&setting, "a press of a key, ms of the page's thread", key));
        figures.push(Figure::less(&setting, "the page's heap, MB", heap / 1e6));
    }
    runtime.block_on(browser.close());
    Ok(figures)
}

/// Waits until the page shows the last of so many messages and is idle.
async fn shows(browser: &Browser, messages: usize) {
    // The room also records joins, so the last `seq` is higher.
    browser
        .waits_for_script(&format!(
            "return Number([...document.querySelectorAll('#messages [data-seq]')].at(-1).dataset.seq) >= {messages}"
        ))
        .await;
    browser.run("window.idle = false; requestIdleCallback(() => { window.idle = true; })").await;
    browser.waits_for_script("return window.idle").await;
}

/// How long the page's main thread has been busy, in milliseconds.
async fn busy(browser: &Browser) -> f64 {
    metric(browser, "TaskDuration").await * 1000.0
}

async fn metric(browser: &Browser, name: &str) -> f64 {
    let all: Value = browser.devtools("Performance.getMetrics", json!({})).await;
    let metric = all["metrics"].as_array().into_iter().flatten().find(|metric| metric["name"] == name);
    metric.and_then(|metric| metric["value"].as_f64()).unwrap_or(f64::NAN)
}
