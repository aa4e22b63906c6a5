//! What a browser's service worker makes of notifications. The browser's own push service is out of reach: what ours was sent is handed to
//! the worker as the browser would.

use proof::infra::receiver::Receiver;
use serde_json::{Value, json};

use super::subscribe;
use crate::harness::browser::Browser;
use crate::harness::{TestApp, in_browser};

/// Hands the worker what came.
async fn deliver(browser: &Browser, app: &TestApp, pushed: &Value) {
    browser.devtools("ServiceWorker.enable", json!({})).await;
    // A new profile's first worker has this number.
    let message = json!({ "origin": app.origin, "registrationId": "0", "data": pushed.to_string() });
    browser.devtools("ServiceWorker.deliverPushMessage", message).await;
}

/// The notifications that are shown: title and text, the oldest first.
async fn shown(browser: &Browser) -> Value {
    let script = "(await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body }) => [title, body])";
    browser.promised(&format!("return {script}")).await
}

#[test]
fn a_worker_groups_what_it_shows_and_withdraws_what_was_read() {
    in_browser(module_path!(), async |app: &TestApp| {
        let service = Receiver::start().await;
        let (grace, _) = app.register("grace").await.join("general").await;
        let eve = Browser::open_with_notifications().await;
        eve.register(app, "eve").await;
        eve.join(app, "general").await;
        let elsewhere = app.log_in("eve").await;
        let (reading, _) = elsewhere.join("general").await;
        let device = subscribe(&elsewhere, &service, "/eve").await;
        // Whoever looks at the room reads it, and is told of nothing.
        eve.visit(app, "/settings").await;
        grace.post("general", "@eve <b>one</b>", "1").await;
        let latest = grace.post("general", "@eve two", "2").await["seq"].clone();
        service.wait_for(2).await;
        let told = device.told(&service);
        eve.visit(app, "/rooms/general").await;

        // A worker that was just installed does not hear everything yet.
        let test = json!(["Parlor", "Notifications come to this device."]);
        let is_tested = async || {
            deliver(&eve, app, &json!({ "kind": "test" })).await;
            shown(&eve).await == json!([test])
        };
        eve.waits_for(is_tested).await;

        // The room is looked at: nothing is shown, not even once the worker is at the next one.
        deliver(&eve, app, &told[0]).await;
        eve.promised("for (const one of await (await navigator.serviceWorker.ready).getNotifications()) one.close()").await;
        eve.waits_for(is_tested).await;

        // It is not any more. One that comes twice, as it may, is shown once, and none is lost that comes close after another.
        eve.visit(app, "/settings").await;
        deliver(&eve, app, &told[0]).await;
        deliver(&eve, app, &told[0]).await;
        deliver(&eve, app, &told[1]).await;
        let both = json!(["general (2)", "grace: @eve <b>one</b>\ngrace: @eve two"]);
        eve.waits_for(async || shown(&eve).await.as_array().is_some_and(|all| all.len() == 2 && all.contains(&both))).await;

        // Read elsewhere.
        reading.ok("read", json!({ "room": "general", "seq": latest })).await;
        service.wait_for(3).await;
        deliver(&eve, app, &device.told(&service)[2]).await;
        eve.waits_for(async || shown(&eve).await == json!([test])).await;

        // Clicked.
        let room = "/rooms/general/4";
        assert_eq!(clicked(&eve, app, room, false).await, json!(["closed", format!("opened {room}")]));
        assert_eq!(clicked(&eve, app, room, true).await, json!(["closed", "focused", format!("went to {room}")]));

        // Looked at: where a push must show something, it does for a moment.
        assert_eq!(looked_at(&eve, app, "https://push.example/1").await, json!([]));
        assert_eq!(looked_at(&eve, app, "https://web.push.apple.com/1").await, json!(["shown silently", "closed"]));
        eve.close().await;
    });
}

/// The number on the icon of the installed app, after each of these pushes and then a click. What a browser without a window does with a
/// number cannot be seen: the script runs in a page, with a `navigator` of the test's.
#[test]
fn a_worker_counts_messages_on_the_apps_icon() {
    in_browser(module_path!(), async |app: &TestApp| {
        let eve = Browser::open_with_notifications().await;
        eve.register(app, "eve").await;
        let message = |room: &str, seq: i64| json!({ "kind": "message", "room": room, "title": room, "body": "hi", "seq": seq, "url": "/" });
        let pushes = json!([
            { "kind": "test" },
            message("tea", 1),
            message("tea", 2),
            message("tea", 2),
            message("general", 9),
            { "kind": "read", "room": "tea", "seq": 2 },
        ]);
        let script = app.stranger().get("/sw.js").await.expect(200).body.clone();
        let around = format!(
            "const badges = [], events = {{}}, shown = new Map();
             const addEventListener = (name, listener) => {{ events[name] = listener; }};
             const navigator = {{ setAppBadge: async (count) => badges.push(count), clearAppBadge: async () => badges.push('none') }};
             const clients = {{ matchAll: async () => [], openWindow: async () => null }};
             const registration = {{
                 getNotifications: async ({{ tag }} = {{}}) => [...shown.values()].filter((one) => !tag || one.tag === tag),
                 showNotification: async (title, about) => shown.set(about.tag, {{ title, ...about, close: () => shown.delete(about.tag) }}),
                 pushManager: {{ getSubscription: async () => null }},
             }};
             {script}
             const fire = (name, event) => new Promise((resolve) => events[name]({{ ...event, waitUntil: (work) => work.then(resolve) }}));
             for (const pushed of {pushes}) await fire('push', {{ data: {{ json: () => pushed }} }});
             await fire('notificationclick', {{ notification: shown.get('room:general') }});
             return badges"
        );
        assert_eq!(eve.promised(&around).await, json!([1, 2, 3, 1, "none"]), "one that comes twice counts once");
        eve.close().await;
    });
}

/// What the worker's script does when a notification with this address is clicked. Nothing outside a browser can click on one: the script runs
/// in a page, with windows and a notification of the test's.
async fn clicked(browser: &Browser, app: &TestApp, url: &str, is_open: bool) -> Value {
    let script = app.stranger().get("/sw.js").await.expect(200).body.clone();
    let around = format!(
        "const done = [], events = {{}};
         const addEventListener = (name, listener) => {{ events[name] = listener; }};
         const registration = {{ getNotifications: async () => [] }};
         const window = {{ focus: async () => done.push('focused'), navigate: async (url) => done.push(`went to ${{url}}`) }};
         const clients = {{ matchAll: async () => {is_open} ? [window] : [], openWindow: async (url) => done.push(`opened ${{url}}`) }};
         {script}
         const notification = {{ data: {{ url: {url} }}, close: () => done.push('closed') }};
         await new Promise((resolve) => events.notificationclick({{ notification, waitUntil: (work) => work.then(resolve) }}));
         return done",
        url = json!(url)
    );
    browser.promised(&around).await
}

/// What the worker's script does when a message comes of the room that is looked at, in a browser whose subscription is at this address.
async fn looked_at(browser: &Browser, app: &TestApp, endpoint: &str) -> Value {
    let script = app.stranger().get("/sw.js").await.expect(200).body.clone();
    let around = format!(
        "const done = [], events = {{}}, shown = [];
         const addEventListener = (name, listener) => {{ events[name] = listener; }};
         const registration = {{
           getNotifications: async ({{ tag }}) => shown.filter((one) => one.tag === tag),
           showNotification: async (title, {{ tag, silent }}) => {{
             shown.push({{ tag, close: () => done.push('closed') }});
             done.push(silent ? 'shown silently' : 'shown');
           }},
           pushManager: {{ getSubscription: async () => ({{ endpoint: {endpoint} }}) }},
         }};
         const clients = {{ matchAll: async () => [{{ focused: true, url: `${{location.origin}}/rooms/general` }}] }};
         {script}
         const data = {{ kind: 'message', room: 'general', title: 'general', author: 'grace', body: 'two', seq: 4 }};
         await new Promise((resolve) => events.push({{ data: {{ json: () => data }}, waitUntil: (work) => work.then(resolve) }}));
         return done",
        endpoint = json!(endpoint)
    );
    browser.promised(&around).await
}
