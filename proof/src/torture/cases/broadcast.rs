//! What is told live gets lost, or comes twice.

use std::sync::atomic::Ordering;
use tokio::sync::watch;

use crate::checker::check;
use crate::faults::ws_proxy::WsProxy;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("broadcasts-lost", Db::SQLITE, 10, 2, |fixture, rounds| Box::pin(lost(fixture, rounds)))
        .about("of three live messages one gets lost and one comes twice: a client notices the gaps by `rev`, fills them, and has everything once, in order"),
];

async fn lost(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let proxy = WsProxy::before(server.address).await;
    let mut load = Load::gather(&server, 2).await;
    let mut outcome = Outcome::default();
    let (witness, room) = load.witness();
    let mut followers: Vec<_> = (0..2).map(|_| Follower::new(witness.at(&proxy), &room)).collect();
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
    let (lost, doubled) = (proxy.counts.lost.load(Ordering::Relaxed), proxy.counts.doubled.load(Ordering::Relaxed));
    assert!(lost > 0 && doubled > 0 && gaps > 0, "nothing was lost: this proves little");
    outcome
        .note(format_args!("{lost} events were lost and {doubled} doubled; {gaps} gaps were filled, {repeats} repeats ignored"));
    Ok(outcome)
}
