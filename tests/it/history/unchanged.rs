//! Asking for a page that one has already: "unchanged" is said only when it is, and only to who may see the page.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::both;
use crate::harness::{Answer, Person, TestApp};

const HTML: &str = "text/html";
const JSON: &str = "application/json";

/// A page, with the tag of what the person has already.
async fn again(person: &Person, path: &str, accept: &str, tag: &str) -> Answer {
    Answer::of(person.request(Method::GET, path).header("accept", accept).header("if-none-match", tag)).await
}

/// The tag of a page as it is now; asked for with it, nothing is sent. Of two nodes, one hears of names and presence a moment after the
/// other: then it is the tag on which both agree.
async fn tag(person: &Person, path: &str, accept: &str) -> String {
    let mut tries = 0;
    loop {
        let answer = Answer::of(person.request(Method::GET, path).header("accept", accept)).await;
        let tag = answer.expect(200).header("etag").to_owned();
        assert!(tag.starts_with("W/\"") && tag.len() == 36, "{tag}");
        let unchanged = again(person, path, accept, &tag).await;
        if is_waiting(person, &mut tries, unchanged.status == 200).await {
            continue;
        }
        assert_eq!((unchanged.expect(304).header("etag"), unchanged.body.as_str()), (&*tag, ""), "{path}");
        return tag;
    }
}

/// Whether this is the page of a node that has not heard yet, and is to be asked for again. One node alone has always heard.
async fn is_waiting(person: &Person, tries: &mut u32, is_behind: bool) -> bool {
    *tries += 1;
    let is_waiting = is_behind && person.site.is_balanced && *tries < 200;
    if is_waiting {
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    is_waiting
}

/// A page that has changed since it had this tag.
async fn anew(person: &Person, path: &str, accept: &str, tag: &str) -> Answer {
    let mut tries = 0;
    loop {
        let answer = again(person, path, accept, tag).await;
        if !is_waiting(person, &mut tries, answer.status == 304).await {
            return answer;
        }
    }
}

/// A page without what is another one each time: the form's nonce.
fn without_nonce(page: &str) -> String {
    let (before, rest) = page.split_once("name=\"nonce\" value=\"").expect("a member's page has a form");
    format!("{before}{}", &rest[rest.find('"').expect("a value ends")..])
}

type Act<'a> = (&'a str, bool, Pin<Box<dyn Future<Output = ()> + 'a>>);

#[apply(both)]
async fn what_has_not_changed_is_not_sent_again(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Quiet", "public").await;
    for number in 0..8 {
        ada.write(&room, &format!("word {number}")).await.expect(303);
    }
    for query in ["", "?before=5&limit=3", "?after=2", "?around=4&limit=4", "/4", "?reply_to=3"] {
        let path = format!("/rooms/{room}{query}");
        let page = ada.get(&path).await.expect(200).clone();
        let one = tag(&ada, &path, HTML).await;
        assert_eq!(page.header("etag"), one, "{path}");
        assert_eq!(without_nonce(&page.body), without_nonce(&ada.get(&path).await.body), "{path}");
        // After logging out, the way back leads to no page of before.
        for answer in [&page, &again(&ada, &path, HTML, &one).await] {
            assert_eq!(answer.header("cache-control"), "private, no-store", "{path}");
            assert_eq!(answer.header("vary"), "accept, accept-encoding, cookie", "{path}");
        }
        let data = tag(&ada, &path, JSON).await;
        assert_ne!(one, data);
        for known in ["*".to_owned(), format!("\"x\", {data}"), data.trim_start_matches("W/").to_owned()] {
            let unchanged = again(&ada, &path, JSON, &known).await;
            assert_eq!(unchanged.expect(304).header("cache-control"), "private, no-cache", "{known}");
        }
        again(&ada, &path, HTML, &data).await.expect(200);
        again(&ada, &path, JSON, "W/\"0\", \"\"").await.expect(200);
    }
    let stretches = ["?before=5", "?before=6", "?after=5", "?around=5", "?before=5&limit=2", "?before=5&limit=3"];
    let mut tags = Vec::new();
    for stretch in stretches {
        tags.push(tag(&ada, &format!("/rooms/{room}{stretch}"), HTML).await);
        tags.push(tag(&ada, &format!("/rooms/{room}{stretch}"), JSON).await);
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 2 * stretches.len());
}

#[apply(both)]
async fn whatever_changes_a_page_sends_it_anew(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Busy", "public").await;
    let path = format!("/rooms/{room}");
    ada.write(&room, "first").await.expect(303);
    ada.write(&room, "second").await.expect(303);
    grace.enter(&room).await;
    grace.enter("general").await;
    ada.enter("general").await;
    let direct = ada.post("/direct", &[("users", "grace")]).await.expect(303).location();
    let (socket, _) = ada.join(&room).await;
    let ask = |event: &'static str, data| {
        let asked = socket.ok(event, data);
        Box::pin(async { drop(asked.await) }) as Pin<Box<dyn Future<Output = ()> + '_>>
    };
    let form = |person: &Person, path: &str, field: &'static str, value: &'static str| {
        let (person, path) = (person.clone(), path.to_owned());
        Box::pin(async move { _ = person.post(&path, &[(field, value)]).await.expect(303) }) as Pin<Box<dyn Future<Output = ()>>>
    };
    // What is done, whether the data has it too, and the doing.
    let acts: Vec<Act<'_>> = vec![
        ("another writes", true, form(&grace, &format!("{path}/messages"), "body", "third")),
        ("an edit", true, ask("edit", json!({ "room": room, "seq": 2, "body": "first, better" }))),
        ("a reaction", true, ask("react", json!({ "room": room, "seq": 3, "emoji": "👍", "on": true }))),
        ("it is taken away", true, ask("react", json!({ "room": room, "seq": 3, "emoji": "👍", "on": false }))),
        ("a pin", true, ask("pin", json!({ "room": room, "seq": 3, "on": true }))),
        ("a deletion", true, ask("delete", json!({ "room": room, "seq": 3 }))),
        ("the read marker moves", false, ask("read", json!({ "room": room, "seq": 4 }))),
        ("it moves back", false, ask("unread", json!({ "room": room, "seq": 2 }))),
        ("the room is renamed", true, form(&ada, &format!("{path}/settings"), "name", "Busier")),
        ("it becomes private", true, form(&ada, &format!("{path}/settings"), "visibility", "private")),
        ("it is made quiet", false, form(&ada, &format!("{path}/level"), "level", "muted")),
        ("another shows another name", true, form(&grace, "/settings", "name", "Rear Admiral")),
        ("other colours", false, form(&ada, "/settings", "theme", "dark")),
        ("another time zone", false, form(&ada, "/settings", "time_zone", "Asia/Kolkata")),
        ("something waits elsewhere", false, form(&grace, "/rooms/general/messages", "body", "hear, ada")),
        ("a conversation is written in", false, form(&grace, &format!("{direct}/messages"), "body", "psst")),
    ];
    for (what, is_data, act) in acts {
        let (page, data) = (tag(&ada, &path, HTML).await, tag(&ada, &path, JSON).await);
        act.await;
        assert_eq!(anew(&ada, &path, HTML, &page).await.status, 200, "{what}");
        let after = if is_data { anew(&ada, &path, JSON, &data).await } else { again(&ada, &path, JSON, &data).await };
        assert_eq!(after.status, if is_data { 200 } else { 304 }, "{what}");
    }
    let page = tag(&ada, &path, HTML).await;
    let came = grace.socket().await;
    anew(&ada, &path, HTML, &page).await.expect(200);
    came.frame(tokio_tungstenite::tungstenite::Message::Close(None)).await;
}

#[apply(both)]
async fn a_tag_lets_nobody_in(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Secret", "private").await;
    let path = format!("/rooms/{room}");
    ada.write(&room, "the key is under the third stone").await.expect(303);
    ada.post(&format!("{path}/members"), &[("username", "grace")]).await.expect(303);
    let mut tags = Vec::new();
    for accept in [HTML, JSON] {
        tags.push((accept, tag(&grace, &path, accept).await));
    }
    // A page is its reader's own; data of a room is the same for its readers.
    let hers = tag(&ada, &path, HTML).await;
    again(&grace, &path, HTML, &hers).await.expect(200);
    for (accept, tag) in &tags {
        for known in [tag.as_str(), "*"] {
            assert_eq!(again(&app.stranger(), &path, accept, known).await.status, if *accept == JSON { 401 } else { 303 });
        }
    }
    ada.post(&format!("{path}/members/grace/remove"), &[]).await.expect(303);
    for (accept, tag) in &tags {
        for known in [tag.as_str(), "*"] {
            again(&grace, &path, accept, known).await.expect(404);
        }
    }
    let page = tag(&ada, &path, HTML).await;
    let data = tag(&ada, &path, JSON).await;
    let cookies = ada.cookies();
    ada.post("/logout", &[]).await.expect(303);
    let former = app.stranger();
    for cookie in cookies.split("; ") {
        former.plant_cookie(cookie);
    }
    for person in [&ada, &former] {
        again(person, &path, HTML, &page).await.expect(303);
        again(person, &path, JSON, &data).await.expect(401);
    }
}

#[apply(both)]
async fn a_compressed_page_is_known_by_its_tag_too(app: &TestApp) {
    let ada = app.register("ada").await;
    let request = || ada.request(Method::GET, "/rooms/general").header("accept", HTML).header("accept-encoding", "gzip");
    let page = Answer::of(request()).await;
    assert_eq!(page.expect(200).header("content-encoding"), "gzip");
    let tag = page.header("etag").to_owned();
    assert_eq!(tag, ada.get("/rooms/general").await.header("etag"));
    let unchanged = Answer::of(request().header("if-none-match", &tag)).await;
    assert_eq!((unchanged.expect(304).body.as_str(), unchanged.header("content-encoding")), ("", ""));
}
