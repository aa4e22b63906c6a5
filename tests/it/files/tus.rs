//! Uploads in parts.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{objects, post, somebody};
use crate::harness::{Answer, Person, TestApp};
use crate::{both, everywhere};

fn request(person: &Person, method: Method, path: &str) -> RequestBuilder {
    person.request(method, path).header("tus-resumable", "1.0.0").header("origin", &person.site.origin)
}

/// Begins an upload, and returns its path.
pub async fn begin(person: &Person, bytes: usize) -> String {
    let begun =
        request(person, Method::POST, "/uploads").header("upload-length", bytes).header("upload-metadata", "filename YS50eHQ=");
    Answer::of(begun).await.expect(201).location()
}

pub async fn append(person: &Person, path: &str, offset: usize, bytes: &[u8]) -> Answer {
    let patch = request(person, Method::PATCH, path).header("upload-offset", offset);
    Answer::of(patch.header("content-type", "application/offset+octet-stream").body(bytes.to_vec())).await
}

pub async fn offset(person: &Person, path: &str) -> String {
    Answer::of_head(request(person, Method::HEAD, path)).await.expect(200).header("upload-offset").to_owned()
}

/// Uploads something, and returns its id.
pub async fn upload(person: &Person, bytes: &[u8]) -> String {
    let path = begin(person, bytes.len()).await;
    append(person, &path, 0, bytes).await.expect(204);
    path.rsplit('/').next().unwrap().to_owned()
}

#[apply(everywhere)]
async fn an_upload_comes_in_parts_to_any_node(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let path = begin(&ada, 10).await;
    let part = append(&ada, &path, 0, b"01234").await;
    assert_eq!((part.expect(204).header("upload-offset"), part.header("tus-resumable")), ("5", "1.0.0"));
    assert!(!part.header("upload-expires").is_empty());
    assert_eq!(offset(&ada, &path).await, "5");
    append(&ada, &path, 4, b"x").await.expect(409);
    let id = path.rsplit('/').next().unwrap();
    let unfinished = post(&ada, &room, &[id]).await;
    assert_eq!((&unfinished["error"]["code"], &unfinished["error"]["field"]), (&json!("invalid"), &json!("attachments")));
    append(&ada, &path, 5, b"56789").await.expect(204);
    assert_eq!(offset(&ada, &path).await, "10");
    let posted = post(&ada, &room, &[id]).await;
    let file = &posted["message"]["attachments"][0];
    assert_eq!((&file["name"], &file["bytes"]), (&json!("a.txt"), &json!(10)));
    assert_eq!(ada.get(file["url"].as_str().unwrap()).await.expect(200).body, "0123456789");
    // It is a message's now.
    Answer::of(request(&ada, Method::DELETE, &path)).await.expect(404);
    Answer::of_head(request(&ada, Method::HEAD, &path)).await.expect(404);
}

#[apply(both)]
async fn a_small_file_takes_one_request(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let begin = |bytes: usize, first: &'static [u8]| {
        let begun =
            request(&ada, Method::POST, "/uploads").header("upload-length", bytes).header("upload-metadata", "filename YS50eHQ=");
        Answer::of(begun.header("content-type", "application/offset+octet-stream").body(first))
    };
    let whole = begin(5, b"01234").await;
    assert_eq!(whole.expect(201).header("upload-offset"), "5");
    let id = whole.location().rsplit('/').next().unwrap().to_owned();
    let posted = post(&ada, &room, &[&id]).await;
    assert_eq!(ada.get(posted["message"]["attachments"][0]["url"].as_str().unwrap()).await.expect(200).body, "01234");
    // The rest may come later.
    let begun = begin(5, b"012").await;
    assert_eq!(begun.expect(201).header("upload-offset"), "3");
    append(&ada, &begun.location(), 3, b"34").await.expect(204);
    // More than was said is refused, and nothing of it stays.
    begin(2, b"012").await.expect(413);
    assert_eq!(app.database.query("select id from files where received < bytes").await.len(), 0);
}

#[apply(both)]
async fn one_is_told_how_much_one_has_stored(app: &TestApp) {
    let (ada, _) = somebody(app).await;
    let told = async || ada.get("/uploads").await.expect(200).json();
    let quota = 10u64 << 30;
    assert_eq!(told().await, json!({ "used": 0, "quota": quota, "largest": 100 << 20 }));
    upload(&ada, b"0123456789").await;
    begin(&ada, 90).await;
    // What is on its way counts whole; what others have does not count.
    upload(&app.register("grace").await, b"012").await;
    assert_eq!(told().await["used"], 100);
    assert!(ada.get("/settings").await.expect(200).body.contains("Your files take 100 bytes of 10 GB."));
}

#[apply(both)]
async fn the_protocol_is_as_the_standard_says(app: &TestApp) {
    let (ada, _) = somebody(app).await;
    let can = Answer::of(ada.request(Method::OPTIONS, "/uploads")).await;
    assert_eq!(can.expect(204).header("tus-extension"), "creation,creation-with-upload,termination,expiration");
    assert_eq!(can.header("tus-max-size"), (100u64 << 20).to_string());
    let old = Answer::of(ada.request(Method::POST, "/uploads").header("upload-length", 1)).await;
    assert_eq!(old.expect(412).header("tus-version"), "1.0.0");
    Answer::of(request(&ada, Method::POST, "/uploads")).await.expect(400);
    let large = request(&ada, Method::POST, "/uploads").header("upload-length", (100u64 << 20) + 1);
    Answer::of(large).await.expect(413);
    let path = begin(&ada, 3).await;
    let plain = request(&ada, Method::PATCH, &path).header("upload-offset", 0).body("abc");
    Answer::of(plain).await.expect(415);
    append(&ada, &path, 0, b"abcd").await.expect(413);
    let grace = app.register("grace").await;
    append(&grace, &path, 0, b"abc").await.expect(404);
    Answer::of_head(request(&grace, Method::HEAD, &path)).await.expect(404);
    Answer::of(request(&grace, Method::DELETE, &path)).await.expect(404);
    Answer::of(request(&ada, Method::DELETE, &path)).await.expect(204);
    append(&ada, &path, 0, b"abc").await.expect(404);
    let empty = begin(&ada, 0).await;
    assert_eq!(offset(&ada, &empty).await, "0");
}

#[apply(both)]
async fn an_upload_that_nobody_takes_expires(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let path = begin(&ada, 10).await;
    append(&ada, &path, 0, b"01234").await.expect(204);
    let id = upload(&ada, b"whole").await;
    app.pass(Duration::from_secs(24 * 60 * 60 + 1));
    Answer::of_head(request(&ada, Method::HEAD, &path)).await.expect(404);
    assert_eq!(post(&ada, &room, &[&id]).await["error"]["code"], "invalid");
    let _ = objects(app.files.path());
}
