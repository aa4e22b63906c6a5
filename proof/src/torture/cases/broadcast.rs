//! What is told live gets lost, or comes twice.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::watch;

use crate::checker::check;
use crate::client::Socket;
use crate::ground::sieve::Sieve;
use crate::torture::load::history;
use crate::torture::{Case, Db, Follower, Load, Outcome, Played, Stage};

/// The cases about it.
pub const CASES: &[Case] = &[Case {
    name: "broadcasts-lost",
    about: "of three live messages one gets lost and one comes twice: a client notices the gaps by `rev`, fills them, and has everything once, in order",
    databases: Db::SQLITE,
    rounds: 10,
    short: 2,
    needs: &[],
    run: |stage, rounds| Box::pin(lost(stage, rounds)),
}];

async fn lost(stage: Stage, rounds: u32) -> Played {
    let server = stage.start(&[]).await;
    let sieve = Sieve::before(server.address).await;
    let mut load = Load::gather(&server, 2).await;
    let mut outcome = Outcome::default();
    let (witness, room) = load.witness();
    let mut followers: Vec<_> = (0..2).map(|_| Follower::new(witness.at(&sieve), &room)).collect();
    for _ in 0..rounds {
        let (told, telling) = watch::channel(None);
        let following = join_all(followers.iter_mut().map(|follower| follower.follow(telling.clone())));
        let talking = async {
            load.during(tokio::time::sleep(Duration::from_millis(700))).await;
            let socket = witness.socket().await;
            told.send_replace(Some(head(&socket, &room).await));
        };
        tokio::join!(following, talking);
    }
    load.verdict().await;
    let (socket, all) = (witness.socket().await, history(&witness, &room).await);
    for follower in &mut followers {
        follower.follow_to(head(&socket, &room).await).await;
    }
    let journals: Vec<_> = load.clients.iter().map(|it| &it.journal).chain(followers.iter().map(|it| &it.journal)).collect();
    outcome.add(check(&journals, &all));
    let (gaps, repeats) = followers.iter().fold((0, 0), |(gaps, repeats), it| (gaps + it.gaps, repeats + it.repeats));
    let (lost, doubled) = (sieve.counts.lost.load(Ordering::Relaxed), sieve.counts.doubled.load(Ordering::Relaxed));
    assert!(lost > 0 && doubled > 0 && gaps > 0, "nothing was lost: this proves little");
    outcome
        .note(format_args!("{lost} events were lost and {doubled} doubled; {gaps} gaps were filled, {repeats} repeats ignored"));
    Ok(outcome)
}

/// The room's last `rev`.
async fn head(socket: &Socket, room: &str) -> i64 {
    let answer = socket.ok("sync", json!({ "room": room, "after": 0 })).await;
    answer["head"]["rev"].as_i64().expect("a head has a rev")
}
