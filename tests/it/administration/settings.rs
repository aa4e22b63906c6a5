//! Settings that change while the server runs.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Nodes, Person, Server, TestApp, process};
use crate::{both, everywhere, nodes};

async fn now(admin: &Person) -> Value {
    admin.get_json("/admin/settings").await.expect(200).json()["settings"].clone()
}

async fn change(admin: &Person, fields: &[(&str, &str)]) -> Answer {
    Answer::of(admin.form("/admin/settings", fields).header("accept", "application/json")).await
}

async fn status(person: &Person, path: &str, fields: &[(&str, &str)]) -> u16 {
    person.post(path, fields).await.status
}

#[apply(everywhere)]
async fn a_change_is_in_effect_on_every_node_and_is_recorded(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    let before = now(&ada).await;
    assert_eq!(
        before,
        json!({ "server_name": "Parlor", "registration": "open", "inviters": "admins", "room_creators": "everyone", "default_rooms": [], "link_previews": "on", "retention": "audit=365d" })
    );
    change(&ada, &[("inviters", "everyone"), ("room_creators", "admins"), ("server_name", " Tea & Talk ")]).await.expect(303);
    app.comes_to(json!("Tea & Talk"), async || now(&ada).await["server_name"].clone()).await;
    // Each request may go to another node.
    for _ in 0..2 {
        app.comes_to(200, async || eve.get("/invites").await.status).await;
        // A node that has not heard of it yet lets her make this one.
        app.comes_to(403, async || status(&eve, "/rooms", &[("name", "Not yet"), ("visibility", "public")]).await).await;
        app.comes_to(true, async || eve.get("/rooms").await.body.contains("<title>Rooms · Tea &#38; Talk</title>")).await;
        app.comes_to(false, async || eve.get("/rooms").await.body.contains("Create a room")).await;
        app.comes_to(true, async || app.stranger().get("/login").await.body.contains("Tea &#38; Talk</a>")).await;
    }
    ada.create_room("Tea", "public").await;
    let invite = Answer::of(eve.form("/invites", &[]).header("accept", "application/json")).await;
    invite.expect(201);

    change(&ada, &[("registration", "invite")]).await.expect(303);
    // A node that has not heard of it yet lets somebody in: each time somebody else.
    let count = Cell::new(0);
    let registers = async || {
        count.set(count.get() + 1);
        let name = format!("person{}", count.get());
        status(&app.stranger(), "/register", &[("username", &name), ("password", PASSWORD)]).await
    };
    for _ in 0..2 {
        app.comes_to(422, registers).await;
    }
    change(&ada, &[("registration", "closed")]).await.expect(303);
    app.comes_to(403, registers).await;

    // What is already so changes nothing, and is not recorded.
    change(&ada, &[("registration", "closed"), ("inviters", "everyone")]).await.expect(303);
    let log = ada.get_json("/admin/audit?action=settings.change").await.expect(200).json();
    let details: Vec<_> = log["entries"].as_array().expect("a list").iter().rev().map(|entry| entry["detail"].clone()).collect();
    let first = json!({
        "before": { "inviters": "admins", "room_creators": "everyone", "server_name": "Parlor" },
        "after": { "inviters": "everyone", "room_creators": "admins", "server_name": "Tea & Talk" },
    });
    let of_registration = |was, is| json!({ "before": { "registration": was }, "after": { "registration": is } });
    assert_eq!(details, [first, of_registration("open", "invite"), of_registration("invite", "closed")]);
    assert_eq!(log["entries"][0]["actor"], "ada");
}

#[apply(everywhere)]
async fn settings_are_for_administrators_and_have_bounds(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    assert_eq!(change(&eve, &[("registration", "closed")]).await.expect(403).code(), "forbidden");
    eve.get("/admin/settings").await.expect(403);
    assert_eq!(app.stranger().get_json("/admin/settings").await.expect(401).code(), "unauthenticated");
    let long = "x".repeat(41);
    for (name, value) in
        [("registration", "OPEN"), ("inviters", "friends"), ("room_creators", ""), ("server_name", " "), ("server_name", &long)]
    {
        let answer = change(&ada, &[(name, value), ("inviters", "everyone")]).await;
        assert_eq!(answer.expect(422).json()["error"]["field"], *name, "{value}");
        assert!(
            ada.post("/admin/settings", &[(name, value)]).await.expect(422).body.contains("aria-invalid")
                || name != "server_name"
        );
    }
    assert_eq!(now(&ada).await["inviters"], "admins", "all or nothing");
    assert!(app.database.rows("settings").await.is_empty());
}

#[apply(both)]
async fn what_the_environment_names_is_fixed(database: &Database) {
    // A fresh server of this kind: the environment names no rooms.
    let ada_of = async |server: &Server| server.log_in("ada").await;
    let mut server = Server::start(database.url(), &[]).await;
    server.register("ada").await;
    database.make_admin("ada").await;
    server.stop().await;
    let mut server = Server::start(database.url(), &[("REGISTRATION", "invite")]).await;
    let ada = ada_of(&server).await;
    let told = ada.get_json("/admin/settings").await.expect(200).json();
    assert_eq!(
        (&told["settings"]["registration"], &told["fixed"]),
        (&json!("invite"), &json!(["registration", "default_rooms"]))
    );
    let refused = change(&ada, &[("registration", "open")]).await;
    assert_eq!(refused.expect(422).json()["error"]["field"], "registration");
    change(&ada, &[("registration", "invite"), ("inviters", "everyone")]).await.expect(303);
    let page = ada.get("/admin/settings").await;
    assert!(page.expect(200).body.contains("Set by REGISTRATION where Parlor was started"), "{}", page.body);
    server.stop().await;

    // The rest stays over a restart, and what was fixed can change once it is not.
    let mut server = Server::start(database.url(), &[]).await;
    let ada = ada_of(&server).await;
    let told = now(&ada).await;
    assert_eq!((&told["registration"], &told["inviters"]), (&json!("open"), &json!("everyone")));
    change(&ada, &[("registration", "closed")]).await.expect(303);
    server.stop().await;
    let mut server = Server::start(database.url(), &[("REGISTRATION", "open")]).await;
    assert_eq!(now(&ada_of(&server).await).await["registration"], "open", "the environment decides");
    server.stop().await;
}

#[apply(nodes)]
async fn a_change_reaches_a_node_that_missed_its_notification(nodes: &Nodes) {
    let ada = nodes.a.register("ada").await;
    nodes.database.make_admin("ada").await;
    let there = ada.at(&nodes.b);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    for (round, who) in ["everyone", "admins", "everyone"].into_iter().enumerate() {
        let deaf = "select pg_terminate_backend(pid) as ended from pg_stat_activity
                    where datname = current_database() and query ilike 'listen%'";
        assert_eq!(nodes.database.query(deaf).await.len(), 2, "{round}");
        change(&ada, &[("inviters", who)]).await.expect(303);
        while now(&there).await["inviters"] != who {
            assert!(tokio::time::Instant::now() < deadline, "the other node does not learn that it is {who}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Both listen again before the next round.
        let listening = "select pid from pg_stat_activity where datname = current_database() and query ilike 'listen%'";
        while nodes.database.query(listening).await.len() < 2 {
            assert!(tokio::time::Instant::now() < deadline, "they do not listen again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[apply(both)]
async fn whoever_sets_the_server_up_chooses_who_can_sign_up(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let said = server.stdout();
    let token = said.lines().find_map(|line| line.split_once("/register?setup=")).expect("a link").1.trim();
    let root = server.stranger();
    let page = root.get(&format!("/register?setup={token}")).await;
    assert!(page.expect(200).body.contains("name=\"registration\" value=\"invite\""), "{}", page.body);
    assert!(!root.get("/register").await.expect(200).body.contains("name=\"registration\""));
    // Only with the token.
    let stranger = server.stranger();
    let fields = [("username", "eve"), ("password", PASSWORD), ("registration", "closed")];
    stranger.post("/register", &fields).await.expect(303);
    let with = |choice| [("username", "root"), ("password", PASSWORD), ("setup", token), ("registration", choice)];
    root.post("/register", &with("friends")).await.expect(422);
    root.post("/register", &with("invite")).await.expect(303);
    assert_eq!(now(&root).await["registration"], "invite");
    let fields = [("username", "bob"), ("password", PASSWORD)];
    server.stranger().post("/register", &fields).await.expect(422);
    let log = root.get_json("/admin/audit?action=settings").await.expect(200).json();
    assert_eq!((log["entries"].as_array().map(Vec::len), &log["entries"][0]["actor"]), (Some(1), &json!("root")));
}
