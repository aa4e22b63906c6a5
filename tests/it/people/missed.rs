//! Mails about what people missed, to a real mail server.

use std::time::Duration;

use serde_json::json;

use crate::both;
use crate::harness::app::Server;
use crate::harness::servers::Script;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person};
use crate::retention::until;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A mail server, and Parlor with it; nothing where this machine has no mail server.
async fn with_mail(database: &Database) -> Option<(Script, Server)> {
    let mail = Script::start("mail.js", &["plain"]).await?;
    let server = Server::start(database.url(), &[("SMTP_URL", &format!("smtp://127.0.0.1:{}", mail.port))]).await;
    Some((mail, server))
}

/// Somebody with a confirmed address, who is to be mailed.
async fn mailed_at(mail: &Script, person: &Person, address: &str, missed: &str) {
    let form = [("email", address), ("password", PASSWORD)];
    person.post("/settings/email", &form).await.expect(303);
    let path = mail.next_mail().await.link(&person.site.origin, "/email/");
    person.post(&path, &[]).await.expect(303);
    choose(person, missed).await;
}

async fn mailed(mail: &Script, server: &Server, name: &str, missed: &str) -> Person {
    let person = server.register(name).await;
    mailed_at(mail, &person, &format!("{name}@example.com"), missed).await;
    person
}

async fn choose(person: &Person, missed: &str) {
    let place = person.post("/settings/notifications", &[("missed", missed)]).await.expect(303).location();
    assert_eq!(place, "/settings/notifications?saved");
}

async fn choice(person: &Person) -> serde_json::Value {
    person.get_json("/settings/notifications").await.json()["mail"].clone()
}

/// Waits until nothing is to be mailed.
async fn settled(database: &Database) {
    until("nothing is left to mail", async || database.query("select id from outbox").await.is_empty()).await;
}

/// Waits until what waits is due no sooner than in half an hour.
async fn postponed(database: &Database, server: &Server, count: usize) {
    let soon = server.clock.now().0 + 30 * 60 * 1000;
    let later = format!("select id from outbox where due_at > {soon}");
    until("it waits for the next mail", async || database.query(&later).await.len() == count).await;
}

#[apply(both)]
async fn what_somebody_missed_comes_as_one_mail_that_can_be_ended(database: &Database) {
    let Some((mail, mut server)) = with_mail(database).await else { return };
    let eve = mailed(&mail, &server, "eve", "soon").await;
    assert_eq!(choice(&eve).await, json!({ "missed": "soon", "available": true }));
    let ada = server.register("ada").await;
    ada.enter("general").await;
    eve.enter("general").await;
    server.pass(2 * MINUTE);
    ada.write("general", "for nobody").await.expect(303);
    ada.write("general", "hello @eve, a *secret*").await.expect(303);
    ada.write("general", "and @eve, <b>this</b>").await.expect(303);
    ada.write("general", &format!("a long one for @eve {}", "x".repeat(600))).await.expect(303);
    let direct = ada.post("/direct", &[("users", "eve")]).await.expect(303).location();
    ada.post(&format!("{direct}/messages"), &[("body", "only for you")]).await.expect(303);
    ada.post("/rooms/general/4/delete", &[]).await.expect(303);
    server.pass(11 * MINUTE);
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "eve@example.com");
    for part in [
        "Subject: What you missed",
        "> and @eve, <b>this</b>\n",
        "> only for you\n",
        "@ada in general:",
        "@ada to you:",
        "text/plain",
        "text/html",
        "&#60;b&#62;this",
        &format!("{}/rooms/general/5", server.origin),
        &format!("{}…", "x".repeat(480)),
        "List-Unsubscribe: <http://",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "In-Reply-To: <missed.",
        "References: <missed.",
        "Message-ID: <missed-",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(sent.text.contains(part), "{part} is not in {}", sent.text);
    }
    for part in ["for nobody", "secret", &"x".repeat(481)] {
        assert!(!sent.text.contains(part), "{part} is in {}", sent.text);
    }
    settled(database).await;
    // As a mail program does: without a log-in, and without an origin. Looking at the page ends nothing.
    let path = sent.link(&server.origin, "/unsubscribe/");
    let path = path.trim_end_matches(['>', '"']);
    let stranger = server.stranger();
    assert!(stranger.get(path).await.expect(200).body.contains("@eve"));
    assert_eq!(choice(&eve).await["missed"], "soon");
    ada.write("general", "again @eve").await.expect(303);
    let foreign = stranger.request(reqwest::Method::POST, path).header("origin", "https://elsewhere.example");
    Answer::of(foreign).await.expect(403);
    let form = stranger.request(reqwest::Method::POST, path).form(&[("List-Unsubscribe", "One-Click")]);
    Answer::of(form).await.expect(200);
    assert_eq!(choice(&eve).await["missed"], "off");
    stranger.post("/unsubscribe/0123456789abcdef0123456789abcdef", &[]).await.expect(404);
    stranger.get("/unsubscribe/0123456789abcdef0123456789abcdef").await.expect(404);
    // What waited is not mailed, and nothing more is noted.
    server.pass(2 * HOUR);
    settled(database).await;
    ada.write("general", "once more @eve").await.expect(303);
    assert!(database.query("select id from outbox").await.is_empty());
    let refused = eve.form("/settings/notifications", &[("missed", "hourly")]).header("accept", "application/json");
    assert_eq!(Answer::of(refused).await.expect(422).json()["error"]["field"], "missed");
    server.stop().await;
}

#[apply(both)]
async fn what_was_read_or_is_not_for_them_any_more_is_not_mailed(database: &Database) {
    let Some((mail, mut server)) = with_mail(database).await else { return };
    let eve = mailed(&mail, &server, "eve", "soon").await;
    let ada = server.register("ada").await;
    let joe = server.register("joe").await;
    let [tea, news, chess] = [
        ada.create_room("Tea", "private").await,
        ada.create_room("News", "public").await,
        ada.create_room("Chess", "public").await,
    ];
    for (writer, room) in [(&ada, "general"), (&joe, "general"), (&eve, &news), (&eve, &chess)] {
        writer.enter(room).await;
    }
    ada.post(&format!("/rooms/{tea}/members"), &[("username", "eve")]).await.expect(303);
    eve.post(&format!("/rooms/{chess}/level"), &[("level", "muted")]).await.expect(303);
    eve.post("/people/joe/block", &[]).await.expect(303);
    server.pass(2 * MINUTE);
    ada.write(&tea, "of a room that she loses @eve").await.expect(303);
    ada.write(&news, "that she reads @eve").await.expect(303);
    ada.write(&chess, "where she wants none @eve").await.expect(303);
    joe.write("general", "by somebody whom she blocks @eve").await.expect(303);
    ada.write("general", "the only one @eve").await.expect(303);
    ada.post(&format!("/rooms/{tea}/members/eve/remove"), &[]).await.expect(303);
    database
        .run(&format!("update memberships set read_seq = 100 where room_id = (select id from rooms where slug = '{news}')"))
        .await;
    server.pass(11 * MINUTE);
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "eve@example.com");
    assert!(sent.text.contains("> the only one @eve") && sent.text.contains("Subject: You were mentioned"), "{}", sent.text);
    for part in ["that she", "she wants", "she blocks", "Tea"] {
        assert!(!sent.text.contains(part), "{part} is in {}", sent.text);
    }
    assert!(sent.text.contains("References: <room-"), "{}", sent.text);
    settled(database).await;
    // The next mail comes an hour after that one.
    ada.write("general", "soon after @eve").await.expect(303);
    server.pass(11 * MINUTE);
    postponed(database, &server, 1).await;
    ada.write("general", "and with it @eve").await.expect(303);
    server.pass(HOUR);
    let sent = mail.next_mail().await;
    assert!(sent.text.contains("> soon after @eve") && sent.text.contains("> and with it @eve"), "{}", sent.text);
    settled(database).await;
    // Whoever comes back sees it there.
    ada.write("general", "while she is away @eve").await.expect(303);
    server.pass(2 * MINUTE);
    let _here = eve.socket().await;
    let seen = "select id from users where username = 'eve' and seen_at > (select max(created_at) from outbox)";
    until("she was seen", async || !database.query(seen).await.is_empty()).await;
    server.pass(2 * HOUR);
    settled(database).await;
    // A closed account gets none.
    ada.write("general", "too late @eve").await.expect(303);
    eve.post("/settings/account/deactivate", &[("password", PASSWORD)]).await.expect(303);
    server.pass(2 * HOUR);
    settled(database).await;
    mailed(&mail, &server, "rosa", "soon").await;
    server.stop().await;
}

#[apply(both)]
async fn digests_come_in_the_morning_where_somebody_is(database: &Database) {
    let Some((mail, mut server)) = with_mail(database).await else { return };
    // At this time of the day the next morning in New York comes before the next one in Auckland.
    let begin = 19 * HOUR + 30 * MINUTE;
    let (day, now) = (DAY.as_millis(), server.clock.now().0.unsigned_abs());
    let wait = (begin.as_millis() + day - u128::from(now) % day) % day;
    server.pass(Duration::from_millis(u64::try_from(wait).expect("less than a day")));
    let eve = mailed(&mail, &server, "eve", "daily").await;
    let kiri = mailed(&mail, &server, "kiri", "weekly").await;
    for (person, zone) in [(&eve, "America/New_York"), (&kiri, "Pacific/Auckland")] {
        person.post("/settings", &[("name", "Somebody"), ("time_zone", zone)]).await.expect(303);
        person.enter("general").await;
    }
    let ada = server.register("ada").await;
    ada.enter("general").await;
    for number in 0..22 {
        ada.write("general", &format!("number {number} for @eve")).await.expect(303);
    }
    ada.write("general", "hello @kiri").await.expect(303);
    server.pass(11 * MINUTE);
    let zone = |name: &str| jiff::tz::TimeZone::get(name).expect("it is known");
    let due = async |name: &str| {
        let rows = format!(
            "select due_at from outbox where receiver = (select id from users where username = '{name}') group by due_at"
        );
        let rows = database.query(&rows).await;
        let due = rows.first().and_then(|row| row["due_at"].as_i64()).filter(|_| rows.len() == 1).unwrap_or_default();
        jiff::Timestamp::from_millisecond(due).expect("a moment")
    };
    let hour = async |name: &str, place: &str| due(name).await.to_zoned(zone(place)).strftime("%H:%M").to_string();
    until("it waits for the morning", async || hour("eve", "America/New_York").await == "07:00").await;
    until("it waits for Monday", async || {
        due("kiri").await.to_zoned(zone("Pacific/Auckland")).strftime("%a %H:%M").to_string() == "Mon 07:00"
    })
    .await;
    let wait = due("eve").await.as_millisecond() - server.clock.now().0;
    assert!((0..=24 * 60 * 60 * 1000).contains(&wait), "{wait}");
    server.pass(Duration::from_millis(u64::try_from(wait).expect("it is to come")));
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "eve@example.com");
    assert!(sent.text.contains("> number 19 for") && !sent.text.contains("number 20 for"), "{}", sent.text);
    assert!(sent.text.contains("And 2 more."), "{}", sent.text);
    until("that was all", async || database.query("select id from outbox").await.len() == 1).await;
    // Another choice counts for what waits.
    choose(&kiri, "daily").await;
    let is_next_morning = async || {
        let is_soon = due("kiri").await.as_millisecond() - server.clock.now().0 <= 24 * 60 * 60 * 1000;
        is_soon && hour("kiri", "Pacific/Auckland").await == "07:00"
    };
    until("it waits for the next morning", is_next_morning).await;
    server.pass(DAY);
    let sent = mail.next_mail().await;
    assert_eq!(sent.to, "kiri@example.com");
    assert!(sent.text.contains("> hello @kiri"), "{}", sent.text);
    settled(database).await;
    server.stop().await;
}

#[apply(both)]
async fn a_mail_survives_a_stop_and_a_mail_server_that_is_busy(database: &Database) {
    let Some((mail, mut server)) = with_mail(database).await else { return };
    let eve = server.register("eve").await;
    mailed_at(&mail, &eve, "eve@example.com", "soon").await;
    // From now on the server refuses once.
    database.run("update emails set address = 'busy-eve@example.com', folded = 'busy-eve@example.com'").await;
    eve.enter("general").await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    server.pass(2 * MINUTE);
    ada.write("general", "hello @eve").await.expect(303);
    server.stop().await;
    server.pass(11 * MINUTE);
    server.start_again().await;
    assert_eq!(mail.next().await["refused"], 451);
    let failed = "select id from receivers where kind = 'mail' and last_error like '%451%'";
    until("the failure is noted", async || !database.query(failed).await.is_empty()).await;
    server.pass(MINUTE);
    let sent = mail.next_mail().await;
    assert!(sent.to == "busy-eve@example.com" && sent.text.contains("> hello @eve"), "{}", sent.text);
    settled(database).await;
    // Without an address there is nothing to note, and what waits is forgotten.
    ada.write("general", "with an address @eve").await.expect(303);
    database.run("delete from emails").await;
    ada.write("general", "without @eve").await.expect(303);
    assert_eq!(database.query("select id from outbox").await.len(), 1);
    server.pass(DAY);
    settled(database).await;
    assert_eq!(choice(&eve).await, json!({ "missed": "soon", "available": false }));
    server.stop().await;
}
