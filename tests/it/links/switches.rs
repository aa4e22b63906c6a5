//! Where links get no previews.

use serde_json::{Value, json};

use super::{link, post, previewed, read, settled, until_fetched};
use crate::harness::{Answer, Database, Server, TestApp, web_pages};
use crate::{both, everywhere};

#[apply(everywhere)]
async fn owners_switch_them_off_for_their_room(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    eve.enter(&room).await;
    let settings = format!("/rooms/{room}/settings");
    eve.post(&settings, &[("link_previews", "off")]).await.expect(403);
    ada.post(&settings, &[("link_previews", "perhaps")]).await.expect(422);
    let (socket, _) = eve.join(&room).await;
    let before = post(&socket, &room, &link(&format!("plain/{}", web_pages::name()))).await;
    let before = previewed(&socket, &before).await;
    ada.post(&settings, &[("link_previews", "off")]).await.expect(303);
    assert_eq!(socket.next_where("room", |it| it["link_previews"] == false).await["slug"], *room);
    assert_eq!(eve.get_json(&format!("/rooms/{room}")).await.json()["room"]["link_previews"], false);
    let listed = eve.get_json("/rooms").await.json()["rooms"].clone();
    let listed = |slug: &str| listed.as_array().unwrap().iter().find(|it| it["room"]["slug"] == slug).unwrap()["room"].clone();
    assert_eq!((&listed(&room)["link_previews"], &listed("general")["link_previews"]), (&json!(false), &Value::Null));
    assert!(ada.get(&format!("/rooms/{room}/members")).await.body.contains("<option value=\"off\" selected>Off</option>"));
    let name = web_pages::name();
    let message = post(&socket, &room, &link(&format!("plain/{name}"))).await;
    settled(app).await;
    assert_eq!(read(&eve, &room, &message).await["rev"], message["rev"]);
    assert_eq!(web_pages::asked(&format!("/plain/{name}")), 0);
    // What was there stays.
    assert_eq!(read(&eve, &room, &before).await["links"], before["links"]);
    ada.post(&settings, &[("link_previews", "on")]).await.expect(303);
    let message = post(&socket, &room, &link(&format!("plain/{name}"))).await;
    previewed(&socket, &message).await;
    let recorded = app.database.rows("audit").await;
    assert_eq!(recorded.iter().filter(|row| row["action"] == "room.settings").count(), 2);
}

#[apply(everywhere)]
async fn administrators_switch_them_off_for_the_server(app: &TestApp) {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    let room = ada.create_room("Tea", "public").await;
    let (socket, _) = ada.join(&room).await;
    let switch = async |to: &str| {
        Answer::of(ada.form("/admin/settings", &[("link_previews", to)]).header("accept", "application/json")).await
    };
    switch("perhaps").await.expect(422);
    switch("off").await.expect(303);
    for _ in 0..2 {
        app.comes_to(json!("off"), async || ada.get_json("/admin/settings").await.json()["settings"]["link_previews"].clone())
            .await;
    }
    let name = web_pages::name();
    let message = post(&socket, &room, &link(&format!("plain/{name}"))).await;
    settled(app).await;
    assert_eq!(read(&ada, &room, &message).await["rev"], message["rev"]);
    assert_eq!(web_pages::asked(&format!("/plain/{name}")), 0);
    switch("on").await.expect(303);
    for _ in 0..2 {
        app.comes_to(json!("on"), async || ada.get_json("/admin/settings").await.json()["settings"]["link_previews"].clone())
            .await;
    }
    let message = post(&socket, &room, &link(&format!("plain/{name}"))).await;
    previewed(&socket, &message).await;
}

#[apply(both)]
async fn each_person_has_so_many_fetched(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    let (socket, _) = ada.join("general").await;
    let (hers, _) = eve.join("general").await;
    let [first, second] = [(); 2].map(|()| link(&format!("plain/{}", web_pages::name())));
    let message = post(&socket, "general", &first).await;
    previewed(&socket, &message).await;
    let refused = post(&socket, "general", &second).await;
    until_fetched(database).await;
    assert_eq!(read(&ada, "general", &refused).await["rev"], refused["rev"]);
    // What is known is not fetched again, and somebody else has a share of their own.
    let known = post(&socket, "general", &first).await;
    previewed(&socket, &known).await;
    let message = post(&hers, "general", &second).await;
    previewed(&hers, &message).await;
    server.stop().await;
}
