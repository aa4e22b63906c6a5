//! The audit log: what is recorded, who reads it, and how long it is kept.

use std::time::{Duration, Instant};

use parlor::clock::{Clock, Millis};
use serde_json::{Value, json};

use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, Server, TestApp};
use crate::{both, everywhere};

const NEW: &str = "eleven slow lighthouses";
/// What people type into the wrong field.
const MISTYPED: &str = "correct.horse.battery";

/// The entries of a page of the log.
async fn entries(admin: &Person, query: &str) -> Vec<Value> {
    let page = admin.get_json(&format!("/admin/audit{query}")).await.expect(200).json();
    page["entries"].as_array().expect("a list").clone()
}

/// Action, actor and target of each entry, oldest first.
fn essence(entries: &[Value]) -> Vec<[&str; 3]> {
    entries
        .iter()
        .rev()
        .map(|entry| ["action", "actor", "target"].map(|field| entry[field].as_str().unwrap_or_default()))
        .collect()
}

#[apply(everywhere)]
async fn what_people_do_to_accounts_is_recorded(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    let mut secrets = vec![PASSWORD.to_owned(), NEW.to_owned(), MISTYPED.to_owned(), ada.session_cookie(), eve.session_cookie()];
    let log_in =
        async |username: &str, password: &str| eve.post("/login", &[("username", username), ("password", password)]).await.status;
    eve.post("/logout", &[]).await.expect(303);
    eve.post("/logout", &[]).await.expect(303);
    assert_eq!(log_in("eve", MISTYPED).await, 401);
    assert_eq!(log_in(MISTYPED, PASSWORD).await, 401);
    assert_eq!(log_in("eve", PASSWORD).await, 303);
    eve.post("/settings/password", &[("current", MISTYPED), ("password", NEW)]).await.expect(422);
    eve.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    secrets.push(eve.session_cookie());
    let form = ada.form("/invites", &[("note", "for grace")]).header("accept", "application/json");
    let invite = Answer::of(form).await.expect(201).json()["invite"]["id"].as_str().expect("an id").to_owned();
    ada.post("/people/eve/ban", &[]).await.expect(303);
    assert_eq!(log_in("eve", NEW).await, 401);
    ada.post("/people/eve/unban", &[]).await.expect(303);
    // A refusal changes nothing, and records nothing.
    app.stranger().post("/register", &[("username", "ada"), ("password", PASSWORD)]).await.expect(422);
    app.register("grace").await.post("/people/ada/ban", &[]).await.expect(403);

    let found = entries(&ada, "").await;
    assert_eq!(
        essence(&found),
        [
            ["user.register", "ada", "ada"],
            ["user.register", "eve", "eve"],
            ["user.logout", "eve", "eve"],
            ["user.login_failed", "", "eve"],
            ["user.login_failed", "", ""],
            ["user.login", "eve", "eve"],
            ["user.password_check_failed", "eve", "eve"],
            ["user.password", "eve", "eve"],
            ["invite.create", "ada", &invite],
            ["user.ban", "ada", "eve"],
            ["user.login_failed", "", "eve"],
            ["user.unban", "ada", "eve"],
            ["user.register", "grace", "grace"],
        ]
    );
    let of = |action: &str| found.iter().find(|entry| entry["action"] == action).expect("it is recorded");
    assert_eq!(of("user.login_failed")["detail"], json!({ "note": "banned" }));
    assert_eq!(
        (&of("invite.create")["detail"]["after"]["note"], &of("invite.create")["detail"]["after"]["uses"]),
        (&json!("for grace"), &json!(1))
    );
    assert_eq!((&of("user.login_failed")["session"], &of("user.ban")["detail"]), (&Value::Null, &json!({})));
    // What somebody does in a session carries the id of the log-in that began it.
    assert_eq!(of("user.login")["session"], of("user.password")["session"]);
    assert!(of("user.ban")["session"].as_str().is_some_and(|id| id.len() == 16), "{found:#?}");
    assert!(
        found.iter().all(|entry| entry["address"] == "127.0.0.1" && entry["at"].as_str().is_some_and(|at| at.ends_with('Z')))
    );
    let everything = json!([found, app.database.rows("audit").await]).to_string();
    for secret in &secrets {
        let secret = secret.split_once('=').map_or(&**secret, |(_, value)| value);
        assert!(!everything.contains(secret), "{secret} is in the audit log");
    }
}

#[apply(everywhere)]
async fn what_people_do_to_rooms_is_recorded(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    let room = ada.create_room("Tea", "private").await;
    let (settings, members) = (format!("/rooms/{room}/settings"), format!("/rooms/{room}/members"));
    ada.post(&members, &[("username", "eve")]).await.expect(303);
    let (hers, _) = eve.join(&room).await;
    let seq = hers.post(&room, "a secret recipe", "n1").await["seq"].as_i64().expect("a seq");
    let own = hers.post(&room, "another recipe", "n2").await["seq"].as_i64().expect("a seq");
    // What people do to their own messages and memberships is in the room's log.
    hers.ok("delete", json!({ "room": room, "seq": own })).await;
    let (his, _) = ada.join(&room).await;
    his.ok("delete", json!({ "room": room, "seq": seq })).await;
    eve.post(&settings, &[("topic", "Cups")]).await.expect(303);
    eve.post(&settings, &[("name", "Coffee")]).await.expect(403);
    ada.post(&settings, &[("name", "Coffee"), ("topic", "Cups"), ("visibility", "public"), ("confirm", "yes")]).await.expect(303);
    ada.post(&settings, &[("name", "Coffee")]).await.expect(303);
    ada.post(&format!("{members}/eve/remove"), &[]).await.expect(303);
    let found: Vec<_> = entries(&ada, "")
        .await
        .into_iter()
        .filter(|entry| !entry["action"].as_str().unwrap_or_default().starts_with("user."))
        .collect();
    let (message, slug) = (format!("{room}/{seq}"), room.as_str());
    assert_eq!(
        essence(&found),
        [
            ["room.create", "ada", slug],
            ["room.member_add", "ada", slug],
            ["message.delete", "ada", &*message],
            ["room.settings", "eve", slug],
            ["room.settings", "ada", slug],
            ["room.member_remove", "ada", slug],
        ]
    );
    let details: Vec<_> = found.iter().rev().map(|entry| &entry["detail"]).collect();
    assert_eq!(details[0], &json!({ "after": { "name": "Tea", "topic": "", "visibility": "private" } }));
    assert_eq!(details[1], &json!({ "after": { "member": "eve" } }));
    assert_eq!(details[2], &json!({ "before": { "author": "eve" } }));
    assert_eq!(details[3], &json!({ "before": { "topic": "" }, "after": { "topic": "Cups" } }));
    let changed =
        json!({ "before": { "name": "Tea", "visibility": "private" }, "after": { "name": "Coffee", "visibility": "public" } });
    assert_eq!(details[4], &changed);
    assert_eq!(details[5], &json!({ "before": { "member": "eve" } }));
    assert!(found.iter().all(|entry| entry["session"].is_string() && entry["address"] == "127.0.0.1"), "{found:#?}");
    assert!(!json!(found).to_string().contains("recipe"), "the audit log has no text of messages");
}

/// An hour, in milliseconds.
const HOUR: i64 = 3_600_000;

/// Rows from outside: `count` entries by bob about each of two rooms in turn, one for each hour since `first`.
async fn fill(database: &Database, first: i64, count: i64) {
    let row = |nth: i64| {
        let (at, action) = (first + nth * HOUR, if nth % 3 == 0 { "room.settings" } else { "user.ban" });
        format!("({at}, '{action}', 7, 'bob', 'tea-{}', '{{\"note\": \"n{nth}\"}}')", nth % 2)
    };
    let rows: Vec<_> = (0..count).map(row).collect();
    database.run(&format!("insert into audit (at, action, actor_id, actor, target, detail) values {}", rows.join(", "))).await;
}

#[apply(everywhere)]
async fn the_log_is_paged_filtered_and_exported(app: &TestApp) {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    // Not too old to be kept.
    let first = Clock::default().now().0 - 200 * HOUR;
    fill(&app.database, first, 120).await;
    let notes = |entries: &[Value]| -> Vec<String> {
        entries.iter().filter_map(|entry| entry["detail"]["note"].as_str().map(ToOwned::to_owned)).collect()
    };
    let newest_first =
        |keep: fn(&i64) -> bool| -> Vec<String> { (0..120).rev().filter(keep).map(|nth| format!("n{nth}")).collect() };
    let (mut all, mut query, mut pages) = (Vec::new(), "?actor=bob".to_owned(), 0);
    loop {
        let page = ada.get_json(&format!("/admin/audit{query}")).await.expect(200).json();
        all.extend(notes(page["entries"].as_array().expect("a list")));
        pages += 1;
        assert_eq!(page["more"], json!(page["next"].is_string()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?actor=@Bob&before={next}");
    }
    assert_eq!((all, pages), (newest_first(|_| true), 3));
    assert_eq!(notes(&entries(&ada, "?action=room.settings").await), newest_first(|nth| nth % 3 == 0));
    assert_eq!(notes(&entries(&ada, "?action=room&target=%23tea-0").await), newest_first(|nth| nth % 6 == 0));
    assert_eq!(
        notes(&entries(&ada, &format!("?action=room&before={}", Millis(first + 12 * HOUR))).await),
        ["n9", "n6", "n3", "n0"]
    );
    assert_eq!(entries(&ada, "?action=nothing").await, [] as [Value; 0]);
    assert_eq!(ada.get_json("/admin/audit?before=yesterday").await.expect(422).code(), "invalid");
    assert_eq!(ada.get_json("/admin/audit?format=xml").await.expect(422).code(), "invalid");

    let export = ada.get("/admin/audit?format=jsonl&actor=bob").await;
    assert!(export.expect(200).header("content-type").starts_with("application/x-ndjson"));
    let lines: Vec<Value> = export.body.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(notes(&lines), newest_first(|_| true));
    assert_eq!(lines[0], entries(&ada, "?actor=bob").await[0]);

    let page = ada.get("/admin/audit?target=tea-1&action=user").await;
    let body = &page.expect(200).body;
    assert!(body.contains("n119") && !body.contains("n118") && body.contains("format=jsonl"), "{body}");
}

#[apply(both)]
async fn old_entries_are_deleted(database: &Database) {
    let mut server = Server::start(database.url(), &[("AUDIT_KEEP", "off")]).await;
    fill(database, 978_307_200_000, 2_500).await;
    server.stop().await;
    let mut server = Server::start(database.url(), &[("AUDIT_KEEP", "off")]).await;
    let ada = server.register("ada").await;
    server.stop().await;
    let count = async || database.query("select count(*) as count from audit").await[0]["count"].as_i64().expect("a number");
    assert_eq!(count().await, 2_501, "`off` keeps everything");
    let mut server = Server::start(database.url(), &[("AUDIT_KEEP", "365d")]).await;
    let began = Instant::now();
    while count().await != 1 {
        assert!(began.elapsed() < Duration::from_secs(20), "{} are left", count().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(ada);
    server.stop().await;
}
