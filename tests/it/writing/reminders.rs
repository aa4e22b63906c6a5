//! The list of one's own reminders.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Person, TestApp};

async fn list(person: &Person, after: &str) -> Value {
    person.get_json(&format!("/settings/reminders?after={after}")).await.expect(200).json()
}

fn texts(page: &Value) -> Vec<&str> {
    page["reminders"].as_array().expect("a list").iter().filter_map(|reminder| reminder["text"].as_str()).collect()
}

async fn remind(person: &Person, room: &str, what: &str) {
    person.post(&format!("/rooms/{room}/messages"), &[("body", &format!("/remind {what}"))]).await.expect(200);
}

#[apply(everywhere)]
async fn reminders_are_listed_by_pages_and_deleted_by_their_owner(app: &TestApp) {
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let room = ada.create_room("Workshop", "private").await;
    assert_eq!(list(&ada, "").await, json!({ "reminders": [], "more": false, "next": null }));
    assert!(ada.get("/settings/reminders").await.expect(200).body.contains("No reminders wait"));
    // The last one first.
    for hours in (1..=21).rev() {
        remind(&ada, &room, &format!("in {hours} hours number {hours} <b>")).await;
    }
    remind(&ada, &room, "room in 2 days demo").await;
    remind(&bob, &bob.create_room("Other", "public").await, "in 1 hour tea").await;
    let first = list(&ada, "").await;
    let expected: Vec<_> = (1..=20).map(|hours| format!("number {hours} <b>")).collect();
    assert_eq!((texts(&first), &first["more"]), (expected.iter().map(String::as_str).collect(), &json!(true)));
    let next = first["next"].as_str().expect("a next page");
    let second = list(&ada, next).await;
    assert_eq!((texts(&second), &second["more"]), (vec!["number 21 <b>", "demo"], &json!(false)));
    let (own, for_room) = (&second["reminders"][0], &second["reminders"][1]);
    assert_eq!((&own["for_room"], &own["room"]), (&json!(false), &Value::Null));
    assert_eq!((&for_room["for_room"], &for_room["room"]), (&json!(true), &json!(room)));
    let page = ada.get(&format!("/settings/reminders?after={next}")).await.expect(200).body.clone();
    assert!(page.contains("number 21 &#60;b&#62;") && page.contains("Workshop") && page.contains("First page"), "{page}");
    assert_eq!(ada.get_json("/settings/reminders?after=soon").await.status, 422);
    // Each is its owner's alone.
    let id = for_room["id"].as_str().expect("an id");
    let path = format!("/settings/reminders/{id}/delete");
    assert_eq!(bob.post(&path, &[]).await.status, 404);
    assert_eq!(list(&ada, next).await, second);
    ada.post(&path, &[]).await.expect(303);
    assert_eq!(texts(&list(&ada, next).await), ["number 21 <b>"]);
    assert_eq!(ada.post(&path, &[]).await.status, 404, "deleted before");
    assert_eq!(texts(&list(&bob, "").await), ["tea"]);
}
