//! Snippets, and the page with its states.

use super::{ask, say};
use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn a_result_is_a_whole_message_with_its_words_marked(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let message = socket.post("general", "Une *crème brûlée* 東京 &c.", "1").await;
    let found = ask(&ada, "creme 京", "").await.expect(200).json();
    assert_eq!(found["results"][0]["message"], message);
    assert_eq!(found["results"][0]["snippet"], "Une <mark>crème</mark> brûlée 東<mark>京</mark> &amp;c.");
    assert_eq!((&found["more"], &found["next"]), (&false.into(), &serde_json::Value::Null));
    let live = socket.ok("search", serde_json::json!({ "q": "creme 京" })).await;
    assert_eq!(live["results"], found["results"]);
}

#[apply(both)]
async fn hostile_words_stay_words(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let hostile = "<script>alert('fish')</script><img src=x onerror=\"fish()\"> <mark>fish</mark> & \u{202E}fish";
    say(&socket, "general", &[hostile]).await;
    let found = ask(&ada, "fish script img mark", "").await.expect(200).json();
    let snippet = found["results"][0]["snippet"].as_str().expect("a text");
    let plain = snippet.replace("<mark>", "").replace("</mark>", "");
    assert!(!plain.contains(['<', '>', '"', '\'']) && snippet.contains("<mark>fish</mark>"), "{snippet}");
    for q in [hostile, "\"><script>alert(1)</script>", "fish"] {
        let page = ada.get(&format!("/search?q={}", crate::search::encode(q))).await;
        let body = &page.body;
        assert!(!body.contains("<script>alert") && !body.contains("<img src=x") && !body.contains("onerror=\""), "{body}");
    }
}
