//! Guests: they see only the rooms that they were added to, and the people in them.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Answer, Person, TestApp};

fn names(list: &Value, key: &str) -> Vec<String> {
    let all = list[key].as_array().expect("a list");
    all.iter()
        .map(|it| it.get("room").unwrap_or(it))
        .filter_map(|it| it.get("slug").or(it.get("username"))?.as_str().map(Into::into))
        .collect()
}

async fn guest(app: &TestApp, root: &Person) -> Person {
    let guest = app.register("guest-of-ada").await;
    guest.post("/rooms/leave", &[("room", "general")]).await;
    root.post("/admin/people/guest-of-ada/role", &[("role", "guest")]).await.expect(303);
    app.comes_to(json!([]), async || guest.get_json("/rooms").await.json()["rooms"].clone()).await;
    guest
}

#[apply(everywhere)]
async fn a_guest_sees_what_they_were_added_to_and_nothing_else(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    let (shown, hidden) = (ada.create_room("Project", "private").await, eve.create_room("Open house", "public").await);
    eve.post(&format!("/rooms/{hidden}/messages"), &[("body", "swordfish @guest-of-ada")]).await.expect(303);
    let guest = guest(app, &ada).await;
    ada.post(&format!("/rooms/{shown}/members"), &[("username", "guest-of-ada")]).await.expect(303);
    app.comes_to(vec![shown.clone()], async || names(&guest.get_json("/rooms").await.json(), "rooms")).await;
    let (socket, _) = guest.join(&shown).await;
    socket.post(&shown, "hello", "n1").await;
    // Public rooms are not there.
    for path in ["", "/members", "/pins", "/1"] {
        guest.get_json(&format!("/rooms/{hidden}{path}")).await.expect(404);
    }
    guest.post(&format!("/rooms/{hidden}/join"), &[]).await.expect(404);
    for event in ["join", "history", "pins"] {
        assert_eq!(socket.ask(event, json!({ "room": hidden })).await["error"]["code"], "not_found", "{event}");
    }
    assert_eq!(socket.ok("search", json!({ "q": "swordfish" })).await["results"], json!([]));
    assert_eq!(socket.ok("mentions", json!({})).await["mentions"], json!([]));
    eve.post(&format!("/rooms/{hidden}/messages"), &[("body", "really @guest-of-ada")]).await.expect(303);
    assert_eq!(socket.ok("mentions", json!({})).await["mentions"], json!([]));
    // Nor are people whom they share no room with.
    assert_eq!(names(&guest.get_json("/people").await.expect(200).json(), "people"), ["ada", "guest-of-ada"]);
    guest.get_json("/people/eve").await.expect(404);
    guest.get_json("/people/ada").await.expect(200);
    guest.post("/people/eve/message", &[]).await.expect(404);
    guest.post("/people/eve/block", &[]).await.expect(404);
    let hints = async |name: &str| {
        socket.ok("search", json!({ "q": format!("from:{name}") })).await["hints"].to_string().replace(name, "NAME")
    };
    assert_eq!(hints("eve").await, hints("nobody").await);
    assert_ne!(hints("ada").await, hints("nobody").await);
    assert_eq!(socket.ask("direct", json!({ "users": ["eve"] })).await["error"]["code"], "invalid");
    guest.post("/people/ada/message", &[]).await.expect(303);
    // They bring nobody in and create nothing.
    guest.post("/rooms", &[("name", "Mine")]).await.expect(403);
    guest.post(&format!("/rooms/{shown}/members"), &[("username", "ada")]).await.expect(403);
    // Refused or not, they learn of nobody.
    let about = async |path: &str, key: &str, name: &str| {
        let value = if key == "body" { format!("/invite {name}") } else { name.to_owned() };
        let form = guest.form(&format!("/rooms/{shown}/{path}"), &[(key, &value)]);
        let answer = Answer::of(form.header("accept", "application/json")).await;
        (answer.status, answer.body.replace(name, "NAME"))
    };
    for (path, key) in [("members", "username"), ("messages", "body")] {
        assert_eq!(about(path, key, "eve").await, about(path, key, "nobody").await, "{path}");
        assert_eq!(about(path, key, "eve").await.0, 422, "{path}");
    }
    guest.post(&format!("/rooms/{shown}/settings"), &[("topic", "mine")]).await.expect(403);
    ada.post(&format!("/rooms/{shown}/members/guest-of-ada/role"), &[("role", "owner")]).await.expect(422);
    let page = guest.get("/rooms").await.expect(200).body.clone();
    assert!(!page.contains("Create a room"), "{page}");
    // Others see who is one.
    assert!(ada.get("/people").await.expect(200).body.contains(">Guest</span>"));
    let filtered = ada.get_json("/admin/people?filter=guests").await.expect(200).json();
    assert_eq!(names(&filtered, "people"), ["guest-of-ada"]);
    assert_eq!(filtered["people"][0]["role"], "guest");
    // A new role counts at once.
    ada.post("/admin/people/guest-of-ada/role", &[("role", "member")]).await.expect(303);
    app.comes_to(200, async || guest.get_json(&format!("/rooms/{hidden}")).await.status).await;
}

#[apply(everywhere)]
async fn roles_are_given_by_administrators_and_the_last_one_stays(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    eve.post("/admin/people/eve/role", &[("role", "admin")]).await.expect(403);
    ada.post("/admin/people/eve/role", &[("role", "king")]).await.expect(422);
    ada.post("/admin/people/nobody/role", &[("role", "guest")]).await.expect(404);
    ada.post("/admin/people/ada/role", &[("role", "member")]).await.expect(403);
    ada.post("/admin/people/eve/role", &[("role", "admin")]).await.expect(303);
    app.comes_to(200, async || eve.get_json("/admin/people").await.status).await;
    eve.post("/admin/people/ada/role", &[("role", "member")]).await.expect(303);
    app.comes_to(403, async || ada.get_json("/admin/people").await.status).await;
    let audit = app.database.query("select actor, target, detail from audit where action = 'user.role' order by id").await;
    let pairs: Vec<_> = audit.iter().map(|row| (row["actor"].clone(), row["target"].clone())).collect();
    assert_eq!(pairs, [(json!("ada"), json!("eve")), (json!("eve"), json!("ada"))]);
}
