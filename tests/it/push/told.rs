//! Who is notified of what.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proof::faults::bad_clients::online;
use proof::infra::receiver::Receiver;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{settled, subscribe, texts};
use crate::harness::{Answer, Person, TestApp};
use crate::{both, everywhere};

async fn settings(person: &Person, fields: &[(&str, &str)]) -> Value {
    let request = person.form("/settings/notifications", fields).header("accept", "application/json");
    Answer::of(request).await.expect(200).json()["notifications"].clone()
}

#[apply(everywhere)]
async fn mentions_and_direct_messages_reach_a_browser_that_is_not_open(app: &TestApp) {
    let service = Receiver::start().await;
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    let browser = subscribe(&eve, &service, "/eve").await;
    let own = subscribe(&ada, &service, "/ada").await;
    let (socket, _) = ada.join(&room).await;
    socket.post(&room, "not for her in particular", "1").await;
    let seq = socket.post(&room, "@eve, **tea**?", "2").await["seq"].clone();
    let direct = ada.post("/direct", &[("users", "eve")]).await.expect(303).location().to_owned();
    let direct = direct.rsplit('/').next().expect("a path").to_owned();
    service.wait_for(1).await;
    socket.post(&direct, "between us", "3").await;
    let came = service.wait_for(2).await;
    let told = browser.told(&service);
    assert_eq!(texts(&told), ["@eve, tea?", "between us"]);
    assert_eq!(
        (&told[0]["kind"], &told[0]["title"], &told[0]["author"], &told[0]["room"], &told[0]["seq"], &told[0]["url"]),
        (&json!("message"), &json!("Tea"), &json!("ada"), &json!(room), &seq, &json!(format!("/rooms/{room}/{seq}")))
    );
    assert_eq!((&told[1]["title"], &told[1]["author"]), (&json!("ada"), &json!(null)));
    // Nobody is notified of their own words.
    assert!(own.told(&service).is_empty());
    // As the standards say, and nothing of it can be read by the push service.
    let headers = &came[0].headers;
    assert_eq!((&*headers["content-encoding"], &*headers["urgency"], &*headers["ttl"]), ("aes128gcm", "high", "86400"));
    assert!(headers["topic"].len() <= 32 && headers["topic"] != came[1].headers["topic"]);
    assert!(!came[0].text.contains("tea"));
    let (token, key) = headers["authorization"].strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    assert_eq!(app.stranger().get("/push/key").await.expect(200).body, key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let public = URL_SAFE_NO_PAD.decode(key).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(signed.as_bytes(), &signature).expect("it is signed");
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], json!(format!("http://{}", service.address)));
}

#[apply(both)]
async fn levels_keywords_and_blocks_decide(app: &TestApp) {
    let service = Receiver::start().await;
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (socket, _) = ada.join("general").await;
    eve.enter("general").await;
    let browser = subscribe(&eve, &service, "/eve").await;
    let level = async |level: &str| eve.post("/rooms/general/level", &[("level", level)]).await.expect(303).status;
    socket.post("general", "no keyword yet: deploy", "1").await;
    assert_eq!(settings(&eve, &[("keywords", "Deploy, lunch")]).await["keywords"], json!(["Deploy", "lunch"]));
    socket.post("general", "redeploy", "2").await;
    socket.post("general", "the deploy is done", "3").await;
    service.wait_for(1).await;
    level("muted").await;
    socket.post("general", "@eve deploy", "4").await;
    level("all").await;
    socket.post("general", "anything", "5").await;
    service.wait_for(2).await;
    eve.post("/people/ada/block", &[]).await.expect(303);
    socket.post("general", "from somebody who is blocked", "6").await;
    settled(app).await;
    eve.post("/people/ada/unblock", &[]).await.expect(303);
    socket.post("general", "the last", "7").await;
    service.wait_for(3).await;
    assert_eq!(texts(&browser.told(&service)), ["the deploy is done", "anything", "the last"]);
}

/// Also one that has no push: it shows notifications itself, and the server says which messages have a keyword.
#[apply(everywhere)]
async fn an_open_page_hears_of_a_keyword_before_the_message(app: &TestApp) {
    let (ada, eve, mia) = (app.register("ada").await, app.register("eve").await, app.register("mia").await);
    let room = ada.create_room("Tea", "public").await;
    let (socket, _) = ada.join(&room).await;
    for person in [&eve, &mia] {
        person.enter(&room).await;
        person.enter("general").await;
    }
    socket.ok("join", json!({ "room": "general" })).await;
    settings(&eve, &[("keywords", "Deploy, lunch")]).await;
    let (watching, (live, _), hers) = (eve.socket().await, eve.join(&room).await, mia.socket().await);
    for one in [&watching, &live, &hers] {
        one.ok("watch", json!({})).await;
    }
    socket.post(&room, "redeploy", "1").await;
    let found = |message: &Value| json!({ "room": message["room"], "seq": message["seq"] });
    let told = found(&socket.post(&room, "the DEPLOY is done", "2").await);
    let has_heard = |heard: &Value| heard["message"]["body"] == "the DEPLOY is done";
    watching.next_where("activity", has_heard).await;
    live.hears("the DEPLOY is done").await;
    for one in [&watching, &live] {
        assert_eq!(one.peek_at("keyword"), std::slice::from_ref(&told), "it came before the message");
        one.next("keyword").await;
    }
    // Not of her own words, nor of a room that she has left, nor anybody else.
    live.post(&room, "lunch, I say", "3").await;
    let told = found(&socket.post(&room, "lunch?", "4").await);
    for one in [&watching, &live] {
        assert_eq!(one.next("keyword").await, told);
    }
    eve.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    for one in [&watching, &live] {
        one.next("removed").await;
    }
    socket.post(&room, "lunch without her", "5").await;
    let told = found(&socket.post("general", "lunch for all", "6").await);
    for one in [&watching, &live] {
        assert_eq!(one.next("keyword").await, told);
    }
    hers.next_where("activity", |heard| heard["message"]["body"] == "lunch for all").await;
    assert!(hers.peek_at("keyword").is_empty());
    // Other keywords count at once.
    settings(&eve, &[("keywords", "supper")]).await;
    let asked = std::cell::Cell::new(10);
    app.comes_to([true, true], async || {
        asked.set(asked.get() + 1);
        let body = format!("supper {}", asked.get());
        let told = found(&socket.post("general", &body, &asked.get().to_string()).await);
        for one in [&watching, &live] {
            one.next_where("activity", |heard| heard["message"]["body"] == json!(body)).await;
        }
        [&watching, &live].map(|one| one.peek_at("keyword").contains(&told))
    })
    .await;
    socket.post("general", "no lunch any more", "7").await;
    let told = found(&socket.post("general", "supper is ready", "8").await);
    for one in [&watching, &live] {
        one.next_where("keyword", |heard| *heard == told).await;
        assert!(one.peek_at("keyword").iter().all(|heard| heard["seq"].as_i64() < told["seq"].as_i64().map(|seq| seq - 1)));
    }
}

/// Also where the room came after the keywords, and where one of two connections ends.
#[apply(everywhere)]
async fn keywords_follow_their_person_into_rooms_and_out_of_them(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    let (socket, _) = ada.join(&room).await;
    settings(&eve, &[("keywords", "deploy")]).await;
    let (first, second) = (eve.socket().await, eve.socket().await);
    let found = |message: &Value| json!({ "room": message["room"], "seq": message["seq"] });
    first.ok("watch", json!({})).await;
    eve.enter(&room).await;
    first.next("entered").await;
    let told = found(&socket.post(&room, "deploy, once", "1").await);
    assert_eq!(first.next("keyword").await, told);
    second.ok("watch", json!({})).await;
    drop(first);
    let told = found(&socket.post(&room, "deploy, twice", "2").await);
    assert_eq!(second.next("keyword").await, told);
    eve.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    second.next("removed").await;
    let untold = found(&socket.post(&room, "deploy without her", "3").await);
    assert!(!second.peek_at("keyword").contains(&untold));
    eve.enter(&room).await;
    second.next("entered").await;
    let told = found(&socket.post(&room, "deploy, again", "4").await);
    // Another node may learn of what was said without her once she is back, and may read it: then it is told, too.
    second.next_where("keyword", |heard| *heard == told).await;
}

#[apply(both)]
async fn quiet_hours_silence_and_being_there_keep_it_quiet(app: &TestApp) {
    let service = Receiver::start().await;
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (socket, _) = ada.join("general").await;
    eve.enter("general").await;
    let browser = subscribe(&eve, &service, "/eve").await;
    let said = std::cell::Cell::new(0);
    let say = async |text: &str| {
        said.set(said.get() + 1);
        socket.post("general", &format!("@eve {text}"), &said.get().to_string()).await
    };
    let is_quiet = async || eve.get_json("/settings/notifications").await.expect(200).json()["quiet"] == json!(true);
    settings(&eve, &[("silence", "60")]).await;
    say("silence").await;
    settled(app).await;
    // An open page asks, and shows nothing either.
    assert!(is_quiet().await);
    settings(&eve, &[("silence", "0")]).await;
    assert!(!is_quiet().await);
    say("one").await;
    settled(app).await;
    // Two ways around the clock, of which the present moment is in one.
    settings(&eve, &[("quiet_from", "00:00"), ("quiet_until", "12:00")]).await;
    say("in the morning").await;
    settled(app).await;
    settings(&eve, &[("quiet_from", "12:00"), ("quiet_until", "00:00")]).await;
    say("in the afternoon").await;
    settled(app).await;
    settings(&eve, &[("quiet_from", ""), ("quiet_until", "")]).await;
    assert_eq!(settings(&eve, &[("away_only", "on")]).await["away_only"], json!(true));
    let (open, _) = eve.join("general").await;
    say("while she is there").await;
    settled(app).await;
    drop(open);
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    while online(&ada, "general").await.iter().any(|one| one.starts_with("eve")) {
        assert!(tokio::time::Instant::now() < deadline, "she is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    say("two").await;
    settled(app).await;
    let told = browser.told(&service);
    let told = texts(&told);
    assert_eq!((told.len(), told[0], told[2]), (3, "@eve one", "@eve two"), "{told:?}");
    assert!(["@eve in the morning", "@eve in the afternoon"].contains(&told[1]), "{told:?}");
    let refused = eve.form("/settings/notifications", &[("quiet_from", "25:00"), ("quiet_until", "07:00")]);
    let refused = Answer::of(refused.header("accept", "application/json")).await;
    assert_eq!(refused.expect(422).json()["error"]["field"], "quiet_from");
    let page = eve.post("/settings/notifications", &[("quiet_from", "22:00"), ("quiet_until", "")]).await;
    assert!(page.expect(422).body.contains("Choose when quiet hours end."));
}
