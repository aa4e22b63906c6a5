//! Removing the previews of a message.

use serde_json::{Value, json};

use super::{link, post, previewed, read, settled};
use crate::everywhere;
use crate::harness::{Answer, TestApp, web_pages};

#[apply(everywhere)]
async fn the_author_and_those_who_may_delete_a_message_remove_its_previews(app: &TestApp) {
    let (ada, eve, rosa, ruth) =
        (app.register("ada").await, app.register("eve").await, app.register("rosa").await, app.register("ruth").await);
    app.database.make_admin("ruth").await;
    let room = ada.create_room("Tea", "public").await;
    for person in [&eve, &rosa, &ruth] {
        person.enter(&room).await;
    }
    let (owner, _) = ada.join(&room).await;
    let (author, _) = eve.join(&room).await;
    let (other, _) = rosa.join(&room).await;
    let (admin, _) = ruth.join(&room).await;
    for remover in [&author, &owner, &admin] {
        let name = web_pages::name();
        let message = post(&author, &room, &link(&format!("plain/{name}"))).await;
        previewed(&other, &message).await;
        let off = json!({ "room": room, "seq": message["seq"], "on": false });
        assert_eq!(other.refused("links", off.clone()).await, "forbidden");
        assert_eq!(remover.refused("links", json!({ "room": room, "seq": message["seq"], "on": true })).await, "invalid");
        let removed = remover.ok("links", off.clone()).await["message"].clone();
        assert_eq!((&removed["links"], &removed["links_off"]), (&Value::Null, &json!(true)));
        let heard = other.next_where("message", |it| it["seq"] == message["seq"] && it["links_off"] == true).await;
        assert_eq!(heard, removed);
        // Again, it is so already; and an edit brings none back.
        assert_eq!(remover.ok("links", off).await["message"]["rev"], removed["rev"]);
        let body = link(&format!("plain/{}", web_pages::name()));
        author.ok("edit", json!({ "room": room, "seq": message["seq"], "body": body })).await;
        settled(app).await;
        assert_eq!(read(&eve, &room, &message).await["links"], Value::Null);
        assert!(!eve.get(&format!("/rooms/{room}/{}", message["seq"])).await.body.contains(&format!("Page {name}")));
    }
    app.database.check_rooms().await;
}

#[apply(everywhere)]
async fn previews_are_removed_without_scripts_too(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    eve.enter(&room).await;
    let (socket, _) = eve.join(&room).await;
    let message = post(&socket, &room, &link(&format!("plain/{}", web_pages::name()))).await;
    previewed(&socket, &message).await;
    let path = format!("/rooms/{room}/messages/{}/links/remove", message["seq"]);
    let form = format!("action=\"{path}\"");
    // Owners and the author see the button; others would be refused.
    let rosa = app.register("rosa").await;
    rosa.enter(&room).await;
    let page = format!("/rooms/{room}");
    app.comes_to([true, true, false], async || {
        let mut shown = [false; 3];
        for (shown, person) in shown.iter_mut().zip([&ada, &eve, &rosa]) {
            *shown = person.get(&page).await.body.contains(&form);
        }
        shown
    })
    .await;
    rosa.post(&path, &[]).await.expect(403);
    app.stranger().post(&path, &[]).await.expect(303);
    assert!(read(&eve, &room, &message).await["links"].is_array());
    assert_eq!(eve.post(&path, &[]).await.expect(303).location(), format!("/rooms/{room}/{0}#m{0}", message["seq"]));
    assert_eq!(read(&eve, &room, &message).await["links_off"], true);
    let json = Answer::of(eve.form(&path, &[]).header("accept", "application/json")).await;
    assert_eq!(json.expect(200).json()["message"]["links_off"], true);
    eve.post(&format!("/rooms/{room}/messages/999/links/remove"), &[]).await.expect(404);
}
