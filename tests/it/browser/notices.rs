//! Notifications of the desktop: of what one wants to hear, once, and not of what one looks at.

use super::TwoPeople;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

/// Stands in for the desktop, which a browser without a window does not have.
const DESKTOP: &str = "window.told = []; window.Notification = class extends EventTarget { \
    static permission = 'granted'; constructor(title, about) { super(); window.told.push(`${title}: ${about.body} (${about.tag})`); } close() {} }";

async fn told(browser: &Browser) -> Vec<String> {
    let told = browser.execute("return window.told", vec![]).await.expect("our own script runs");
    serde_json::from_value(told).expect("texts")
}

#[test]
fn one_window_tells_of_what_addresses_one_and_none_of_what_one_looks_at() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let (socket, _) = app.register("edsger").await.join("general").await;
        // Two windows of one person, neither of them at the room.
        ada.visit(app, "/rooms").await;
        ada.sees(".sidebar a[data-room=general]").await;
        ada.execute(DESKTOP, vec![]).await.expect("our own script runs");
        let first = ada.window().await.expect("a window has a handle");
        let second = ada.new_window(true).await.expect("a second window can be opened").handle;
        ada.switch_to_window(second.clone()).await.expect("a window can be turned to");
        ada.visit(app, "/mentions").await;
        ada.execute(DESKTOP, vec![]).await.expect("our own script runs");
        let count = async |expected: usize| {
            let mut all = Vec::new();
            for window in [&first, &second] {
                ada.switch_to_window(window.clone()).await.expect("a window can be turned to");
                all.extend(told(&ada).await);
            }
            (all.len() >= expected).then_some(all)
        };
        // Only what addresses her is told, unless she wants it otherwise.
        socket.post("general", "to nobody", "1").await;
        socket.post("general", "@ada look", "2").await;
        ada.waits_for(async || count(1).await.is_some()).await;
        ada.post("/settings/notifications", "keywords", "Kettle").await;
        socket.post("general", "the kettle is on", "k").await;
        ada.waits_for(async || count(2).await.is_some()).await;
        ada.post("/rooms/general/level", "level", "all").await;
        ada.sees(".sidebar a[data-room=general]:not(.muted)").await;
        socket.post("general", "to everybody", "3").await;
        ada.waits_for(async || count(3).await.is_some()).await;
        ada.post("/rooms/general/level", "level", "muted").await;
        ada.sees(".sidebar a[data-room=general].muted").await;
        socket.post("general", "@ada into the dark, with a kettle", "4").await;
        ada.post("/rooms/general/level", "level", "all").await;
        ada.sees(".sidebar a[data-room=general]:not(.muted)").await;
        socket.post("general", "the last", "5").await;
        ada.waits_for(async || count(4).await.is_some()).await;
        let all = count(0).await.expect("some were told");
        let expected =
            ["@ada look (general#5)", "the kettle is on (general#6)", "to everybody (general#7)", "the last (general#9)"]
                .map(|words| format!("edsger in general: {words}"));
        let mut sorted = all.clone();
        sorted.sort_by_key(|told| told.split('#').nth(1).map(str::to_owned));
        assert_eq!(sorted, expected);
        TwoPeople { ada, grace }.close().await;
    });
}

/// Stands in for the loudspeaker, and counts the sounds.
const LOUDSPEAKER: &str = "window.sounds = 0; \
    const part = () => ({ frequency: {}, gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect: (next) => next, start() {}, stop() {} }); \
    window.AudioContext = class { currentTime = 0; destination = part(); constructor() { window.sounds += 1; } \
        createOscillator() { return part(); } createGain() { return part(); } close() {} }";

#[test]
fn a_notification_makes_a_sound_where_its_reader_wants_one() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        let (socket, _) = app.register("edsger").await.join("general").await;
        ada.visit(app, "/settings/notifications").await;
        ada.sees(".sidebar a[data-room=general]").await;
        for stub in [DESKTOP, LOUDSPEAKER] {
            ada.execute(stub, vec![]).await.expect("our own script runs");
        }
        let sounds = async || ada.execute("return window.sounds", vec![]).await.expect("our own script runs");
        // Only when the page watches can it tell of anything.
        socket.post("general", "to nobody", "0").await;
        ada.waits_for(async || !ada.texts(".sidebar a[data-room=general] .count").await.is_empty()).await;
        socket.post("general", "@ada softly", "1").await;
        ada.waits_for(async || told(&ada).await.len() == 1).await;
        assert_eq!(sounds().await, 0);
        // Turning it on lets one hear it.
        ada.press("[data-sound]").await;
        ada.waits_for(async || sounds().await == 1).await;
        socket.post("general", "@ada loudly", "2").await;
        ada.waits_for(async || told(&ada).await.len() == 2).await;
        assert_eq!(sounds().await, 2);
        ada.press("[data-sound]").await;
        socket.post("general", "@ada softly again", "3").await;
        ada.waits_for(async || told(&ada).await.len() == 3).await;
        assert_eq!(sounds().await, 2);
        ada.close().await;
    });
}
