//! Whose day it is: pages tell times and days as their reader has them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::both;
use crate::harness::{Person, TestApp};

/// When a message was written.
fn written(message: &Value) -> Timestamp {
    message["created_at"].as_str().and_then(|at| at.parse().ok()).expect("a time")
}

async fn page(person: &Person, path: &str) -> String {
    person.get(path).await.expect(200).body.clone()
}

/// Which message a page marks.
fn marked(page: &str) -> Option<&str> {
    page.split_once("--target\"")?.1.split_once(" id=\"m")?.1.split('"').next()
}

#[apply(both)]
async fn a_browser_that_says_its_zone_gets_times_in_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let at = written(&socket.post("general", "tick", "1").await);
    for (cookie, zone, format) in [
        ("times=Asia/Kolkata.24", "Asia/Kolkata", "%H:%M"),
        ("times=America/New_York.12", "America/New_York", "%-I:%M %p"),
        ("times=Nowhere/Land.24", "UTC", "%H:%M"),
        ("times=%00%22%3e.12", "UTC", "%-I:%M %p"),
    ] {
        ada.plant_cookie(cookie);
        let clock = at.in_tz(zone).expect("a zone").strftime(format).to_string();
        let page = page(&ada, "/rooms/general").await;
        assert!(page.contains(&format!(">{clock}</a>")), "{cookie}: {clock}");
        assert!(page.contains(">Today<"), "{cookie}");
    }
    // What they have set themselves comes first.
    ada.plant_cookie("times=Asia/Kolkata.24");
    ada.post("/settings", &[("time_zone", "America/St_Johns")]).await.expect(303);
    let clock = at.in_tz("America/St_Johns").expect("a zone").strftime("%H:%M").to_string();
    assert!(page(&ada, "/rooms/general").await.contains(&format!(">{clock}</a>")));
}

#[apply(both)]
async fn an_earlier_version_has_its_readers_time(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let words = socket.post("general", "tick", "1").await;
    let at = written(&words);
    socket.ok("edit", json!({ "room": "general", "seq": words["seq"], "body": "tock" })).await;
    ada.plant_cookie("times=Asia/Kolkata.24");
    let clock = at.in_tz("Asia/Kolkata").expect("a zone").strftime("%H:%M").to_string();
    let page = page(&ada, &format!("/rooms/general/{}/history", words["seq"])).await;
    assert!(page.contains(&format!(", {clock}</time>")), "{clock}: {page}");
}

#[apply(both)]
async fn a_page_is_another_one_in_another_zone_and_on_another_day(app: &TestApp) {
    let ada = app.register("ada").await;
    let tag = async || ada.get("/rooms/general").await.expect(200).header("etag").to_owned();
    let mut tags = vec![tag().await];
    assert_eq!(tags[0], tag().await);
    for cookie in ["times=Asia/Tokyo.24", "times=Asia/Tokyo.12", "times=Europe/Paris.12"] {
        ada.plant_cookie(cookie);
        let tag = tag().await;
        assert!(!tags.contains(&tag), "{cookie}");
        tags.push(tag);
    }
    app.pass(Duration::from_secs(24 * 60 * 60));
    assert!(!tags.contains(&tag().await), "today is yesterday now");
}

#[apply(both)]
async fn a_day_that_one_asks_for_is_ones_own(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let at = written(&socket.post("general", "tick", "1").await);
    // Two places that are never on one day.
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        ada.plant_cookie(&format!("times={zone}.24"));
        let today = at.to_zoned(TimeZone::get(zone).expect("a zone")).date();
        let asked = ada.get(&format!("/rooms/general/on?date={today}")).await.expect(303).location();
        assert_eq!(marked(&page(&ada, &asked).await), Some("2"), "{asked}");
        let tomorrow = today.tomorrow().expect("a day");
        let asked = ada.get(&format!("/rooms/general/on?date={tomorrow}")).await.expect(303).location();
        assert_eq!(marked(&page(&ada, &asked).await), None, "{asked}");
        // Whoever says whose day they mean is asked for no other.
        let asked = ada.get(&format!("/rooms/general/on?date={today}&tz=Asia/Tokyo")).await.expect(303).location();
        assert_eq!(asked, format!("/rooms/general/on/{today}?tz=Asia%2FTokyo"));
    }
}

#[apply(both)]
async fn a_day_that_one_searches_is_ones_own(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let at = written(&socket.post("general", "tick", "1").await);
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        ada.plant_cookie(&format!("times={zone}.24"));
        let today = at.to_zoned(TimeZone::get(zone).expect("a zone")).date();
        for (day, count) in [(today, 1), (today.yesterday().expect("a day"), 0), (today.tomorrow().expect("a day"), 0)] {
            let found = ada.get_json(&format!("/search?q=tick+on:{day}")).await.expect(200).json();
            assert_eq!(found["results"].as_array().map(Vec::len), Some(count), "{zone}: {day}");
        }
    }
}

#[apply(both)]
async fn a_day_leads_to_its_first_words_and_not_to_who_came(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Diary", "public").await;
    app.register("grace").await.enter(&room).await;
    let (socket, _) = ada.join(&room).await;
    let words = socket.post(&room, "good morning", "1").await;
    socket.post(&room, "and good day", "2").await;
    let today = written(&words).to_zoned(TimeZone::UTC).date();
    let page = page(&ada, &format!("/rooms/{room}/on/{today}")).await;
    let seq = words["seq"].to_string();
    assert_eq!(marked(&page), Some(&*seq));
    assert!(page.contains(&format!("class=\"message message--first message--target\" id=\"m{seq}\"")));
    // Where nobody wrote, it is what there is.
    let quiet = ada.create_room("Quiet", "public").await;
    app.log_in("grace").await.enter(&quiet).await;
    assert_eq!(marked(&self::page(&ada, &format!("/rooms/{quiet}/on/{today}")).await), Some("1"));
}

#[apply(both)]
async fn whoever_is_led_to_a_message_sees_whose_it_is(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for number in 1..=3 {
        socket.post("general", &format!("line {number}"), &format!("n{number}")).await;
    }
    let together = page(&ada, "/rooms/general").await;
    assert!(together.contains("class=\"message\" id=\"m3\""), "joined to the one before");
    assert!(page(&ada, "/rooms/general/3").await.contains("class=\"message message--first message--target\" id=\"m3\""));
}
