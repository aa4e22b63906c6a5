//! Names in a message: links to people and to rooms, and nothing that tells of what is hidden.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Socket, TestApp};

async fn html(socket: &Socket, body: &str) -> String {
    let answer = socket.ok("preview", json!({ "body": body })).await;
    answer["html"].as_str().expect("a text").to_owned()
}

fn has_link(html: &str, path: &str) -> bool {
    html.contains(&format!(" href=\"{path}\""))
}

#[apply(both)]
async fn only_people_that_there_are_are_linked_from_when_they_are(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    assert!(!has_link(&html(&socket, "hi @grace").await, "/people/grace"));
    app.register("Grace").await;
    let message = socket.post("general", "hi @grace and @nobody, `@ada`, x@ada.com", "1").await;
    assert_eq!(message["mentions"], json!(["grace"]));
    let said = message["html"].as_str().expect("a text");
    assert!(has_link(said, "/people/grace") && !said.contains("/people/nobody") && !said.contains("/people/ada"), "{said}");
    let plain = socket.post("general", "nobody in here", "2").await;
    assert_eq!(plain.get("mentions"), None::<&Value>);
}

#[apply(both)]
async fn an_edit_mentions_anew(app: &TestApp) {
    let ada = app.register("ada").await;
    app.register("grace").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "@grace", "1").await["seq"].clone();
    let edited = socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "@here :wave:" })).await["message"].clone();
    assert_eq!(edited["mentions"], json!(["@here"]));
    assert_eq!(edited["html"], "<p><span class=\"mention\">@here</span> 👋</p>\n");
}

#[apply(both)]
async fn public_rooms_are_linked_and_private_ones_are_nowhere_to_be_seen(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let open = ada.create_room("Observatory", "public").await;
    let den = ada.create_room("Secret den", "private").await;
    let (mine, hers) = (ada.socket().await, eve.socket().await);
    assert!(has_link(&html(&hers, &format!("see #{open}")).await, &format!("/rooms/{open}")));
    // Whether there is such a room is told to nobody: not to an outsider, and not by a member's words either.
    for socket in [&mine, &hers] {
        let hidden = html(socket, &format!("see #{den}")).await;
        assert_eq!(hidden, html(socket, "see #no-such-room").await.replace("no-such-room", &den));
        assert!(!hidden.contains("<a"), "{hidden}");
    }
    // It follows what the room is, as soon as whoever changed it was told so.
    for (visibility, shown) in [("private", false), ("public", true)].into_iter().cycle().take(40) {
        ada.post(&format!("/rooms/{open}/settings"), &[("visibility", visibility), ("confirm", "yes")]).await.expect(303);
        let seen = async || has_link(&html(&hers, &format!("see #{open}")).await, &format!("/rooms/{open}"));
        app.comes_to(shown, seen).await;
    }
    ada.post(&format!("/rooms/{den}/settings"), &[("visibility", "public"), ("confirm", "yes")]).await.expect(303);
    app.comes_to(true, async || has_link(&html(&hers, &format!("see #{den}")).await, &format!("/rooms/{den}"))).await;
}
