//! Everything that writes about rooms and people, at once and through two nodes: the rows are locked in one order, or Postgres would
//! have to end somebody's transaction.

use std::collections::HashMap;

use rand::RngExt;
use sqlx::{Connection, PgConnection};

use crate::torture::prelude::*;

const ROUND: Duration = Duration::from_secs(10);
const ROOMS: usize = 6;
const PEOPLE: usize = 8;
/// Names that rooms and people take from each other.
const NAMES: [&str; 5] = ["Anna", "Ánna", "Αnna", "Bell", "8ell"];

/// A message that was acknowledged: its room and its text.
type Posted = (String, String);

pub async fn locks(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut nodes = Nodes::start(fixture, 2).await;
    let mut load = nodes.gather(2).await;
    let host = nodes.all[0].register("host").await;
    let mut rooms = Vec::new();
    for nth in 0..ROOMS {
        rooms.push(host.create_room(&format!("Room {nth}"), "public").await);
    }
    let mut people = vec![host.clone()];
    for nth in 0..PEOPLE {
        let person = nodes.all[nth % 2].register(&format!("person{nth}")).await;
        for room in &rooms {
            person.enter(room).await;
        }
        people.push(person);
    }
    let (mut posted, mut acts) = (Vec::new(), 0);
    for round in 0..rounds {
        let everybody = nodes.all.iter().enumerate().flat_map(|(node, site)| {
            let rooms = &rooms;
            people.iter().map(move |person| (person.at(&site.site), format!("{round} {} {node}", person.username), rooms))
        });
        let all = join_all(everybody.map(async |(person, mark, rooms)| act(&person, &mark, rooms).await));
        for (said, count) in load.during(all).await {
            posted.extend(said);
            acts += count;
        }
    }
    let mut outcome = Outcome::default();
    let mut kept: HashMap<Posted, usize> = HashMap::new();
    for room in &rooms {
        for message in history(&host, room).await {
            let body = message["body"].as_str().unwrap_or_default().to_owned();
            *kept.entry((room.clone(), body)).or_default() += 1;
        }
    }
    for message in &posted {
        assert_eq!(kept.get(message).copied().unwrap_or(0), 1, "{message:?} was acknowledged");
    }
    assert!(posted.len() > 100 && acts > 100, "{} posts and {acts} other acts: it proves little", posted.len());
    outcome.add(load.gapless_verdict().await);
    for node in &mut nodes.all {
        node.signal("TERM").await;
        node.end().await;
    }
    // Connections report what they counted when they end.
    let mut connection = PgConnection::connect(nodes.fixture.url()).await.expect("Postgres answers");
    let counted = sqlx::query_scalar("select deadlocks from pg_stat_database where datname = current_database()");
    let deadlocks: i64 = counted.fetch_one(&mut connection).await.expect("Postgres counts them");
    let log = nodes.fixture.postgres().log().expect("it can be read");
    let first = log.find("deadlock detected").map(|at| log[at..].lines().take(12).collect::<Vec<_>>().join("\n"));
    assert!(deadlocks == 0 && first.is_none(), "{deadlocks} deadlocks: {}", first.unwrap_or_default());
    outcome.note(format_args!(
        "{} posts and {acts} other acts of {} people through two nodes: no deadlock",
        posted.len(),
        people.len()
    ));
    Ok(outcome)
}

/// What one person does through one node: whatever writes. Returns what they posted, and how much else they did.
async fn act(person: &Person, mark: &str, rooms: &[String]) -> (Vec<Posted>, usize) {
    let socket = person.socket().await;
    let began = Instant::now();
    let (mut posted, mut others) = (Vec::new(), 0);
    while began.elapsed() < ROUND {
        let (kind, room, other, name) = {
            let mut random = rand::rng();
            (
                random.random_range(0..14),
                &rooms[random.random_range(0..rooms.len())],
                format!("person{}", random.random_range(0..PEOPLE)),
                NAMES[random.random_range(0..NAMES.len())],
            )
        };
        let form = async |path: &str, fields: &[(&str, &str)]| {
            let status = person.post(path, fields).await.status;
            // Whoever has waited for a connection to the database for too long may be refused: the machine is busy.
            assert!(status < 500 || status == 503, "{path} {fields:?} is answered by {status}");
        };
        match kind {
            // Several at once, so that a batch holds several rooms.
            0..=5 => {
                let mut pending = Vec::new();
                for nth in 0..3 {
                    let body = format!("{mark} {} {nth}", posted.len());
                    let room = &rooms[(nth + kind) % rooms.len()];
                    let data = json!({ "room": room, "body": body, "nonce": body });
                    pending.push((room.clone(), body, socket.send("message", data).await));
                }
                for (room, body, sent) in pending {
                    let answer = sent.acknowledgement().await;
                    let code = answer["error"]["code"].as_str().unwrap_or_default();
                    // They may have left the room.
                    assert!(["", "forbidden", "busy", "unavailable"].contains(&code), "a post is answered by {answer}");
                    if code.is_empty() {
                        posted.push((room, body));
                    }
                }
                continue;
            }
            6 => form(&format!("/rooms/{room}/leave"), &[]).await,
            7 => form(&format!("/rooms/{room}/join"), &[]).await,
            8 => drop(socket.ask("direct", json!({ "users": [other] })).await),
            9 => form(&format!("/rooms/{room}/settings"), &[("name", name), ("topic", mark)]).await,
            10 => form(&format!("/rooms/{room}/favorite"), &[("on", if other < *room { "true" } else { "false" })]).await,
            11 => form(&format!("/rooms/{room}/level"), &[("level", "mentions")]).await,
            12 => form("/settings", &[("name", name)]).await,
            _ => drop(socket.ask("draft", json!({ "room": room, "body": mark })).await),
        }
        others += 1;
    }
    (posted, others)
}
