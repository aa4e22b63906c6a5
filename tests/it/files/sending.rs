//! Sending files by form.

use reqwest::multipart::{Form, Part};

use super::{attachments, form, objects, send, send_one, somebody};
use crate::harness::{Server, TestApp};
use crate::{both, everywhere};

#[apply(everywhere)]
async fn a_message_takes_the_files_of_its_form(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let form = form(&[("notes.txt", b"first"), ("more.txt", b"second")])
        .text("alt", "the first")
        .text("body", "Look at *this*")
        .text("nonce", "a-nonce");
    let answer = send(&ada, &room, form).await;
    let files = attachments(&answer);
    assert_eq!(answer.json()["message"]["body"], "Look at *this*");
    assert_eq!(files[0]["name"], "notes.txt");
    assert_eq!(files[0]["type"], "text/plain");
    assert_eq!(files[0]["bytes"], 5);
    assert_eq!(files[0]["alt"], "the first");
    let url = files[1]["url"].as_str().unwrap();
    assert_eq!(ada.get(url).await.expect(200).body, "second");
    // A retry is the same message, and leaves no second copy.
    let again = super::form(&[("notes.txt", b"first")]).text("nonce", "a-nonce");
    assert_eq!(attachments(&send(&ada, &room, again).await)[0]["id"], files[0]["id"]);
}

#[apply(both)]
async fn a_plain_form_leads_to_the_message(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let request = ada.request(reqwest::Method::POST, &format!("/rooms/{room}/files"));
    let request = request.header("origin", &ada.site.origin).multipart(form(&[("a.txt", b"a")]));
    let answer = crate::harness::Answer::of(request).await;
    assert!(answer.expect(303).location().starts_with(&format!("/rooms/{room}#m")));
}

#[apply(both)]
async fn a_form_without_a_file_is_a_message_or_nothing(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let empty = || Form::new().part("file", Part::bytes(Vec::new()).file_name(""));
    send(&ada, &room, empty()).await.expect(422);
    send(&ada, &room, empty().text("body", "only words")).await.expect(201);
    let strangers = app.register("grace").await;
    send(&strangers, &room, form(&[("a.txt", b"a")])).await.expect(404);
}

#[apply(both)]
async fn limits_are_told(database: &crate::harness::Database) {
    let settings = [("MAX_FILE_SIZE", "10KB"), ("FILE_QUOTA", "25KB")];
    let mut server = Server::start(database.url(), &settings).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let large = send(&ada, &room, form(&[("a.bin", &[0; 10 * 1024 + 1])])).await;
    let error = &large.expect(413).json()["error"];
    assert_eq!(error["message"], "Files can have up to 10 KB.");
    assert_eq!((&error["code"], &error["field"]), (&"invalid".into(), &"file".into()));
    let full: Vec<_> = (0..3u8).map(|n| vec![n; 10 * 1024]).collect();
    send(&ada, &room, form(&[("a.bin", &full[0]), ("b.bin", &full[1])])).await.expect(201);
    let over = send(&ada, &room, form(&[("c.bin", &full[2])])).await;
    assert!(over.expect(413).json()["error"]["message"].as_str().unwrap().contains("share of 25 KB"));
    assert_eq!(objects(&server.files.path().join("blobs")).len(), 2, "nothing is left of what was refused");
    server.stop().await;
}

#[apply(both)]
async fn the_same_content_is_stored_once(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    for name in ["a.txt", "b.txt"] {
        send_one(&ada, &room, name, b"the same").await;
    }
    if !app.has_two_nodes() {
        assert_eq!(objects(&app.files.path().join("blobs")).len(), 1);
    }
}
