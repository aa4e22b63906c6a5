//! What a browser keeps of a room: asked for again, it is sent again only when it would be another page.

use reqwest::Method;
use serde_json::json;

use crate::both;
use crate::harness::{Answer, Person, TestApp};

const PATH: &str = "/rooms/general";

/// Asks for something that is known by a tag already; for a page where `accept` is not JSON.
async fn ask(person: &Person, path: &str, accept: &str, known: &str) -> Answer {
    let request = person.request(Method::GET, path).header("accept", accept).header("if-none-match", known);
    Answer::of(request.header("accept-encoding", "gzip")).await
}

async fn tag(person: &Person, path: &str, accept: &str) -> String {
    let answer = ask(person, path, accept, "\"nothing\"").await;
    let tag = answer.expect(200).header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag:?}");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert!(answer.header("vary").contains("accept"), "{:?}", answer.headers);
    tag
}

/// What is known is not sent; then something happens, and it is.
async fn is_sent_again_after(person: &Person, what: &str, change: impl Future<Output = ()>) {
    let page = tag(person, PATH, "text/html").await;
    let kept = ask(person, PATH, "text/html", &page).await;
    assert_eq!(kept.expect(304).body, "");
    assert_eq!(kept.header("etag"), page);
    change.await;
    let anew = ask(person, PATH, "text/html", &page).await;
    assert_eq!(anew.status, 200, "the page before: {what}");
    assert_ne!(anew.header("etag"), page);
}

both! {
    async fn a_page_is_sent_again_when_anything_on_it_is_another(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let other = ada.create_room("Elsewhere", "public").await;
        grace.get("/rooms/elsewhere").await.expect(200);
        let (socket, _) = ada.join("general").await;
        let (writing, _) = grace.join("general").await;
        // A read marker may still be on its way from the posts: everything below is asked by grace, who reads nothing by herself.
        socket.post("general", "hello", "1").await;
        grace.get(PATH).await.expect(200);
        is_sent_again_after(&grace, "a message", async { drop(socket.post("general", "more", "2").await) }).await;
        let seq = socket.post("general", "mistaken", "3").await["seq"].take();
        is_sent_again_after(&grace, "an edit", async {
            socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "mended" })).await;
        })
        .await;
        is_sent_again_after(&grace, "a reaction", async {
            socket.ok("react", json!({ "room": "general", "seq": seq, "emoji": "👍", "on": true })).await;
        })
        .await;
        is_sent_again_after(&grace, "a pin", async {
            socket.ok("pin", json!({ "room": "general", "seq": seq, "on": true })).await;
        })
        .await;
        is_sent_again_after(&grace, "an author's name", async {
            ada.post("/settings", &[("name", "Ada Lovelace")]).await.expect(303);
        })
        .await;
        is_sent_again_after(&grace, "one's own name", async {
            grace.post("/settings", &[("name", "Grace Hopper")]).await.expect(303);
        })
        .await;
        is_sent_again_after(&grace, "one's own time zone", async {
            grace.post("/settings", &[("time_zone", "Asia/Tokyo")]).await.expect(303);
        })
        .await;
        is_sent_again_after(&grace, "the read marker", async {
            writing.ok("read", json!({ "room": "general", "seq": seq })).await;
        })
        .await;
        is_sent_again_after(&grace, "how loud the room is", async {
            grace.post("/rooms/general/level", &[("level", "all")]).await.expect(303);
        })
        .await;
        is_sent_again_after(&grace, "the topic", async {
            ada.post("/rooms/general/settings", &[("topic", "News")]).await.expect(303);
        })
        .await;
        is_sent_again_after(&grace, "what waits elsewhere", async {
            ada.write(&other, "over here @grace").await.expect(303);
        })
        .await;
        is_sent_again_after(&grace, "a new member", async { drop(app.register("mary").await.get(PATH).await) }).await;
        is_sent_again_after(&grace, "a deletion", async {
            socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
        })
        .await;
    }

    async fn data_is_known_by_a_tag_of_its_own(app: &TestApp) {
        let ada = app.register("ada").await;
        let (socket, _) = ada.join("general").await;
        let seq = socket.post("general", "hello", "1").await["seq"].take();
        for path in [PATH.to_owned(), format!("{PATH}?before=999"), format!("{PATH}/{seq}")] {
            let (page, data) = (tag(&ada, &path, "text/html").await, tag(&ada, &path, "application/json").await);
            assert_ne!(page, data);
            ask(&ada, &path, "application/json", &data).await.expect(304);
            ask(&ada, &path, "application/json", &page).await.expect(200);
            ask(&ada, &path, "application/json", &format!("{page}, {data}")).await.expect(304);
        }
        let data = tag(&ada, PATH, "application/json").await;
        socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "hello again" })).await;
        ask(&ada, PATH, "application/json", &data).await.expect(200);
    }

    async fn a_tag_opens_no_door(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let room = ada.create_room("Circle", "private").await;
        ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
        let path = format!("/rooms/{room}");
        let (of_ada, of_grace) = (tag(&ada, &path, "text/html").await, tag(&grace, &path, "text/html").await);
        assert_ne!(of_ada, of_grace);
        ask(&grace, &path, "text/html", &of_ada).await.expect(200);
        let data = tag(&grace, &path, "application/json").await;
        ada.post(&format!("{path}/members/grace/remove"), &[]).await.expect(303);
        ask(&grace, &path, "text/html", &of_grace).await.expect(404);
        ask(&grace, &path, "application/json", &data).await.expect(404);
        ask(&app.stranger(), &path, "text/html", &of_ada).await.expect(303);
        let out = ada.post("/logout", &[]).await;
        assert_eq!(out.expect(303).header("clear-site-data"), "\"cache\"");
        ask(&ada, &path, "text/html", &of_ada).await.expect(303);
    }
}
