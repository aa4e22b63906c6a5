//! Bots: whose they are, what they see, and how they are told from people.

use serde_json::{Value, json};

use crate::everywhere;
use crate::files::portraits::give_icon_to_bot;
use crate::harness::{Answer, Person, TestApp};

async fn make(person: &Person, username: &str) -> Value {
    let form = person.form("/settings/bots", &[("username", username), ("name", "Build robot")]);
    Answer::of(form.header("accept", "application/json")).await.expect(201).json()["bot"].clone()
}

async fn make_administrator(app: &TestApp, username: &str) -> Person {
    let person = app.register(username).await;
    app.database.make_admin(username).await;
    person
}

/// Somebody who is signed in becomes a bot: what writes as a bot later is not what is tested here.
async fn become_bot(app: &TestApp, username: &str, owner: &str) {
    let statement = format!(
        "update users set is_bot = true, is_guest = true, password_hash = '',
                bot_owner_id = (select id from users where username = '{owner}') where username = '{username}'"
    );
    app.database.run(&statement).await;
}

#[apply(everywhere)]
async fn a_person_makes_bots_and_only_they_change_them(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let bot = make(&ada, "builder").await;
    assert_eq!((&bot["username"], &bot["name"]), (&json!("builder"), &json!("Build robot")));
    let taken = ada.post("/settings/bots", &[("username", "builder")]).await;
    assert_eq!(taken.status, 422);
    assert!(taken.body.contains("That username is taken."), "{}", taken.body);
    assert_eq!(ada.get_json("/settings/bots").await.expect(200).json()["bots"][0]["username"], "builder");
    let card = eve.get_json("/people/builder").await.expect(200).json()["person"].clone();
    assert_eq!((&card["bot"], &card["role"]), (&json!(true), &json!("guest")));
    for page in ["/people", "/people/builder"] {
        assert!(eve.get(page).await.expect(200).body.contains("<span class=\"badge\">Bot</span>"), "{page}");
    }
    assert!(eve.get("/people/builder").await.body.contains("href=\"/people/ada\""), "its owner is named");
    // Nobody else's business.
    let admin = make_administrator(app, "ruth").await;
    for other in [&eve, &admin] {
        assert_eq!(other.get_json("/settings/bots").await.expect(200).json()["bots"], json!([]));
        other.get("/settings/bots/builder").await.expect(404);
        for path in ["", "/rooms", "/rooms/general/leave", "/photo/remove", "/delete"] {
            let fields = [("name", "Mine"), ("room", "general")];
            other.post(&format!("/settings/bots/builder{path}"), &fields).await.expect(404);
        }
        assert_eq!(give_icon_to_bot(other, "builder").await.status, 404);
    }
    let renamed = ada.form("/settings/bots/builder", &[("name", "Builder")]).header("accept", "application/json");
    assert_eq!(Answer::of(renamed).await.expect(200).json()["bot"]["name"], "Builder");
    ada.post("/settings/bots/builder", &[("name", "Administrator")]).await.expect(422);
    let icon = give_icon_to_bot(&ada, "builder").await.expect(200).json()["photo"].clone();
    assert_eq!(eve.get_json("/people/builder").await.json()["person"]["photo"], icon);
    ada.post("/settings/bots/builder/photo/remove", &[]).await.expect(303);
    assert_eq!(eve.get_json("/people/builder").await.json()["person"]["photo"], Value::Null);
    let bots = admin.get_json("/admin/people?filter=bots").await.expect(200).json()["people"].clone();
    assert_eq!(
        (bots.as_array().map(Vec::len), &bots[0]["username"], &bots[0]["bot"]),
        (Some(1), &json!("builder"), &json!(true))
    );
    assert_eq!(admin.get_json("/admin/people?filter=guests").await.json()["people"], json!([]));
    ada.post("/settings/bots/builder/delete", &[]).await.expect(303);
    assert_eq!(ada.get_json("/settings/bots").await.json()["bots"], json!([]));
    ada.post("/settings/bots/builder/delete", &[]).await.expect(404);
    let audit = app.database.query("select action, actor, target from audit where action like 'bot.%' order by id").await;
    let entry = |action: &str| json!({ "action": action, "actor": "ada", "target": "builder" });
    assert_eq!(audit, ["bot.add", "bot.change", "bot.remove"].map(entry));
}

#[apply(everywhere)]
async fn a_bot_is_where_its_owner_brings_it_and_sees_nothing_else(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (own, hidden) = (ada.create_room("Workshop", "private").await, eve.create_room("Cellar", "private").await);
    make(&ada, "builder").await;
    let rooms = async || ada.get_json("/settings/bots/builder").await.json()["rooms"].clone();
    assert_eq!(rooms().await, json!([]), "not in the rooms that people begin in");
    ada.post("/settings/bots/builder/rooms", &[("room", &own)]).await.expect(303);
    ada.post("/settings/bots/builder/rooms", &[("room", &hidden)]).await.expect(404);
    assert_eq!(rooms().await, json!([{ "slug": own, "name": "Workshop" }]));
    let told = ada.get_json(&format!("/rooms/{own}")).await.json();
    let last = told["messages"].as_array().and_then(|all| all.last()).expect("a notice").clone();
    assert_eq!(
        (&last["kind"], &last["author"]["username"], &last["author"]["bot"]),
        (&json!("joined"), &json!("builder"), &json!(true))
    );
    let members = ada.get_json(&format!("/rooms/{own}/members")).await.json()["members"].clone();
    let people: Vec<_> = members.as_array().expect("members").iter().map(|member| member["person"]["bot"] == true).collect();
    assert_eq!(people, [false, true]);
    ada.post(&format!("/settings/bots/builder/rooms/{own}/leave"), &[]).await.expect(303);
    assert_eq!(rooms().await, json!([]));
    // Guests have none.
    make_administrator(app, "ruth").await.post("/admin/people/eve/role", &[("role", "guest")]).await.expect(303);
    eve.post("/settings/bots", &[("username", "other")]).await.expect(403);
    eve.get("/settings/bots").await.expect(403);
}

#[apply(everywhere)]
async fn nobody_logs_in_to_a_bot_or_makes_it_more_than_a_guest(app: &TestApp) {
    let ada = app.register("ada").await;
    make(&ada, "builder").await;
    assert!(app.try_log_in("builder").await.is_none());
    let ruth = make_administrator(app, "ruth").await;
    ruth.post("/admin/people/builder/reset", &[]).await.expect(403);
    for role in ["admin", "member"] {
        ruth.post("/admin/people/builder/role", &[("role", role)]).await.expect(422);
    }
    for number in 2..=20 {
        make(&ada, &format!("builder{number}")).await;
    }
    ada.post("/settings/bots", &[("username", "one-more")]).await.expect(403);
    ada.post("/settings/bots/builder2/delete", &[]).await.expect(303);
    make(&ada, "one-more").await;
}

#[apply(everywhere)]
async fn what_a_bot_writes_says_so_and_ends_with_its_owners_account(app: &TestApp) {
    let (ada, robot, eve) = (app.register("ada").await, app.register("robot").await, app.register("eve").await);
    robot.enter("general").await;
    become_bot(app, "robot", "ada").await;
    let (listening, _) = eve.join("general").await;
    let (socket, joined) = robot.join("general").await;
    assert!(!joined["online"]["users"].to_string().contains("robot"), "{joined}");
    let posted = socket.post("general", "Build 7 is green.", "n1").await;
    assert_eq!(posted["author"]["bot"], true);
    assert_eq!(listening.hears("Build 7 is green.").await["author"]["bot"], true);
    assert!(eve.get("/rooms/general").await.body.contains("<span class=\"badge\">Bot</span>"));
    assert_eq!(eve.get_json("/people/robot").await.json()["person"]["online"], false);
    let ruth = make_administrator(app, "ruth").await;
    ruth.post("/admin/people/ada/deactivate", &[]).await.expect(303);
    assert!(robot.get_json("/settings").await.status != 500);
    let refused =
        Answer::of(robot.form("/rooms/general/messages", &[("body", "Build 8")]).header("accept", "application/json")).await;
    assert!(matches!(refused.status, 401 | 403 | 404), "{}", refused.status);
    let count = app.database.query("select count(*) as n from messages where body = 'Build 8'").await;
    assert_eq!(count, [json!({ "n": 0 })]);
    drop(ada);
}
