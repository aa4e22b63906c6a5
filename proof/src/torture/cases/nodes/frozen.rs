//! A node stands still for longer than it may trust what it knows, while access ends elsewhere.

use crate::torture::prelude::*;

/// Longer than a node's lease of 15 s; every second round also longer than its presence lasts without it.
const FREEZES: [Duration; 2] = [Duration::from_secs(17), Duration::from_secs(40)];
/// By when all nodes agree again on who is there.
const AGREED: Duration = Duration::from_secs(35);

pub async fn frozen(fixture: Fixture, rounds: u32) -> CaseResult {
    let nodes = Nodes::start(fixture, 2).await;
    let (here, there) = (&nodes.all[0], &nodes.all[1]);
    let mut load = Load::gather(here, 2).await;
    let owner = here.register("owner").await;
    let mut outcome = Outcome::default();
    for round in 0..rounds as usize {
        let [removed, left, stays] = ["removed", "left", "stays"].map(|name| format!("{name}{round}"));
        let room = owner.create_room(&format!("Tea {round}"), "private").await;
        let mut people = Vec::new();
        for name in [&removed, &left, &stays] {
            people.push(there.register(name).await);
            owner.post(&format!("/rooms/{room}/members"), &[("username", name)]).await.expect(303);
        }
        let watching = Presence::watch(&owner, &room).await;
        let sockets = join_all(people.iter().map(|person| person.join(&room))).await;
        for name in [&removed, &left, &stays] {
            watching.until(name, true, DEADLINE).await;
        }
        let freeze = FREEZES[round % 2];
        load.during(async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            there.signal("STOP").await;
            owner.post(&format!("/rooms/{room}/members/{removed}/remove"), &[]).await.expect(303);
            people[1].at(here).post("/logout", &[]).await.expect(303);
            let began = Instant::now();
            // Also while the node comes back.
            let mut said = 0;
            let mut is_frozen = true;
            while is_frozen || began.elapsed() < freeze + Duration::from_secs(3) {
                if is_frozen && began.elapsed() > freeze {
                    there.signal("CONT").await;
                    is_frozen = false;
                }
                watching.socket.post(&room, &format!("secret {said}"), &format!("{round}-{said}")).await;
                said += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let recovery = until_well(there, DEADLINE).await;
            // Whoever stays gets all of it, over the old socket or a new one.
            let (again, joined) = join_at_last(&people[2], &room).await;
            let last = format!("secret {}", said - 1);
            let has_it = joined["messages"].as_array().is_some_and(|all| all.iter().any(|it| it["body"] == last));
            assert!(has_it, "somebody who stays does not get the last message");
            watching.socket.post(&room, "the end", &format!("{round}-end")).await;
            again.hears("the end").await;
            recovery
        })
        .await;
        assert!(tokio::time::timeout(DEADLINE, sockets[1].0.end()).await.is_ok(), "the socket of an ended session lives on");
        for (name, (socket, _)) in [&removed, &left].iter().zip(&sockets) {
            let overheard = socket.peek_at("message").into_iter().find(|it| {
                it["room"] == room && it["body"].as_str().is_some_and(|body| body.starts_with("secret") || body == "the end")
            });
            assert!(overheard.is_none(), "{name} got this after their access had ended: {overheard:?}");
        }
        let agreed = watching.until(&left, false, AGREED).await.max(watching.until(&removed, false, AGREED).await);
        let agreed = agreed.max(watching.until(&stays, true, AGREED).await);
        for name in [&removed, &left] {
            watching.moved(name, &[true, false]).await;
        }
        let moves = watching.moves(&stays);
        let returns_once = [vec![true], vec![true, false, true]];
        assert!(returns_once.contains(&moves), "{stays} is there, but as the others heard it: {moves:?}");
        outcome.note(format_args!(
            "frozen for {} s: nothing that was written after it reached whoever was removed or logged out; the nodes agree on who is \
             there {:.1} s after",
            freeze.as_secs(),
            agreed.as_secs_f64()
        ));
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// A node that comes back lets nobody in before it knows what happened.
async fn join_at_last(person: &Person, room: &str) -> (Socket, Value) {
    let began = Instant::now();
    loop {
        if let Ok(socket) = person.try_socket().await {
            let joined = socket.send("join", json!({ "room": room })).await.within(DEADLINE).await;
            if let Some(joined) = joined.filter(|it| it["ok"] == json!(true)) {
                return (socket, joined);
            }
        }
        assert!(began.elapsed() < DEADLINE, "nobody is let in");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
