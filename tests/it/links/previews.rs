//! How a message gets the previews of its links.

use serde_json::{Value, json};

use super::{link, post, previewed, read, settled, titles};
use crate::everywhere;
use crate::harness::{DEADLINE, TestApp, web_pages};

#[apply(everywhere)]
async fn a_link_is_previewed_live_in_the_log_and_on_the_page(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    eve.enter(&room).await;
    let (socket, _) = ada.join(&room).await;
    let (hers, _) = eve.join(&room).await;
    let name = web_pages::name();
    let posted = post(&socket, &room, &format!("Look: {}", link(&format!("plain/{name}")))).await;
    assert_eq!(posted["links"], Value::Null);
    let message = previewed(&hers, &posted).await;
    let expected = json!([{ "url": link(&format!("plain/{name}")), "title": format!("Page {name}"), "description": format!("About {name}") }]);
    assert_eq!(message["links"], expected);
    assert!(message["rev"].as_i64() > posted["rev"].as_i64(), "it is a change of the room");
    for unchanged in ["body", "html", "created_at", "edited_at", "author"] {
        assert_eq!(message[unchanged], posted[unchanged], "{unchanged}");
    }
    // Whoever was away hears of it by its rev.
    let missed = eve.socket().await.ok("sync", json!({ "room": room, "after": posted["rev"] })).await;
    assert_eq!(missed["messages"][0]["links"], expected);
    assert_eq!(read(&eve, &room, &posted).await["links"], expected);
    let page = eve.get(&format!("/rooms/{room}")).await.body;
    assert!(page.contains(&format!("Page {name}</a>")) && page.contains(&format!("<p>About {name}</p>")), "{page}");
    assert_eq!(web_pages::asked(&format!("/plain/{name}")), 1, "once, by one node");
    app.database.check_rooms().await;
}

#[apply(everywhere)]
async fn only_what_the_author_says_is_previewed_and_only_so_much(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Tea", "private").await;
    let (socket, _) = ada.join(&room).await;
    let most = if app.has_two_nodes() { 2 } else { 1 };
    let names: Vec<_> = (0..5).map(|_| web_pages::name()).collect();
    let links: Vec<_> = names.iter().map(|name| link(&format!("plain/{name}"))).collect();
    let many = post(&socket, &room, &format!("{} {} {} {} {}", links[2], links[0], links[2], links[1], links[3])).await;
    let expected: Vec<_> = [2, 0, 1].map(|nth: usize| format!("Page {}", names[nth])).into();
    assert_eq!(titles(&previewed(&socket, &many).await), expected);
    let named = post(&socket, &room, &format!("[words]({}) and `{}`", links[0], links[4])).await;
    assert_eq!(titles(&previewed(&socket, &named).await), [format!("Page {}", names[0])]);
    // Known from the first message, to the node that asked.
    assert!((1..=most).contains(&web_pages::asked(&format!("/plain/{}", names[0]))));
    for silent in [
        format!("`{}`", links[4]),
        format!("> {}", links[4]),
        format!("```\n{}\n```", links[4]),
        "http://127.0.0.1/ and http://localhost/ and http://pages.test:8080/ and http://user:secret@pages.test/plain/x"
            .to_owned(),
        format!("{} {}", link("inside/x"), link("missing/x")),
        "http://elsewhere.example/ mailto:ada@example.com".to_owned(),
    ] {
        let message = post(&socket, &room, &silent).await;
        settled(app).await;
        assert_eq!(read(&ada, &room, &message).await["rev"], message["rev"], "{silent}");
    }
    assert_eq!(web_pages::asked(&format!("/plain/{}", names[4])), 0);
    assert_eq!(web_pages::asked(&format!("/plain/{}", names[3])), 0);
}

#[apply(everywhere)]
async fn an_edit_changes_and_removes_previews(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Tea", "private").await;
    let (socket, _) = ada.join(&room).await;
    let (one, two) = (web_pages::name(), web_pages::name());
    let message = post(&socket, &room, &link(&format!("moved/{one}"))).await;
    assert_eq!(titles(&previewed(&socket, &message).await), [format!("Page {one}")]);
    let edit = async |body: &str| {
        socket.ok("edit", json!({ "room": room, "seq": message["seq"], "body": body })).await["message"].clone()
    };
    // The same link: nothing changes.
    let edited = edit(&format!("again {}", link(&format!("moved/{one}")))).await;
    assert_eq!(titles(&edited), [format!("Page {one}")]);
    let edited = edit(&link(&format!("plain/{two}"))).await;
    assert_eq!(edited["links"], Value::Null);
    let two_title = format!("Page {two}");
    socket.next_where("message", |it| titles(it) == [&*two_title]).await;
    let edited = edit("no link at all").await;
    assert_eq!(edited["links"], Value::Null);
    settled(app).await;
    assert_eq!(read(&ada, &room, &message).await["links"], Value::Null);
}

#[apply(everywhere)]
async fn what_changed_meanwhile_gets_no_preview(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Tea", "private").await;
    let (socket, _) = ada.join(&room).await;
    let (deleted, edited) = (web_pages::name(), web_pages::name());
    let paths = [format!("/held/{deleted}"), format!("/held/{edited}")];
    let gone = post(&socket, &room, &link(&paths[0][1..])).await;
    let changed = post(&socket, &room, &link(&paths[1][1..])).await;
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    while paths.iter().any(|path| web_pages::asked(path) == 0) {
        assert!(tokio::time::Instant::now() < deadline, "nobody asks");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    socket.ok("delete", json!({ "room": room, "seq": gone["seq"] })).await;
    socket.ok("edit", json!({ "room": room, "seq": changed["seq"], "body": "without a link" })).await;
    for path in &paths {
        web_pages::release(path);
    }
    settled(app).await;
    for message in [&gone, &changed] {
        assert_eq!(read(&ada, &room, message).await["links"], Value::Null);
    }
    app.database.check_rooms().await;
}

#[apply(everywhere)]
async fn a_page_cannot_harm_those_who_see_its_preview(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Tea", "private").await;
    let (socket, _) = ada.join(&room).await;
    let message = post(&socket, &room, &link(&format!("hostile/{}", web_pages::name()))).await;
    let message = previewed(&socket, &message).await;
    assert_eq!(titles(&message), ["Page <script>alert(1)</script>\""]);
    assert_eq!(message["links"][0]["image"], Value::Null, "what is not a picture is not shown as one");
    let page = ada.get(&format!("/rooms/{room}")).await.body;
    assert!(!page.contains("<script>alert") && page.contains("alert(1)"));
}

#[apply(everywhere)]
async fn the_picture_of_a_page_is_a_file_of_the_message(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "private").await;
    let (socket, _) = ada.join(&room).await;
    let name = web_pages::name();
    let mut images = Vec::new();
    let mut seqs = Vec::new();
    for path in [format!("page/{name}"), format!("page/{name}"), format!("picture/{name}.png")] {
        let posted = post(&socket, &room, &link(&path)).await;
        let message = previewed(&socket, &posted).await;
        let image = message["links"][0]["image"].as_str().expect("a picture").to_owned();
        // A request waits for it, but not for ever.
        let deadline = tokio::time::Instant::now() + DEADLINE;
        let small = loop {
            let small = ada.get(&format!("{image}?size=small")).await;
            if small.status == 200 {
                break small;
            }
            assert!(tokio::time::Instant::now() < deadline, "{image}: {}", small.status);
        };
        assert!(small.header("content-type").starts_with("image/"));
        eve.get(&image).await.expect(404);
        images.push(image);
        seqs.push(posted["seq"].clone());
    }
    let asked = (web_pages::asked(&format!("/page/{name}")), web_pages::asked(&format!("/picture/{name}.png")));
    // Each node knows what it has asked for itself.
    assert!(asked == (1, 2) || app.has_two_nodes() && asked == (2, 3), "{asked:?}");
    let page = ada.get(&format!("/rooms/{room}")).await.body;
    assert!(images.iter().all(|image| page.contains(&format!("<img src=\"{image}?size=small\""))), "{page}");
    // Each message has its own: one goes with its message, one with its preview, one with an edit.
    socket.ok("delete", json!({ "room": room, "seq": seqs[0] })).await;
    ada.get(&images[0]).await.expect(404);
    ada.get(&images[1]).await.expect(200);
    socket.ok("links", json!({ "room": room, "seq": seqs[1], "on": false })).await;
    ada.get(&images[1]).await.expect(404);
    socket.ok("edit", json!({ "room": room, "seq": seqs[2], "body": "no more" })).await;
    ada.get(&images[2]).await.expect(404);
    assert!(app.database.rows("files").await.is_empty());
    app.database.check_rooms().await;
}
