//! The people of direct messages are fixed: nobody comes, goes, or is let in, and outsiders do not know that there is anything.

use serde_json::{Value, json};

use super::open;
use crate::both;
use crate::harness::{Person, TestApp};

async fn trio(app: &TestApp) -> (Person, Person, Person, String) {
    let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
    let slug = open(&ada, "grace").await;
    ada.write(&slug, "the key is under the third stone").await.expect(303);
    (ada, grace, eve, slug)
}

async fn members(app: &TestApp) -> Vec<Value> {
    app.database
        .query("select user_id, room_id from memberships where room_id in (select id from rooms where direct_key is not null)")
        .await
}

#[apply(both)]
async fn nobody_is_brought_in_sent_out_or_leaves_and_the_name_stays(app: &TestApp) {
    let (ada, grace, _eve, slug) = trio(app).await;
    let before = members(app).await;
    assert_eq!(before.len(), 2);
    let at = |what: &str| format!("/rooms/{slug}/{what}");
    for person in [&ada, &grace] {
        assert_eq!(person.post(&at("members"), &[("username", "eve")]).await.status, 403);
        assert_eq!(person.post(&at("members/ada/remove"), &[]).await.status, 403);
        assert_eq!(person.post(&at("members/grace/remove"), &[]).await.status, 403);
        assert_eq!(person.post(&at("leave"), &[]).await.status, 403);
        assert_eq!(person.post(&at("settings"), &[("name", "Ours")]).await.status, 403);
        assert_eq!(person.post(&at("settings"), &[("visibility", "public")]).await.status, 403);
    }
    assert_eq!(members(app).await, before);
    let room = app.database.query("select visibility, created_by from rooms where direct_key is not null").await;
    assert_eq!(room, [json!({ "visibility": "private", "created_by": null })]);
    // The page offers none of it.
    let page = ada.get(&at("members")).await.expect(200).body.clone();
    assert!(!page.contains("/leave\"") && !page.contains("/remove\"") && !page.contains("Add someone"), "{page}");
    assert!(page.contains("name=\"topic\""));
}

#[apply(both)]
async fn the_topic_is_theirs_to_set_and_each_hears_it_under_the_others_name(app: &TestApp) {
    let (ada, grace, eve, slug) = trio(app).await;
    let (hers, theirs) = (ada.join(&slug).await.0, grace.join(&slug).await.0);
    ada.post(&format!("/rooms/{slug}/settings"), &[("topic", "Stones")]).await.expect(303);
    let heard = hers.next("room").await;
    assert_eq!((&heard["room"], &heard["name"], &heard["topic"]), (&json!(slug), &json!("grace"), &json!("Stones")));
    assert_eq!(theirs.next("room").await["name"], "ada");
    assert_eq!(eve.post(&format!("/rooms/{slug}/settings"), &[("topic", "Mine")]).await.status, 404);
}

#[apply(both)]
async fn each_deletes_only_their_own_words(app: &TestApp) {
    let (_ada, grace, _eve, slug) = trio(app).await;
    let (socket, _) = grace.join(&slug).await;
    assert_eq!(socket.refused("delete", json!({ "room": slug, "seq": 1 })).await, "forbidden");
    let own = socket.post(&slug, "thank you", "1").await["seq"].clone();
    socket.ok("delete", json!({ "room": slug, "seq": own })).await;
}

#[apply(both)]
async fn for_a_third_person_there_is_nothing(app: &TestApp) {
    let (_ada, _grace, eve, slug) = trio(app).await;
    // An administrator is a third person as well.
    for path in ["", "/1", "/members", "/pins", "/1/history", "/1/more", "/on/2001-01-01", "?before=2"] {
        for accept in ["text/html", "application/json"] {
            let request = eve.request(reqwest::Method::GET, &format!("/rooms/{slug}{path}")).header("accept", accept);
            let answer = crate::harness::Answer::of(request).await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(!answer.body.contains("third stone"));
        }
    }
    let socket = eve.socket().await;
    for (event, more) in [
        ("join", json!({})),
        ("join", json!({ "after": 0 })),
        ("sync", json!({ "after": 0 })),
        ("history", json!({})),
        ("message", json!({ "body": "hi", "nonce": "1" })),
        ("react", json!({ "seq": 1, "emoji": "👍", "on": true })),
        ("read", json!({ "seq": 1 })),
        ("pins", json!({})),
    ] {
        let mut data = more;
        data["room"] = json!(slug);
        assert_eq!(socket.refused(event, data).await, "not_found", "{event}");
    }
    for path in ["/rooms", "/direct", "/mentions", "/people", "/people/ada"] {
        let (page, data) = (eve.get(path).await, eve.get_json(path).await);
        assert!(page.status == 200 && !page.body.contains(&slug) && !data.body.contains(&slug), "{path}");
    }
    assert!(!socket.ok("watch", json!({})).await.to_string().contains(&slug));
}
