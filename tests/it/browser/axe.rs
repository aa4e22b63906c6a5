//! Every page, light, dark, narrow and in forced colors, and with what opens over it: nothing that axe-core knows of keeps anybody out.

use serde_json::json;

use super::say;
use crate::files::portraits::{give_icon, give_photo};
use crate::harness::app::Server;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{Answer, Database, Kind, TestApp, axe, in_browser, programs, run};

/// The pages of strangers.
const DOORS: [&str; 5] = ["/setup", "/login", "/register", "/reset", "/offline"];
/// The pages of somebody who is signed in. A new page belongs here.
const PAGES: &[&str] = &[
    "/rooms",
    "/rooms?mine=yes",
    "/rooms/general",
    "/rooms/general/3",
    "/rooms/general?before=4",
    "/rooms/general?reply_to=3",
    "/rooms/general/3/more",
    "/rooms/general/3/history",
    "/rooms/general/3/thread",
    "/rooms/general/pins",
    "/rooms/general/members",
    "/rooms/empty",
    "/rooms/no-such-room",
    "/no-such-page",
    "/invites",
    "/mentions",
    "/keys",
    "/search?q=hello",
    "/people",
    "/people/grace",
    "/direct",
    "/settings",
    "/settings/password",
    "/settings/email",
    "/settings/sessions",
    "/settings/tokens",
    "/api",
    "/settings/two-factor",
    "/settings/account",
    "/settings/blocked",
    "/settings/data",
    "/settings/feeds",
    "/settings/reminders",
    "/settings/bots",
    "/settings/bots/builder",
    "/settings/notifications",
];
/// The pages of an administrator.
const ADMIN_PAGES: &[&str] = &[
    "/admin",
    "/admin/people",
    "/admin/rooms",
    "/admin/invites",
    "/admin/audit",
    "/admin/holds",
    "/admin/holds/1",
    "/admin/rooms/general",
    "/admin/webhooks",
    "/admin/webhooks/1",
    "/admin/deliveries",
    "/admin/deliveries/webhook-1",
    "/admin/jobs",
    "/admin/nodes",
    "/admin/doctor",
    "/admin/settings",
    "/invites",
];
/// How pages are looked at.
const LOOKS: [(&str, u32); 4] = [("light", 1100), ("dark", 1100), ("light", 360), ("forced", 1100)];

/// What a person opens over a room: a name, what opens it, and what is there then.
const OPENED: [(&str, &str, &str); 10] = [
    ("the palette", "document.querySelector('[data-open=palette]').click()", "#palette[open] [role=option]"),
    ("the keys", "document.dispatchEvent(new KeyboardEvent('keydown', { key: '?' }))", "#all-keys[open]"),
    ("the menu of a message", "document.querySelector('#m3 .more').click()", "#acts:popover-open [role=menuitem]"),
    ("one's own menu", "document.querySelector('.me').open = true", ".me[open] form button"),
    ("the level of a room", "document.querySelector('#level').open = true", "#level[open]"),
    (
        "the emoji",
        "document.querySelector('#m3').focus(); document.activeElement.dispatchEvent(key('+'))",
        "#picker:popover-open .emojis .face",
    ),
    (
        "the question before deleting",
        "document.querySelector('#m6').focus(); document.activeElement.dispatchEvent(key('Delete'))",
        "#ask[open]",
    ),
    ("the days", "document.querySelector('.day button').click()", "#to-date:popover-open"),
    ("suggestions", "write('@gr')", "#completions:not([hidden]) [role=option]"),
    ("a preview", "write('*see*'); document.querySelector('#preview-button').click()", "#preview:not([hidden]) em"),
];

/// What those do with a page.
const DOES: &str = "const key = (key) => new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }); \
                    const write = (words) => { const field = document.querySelector('#composer textarea'); field.focus(); field.value = words; \
                    field.dispatchEvent(new Event('input', { bubbles: true })); }; ";

pub(super) async fn is_open_to_all(browser: &Browser, place: &str, faults: &mut Vec<String>) {
    for (scheme, width) in LOOKS {
        browser.looks(scheme, width).await;
        let found = axe::violations(browser).await;
        // The colors that the system gives to text are not those that a page's style tells.
        let is_told = |fault: &String| scheme != "forced" || !fault.starts_with("\"color-contrast\"");
        faults.extend(found.into_iter().filter(is_told).map(|fault| format!("{place}, {scheme}, {width}: {fault}")));
    }
}

#[test]
fn no_page_keeps_anybody_out() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        let mut faults = Vec::new();
        for path in DOORS {
            ada.visit(app, path).await;
            is_open_to_all(&ada, path, &mut faults).await;
        }
        let ruth = app.register("ruth").await;
        app.database.make_admin("ruth").await;
        let form = ruth.form("/admin/people/ruth/reset", &[]).header("accept", "application/json");
        let reset = Answer::of(form).await.expect(201).json()["url"].as_str().expect("a link").replace(&app.origin, "");
        ruth.post("/settings/notifications", &[("missed", "weekly")]).await.expect(303);
        let token = app.database.query("select token from mail_settings").await[0]["token"].as_str().expect("a token").to_owned();
        let unsubscribe = format!("/unsubscribe/{token}");
        for path in [&*reset, "/reset/0123456789abcdef0123456789abcdef", &unsubscribe] {
            ada.visit(app, path).await;
            is_open_to_all(&ada, path, &mut faults).await;
        }
        ada.visit(app, "/login").await;
        ada.fill("[name=username]", "nobody").await;
        ada.fill("[name=password]", "nobody knows").await;
        ada.press("form[action='/login'] button").await;
        ada.sees(".problem").await;
        is_open_to_all(&ada, "a log-in that was refused", &mut faults).await;

        ada.register(app, "ada").await;
        let grace = app.register("grace").await;
        let empty = grace.create_room("Empty", "public").await;
        give_photo(&grace).await;
        give_icon(&grace, &empty).await.expect(200);
        let (socket, _) = grace.join("general").await;
        for (number, words) in [
            "Hello @ada, *look* at [this](https://example.com) and `that`.",
            "```rust\nlet drag = reduce(&run)?; // lower\nassert!((drag - 0.0418).abs() < 1e-4, \"no\");\n```",
            "> quoted\n\n- [x] done\n- [ ] not yet\n\n| run | drag |\n|---|---|\n| 118 | 4.2 % |\n\n# A heading\n\n~~no~~ #general :tada:",
        ]
        .iter()
        .enumerate()
        {
            socket.post("general", words, &format!("n{number}")).await;
        }
        socket.ok("react", json!({ "room": "general", "seq": 3, "emoji": "🎉", "on": true })).await;
        socket.ok("pin", json!({ "room": "general", "seq": 3, "on": true })).await;
        socket.ok("edit", json!({ "room": "general", "seq": 3, "body": "*other* words for @ada" })).await;
        ada.visit(app, "/rooms/general").await;
        is_open_to_all(&ada, "a room that one has not joined", &mut faults).await;
        ada.join(app, "general").await;
        say(&ada, "Mine.").await;
        ada.sees("#m6").await;
        app.database
            .run(
                "insert into users (username, name, password_hash, is_admin, created_at, is_guest, is_bot, bot_owner_id)
                 select 'builder', 'Build robot', '', false, 1790000000000, true, true, id from users where username = 'ada'",
            )
            .await;
        for path in PAGES {
            ada.visit(app, path).await;
            is_open_to_all(&ada, path, &mut faults).await;
        }
        ada.visit(app, "/settings/two-factor").await;
        ada.press("form[action='/settings/two-factor/totp'] button").await;
        ada.sees(".qr svg").await;
        is_open_to_all(&ada, "setting up an authenticator app", &mut faults).await;
        app.database.make_admin("ada").await;
        app.database.run("insert into holds (reason, created_by, created_at) values ('Case 7', 'ada', 1790000000000)").await;
        app.database
            .run(
                "insert into webhooks (url, events, rooms, secret, is_on, created_by, created_at)
                 values ('https://example.com/', '[]', '[]', 'whsec_AA==', false, 'ada', 1790000000000);
                 insert into receivers (kind, id, last_error, failing_since, paused_at)
                 values ('webhook', 1, 'the server answered 500', 1790000000000, 1790000000000);
                 insert into outbox (kind, receiver, event, room_id, created_at, due_at, attempts, last_error, dead_at)
                 values ('webhook', 1, 'message.posted', 1, 1790000000000, 1790000000000, 3, 'the server answered 500', 1790000000000)",
            )
            .await;
        app.database
            .run(
                "insert into held (room_id, seq, rev, author_id, kind, body, created_at, written_at, held_at)
                 values (1, 2, 3, 1, 'text', 'words', 1790000000000, 1790000000000, 1790000000000)",
            )
            .await;
        grace.post("/settings", &[("status", "away")]).await.expect(303);
        ada.visit(app, "/invites").await;
        ada.fill("[name=note]", "for the team").await;
        ada.press("form[action='/invites'] button").await;
        ada.sees("[data-copy]").await;
        is_open_to_all(&ada, "a new invite", &mut faults).await;
        for path in ADMIN_PAGES {
            ada.visit(app, path).await;
            ada.sees("h1").await;
            is_open_to_all(&ada, path, &mut faults).await;
        }
        app.database.run("update users set is_admin = false").await;
        ada.visit(app, "/rooms/general").await;
        ada.sees("#m3 .more").await;
        for (what, open, seen) in OPENED {
            ada.execute(&format!("{DOES}{open}"), vec![]).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            ada.sees(seen).await;
            is_open_to_all(&ada, what, &mut faults).await;
            ada.refresh().await.expect("the page can be loaded anew");
            ada.sees("#m3 .more").await;
        }
        ada.looks("light", 360).await;
        ada.press(".menu").await;
        ada.sees(".sidebar.is-open").await;
        is_open_to_all(&ada, "the drawer", &mut faults).await;
        faults.sort();
        faults.dedup();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
        ada.close().await;
    });
}

#[test]
fn no_page_of_a_server_with_mail_keeps_anybody_out() {
    if !programs::Program::Browser.is_here_or_may_be_missing() {
        println!("left out: there is no browser on this machine");
        return;
    }
    run(module_path!(), Kind::Sqlite, async |database: &Database| {
        // Nothing is mailed here: nobody listens there.
        let mut server = Server::start(database.url(), &[("SMTP_URL", "smtp://127.0.0.1:9?tls=off")]).await;
        let ada = Browser::open(Scripts::On).await;
        let mut faults = Vec::new();
        for path in ["/login", "/register", "/reset"] {
            ada.visit(&server, path).await;
            is_open_to_all(&ada, path, &mut faults).await;
        }
        ada.register(&server, "ada").await;
        for (path, seen) in [("/settings/notifications", "#mail"), ("/settings/email", "form[action='/settings/email']")] {
            ada.visit(&server, path).await;
            ada.sees(seen).await;
            is_open_to_all(&ada, path, &mut faults).await;
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
        ada.close().await;
        server.stop().await;
    });
}
