//! What was read elsewhere is taken back, and what need not be told any more is not.

use std::time::Duration;

use proof::infra::receiver::{Receiver, Reply};
use serde_json::json;

use super::{subscribe, texts};
use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn a_room_that_was_read_elsewhere_loses_its_notification(app: &TestApp) {
    let service = Receiver::start().await;
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (socket, _) = ada.join("general").await;
    let (hers, _) = eve.join("general").await;
    let browser = subscribe(&eve, &service, "/eve").await;
    let seq = socket.post("general", "@eve hello", "1").await["seq"].clone();
    service.wait_for(1).await;
    hers.ok("read", json!({ "room": "general", "seq": seq })).await;
    let came = service.wait_for(2).await;
    assert_eq!(browser.read(&came[1]), json!({ "kind": "read", "room": "general", "seq": seq }));
    assert_eq!(came[1].headers["urgency"], "normal");
    // Once: there is nothing to withdraw any more.
    let next = socket.post("general", "nothing for her", "2").await["seq"].clone();
    hers.ok("read", json!({ "room": "general", "seq": next })).await;
    socket.post("general", "@eve again", "3").await;
    service.wait_for(3).await;
    assert_eq!(texts(&browser.told(&service)), ["@eve hello", "", "@eve again"]);
}

#[apply(both)]
async fn what_was_read_or_deleted_before_it_could_be_sent_is_not_told(app: &TestApp) {
    let service = Receiver::start().await;
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    let ((socket, _), (hers, _)) = (ada.join(&room).await, eve.join(&room).await);
    let browser = subscribe(&eve, &service, "/eve").await;
    // The push service does not answer well for a while.
    service.reply(Reply::Status(503, ""));
    socket.post(&room, "@eve one", "1").await;
    service.wait_for(1).await;
    let read = socket.post(&room, "@eve two", "2").await["seq"].clone();
    let gone = socket.post(&room, "@eve three", "3").await["seq"].clone();
    hers.ok("read", json!({ "room": room, "seq": read })).await;
    socket.ok("delete", json!({ "room": room, "seq": gone })).await;
    socket.post(&room, "@eve four", "4").await;
    service.reply(Reply::Status(201, ""));
    app.pass(Duration::from_secs(30));
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    while browser.told(&service).is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "nothing came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(texts(&browser.told(&service)), ["@eve four"]);
    // Who is not in the room any more hears no more of it.
    service.reply(Reply::Status(503, ""));
    let so_far = service.deliveries().len();
    socket.post(&room, "@eve five", "5").await;
    service.wait_for(so_far + 1).await;
    ada.post(&format!("/rooms/{room}/members/eve/remove"), &[]).await.expect(303);
    service.reply(Reply::Status(201, ""));
    eve.post("/settings/push/test", &[]).await.expect(303);
    app.pass(Duration::from_secs(30));
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    while browser.told(&service).len() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "the test did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(browser.told(&service)[1], json!({ "kind": "test" }));
}
