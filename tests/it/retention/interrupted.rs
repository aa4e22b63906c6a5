//! A large room expires: others post meanwhile, and what a stop or a kill interrupts goes on.

use serde_json::json;

use super::{hears_deletion, hours, keep, post, room_of_eve, until};
use crate::both;
use crate::harness::{Database, Person, TestApp, process};

/// Posts many messages; returns the last place.
async fn fill(person: &Person, room: &str, count: usize) -> i64 {
    let (socket, _) = person.join(room).await;
    let mut last = 0;
    for part in 0..count / 50 {
        let mut waiting = Vec::new();
        for number in 0..50 {
            let nonce = format!("{room}-{part}-{number}");
            waiting.push(socket.send("message", json!({ "room": room, "body": nonce, "nonce": nonce })).await);
        }
        for pending in waiting {
            last = pending.acknowledgement().await["message"]["seq"].as_i64().expect("a place");
        }
    }
    last
}

/// How many messages of a room are not deleted.
async fn left(database: &Database, room: &str) -> i64 {
    let statement = format!(
        "select count(*) as count from messages join rooms on rooms.id = room_id where slug = '{room}' and deleted_at is null"
    );
    database.query(&statement).await[0]["count"].as_i64().expect("a number")
}

#[apply(both)]
async fn others_post_while_a_large_room_expires(app: &TestApp) {
    let (ada, eve, room) = room_of_eve(app).await;
    let last = fill(&eve, &room, 4_000).await;
    let (socket, _) = eve.join(&room).await;
    app.pass(hours(3));
    keep(&ada, "messages=2h").await;
    hears_deletion(&socket, 1).await;
    // Each is committed between two steps: a deletion follows it in the order of the log.
    let mut revs = Vec::new();
    for number in 0..5 {
        revs.push(socket.post(&room, "hello", &format!("late-{number}")).await["rev"].as_i64().expect("a rev"));
    }
    let end = hears_deletion(&socket, last).await["rev"].as_i64().expect("a rev");
    assert!(revs.iter().all(|rev| *rev < end), "{revs:?} and {end}");
    assert_eq!(left(&app.database, &room).await, 5);
    app.database.check_rooms().await;
}

#[apply(both)]
async fn a_killed_server_goes_on_after_its_start(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let eve = server.site.register("eve").await;
    let room = eve.create_room("Tea", "public").await;
    fill(&eve, &room, 4_000).await;
    let all = left(database, &room).await;
    server.kill().await;
    // On Postgres the claim of a killed server would be waited for.
    let forget = "delete from meta where key = 'retention'";
    database.run(forget).await;
    // What was posted is a day old.
    database.run("update messages set created_at = created_at - 86400000").await;
    let before = database.query("select seq, rev from rooms where slug <> 'general'").await[0].clone();
    let settings = [("RETENTION", "messages=2h")];
    let mut server = process::start(database.folder(), database.url(), &settings).await;
    until("it begins", async || left(database, &room).await < all).await;
    server.kill().await;
    let middle = left(database, &room).await;
    assert!(middle > 0, "it was killed too late");
    database.run(forget).await;
    let server = process::start(database.folder(), database.url(), &settings).await;
    until("it goes on", async || left(database, &room).await == 0).await;
    // Each message took one `rev`.
    let after = &database.query("select seq, rev from rooms where slug <> 'general'").await[0];
    let deleted = after["rev"].as_i64().unwrap() - before["rev"].as_i64().unwrap();
    assert_eq!((deleted, &after["seq"]), (before["seq"].as_i64().unwrap(), &before["seq"]));
    let eve = server.site.log_in("eve").await;
    let (socket, _) = eve.join(&room).await;
    assert_eq!(post(&socket, &room, "afterwards").await, after["seq"].as_i64().unwrap() + 1);
    drop(server);
    database.check_rooms().await;
}
