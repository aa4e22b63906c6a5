//! A clock that is wrong deletes nothing for good, and gives nothing up.

use std::time::Duration;

use parlor::db::{Db, Purpose};
use parlor::timekeeping;
use proof::infra::receiver::Reply;

use super::{hours, post, stays, until};
use crate::both;
use crate::cluster::clocks::with_a_wrong_clock;
use crate::harness::{Database, Kind, Server, TestApp, on_threads_of};
use crate::webhooks::{failing, receivers, texts};

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;
const RETENTION: &[(&str, &str)] = &[("RETENTION", "messages=48h,audit=48h")];

/// Whether the database knows of a clock that is ahead.
async fn is_doubted(database: &Database) -> bool {
    let rows = database.query("select value from meta where key = 'clock'").await;
    rows.first().and_then(|row| row["value"].as_str()).is_some_and(|value| value.contains("doubt"))
}

/// Whether a message has its text.
async fn is_there(database: &Database, seq: i64) -> bool {
    let found = database.query(&format!("select body from messages where seq = {seq} and deleted_at is null")).await;
    !found.is_empty()
}

/// What retention has noted of its looks, if it did.
async fn looked(database: &Database) -> Option<String> {
    let rows = database.query("select value from meta where key = 'retention'").await;
    let value = rows.first()?["value"].as_str()?.to_owned();
    value.contains("done_at").then_some(value)
}

/// A server with a message, and the message's place.
async fn with_message(database: &Database) -> (Server, i64) {
    let server = Server::start(database.url(), RETENTION).await;
    let ada = server.register("ada").await;
    database.make_admin("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = post(&socket, "general", "worth keeping").await;
    (server, seq)
}

/// Waits until a message is deleted; retention looks once a minute.
async fn goes(server: &Server, database: &Database, seq: i64) {
    until("it expires", async || {
        server.pass(Duration::from_secs(61));
        !is_there(database, seq).await
    })
    .await;
}

#[apply(both)]
async fn a_clock_that_jumps_ahead_deletes_nothing_until_somebody_says_that_it_is_right(database: &Database) {
    let (mut server, seq) = with_message(database).await;
    server.clock.jump(3 * DAY);
    until("it is noticed", async || is_doubted(database).await).await;
    let ada = server.log_in("ada").await;
    let overview = ada.get_json("/admin").await.expect(200).json();
    assert!(overview["warnings"].to_string().contains("clock_ahead"), "{overview}");
    let found = ada.get_json("/admin/doctor").await.expect(200).json();
    let clock =
        found["checks"].as_array().unwrap().iter().find(|check| check["check"] == "clock").expect("it is looked at").clone();
    assert!(clock["state"] == "failed" && clock["advice"].as_str().unwrap().contains("parlor clock confirm"), "{clock}");
    // Nor does another start make it right, nor that time passes.
    server.stop().await;
    server.start_again().await;
    server.pass(hours(1));
    let ada = server.log_in("ada").await;
    ada.write("general", "later").await.expect(303);
    stays("it does not expire", async || server.clock.believed().is_none() && is_there(database, seq).await).await;
    assert_eq!(database.query("select at from audit where action = 'user.register'").await.len(), 1);

    let db = Db::open(database.url(), 2, Purpose::Visit).await.expect("it is there");
    timekeeping::confirm(&db, server.clock.now()).await.expect("it can be noted");
    db.close().await;
    goes(&server, database, seq).await;
    assert!(!is_doubted(database).await);
    server.stop().await;
    database.check_rooms().await;
}

/// Of a node that was killed before its clock was set right.
#[apply(both)]
async fn a_claim_of_a_clock_that_was_ahead_keeps_nobody_waiting(database: &Database) {
    let (mut server, seq) = with_message(database).await;
    let claim = serde_json::json!({ "claim": { "by": "gone", "until": server.clock.now().plus(800 * DAY) } });
    database
        .run(&format!(
            "insert into meta (key, value) values ('retention', '{claim}') on conflict (key) do update set value = excluded.value"
        ))
        .await;
    server.pass(hours(49));
    goes(&server, database, seq).await;
    server.stop().await;
}

#[apply(both)]
async fn a_clock_that_is_set_back_goes_on_as_if_nothing_was(database: &Database) {
    let (mut server, seq) = with_message(database).await;
    server.clock.jump(800 * DAY);
    until("it is noticed", async || is_doubted(database).await).await;
    server.clock.jump(-800 * DAY);
    until("it is right again", async || !is_doubted(database).await).await;
    assert!(server.clock.believed().is_some() && is_there(database, seq).await);
    server.pass(hours(47));
    assert!(is_there(database, seq).await);
    goes(&server, database, seq).await;
    server.stop().await;
}

/// A machine is off for months, and comes back with the right clock. One that is years ahead then is not believed.
#[apply(both)]
async fn a_server_that_did_not_run_for_months_deletes_what_has_expired(database: &Database) {
    let (mut server, first) = with_message(database).await;
    server.stop().await;
    server.pass(hours(150 * 24));
    server.start_again().await;
    goes(&server, database, first).await;
    assert!(!is_doubted(database).await);
    let ada = server.log_in("ada").await;
    let (socket, _) = ada.join("general").await;
    let second = post(&socket, "general", "worth keeping, too").await;
    server.stop().await;
    server.pass(hours(800 * 24));
    server.start_again().await;
    until("it is noticed", async || is_doubted(database).await).await;
    assert!(is_there(database, second).await);
    server.stop().await;
}

/// One that was put forward while no server ran, and noticed before, is not right because another server starts.
#[apply(both)]
async fn what_an_operator_set_right_is_believed_at_the_next_start(database: &Database) {
    let (mut server, seq) = with_message(database).await;
    server.clock.jump(100 * DAY);
    until("it is noticed", async || is_doubted(database).await).await;
    server.stop().await;
    server.start_again().await;
    assert!(server.clock.believed().is_none(), "100 days are no reason after a stop, but this clock was ahead before it");
    server.stop().await;
    server.clock.jump(-100 * DAY);
    server.start_again().await;
    until("it is right again", async || !is_doubted(database).await).await;
    assert!(is_there(database, seq).await);
    // Now the time passes.
    server.clock.shift(2 * DAY);
    goes(&server, database, seq).await;
    server.stop().await;
}

#[apply(both)]
async fn a_clock_that_jumps_ahead_gives_no_delivery_up_and_holds_none_up_later(app: &TestApp) {
    let (ruth, receiver, _) = failing(app).await;
    // Longer than anything is tried.
    app.clock.jump(4 * DAY);
    until("it failed again", async || receivers(&ruth).await.iter().any(|one| one["attempts"] == 2)).await;
    let failing = receivers(&ruth).await[0].clone();
    assert!(failing["dead"] == 0 && failing["waiting"] == 1 && failing["paused_at"].is_null(), "{failing}");
    until("the jump is noticed", async || is_doubted(&app.database).await).await;
    receiver.reply(Reply::Status(200, ""));
    app.clock.jump(-4 * DAY);
    assert_eq!(texts(&receiver.wait_for(3).await), ["one", "one", "one"]);
    until("nothing is left", async || receivers(&ruth).await.is_empty()).await;
}

#[test]
fn a_node_whose_clock_is_not_that_of_postgres_deletes_nothing() {
    on_threads_of("clocks and retention", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let url = with_a_wrong_clock(&database).await;
        let mut server = Server::start(&url, RETENTION).await;
        let ada = server.register("ada").await;
        let (socket, _) = ada.join("general").await;
        let seq = post(&socket, "general", "worth keeping").await;
        until("it has looked", async || looked(&database).await.is_some_and(|state| !state.contains("\"run\""))).await;
        database.run("update wrong set seconds = -40").await;
        until("the difference is noticed", async || server.clock.believed().is_none()).await;
        let before = looked(&database).await;
        server.pass(hours(49));
        stays("nothing expires, nor is looked for", async || is_there(&database, seq).await && looked(&database).await == before)
            .await;
        assert!(!is_doubted(&database).await);
        database.run("update wrong set seconds = 0").await;
        goes(&server, &database, seq).await;
        server.stop().await;
        database.discard().await;
    });
}
