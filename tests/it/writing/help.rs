//! What helps to write: the emoji, and the lists that names are completed from.

use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use serde_json::json;

use crate::harness::{Answer, TestApp};
use crate::{both, once};

#[apply(once)]
async fn the_emoji_can_be_kept_by_browsers_and_each_shortcode_is_one(app: &TestApp) {
    let answer = app.stranger().get("/emoji.json").await.expect(200).clone();
    assert!(answer.header("cache-control").contains("max-age"));
    let again = app.stranger().request(Method::GET, "/emoji.json").header(IF_NONE_MATCH, answer.header("etag"));
    Answer::of(again).await.expect(304);
    let socket = app.register("ada").await.socket().await;
    let list = answer.json();
    let mut seen = 0;
    for group in list["groups"].as_array().expect("groups") {
        assert!(!group["name"].as_str().expect("a name").is_empty());
        for (number, emoji) in group["emoji"].as_array().expect("emoji").iter().enumerate() {
            seen += 1;
            let (sign, code) = (emoji[0].as_str().expect("an emoji"), emoji[2][0].as_str().expect("a shortcode"));
            if number % 40 == 0 {
                let shown = socket.ok("preview", json!({ "body": format!(":{code}:") })).await;
                assert_eq!(shown["html"], format!("<p class=\"emoji\">{sign}</p>\n"), "{code}");
            }
        }
    }
    assert!(seen > 1000, "{seen}");
}

#[apply(both)]
async fn completions_come_from_lists_that_hide_what_one_may_not_see(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let den = ada.create_room("Den", "private").await;
    let rooms = eve.get_json("/rooms").await.expect(200).json();
    let slugs: Vec<_> = rooms["rooms"].as_array().expect("rooms").iter().map(|listed| listed["room"]["slug"].clone()).collect();
    assert_eq!(slugs, [json!("general")]);
    eve.get_json(&format!("/rooms/{den}/members")).await.expect(404);
    let members = ada.get_json(&format!("/rooms/{den}/members")).await.expect(200).json();
    assert_eq!(members["members"][0]["person"]["username"], "ada");
}
