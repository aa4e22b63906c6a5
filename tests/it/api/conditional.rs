//! `ETag` and `If-None-Match` on what programs read.

use reqwest::Method;
use serde_json::json;

use super::{Program, document, writer};
use crate::harness::{Answer, TestApp};
use crate::{both, everywhere};

/// Asks for what one has seen with this tag.
async fn again(program: &Program, path: &str, etag: &str) -> Answer {
    let answer = Answer::of(program.request(Method::GET, path).header("if-none-match", etag)).await;
    document::validate(&Method::GET, path, &answer);
    answer
}

#[apply(everywhere)]
async fn what_is_unchanged_is_not_sent_again(app: &TestApp) {
    let (_, ada) = writer(app, "ada").await;
    let (_, grace) = writer(app, "grace").await;
    ada.say("general", "one").await;
    ada.put("/rooms/general/draft", json!({ "body": "two" })).await.expect(200);
    for path in [
        "/rooms",
        "/rooms?q=gen",
        "/rooms/general",
        "/rooms/general/members",
        "/rooms/general/pins",
        "/rooms/general/changes?after=0",
        "/rooms/general/draft",
        "/me/drafts",
        "/me/blocks",
        "/people",
    ] {
        let seen = ada.get(path).await;
        let etag = seen.expect(200).header("etag").to_owned();
        assert!(!etag.is_empty(), "{path}");
        let head = Answer::of(ada.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.header("etag"), &*head.body), (200, &*etag, ""), "{path}");
        let head = Answer::of(ada.request(Method::HEAD, path).header("if-none-match", &etag)).await;
        assert_eq!((head.status, head.header("etag")), (304, &*etag), "{path}");
        for known in [etag.clone(), format!("\"x\", {etag}"), "*".to_owned()] {
            let unchanged = again(&ada, path, &known).await;
            assert_eq!((unchanged.status, unchanged.header("etag")), (304, &*etag), "{path}");
        }
        assert_eq!(again(&ada, path, "\"x\"").await.expect(200).json(), seen.json(), "{path}");
    }
    // A refusal has none.
    assert_eq!(ada.get("/admin/settings").await.expect(403).header("etag"), "");
    // It changes with what is in it, and is nobody else's.
    let etag = ada.get("/me/drafts").await.header("etag").to_owned();
    assert_eq!(again(&grace, "/me/drafts", &etag).await.expect(200).json()["drafts"], json!([]));
    ada.put("/rooms/general/draft", json!({ "body": "three" })).await.expect(200);
    assert_eq!(again(&ada, "/me/drafts", &etag).await.expect(200).json()["drafts"][0]["body"], "three");
    // What changes something is done whatever the client has.
    let request = ada.request(Method::PUT, "/rooms/general/draft").header("if-none-match", "*").json(&json!({ "body": "four" }));
    assert_eq!(Answer::of(request).await.expect(200).json()["draft"]["body"], "four");
}

#[apply(both)]
async fn a_tag_grants_nothing_and_what_waits_has_none(app: &TestApp) {
    let (person, ada) = writer(app, "ada").await;
    let (_, eve) = writer(app, "eve").await;
    let room = person.create_room("Secret circle", "private").await;
    let path = format!("/rooms/{room}/members");
    let etag = ada.get(&path).await.expect(200).header("etag").to_owned();
    for known in [&*etag, "*"] {
        again(&eve, &path, known).await.expect(404);
    }
    let head = ada.get("/rooms/general/changes").await.expect(200).json()["head"]["rev"].clone();
    let waited = ada.get(&format!("/rooms/general/changes?wait=0.01&after={head}")).await;
    assert_eq!(waited.expect(200).header("etag"), "");
}
