//! Slow mode, and notices that owners delete.

use std::time::Duration;

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn members_of_a_slow_room_wait_between_posts(app: &TestApp) {
    let (ada, eve, rosa) = (app.register("ada").await, app.register("eve").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    let hall = ada.create_room("Hall", "public").await;
    for person in [&eve, &rosa] {
        person.enter(&hall).await;
    }
    let settings = format!("/rooms/{hall}/settings");
    eve.post(&settings, &[("slow_mode", "60")]).await.expect(403);
    for wrong in ["4", "3601", "-5", "soon"] {
        ada.post(&settings, &[("slow_mode", wrong)]).await.expect(422);
    }
    let (socket, _) = eve.join(&hall).await;
    ada.post(&settings, &[("slow_mode", "60")]).await.expect(303);
    assert_eq!(socket.next_where("room", |it| it["slow_mode"] == 60).await["slug"], *hall);
    assert_eq!(eve.get_json(&format!("/rooms/{hall}")).await.json()["room"]["slow_mode"], 60);
    assert!(eve.get(&format!("/rooms/{hall}")).await.body.contains("One message a minute"));
    let post = |nonce: &'static str| json!({ "room": hall, "body": format!("number {nonce}"), "nonce": nonce });
    let first = socket.ok("message", post("1")).await;
    let refused = socket.ask("message", post("2")).await;
    assert_eq!(refused["error"]["code"], "rate_limited", "{refused}");
    let wait = refused["error"]["retry_after"].as_f64().expect("a number of seconds");
    assert!((1.0..=60.0).contains(&wait), "{wait}");
    // A retry is acknowledged, and edits are not slowed down.
    assert_eq!(socket.ok("message", post("1")).await["message"]["seq"], first["message"]["seq"]);
    socket.ok("edit", json!({ "room": hall, "seq": first["message"]["seq"], "body": "edited" })).await;
    // By page, on another node, and after leaving the room: it is the same person.
    let page = eve.write(&hall, "by page").await;
    assert_eq!(page.status, 429);
    eve.post(&format!("/rooms/{hall}/leave"), &[]).await.expect(303);
    eve.enter(&hall).await;
    assert_eq!(eve.write(&hall, "again").await.status, 429);
    // The owner and administrators do not wait, nor do people in other rooms.
    for person in [&ada, &rosa] {
        for body in ["one", "two"] {
            person.write(&hall, body).await.expect(303);
        }
    }
    eve.enter("general").await;
    for body in ["one", "two"] {
        eve.write("general", body).await.expect(303);
    }
    app.pass(Duration::from_secs(61));
    let (socket, _) = eve.join(&hall).await;
    socket.ok("message", post("3")).await;
    assert_eq!(socket.ask("message", post("4")).await["error"]["code"], "rate_limited");
    ada.post(&settings, &[("slow_mode", "0")]).await.expect(303);
    socket.ok("message", post("5")).await;
    assert_eq!(eve.get_json(&format!("/rooms/{hall}")).await.json()["room"]["slow_mode"], Value::Null);
    let recorded = app.database.rows("audit").await;
    assert_eq!(recorded.iter().filter(|row| row["action"] == "room.settings").count(), 2);
}

#[apply(everywhere)]
async fn owners_delete_notices(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let hall = ada.create_room("Hall", "public").await;
    let (socket, joined) = ada.join(&hall).await;
    eve.enter(&hall).await;
    let notice = socket.next_where("message", |it| it["kind"] == "joined" && it["author"]["username"] == "eve").await;
    let seq = &notice["seq"];
    let (other, _) = eve.join(&hall).await;
    assert_eq!(other.refused("delete", json!({ "room": hall, "seq": seq })).await, "forbidden");
    assert_eq!(other.refused("edit", json!({ "room": hall, "seq": seq, "body": "x" })).await, "invalid");
    assert!(ada.get(&format!("/rooms/{hall}/{seq}/more")).await.expect(200).body.contains("Delete message"));
    assert!(!eve.get(&format!("/rooms/{hall}/{seq}/more")).await.expect(200).body.contains("Delete message"));
    socket.ok("delete", json!({ "room": hall, "seq": seq })).await;
    other.next_where("message", |it| it["seq"] == *seq && it["deleted_at"].is_string()).await;
    assert!(eve.get(&format!("/rooms/{hall}")).await.expect(200).body.contains("Notice deleted"));
    // Again, and the membership is untouched.
    socket.ok("delete", json!({ "room": hall, "seq": seq })).await;
    other.post(&hall, "still here", "1").await;
    assert!(joined["head"]["seq"].as_i64().is_some());
    app.database.check_rooms().await;
}
