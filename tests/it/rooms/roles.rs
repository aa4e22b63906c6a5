//! Owners and moderators, and administrators who take a room over.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Person, TestApp};

/// The usernames of a room's members with their roles.
pub async fn roles(person: &Person, room: &str) -> Value {
    let found = person.get_json(&format!("/rooms/{room}/members")).await.expect(200).json();
    let members = found["members"].as_array().expect("members");
    members.iter().map(|member| json!([member["person"]["username"], member["role"]])).collect()
}

/// What a room's log says about roles: whose, and the body.
async fn recorded(person: &Person, room: &str) -> Vec<(String, String)> {
    let page = person.get_json(&format!("/rooms/{room}")).await.expect(200).json();
    let messages = page["messages"].as_array().expect("messages").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let roles = messages.iter().filter(|message| message["kind"] == "role");
    roles.map(|message| (text(&message["author"]["username"]), text(&message["body"]))).collect()
}

async fn room_of_four(app: &TestApp, visibility: &str) -> (String, [Person; 4]) {
    let people = [app.register("ada").await, app.register("bob").await, app.register("cleo").await, app.register("dan").await];
    let room = people[0].create_room("Circle", visibility).await;
    for username in ["bob", "cleo", "dan"] {
        people[0].post(&format!("/rooms/{room}/members"), &[("username", username)]).await.expect(303);
    }
    (room, people)
}

#[apply(everywhere)]
async fn owners_give_roles_and_moderators_keep_order(app: &TestApp) {
    let (room, [ada, bob, cleo, dan]) = room_of_four(app, "private").await;
    let member = |username: &str, what: &str| format!("/rooms/{room}/members/{username}/{what}");
    bob.post(&member("bob", "role"), &[("role", "owner")]).await.expect(403);
    ada.post(&member("bob", "role"), &[("role", "king")]).await.expect(422);
    ada.post(&member("nobody", "role"), &[("role", "owner")]).await.expect(422);
    app.register("eve").await;
    ada.post(&member("eve", "role"), &[("role", "moderator")]).await.expect(422);
    let (live, _) = dan.join(&room).await;
    ada.post(&member("bob", "role"), &[("role", "moderator")]).await.expect(303);
    let heard = live.next_where("message", |message| message["kind"] == "role").await;
    assert_eq!((heard["author"]["username"].clone(), heard["body"].clone()), (json!("bob"), json!("moderator ada")));
    let all = json!([["ada", "owner"], ["bob", "moderator"], ["cleo", "member"], ["dan", "member"]]);
    app.comes_to(all, async || roles(&dan, &room).await).await;
    let page = dan.get(&format!("/rooms/{room}")).await.expect(200).body.clone();
    assert!(page.contains("ada made bob a moderator"), "{page}");
    // Moderators delete messages and remove members, but not owners and moderators; they change nothing else.
    let said = live.post(&room, "noise", "n1").await;
    let (moderator, _) = bob.join(&room).await;
    moderator.ok("delete", json!({ "room": room, "seq": said["seq"] })).await;
    cleo.post(&member("dan", "remove"), &[]).await.expect(403);
    bob.post(&member("ada", "remove"), &[]).await.expect(403);
    bob.post(&member("cleo", "role"), &[("role", "moderator")]).await.expect(403);
    bob.post(&format!("/rooms/{room}/settings"), &[("name", "Mine")]).await.expect(403);
    bob.post(&format!("/rooms/{room}/archive"), &[]).await.expect(403);
    bob.post(&format!("/rooms/{room}/delete"), &[("confirm", "Circle")]).await.expect(403);
    bob.get(&format!("/rooms/{room}/delete")).await.expect(403);
    bob.post(&member("dan", "remove"), &[]).await.expect(303);
    live.next("removed").await;
    // The same role again changes nothing.
    ada.post(&member("bob", "role"), &[("role", "moderator")]).await.expect(303);
    assert_eq!(recorded(&ada, &room).await, [("bob".to_owned(), "moderator ada".to_owned())]);
    // The page of members offers what its reader may do.
    let members = format!("/rooms/{room}/members");
    let page = ada.get(&members).await.expect(200).body.clone();
    assert!(page.contains(&format!("action=\"{members}/cleo/role\"")) && page.contains("Make owner"), "{page}");
    let page = bob.get(&members).await.expect(200).body.clone();
    assert!(page.contains(&format!("formaction=\"{members}/cleo/ban\"")) && !page.contains("Make owner"), "{page}");
    let page = cleo.get(&members).await.expect(200).body.clone();
    assert!(!page.contains("/cleo/") && !page.contains("Manage room"), "{page}");
    let log = app.database.query("select actor, detail from audit where action = 'room.role'").await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0]["detail"].as_str().is_some_and(|detail| detail.contains("moderator") && detail.contains("bob")), "{log:?}");
}

#[apply(everywhere)]
async fn the_last_owner_who_leaves_hands_the_room_over(app: &TestApp) {
    let (room, [ada, bob, cleo, dan]) = room_of_four(app, "public").await;
    let member = |username: &str| format!("/rooms/{room}/members/{username}/role");
    // She cannot simply step back.
    assert_eq!(
        ada.form(&member("ada"), &[("role", "member")]).header("accept", "application/json").send().await.unwrap().status(),
        422
    );
    ada.post(&member("cleo"), &[("role", "moderator")]).await.expect(303);
    ada.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    // A moderator comes before members of longer standing.
    assert_eq!(roles(&bob, &room).await, json!([["bob", "member"], ["cleo", "owner"], ["dan", "member"]]));
    cleo.post(&member("dan"), &[("role", "owner")]).await.expect(303);
    cleo.post(&member("cleo"), &[("role", "member")]).await.expect(303);
    dan.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    app.comes_to(json!([["bob", "owner"], ["cleo", "member"]]), async || roles(&cleo, &room).await).await;
    let pair = |who: &str, body: &str| (who.to_owned(), body.to_owned());
    assert_eq!(
        recorded(&bob, &room).await,
        [
            pair("cleo", "moderator ada"),
            pair("cleo", "owner"),
            pair("dan", "owner cleo"),
            pair("cleo", "member cleo"),
            pair("bob", "owner")
        ]
    );
    // Whoever comes back is a member like others.
    ada.enter(&room).await;
    assert_eq!(roles(&ada, &room).await, json!([["ada", "member"], ["bob", "owner"], ["cleo", "member"]]));
    // All at once: the room keeps an owner as long as it has members.
    let leave = format!("/rooms/{room}/leave");
    let (one, two) = tokio::join!(bob.post(&leave, &[]), cleo.post(&leave, &[]));
    assert_eq!((one.status, two.status), (303, 303));
    app.comes_to(json!([["ada", "owner"]]), async || roles(&ada, &room).await).await;
    ada.post(&leave, &[]).await.expect(303);
    assert_eq!(roles(&ada, &room).await, json!([]));
}

#[apply(everywhere)]
async fn administrators_manage_a_private_room_and_read_it_only_as_its_owner(app: &TestApp) {
    let (room, [_, bob, ..]) = room_of_four(app, "private").await;
    let root = app.register("root-of-all").await;
    app.database.make_admin("root-of-all").await;
    let (socket, _) = bob.join(&room).await;
    socket.post(&room, "between us", "n1").await;
    for path in ["", "/members", "/pins", "/2"] {
        root.get_json(&format!("/rooms/{room}{path}")).await.expect(404);
    }
    let admin = format!("/admin/rooms/{room}");
    bob.get(&admin).await.expect(403);
    let found = root.get_json(&admin).await.expect(200).json();
    assert_eq!((found["room"]["name"].clone(), found["members"].as_array().map(Vec::len)), (json!("Circle"), Some(4)));
    let page = root.get(&admin).await.expect(200).body.clone();
    assert!(page.contains("Take ownership") && !page.contains("between us"), "{page}");
    // Members, archive: without becoming one of them.
    let member = |username: &str, what: &str| format!("/rooms/{room}/members/{username}/{what}");
    assert_eq!(root.post(&member("dan", "remove"), &[]).await.expect(303).location(), format!("/rooms/{room}/members"));
    root.post(&member("cleo", "ban"), &[]).await.expect(303);
    assert_eq!(root.get_json(&format!("/rooms/{room}/bans")).await.expect(200).json()["bans"][0]["person"]["username"], "cleo");
    root.post(&member("bob", "role"), &[("role", "moderator")]).await.expect(303);
    root.post(&format!("/rooms/{room}/archive"), &[]).await.expect(303);
    root.post(&format!("/rooms/{room}/unarchive"), &[]).await.expect(303);
    // But not what would let somebody read it.
    root.post(&format!("/rooms/{room}/settings"), &[("visibility", "public"), ("confirm", "yes")]).await.expect(404);
    root.post(&format!("/rooms/{room}/members"), &[("username", "root-of-all")]).await.expect(404);
    root.post(&format!("/rooms/{room}/join"), &[]).await.expect(404);
    root.get_json(&format!("/rooms/{room}")).await.expect(404);
    // Taking it over is announced.
    root.post(&member("root-of-all", "role"), &[("role", "owner")]).await.expect(303);
    let heard =
        socket.next_where("message", |message| message["kind"] == "role" && message["author"]["username"] == "root-of-all").await;
    assert_eq!(heard["body"], "owner root-of-all");
    assert!(root.get(&format!("/rooms/{room}")).await.expect(200).body.contains("between us"));
    assert!(bob.get(&format!("/rooms/{room}")).await.expect(200).body.contains("took ownership of this room"));
    // Conversations are nobody's to administer.
    let direct = bob.post("/direct", &[("users", "ada")]).await.expect(303).location();
    root.post(&format!("{direct}/archive"), &[]).await.expect(404);
    root.post(&format!("{direct}/members/root-of-all/role"), &[("role", "owner")]).await.expect(404);
    root.get(&format!("/admin{direct}")).await.expect(404);
}

#[apply(everywhere)]
async fn whoever_is_deleted_hands_their_rooms_over(app: &TestApp) {
    let (room, [_, bob, cleo, _]) = room_of_four(app, "private").await;
    app.database.make_admin("bob").await;
    bob.post("/admin/people/ada/delete", &[("messages", "keep"), ("confirm", "ada")]).await.expect(303);
    app.comes_to(json!([["bob", "owner"], ["cleo", "member"], ["dan", "member"]]), async || roles(&cleo, &room).await).await;
    cleo.post(&format!("/rooms/{room}/members/dan/role"), &[("role", "moderator")]).await.expect(403);
    bob.post(&format!("/rooms/{room}/members/dan/role"), &[("role", "moderator")]).await.expect(303);
}
