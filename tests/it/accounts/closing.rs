//! Accounts are deactivated and deleted, and messages of a person are deleted many at once.

use std::time::Duration;

use serde_json::{Value, json};

use super::recorded;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, Socket, TestApp};
use crate::{both, everywhere};

async fn is_ended(socket: &Socket, reason: &str) {
    assert_eq!(socket.next("signed_out").await["reason"], reason);
    socket.is_cut().await;
}

/// An administrator, somebody, and somebody else.
async fn people(app: &TestApp) -> [Person; 3] {
    let people = [app.register("rosa").await, app.register("ada").await, app.register("eve").await];
    app.database.make_admin("rosa").await;
    people
}

/// Waits until all requests to delete messages are finished; returns the latest.
async fn finished(admin: &Person) -> Value {
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    loop {
        let deletions = admin.get_json("/admin/people").await.expect(200).json()["deletions"].clone();
        let all = deletions.as_array().expect("a list");
        if !all.is_empty() && all.iter().all(|deletion| deletion["finished_at"].is_string()) {
            return all[0].clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{deletions}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn usernames(page: &Value) -> Vec<&str> {
    page["people"].as_array().expect("a list").iter().filter_map(|person| person["username"].as_str()).collect()
}

async fn log_in(app: &TestApp, username: &str) -> u16 {
    app.stranger().post("/login", &[("username", username), ("password", PASSWORD)]).await.status
}

#[apply(everywhere)]
async fn who_is_deactivated_is_out_at_once_until_reactivated(app: &TestApp) {
    let [rosa, ada, eve] = people(app).await;
    let (socket, _) = ada.join("general").await;
    ada.write("general", "before").await.expect(303);
    let link = Answer::of(rosa.form("/admin/people/ada/reset", &[]).header("accept", "application/json")).await;
    let link = link.expect(201).json()["url"].as_str().expect("a link").replace(&app.origin, "");
    app.stranger().get(&link).await.expect(200);
    eve.post("/admin/people/ada/deactivate", &[]).await.expect(403);
    eve.post("/admin/people/nobody/deactivate", &[]).await.expect(403);
    rosa.post("/admin/people/nobody/deactivate", &[]).await.expect(404);
    assert_eq!(rosa.post("/admin/people/ada/deactivate", &[]).await.expect(303).location(), "/people/ada");
    is_ended(&socket, "deactivated").await;
    ada.get("/rooms").await.expect(303);
    assert_eq!(log_in(app, "ada").await, 401);
    // Again, and what does not apply.
    rosa.post("/admin/people/ada/deactivate", &[]).await.expect(303);
    rosa.post("/people/ada/unban", &[]).await.expect(303);
    assert_eq!(log_in(app, "ada").await, 401);
    rosa.post("/admin/people/ada/reset", &[]).await.expect(403);
    app.stranger().get(&link).await.expect(404);
    // The profile says so, and nobody is offered them.
    let card = eve.get_json("/people/ada").await.expect(200).json();
    assert_eq!((&card["person"]["is_deactivated"], &card["person"]["is_banned"]), (&json!(true), &json!(false)));
    assert!(eve.get("/people/ada").await.body.contains("<dd>Deactivated</dd>"));
    assert!(!usernames(&eve.get_json("/people").await.json()).contains(&"ada"));
    assert!(!eve.get("/direct").await.body.contains("value=\"ada\""));
    eve.post("/people/ada/message", &[]).await.expect(403);
    let listed = rosa.get_json("/admin/people?filter=deactivated").await.expect(200).json();
    assert_eq!(usernames(&listed), ["ada"]);
    assert!(listed["people"][0]["deactivated_at"].is_string() && listed["people"][0]["banned_at"].is_null(), "{listed}");
    assert!(usernames(&rosa.get_json("/admin/people?filter=banned").await.json()).is_empty());
    assert_eq!(
        rosa.get_json("/admin").await.json()["people"],
        json!({ "total": 3, "active": 2, "admins": 1, "banned": 0, "deactivated": 1 })
    );
    eve.post("/admin/people/ada/reactivate", &[]).await.expect(403);
    rosa.post("/admin/people/ada/reactivate", &[]).await.expect(303);
    let back = app.log_in("ada").await;
    back.join("general").await.0.post("general", "after", "1").await;
    assert_eq!(recorded(&app.database, "user.deactivate").await, ["rosa ada"]);
    assert_eq!(recorded(&app.database, "user.reactivate").await, ["rosa ada"]);
}

#[apply(everywhere)]
async fn one_deactivates_ones_own_account_with_the_password(app: &TestApp) {
    let [rosa, ada, _] = people(app).await;
    let (socket, _) = ada.join("general").await;
    let form = |password| [("password", password)];
    ada.get("/settings/account").await.expect(200);
    let refused = ada.post("/settings/account/deactivate", &form("not the right one")).await;
    assert!(refused.expect(422).body.contains("That’s not your current password."), "{}", refused.body);
    app.stranger().post("/settings/account/deactivate", &form(PASSWORD)).await.expect(303);
    socket.post("general", "still here", "1").await;
    assert_eq!(ada.post("/settings/account/deactivate", &form(PASSWORD)).await.expect(303).location(), "/login");
    is_ended(&socket, "deactivated").await;
    assert_eq!(log_in(app, "ada").await, 401);
    // Not the last administrator, and not oneself by the way of administrators.
    assert_eq!(rosa.get_json("/settings/account").await.expect(200).json()["account"]["is_last_admin"], true);
    rosa.post("/settings/account/deactivate", &form(PASSWORD)).await.expect(403);
    let delete = [("password", PASSWORD), ("confirm", "rosa"), ("messages", "keep")];
    rosa.post("/settings/account/delete", &delete).await.expect(403);
    rosa.post("/admin/people/rosa/deactivate", &[]).await.expect(403);
    rosa.post("/admin/people/rosa/delete", &delete).await.expect(403);
    rosa.get("/rooms").await.expect(200);
    app.database.make_admin("eve").await;
    rosa.post("/settings/account/deactivate", &form(PASSWORD)).await.expect(303);
    assert_eq!(recorded(&app.database, "user.deactivate").await, ["ada ada", "rosa rosa"]);
}

#[apply(everywhere)]
async fn a_deleted_account_leaves_its_messages_and_nothing_else(app: &TestApp) {
    let [rosa, ada, eve] = people(app).await;
    let (witness, _) = eve.join("general").await;
    let (socket, _) = ada.join("general").await;
    let vault = ada.create_room("Vault", "private").await;
    ada.post("/settings", &[("name", "Countess Lovelace"), ("status", "computing")]).await.expect(303);
    let kept = socket.post("general", "the engine weaves", "1").await;
    let kept = &kept["seq"];
    witness.ok("message", json!({ "room": "general", "body": "@ada hello, `@ada`", "nonce": "2" })).await;
    witness.ok("react", json!({ "room": "general", "seq": kept, "emoji": "👍", "on": true })).await;
    socket.ok("draft", json!({ "room": "general", "body": "unsent" })).await;
    ada.post("/people/eve/message", &[]).await.expect(303);
    ada.post("/rooms/general/1/pin", &[("on", "true")]).await;
    let form = |messages, confirm| [("messages", messages), ("confirm", confirm)];
    eve.post("/admin/people/ada/delete", &form("keep", "ada")).await.expect(403);
    rosa.post("/admin/people/ada/delete", &form("keep", "eve")).await.expect(422);
    rosa.post("/admin/people/ada/delete", &form("perhaps", "ada")).await.expect(422);
    assert_eq!(rosa.post("/admin/people/ada/delete", &form("keep", "ada")).await.expect(303).location(), "/admin/people");
    is_ended(&socket, "deleted").await;
    witness.next_where("person", |it| it["username"] == "ada" && it["name"] == "Deleted user").await;
    // A mention becomes text, for those who are live too.
    let changed = witness
        .next_where("message", |it| it["nonce"] == "2" && it["html"].as_str() == Some("<p>@ada hello, <code>@ada</code></p>\n"))
        .await;
    assert!(changed["mentions"].is_null(), "{changed}");
    assert_eq!(finished(&rosa).await["deleted"], 0);
    assert_eq!(log_in(app, "ada").await, 401);
    let history = async || eve.get_json("/rooms/general").await.expect(200).json();
    app.comes_to(true, async || !history().await.to_string().contains("Lovelace")).await;
    let history = history().await;
    let message = history["messages"].as_array().unwrap().iter().find(|it| it["seq"] == *kept).expect("the message").clone();
    assert_eq!((&message["body"], &message["author"]["name"]), (&json!("the engine weaves"), &json!("Deleted user")));
    let username = message["author"]["username"].as_str().expect("a username").to_owned();
    assert!(username.starts_with("-deleted-"), "{username}");
    for gone in ["ada", &username] {
        eve.get(&format!("/people/{gone}")).await.expect(404);
        eve.get_json(&format!("/people/{gone}")).await.expect(404);
    }
    let page = eve.get("/rooms/general").await;
    assert!(
        !page.expect(200).body.contains("/people/ada") && !page.body.contains(&format!("/people/{username}")),
        "{}",
        page.body
    );
    for path in ["/people", "/admin/people", "/admin/people?filter=deactivated", "/admin/people?filter=banned"] {
        assert_eq!(
            usernames(&rosa.get_json(path).await.json()).iter().filter(|name| ["ada", &*username].contains(*name)).count(),
            0
        );
    }
    assert!(!eve.get_json("/rooms/general/members").await.expect(200).body.contains("deleted"));
    // The conversation stays, with nobody to write to by name.
    let rooms = eve.get_json("/direct").await.expect(200).json();
    assert_eq!(rooms["rooms"][0]["direct"][0]["name"], "Deleted user", "{rooms}");
    let id = &message["author"]["id"];
    for table in ["sessions", "drafts", "resets", "mentions"] {
        assert!(app.database.rows(table).await.iter().all(|row| row["user_id"] != *id), "{table}");
    }
    let rows = app.database.query(&format!("select * from users where id = {id}")).await;
    assert!(!rows[0].to_string().contains("ada") && !rows[0].to_string().contains("omputing"), "{}", rows[0]);
    assert!(!app.database.rows("cleanups").await[0].to_string().contains("ada"));
    // Nobody takes the name, or learns more than that it is taken.
    let taken = app.stranger().post("/register", &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(taken.expect(422).body.contains("That username is taken."));
    rosa.get(&format!("/rooms/{vault}")).await.expect(404);
    assert_eq!(recorded(&app.database, "user.delete").await, ["rosa ada"]);
}

#[apply(everywhere)]
async fn one_deletes_ones_own_account_with_all_messages(app: &TestApp) {
    let [rosa, ada, eve] = people(app).await;
    let (witness, _) = eve.join("general").await;
    let (socket, _) = ada.join("general").await;
    let mut seqs = Vec::new();
    for nth in 0..120 {
        let posted = socket.post("general", &format!("unforgettable {nth}"), &nth.to_string()).await;
        seqs.push(posted["seq"].as_i64().expect("a seq"));
    }
    socket.ok("edit", json!({ "room": "general", "seq": seqs[0], "body": "unforgettable again" })).await;
    eve.write("general", "stays").await.expect(303);
    let form = |messages, confirm, password| [("messages", messages), ("confirm", confirm), ("password", password)];
    ada.post("/settings/account/delete", &form("delete", "ada", "not the right one")).await.expect(422);
    ada.post("/settings/account/delete", &form("delete", "rosa", PASSWORD)).await.expect(422);
    assert_eq!(ada.post("/settings/account/delete", &form("delete", "Ada", PASSWORD)).await.expect(303).location(), "/login");
    is_ended(&socket, "deleted").await;
    for seq in &seqs {
        witness.next_where("message", |it| it["seq"] == *seq && it["deleted_at"].is_string()).await;
    }
    assert_eq!(finished(&rosa).await["deleted"], 120);
    assert!(app.database.rows("revisions").await.is_empty());
    app.comes_to(json!([]), async || eve.get_json("/search?q=unforgettable").await.json()["results"].clone()).await;
    assert_eq!(app.database.query("select count(*) as n from messages where body like 'unforgettable%'").await[0]["n"], 0);
    assert_eq!(eve.get_json("/search?q=stays").await.json()["results"].as_array().map(Vec::len), Some(1));
    app.database.check_rooms().await;
}

#[apply(everywhere)]
async fn messages_of_the_last_day_or_all_are_deleted(app: &TestApp) {
    let [rosa, ada, eve] = people(app).await;
    let secret = ada.create_room("Secret", "private").await;
    ada.enter("general").await;
    ada.write("general", "long ago").await.expect(303);
    app.database.run("update messages set created_at = created_at - 90000000 where body = 'long ago'").await;
    ada.write("general", "just now").await.expect(303);
    ada.write(&secret, "in private").await.expect(303);
    eve.enter("general").await;
    eve.write("general", "somebody else’s").await.expect(303);
    let bodies = async || {
        let mut rows =
            app.database.query("select body from messages where kind = 'text' and deleted_at is null order by id").await;
        rows.iter_mut().map(|row| row["body"].take()).collect::<Vec<_>>()
    };
    for since in ["", "2d", "none"] {
        assert_eq!(rosa.post("/admin/people/ada/delete-messages", &[("since", since)]).await.status, 422, "{since}");
    }
    eve.post("/admin/people/ada/delete-messages", &[("since", "all")]).await.expect(403);
    eve.post("/admin/people/ada/delete-messages", &[]).await.expect(403);
    rosa.post("/admin/people/nobody/delete-messages", &[("since", "all")]).await.expect(404);
    rosa.post("/admin/people/ada/delete-messages", &[("since", "1d")]).await.expect(303);
    assert_eq!(finished(&rosa).await["deleted"], 2);
    assert_eq!(bodies().await, ["long ago", "somebody else’s"]);
    ada.get("/rooms").await.expect(200);
    // Together with a ban.
    assert_eq!(rosa.post("/people/ada/ban", &[("delete_messages", "some")]).await.status, 422);
    ada.get("/rooms").await.expect(200);
    rosa.post("/people/ada/ban", &[("delete_messages", "all")]).await.expect(303);
    assert_eq!(finished(&rosa).await["deleted"], 1);
    assert_eq!(bodies().await, ["somebody else’s"]);
    assert!(rosa.get("/admin/people").await.expect(200).body.contains("Messages of @ada: 1 message deleted, finished"));
    assert_eq!(recorded(&app.database, "user.delete_messages").await, ["rosa ada", "rosa ada"]);
}

#[apply(both)]
async fn what_a_crash_interrupted_is_continued(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (rosa, ada) = (server.register("rosa").await, server.register("ada").await);
    database.make_admin("rosa").await;
    ada.enter("general").await;
    for body in ["one", "two", "three"] {
        ada.write("general", body).await.expect(303);
    }
    server.stop().await;
    database
        .run(
            "insert into cleanups (user_id, requested_by, requested_at, deletes, since, next_id, deleted)
             select users.id, 'rosa', 0, true, 0, messages.id, 1 from users, messages where username = 'ada' and body = 'one'",
        )
        .await;
    server.start_again().await;
    assert_eq!(finished(&rosa.at(&server.site)).await["deleted"], 3);
    let left = database.query("select body from messages where kind = 'text' and deleted_at is null").await;
    assert_eq!(left, [json!({ "body": "one" })], "it goes on where it was");
}
