//! Acting on messages without scripts.

use serde_json::json;

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn every_act_has_a_form_and_the_page_offers_what_one_may_do(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    grace.enter("general").await;
    let seq = socket.post("general", "tea?", "1").await["seq"].take();
    let more = format!("/rooms/general/{seq}/more");
    let own = ada.get(&more).await.expect(200).body.clone();
    for act in ["react", "pin", "unread", "edit", "delete"] {
        assert!(own.contains(&format!("action=\"/rooms/general/{seq}/{act}\"")), "{act} is not offered: {own}");
    }
    let theirs = grace.get(&more).await.expect(200).body.clone();
    assert!(theirs.contains("/react\"") && !theirs.contains("/edit\"") && !theirs.contains("/delete\""), "{theirs}");
    assert_eq!(grace.post(&format!("/rooms/general/{seq}/edit"), &[("body", "coffee!")]).await.status, 403);
    assert_eq!(grace.post(&format!("/rooms/general/{seq}/delete"), &[]).await.status, 403);

    let back = grace.post(&format!("/rooms/general/{seq}/react"), &[("emoji", "👍"), ("on", "true")]).await;
    assert_eq!(back.expect(303).location(), format!("/rooms/general/{seq}#m{seq}"));
    assert_eq!(socket.next_where("message", |it| it["reactions"].is_array()).await["reactions"][0]["users"], json!(["grace"]));
    ada.post(&format!("/rooms/general/{seq}/pin"), &[("on", "true")]).await.expect(303);
    ada.post(&format!("/rooms/general/{seq}/edit"), &[("body", "coffee?")]).await.expect(303);
    let message = socket.hears("coffee?").await;
    assert!(message["pinned"].is_object() && message["edited_at"].is_string());
    grace.post(&format!("/rooms/general/{seq}/unread"), &[]).await.expect(303);
    assert!(grace.get("/rooms").await.expect(200).body.contains("unread"));
    grace.post("/rooms/general/read", &[]).await.expect(303);
    ada.post(&format!("/rooms/general/{seq}/delete"), &[]).await.expect(303);
    socket.next_where("message", |it| it["deleted_at"].is_string()).await;
}

#[apply(everywhere)]
async fn a_refused_form_says_why_and_keeps_the_words(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "tea?", "1").await["seq"].take();
    let long = "x".repeat(8001);
    let answer = ada.post(&format!("/rooms/general/{seq}/edit"), &[("body", &long)]).await;
    assert!(answer.expect(422).body.contains(&long), "the words are lost");
    assert_eq!(ada.post(&format!("/rooms/general/{seq}/react"), &[("emoji", "lol"), ("on", "true")]).await.status, 422);
    assert_eq!(ada.post(&format!("/rooms/general/{seq}/react"), &[("emoji", "👍"), ("on", "maybe")]).await.status, 422);
    assert_eq!(ada.post(&format!("/rooms/general/{seq}/frobnicate"), &[]).await.status, 404);
    assert_eq!(ada.post("/rooms/general/99/pin", &[("on", "true")]).await.status, 404);
    assert_eq!(ada.get("/rooms/general/x/more").await.status, 404);
}

#[apply(everywhere)]
async fn an_answer_is_written_under_what_it_answers(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    grace.enter("general").await;
    let seq = socket.post("general", "who has the **key**?", "1").await["seq"].take();
    let page = grace.get(&format!("/rooms/general?reply_to={seq}")).await.expect(200).body.clone();
    assert!(page.contains(&format!("name=\"reply_to\" value=\"{seq}\"")), "{page}");
    let fields = [("body", "I do"), ("reply_to", &*seq.to_string())];
    grace.post("/rooms/general/messages", &fields).await.expect(303);
    assert_eq!(socket.hears("I do").await["reply_to"], seq);
    let page = grace.get("/rooms/general").await.expect(200).body.clone();
    assert!(page.contains("who has the") && page.contains(&format!("href=\"/rooms/general/{seq}\"")));
    // Once the answered words are deleted, no quote holds them.
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    let page = grace.get("/rooms/general").await.expect(200).body.clone();
    assert!(!page.contains("who has the"), "{page}");
}

#[apply(everywhere)]
async fn unread_messages_begin_under_a_line(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (reading, _) = grace.join("general").await;
    let seq = socket.post("general", "known", "1").await["seq"].take();
    reading.ok("read", json!({ "room": "general", "seq": seq })).await;
    assert!(!grace.get("/rooms/general").await.expect(200).body.contains("class=\"fresh\""));
    socket.post("general", "news", "2").await;
    socket.post("general", "more news", "3").await;
    let page = grace.get("/rooms/general").await.expect(200).body.clone();
    assert_eq!(page.matches("class=\"fresh\"").count(), 1, "{page}");
    let (line, first, known) = (page.find("class=\"fresh\""), page.find(">news<"), page.find(">known<"));
    assert!(known < line && line < first, "{page}");
    assert!(!ada.get("/rooms/general").await.expect(200).body.contains("class=\"fresh\""), "one's own words are no news");
}
