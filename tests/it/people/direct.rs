//! Direct messages: found, made, named, and told of.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ban, open};
use crate::both;
use crate::harness::{Person, TestApp};

#[apply(both)]
async fn two_people_have_one_conversation_whoever_begins_it_and_however(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = open(&ada, "grace").await;
    assert!(slug.starts_with("dm-"), "{slug}");
    assert_eq!(open(&grace, "@Ada").await, slug);
    assert_eq!(open(&grace, "ada, grace ada").await, slug);
    assert_eq!(ada.post("/people/grace/message", &[]).await.expect(303).location(), format!("/rooms/{slug}"));
    let answer = grace.socket().await.ok("direct", json!({ "users": ["ada"] })).await;
    assert_eq!(answer["room"]["slug"], json!(slug));
    let rooms = app.database.query("select slug from rooms where direct_key is not null").await;
    assert_eq!(rooms.len(), 1);
    let members = app.database.query("select user_id from memberships").await;
    assert_eq!(members.len(), 2, "{members:?}");
    app.database.check_rooms().await;
}

#[apply(both)]
async fn what_is_said_directly_reaches_the_other_and_nobody_else(app: &TestApp) {
    let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
    let (listening, outside) = (grace.socket().await, eve.socket().await);
    for socket in [&listening, &outside] {
        socket.ok("watch", json!({})).await;
    }
    let slug = open(&ada, "grace").await;
    // The other hears of it at once, under the name that they know.
    let entered = listening.next("entered").await;
    assert_eq!((&entered["room"], &entered["name"], &entered["visibility"]), (&json!(slug), &json!("ada"), &json!("private")));
    assert_eq!(entered["direct"][0]["username"], "ada");
    let (writing, joined) = ada.join(&slug).await;
    assert_eq!(joined["room"]["name"], "grace");
    let message = writing.post(&slug, "between us", "1").await;
    assert_eq!(listening.next("activity").await, json!({ "room": slug, "message": message }));
    assert_eq!(message["seq"], 1, "nobody entered it: it begins with words");
    // Later and for all: by then the outsider would have heard of the rest.
    writing.ok("join", json!({ "room": "general" })).await;
    outside.ok("join", json!({ "room": "general" })).await;
    writing.post("general", "for all", "2").await;
    outside.hears("for all").await;
    assert!(!format!("{:?}", outside.peek()).contains(&slug), "{:?}", outside.peek());
}

#[apply(both)]
async fn its_name_is_the_others_names_everywhere(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    ada.post("/settings", &[("name", "Ada Lovelace")]).await.expect(303);
    grace.post("/settings", &[("name", "Grace <b>Hopper</b>")]).await.expect(303);
    let three = open(&ada, "mary grace").await;
    let two = open(&ada, "grace").await;
    let notes = open(&ada, "ada").await;
    for (slug, name) in [(&three, "Grace <b>Hopper</b>, mary"), (&two, "Grace <b>Hopper</b>"), (&notes, "Notes to self")] {
        let page = ada.get_json(&format!("/rooms/{slug}")).await.expect(200).json();
        assert_eq!(page["room"]["name"], name);
        let listed = ada.get_json("/rooms").await.json();
        let rooms = listed["rooms"].as_array().expect("rooms");
        let row = rooms.iter().find(|row| row["room"]["slug"] == json!(slug)).unwrap_or_else(|| panic!("{slug} in {rooms:?}"));
        assert_eq!(row["room"]["name"], name);
        let (socket, joined) = ada.join(slug).await;
        assert_eq!(joined["room"]["name"], name);
        let watched = socket.ok("watch", json!({})).await;
        let row = watched["rooms"].as_array().and_then(|rooms| rooms.iter().find(|row| row["room"] == json!(slug))).cloned();
        assert_eq!(row.expect("one's own room")["name"], name);
    }
    let of_mary = mary.get_json(&format!("/rooms/{three}")).await.json();
    assert_eq!(of_mary["room"]["name"], "Ada Lovelace, Grace <b>Hopper</b>");
    let with: Vec<_> = of_mary["room"]["direct"].as_array().expect("others").iter().map(|it| it["username"].clone()).collect();
    assert_eq!(with, [json!("ada"), json!("grace")]);
    for path in [format!("/rooms/{two}"), "/direct".into(), "/rooms".into(), format!("/rooms/{two}/members")] {
        let page = ada.get(&path).await.expect(200).body.clone();
        assert!(page.contains("Grace &#60;b&#62;Hopper") && !page.contains("<b>Hopper"), "{path}");
        assert!(!page.contains("Direct messages</h1>") || path == "/direct", "{path}");
    }
    assert!(ada.get(&format!("/rooms/{two}")).await.body.contains("<title>Grace &#60;b&#62;Hopper"));
    ada.write(&two, "the password of the harbour").await.expect(303);
    let found = ada.get("/search?q=harbour").await.expect(200).body.clone();
    assert!(found.contains("Grace &#60;b&#62;Hopper") && !found.contains("Direct messages</a>"), "{found}");
    assert!(!mary.get("/search?q=harbour").await.expect(200).body.contains("password"));
    // A room is no conversation, and no conversation is among the rooms to look around in.
    let page = ada.get_json("/rooms/general").await.json();
    assert_eq!(page["room"]["direct"], Value::Null);
    let direct = ada.get_json("/direct").await.expect(200).json();
    assert_eq!(direct["rooms"].as_array().map(Vec::len), Some(3));
}

#[apply(both)]
async fn who_begins_one_at_the_same_moment_gets_the_same(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    let sockets = [ada.socket().await, grace.socket().await, mary.socket().await];
    let users = json!({ "users": ["ada", "grace", "mary"] });
    let forms = futures_util::future::join_all([&ada, &grace, &mary, &ada, &grace].map(|person| open(person, "ada grace mary")));
    let events = futures_util::future::join_all(sockets.iter().map(|socket| socket.ok("direct", users.clone())));
    let (forms, events) = tokio::join!(forms, events);
    let mut slugs: BTreeSet<String> = forms.into_iter().collect();
    slugs.extend(events.iter().map(|answer| answer["room"]["slug"].as_str().expect("a slug").to_owned()));
    assert_eq!(slugs.len(), 1, "{slugs:?}");
    assert_eq!(app.database.query("select slug from rooms where direct_key is not null").await.len(), 1);
    assert_eq!(app.database.rows("memberships").await.len(), 3);
    assert_eq!(app.database.query("select members from rooms where direct_key is not null").await, [json!({ "members": 3 })]);
}

#[apply(both)]
async fn a_hidden_conversation_comes_back_when_somebody_writes_or_it_is_opened(app: &TestApp) {
    let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
    let slug = open(&ada, "grace").await;
    let (of_grace, _) = grace.join(&slug).await;
    of_grace.post(&slug, "one", "1").await;
    let listening = ada.socket().await;
    listening.ok("watch", json!({})).await;
    let hide = format!("/rooms/{slug}/hide");
    let listed = async |person: &Person| person.get("/people").await.body.contains(&format!("data-room=\"{slug}\""));
    assert_eq!(ada.post(&hide, &[("on", "true")]).await.expect(303).location(), "/direct");
    assert_eq!(listening.next("hidden").await, json!({ "room": slug, "hidden": true }));
    assert!(!listed(&ada).await && listed(&grace).await, "it is hidden from her alone");
    let watched = ada.socket().await.ok("watch", json!({})).await;
    let row = watched["rooms"].as_array().and_then(|rooms| rooms.iter().find(|row| row["room"] == json!(slug))).cloned();
    let row = row.expect("she is in it");
    assert_eq!((&row["hidden"], &row["unread"]), (&json!(true), &json!(0)), "nothing waits where nobody sees it");
    assert!(ada.get("/direct").await.body.contains("Hidden from the sidebar"));
    // Somebody writes.
    of_grace.post(&slug, "two", "2").await;
    assert!(listed(&ada).await);
    // She opens it.
    ada.post(&hide, &[("on", "true")]).await.expect(303);
    assert!(!listed(&ada).await);
    ada.get(&format!("/rooms/{slug}")).await.expect(200);
    listening.next("hidden").await;
    assert_eq!(listening.next("hidden").await, json!({ "room": slug, "hidden": false }));
    assert!(listed(&ada).await);
    ada.post(&hide, &[("on", "true")]).await.expect(303);
    let (_socket, _) = ada.join(&slug).await;
    assert!(listed(&ada).await);
    // Nobody else's, and no room.
    assert_eq!(eve.post(&hide, &[("on", "true")]).await.status, 404);
    assert_eq!(ada.post("/rooms/general/hide", &[("on", "true")]).await.status, 403);
}

#[apply(both)]
async fn people_to_write_to_are_looked_for_and_chosen_without_scripts(app: &TestApp) {
    let ada = app.register("ada").await;
    for number in 10..70 {
        app.register(&format!("p{number}")).await;
    }
    let zoe = app.register("zoe").await;
    zoe.post("/settings", &[("name", "Zoe Zebra")]).await.expect(303);
    let first = ada.get("/direct").await.body;
    assert!(!first.contains("Zoe Zebra") && first.contains("More people"), "she is behind the first page");
    let found = ada.get("/direct?q=zebra&users=p10&users=p69").await.expect(200).body.clone();
    assert!(found.contains("value=\"p10\" checked") && found.contains("value=\"p69\" checked"), "{found}");
    assert!(found.contains("value=\"zoe\">") && found.contains("value=\"zebra\""), "{found}");
    assert!(ada.get("/direct?q=nobody.at.all").await.body.contains("No one found"));
    assert!(ada.get("/direct?people=p50").await.body.contains("Zoe Zebra"));
    // What was looked for is no name once somebody is chosen, and is one otherwise.
    ada.post("/direct", &[("q", "zeb"), ("users", "p10"), ("users", "zoe")]).await.expect(303);
    ada.post("/direct", &[("q", "zoe p11")]).await.expect(303);
    let again = ada.post("/direct", &[("q", "zeb")]).await.expect(422).body.clone();
    assert!(again.contains("value=\"zeb\"") && again.contains("@zeb"), "{again}");
}

#[apply(both)]
async fn unknown_too_many_nobody_and_those_without_access_are_refused(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let mut many = Vec::new();
    for number in 0..9 {
        many.push(app.register(&format!("p{number}")).await.username);
    }
    let socket = ada.socket().await;
    let bad =
        [json!([]), json!(["nobody"]), json!([""]), json!(many), json!("grace"), json!([7]), json!(["a\u{0}b"]), Value::Null];
    for users in bad {
        assert_eq!(socket.refused("direct", json!({ "users": users.clone() })).await, "invalid", "{users}");
    }
    for users in ["", "nobody", &many.join(" "), &"grace,".repeat(5_000)] {
        let page = ada.post("/direct", &[("users", users)]).await;
        assert_eq!(page.status, 422, "{users}");
        assert!(page.body.contains("role=\"alert\""));
    }
    assert_eq!(ada.post("/people/nobody/message", &[]).await.status, 404);
    assert_eq!(open(&ada, &many[..8].join(" ")).await.len(), 19);
    // A conversation that was there stays readable; a new one is not begun.
    let kept = open(&ada, "grace").await;
    ban(app, "grace").await;
    assert_eq!(open(&ada, "grace").await, kept);
    assert_eq!(ada.post("/direct", &[("users", "grace p1")]).await.status, 403);
    assert_eq!(many.len(), 9);
    assert_eq!(app.log_in("p2").await.post("/people/grace/message", &[]).await.status, 403);
    assert_eq!(grace.get("/direct").await.status, 303, "who has no access has no conversations");
    assert_eq!(app.stranger().post("/direct", &[("users", "ada")]).await.status, 303);
    assert!(app.stranger().get("/direct").await.location().starts_with("/login"));
}

#[apply(both)]
async fn a_hundred_conversations_do_not_drown_the_rooms(app: &TestApp) {
    let ada = app.register("ada").await;
    let mut last = String::new();
    for number in 0..25 {
        let person = app.register(&format!("p{number}")).await;
        last = open(&person, "ada").await;
    }
    let quiet = ada.get("/people").await.body;
    assert!(quiet.contains(&last), "the newest is there");
    let entries = quiet.matches("data-room=\"dm-").count();
    assert_eq!(entries, 20);
    assert_eq!(ada.get("/direct").await.body.matches("<li><span class=\"portrait portrait--l\"").count(), 25);
}
