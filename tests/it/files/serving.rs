//! Reading files: who may, and how browsers get them.

use reqwest::Method;
use serde_json::json;

use super::{pictures, send_one, somebody};
use crate::harness::{Answer, Person, TestApp};
use crate::{both, everywhere};

async fn get(person: &Person, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(person.request(Method::GET, url), |request, (name, value)| request.header(*name, *value));
    Answer::of(request).await
}

#[apply(everywhere)]
async fn whoever_may_read_the_room_now_reads_its_files(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let grace = app.register("grace").await;
    let file = send_one(&ada, &room, "plan.txt", b"the plan").await;
    let url = file["url"].as_str().unwrap();
    grace.get(url).await.expect(404);
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
    app.comes_to(200, async || grace.get(url).await.status).await;
    let etag = grace.get(url).await.header("etag").to_owned();
    get(&grace, url, &[("if-none-match", &etag)]).await.expect(304);
    ada.post(&format!("/rooms/{room}/members/grace/remove"), &[]).await.expect(303);
    // Cached or not.
    get(&grace, url, &[("if-none-match", &etag)]).await.expect(404);
    app.stranger().get(url).await.expect(303);
    ada.get(url).await.expect(200);
    let (socket, _) = ada.join(&room).await;
    let messages = ada.get_json(&format!("/rooms/{room}")).await.json()["messages"].clone();
    let with_file = messages.as_array().unwrap().iter().find(|message| message["attachments"].is_array()).unwrap();
    socket.ok("delete", json!({ "room": room, "seq": with_file["seq"] })).await;
    ada.get(url).await.expect(404);
}

#[apply(both)]
async fn ranges_are_served(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let file = send_one(&ada, &room, "count.txt", b"0123456789").await;
    let url = file["url"].as_str().unwrap();
    let whole = get(&ada, url, &[]).await;
    assert_eq!(whole.expect(200).header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-length"), "10");
    assert_eq!(whole.header("cache-control"), "private, no-cache");
    let part = get(&ada, url, &[("range", "bytes=2-4")]).await;
    assert_eq!((&*part.expect(206).body, part.header("content-range")), ("234", "bytes 2-4/10"));
    let none = get(&ada, url, &[("range", "bytes=10-")]).await;
    assert_eq!(none.expect(416).header("content-range"), "bytes */10");
    let etag = whole.header("etag").to_owned();
    assert_eq!(get(&ada, url, &[("range", "bytes=-1"), ("if-range", &etag)]).await.expect(206).body, "9");
    assert_eq!(get(&ada, url, &[("range", "bytes=-1"), ("if-range", "\"other\"")]).await.expect(200).body, "0123456789");
    let head = Answer::of_head(ada.request(Method::HEAD, url)).await;
    assert_eq!(head.expect(200).header("content-length"), "10");
    // The bytes are the file's, whatever a client would accept.
    let plain = get(&ada, url, &[("accept-encoding", "gzip")]).await;
    assert_eq!(plain.header("content-encoding"), "");
}

#[apply(both)]
async fn what_could_run_is_downloaded(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let png = &*pictures::fixtures::saved(&pictures::fixtures::corners(4, 4), image::ImageFormat::Png);
    for (name, bytes, is_inline) in [
        ("page.html", &b"<!doctype html><script>alert(1)</script>"[..], false),
        ("page.png", b"<html><script>alert(1)</script>", false),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", false),
        ("code.js", b"alert(1)", false),
        ("paper.pdf", b"%PDF-1.7", false),
        ("words.txt", b"words", true),
        ("picture.html", png, true),
    ] {
        let file = send_one(&ada, &room, name, bytes).await;
        let answer = get(&ada, file["url"].as_str().unwrap(), &[]).await;
        let disposition = answer.expect(200).header("content-disposition");
        assert_eq!(disposition.starts_with("inline"), is_inline, "{name}: {disposition}");
        assert!(disposition.contains(&format!("filename=\"{name}\"")), "{disposition}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").ends_with("sandbox"));
        assert!(!answer.header("content-type").contains("html") && !answer.header("content-type").contains("svg"));
    }
}

#[apply(both)]
async fn an_upload_is_its_makers_alone(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let grace = app.register("grace").await;
    let id = crate::files::tus::upload(&ada, b"mine").await;
    ada.get(&format!("/files/{id}/file")).await.expect(200);
    grace.get(&format!("/files/{id}/file")).await.expect(404);
    let stolen = crate::files::post(&grace, &grace.create_room("Hers", "private").await, &[&id]).await;
    assert_eq!((&stolen["error"]["code"], &stolen["error"]["field"]), (&json!("invalid"), &json!("attachments")));
    assert_eq!(crate::files::post(&ada, &room, &[&id]).await["ok"], true);
}
