//! Jumping to a day.

use std::time::Duration;

use serde_json::json;

use super::seqs;
use crate::both;
use crate::harness::TestApp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The day of a moment as the contract writes it.
fn day(message: &serde_json::Value) -> String {
    message["created_at"].as_str().expect("a time")[..10].to_owned()
}

#[apply(both)]
async fn a_day_leads_to_its_first_message_or_the_first_after_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Diary", "public").await;
    let mut days = Vec::new();
    for number in 0..4 {
        let (socket, _) = ada.join(&room).await;
        let message = socket.post(&room, &format!("day {number}"), &format!("d{number}")).await;
        days.push((day(&message), message["seq"].as_i64().expect("a number")));
        // Every second day is quiet.
        app.pass(DAY * 2);
        let fields = [("username", "ada"), ("password", crate::harness::site::PASSWORD)];
        ada.post("/login", &fields).await.expect(303);
    }
    let page = ada.get_json(&format!("/rooms/{room}/on/{}", days[2].0)).await;
    let page = match page.status {
        303 => ada.get_json(&page.location()).await.expect(200).json(),
        _ => page.expect(200).json(),
    };
    assert!(seqs(&page["messages"]).contains(&days[2].1), "{page}");
    let html = ada.get(&format!("/rooms/{room}/on/{}", days[2].0)).await;
    let place = if html.status == 303 { html.location() } else { html.expect(200).body.clone() };
    assert!(place.contains(&format!("/rooms/{room}/{}", days[2].1)) || place.contains("day 2"), "{place}");
    // The quiet day before leads to the same place.
    let quiet: Vec<_> = days[1].0.split('-').collect();
    let quiet_day: u32 = quiet[2].parse().expect("a day");
    if quiet_day < 27 {
        let date = format!("{}-{}-{:02}", quiet[0], quiet[1], quiet_day + 1);
        let answer = ada.get(&format!("/rooms/{room}/on/{date}")).await;
        let place = if answer.status == 303 { answer.location() } else { answer.expect(200).body.clone() };
        assert!(place.contains(&format!("/rooms/{room}/{}", days[2].1)) || place.contains("day 2"), "{place}");
    }
}

#[apply(both)]
async fn a_day_before_everything_leads_to_the_start_and_one_after_it_to_no_fault(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.get("/rooms/general").await.expect(200);
    let answer = ada.get("/rooms/general/on/1999-12-31").await;
    assert!([200, 303].contains(&answer.status), "{answer:?}");
    let answer = ada.get("/rooms/general/on/2999-12-31").await;
    assert!([200, 303, 404].contains(&answer.status), "{answer:?}");
    for wrong in ["2026-02-30", "2026-13-01", "yesterday", "2026-1-1x", "0000-00-00", "99999-01-01"] {
        let status = ada.get(&format!("/rooms/general/on/{wrong}")).await.status;
        assert!([400, 404, 422].contains(&status), "{wrong}: {status}");
    }
}

#[apply(both)]
async fn a_day_begins_where_the_reader_is(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let message = socket.post("general", "now", "1").await;
    let seq = message["seq"].clone();
    let date = day(&message);
    for zone in ["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"] {
        let answer = ada.get(&format!("/rooms/general/on/{date}?tz={zone}")).await;
        assert!([200, 303, 404].contains(&answer.status), "{zone}: {answer:?}");
    }
    let answer = ada.get(&format!("/rooms/general/on/{date}?tz=Nowhere/Land")).await;
    assert!(answer.status < 500, "{answer:?}");
    let utc = ada.get(&format!("/rooms/general/on/{date}?tz=UTC")).await;
    assert!([200, 303].contains(&utc.status), "{utc:?}");
    assert_eq!(json!(seq), message["seq"]);
}
