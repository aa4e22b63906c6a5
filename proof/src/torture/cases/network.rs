//! The network between people and the server goes down, loses and delays packets, or is cut in one direction.
//!
//! Each case runs in a network namespace of its own, on its loopback interface.

use tokio::process::Command;

use crate::faults::latency_proxy;
use crate::faults::tcp_proxy::Target;
use crate::infra::stalls;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("network-cut", Db::SQLITE, 3, 1, |fixture, rounds| Box::pin(network_cut(fixture, rounds)))
        .about("the interface goes down while people write, for 5, 60 and 600 s: everybody comes back and gets the rest")
        .needs(&[Need::Namespace, Need::Program("ip")]),
    Case::new("loss-and-delay", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(loss_and_delay(fixture, rounds)))
        .about("one packet in sixteen is lost and everything takes 200 ms each way, while people write")
        .needs(&[Need::Namespace, Need::Program("ip"), Need::Program("tc")]),
    Case::new("half-open", Db::SQLITE, 2, 0, |fixture, rounds| Box::pin(half_open(fixture, rounds)))
        .about("the route to a client is gone, in a busy room and in a quiet one: no longer present within 60 s")
        .needs(&[Need::Namespace, Need::Program("ip")]),
];

/// How long the network is down in each round; further rounds are like the first.
const CUTS: [u64; 3] = [5, 60, 600];
/// How long people may take to write again once the network is back: some wait up to 20 s for a connection that they began while it was
/// down.
const BACK: Duration = Duration::from_secs(30);
/// How long a new connection may take then.
const NEW: Duration = Duration::from_secs(5);
/// By when the server must have noticed that a client is gone.
const GONE: Duration = Duration::from_secs(60);
const DELAY: Duration = Duration::from_millis(200);
const WRITING: Duration = Duration::from_secs(20);

async fn network(program: &str, arguments: &str) -> String {
    let ended = Command::new(program).args(arguments.split_whitespace()).output().await.expect("the program is here");
    assert!(ended.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

async fn network_cut(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let (owner, room) = load.witness();
    let mut outcome = Outcome::default();
    for round in 0..rounds as usize {
        let away = Duration::from_secs(CUTS.get(round).copied().unwrap_or(CUTS[0]));
        let before = load.acknowledged();
        let back = load.during(async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            network("ip", "link set lo down").await;
            tokio::time::sleep(away).await;
            network("ip", "link set lo up").await;
            let began = Instant::now();
            until_well(&owner.site, NEW).await;
            assert!(owner.try_socket().await.is_ok(), "nobody new is let in");
            let new = stalls::elapsed(began);
            until_somebody_writes(&owner, &room).await;
            (new, stalls::elapsed(began))
        });
        let (new, back) = back.await;
        assert!(new < NEW, "somebody new is in only {new:?} after the network is back");
        assert!(back < BACK, "nobody writes {back:?} after the network is back");
        outcome.recovered(new);
        outcome.note(format_args!(
            "away for {} s, people write again {:.1} s after; {} acknowledged in that round",
            away.as_secs(),
            back.as_secs_f64(),
            load.acknowledged() - before
        ));
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

async fn until_somebody_writes(asker: &Person, room: &str) {
    let head = async || {
        let page = asker.request(Method::GET, &format!("/rooms/{room}?limit=1")).header("accept", "application/json");
        let answer = page.timeout(Duration::from_secs(2)).send().await.ok()?;
        answer.json::<Value>().await.ok()?["head"]["seq"].as_i64()
    };
    let mut first = None;
    let began = Instant::now();
    while began.elapsed() < BACK {
        let now = head().await;
        first = first.or(now);
        if now > first {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn loss_and_delay(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let proxy = latency_proxy::start(Target::Tcp(server.address), DELAY).await;
    load.move_to(&proxy);
    let mut outcome = Outcome::default();
    lose_some().await;
    for _ in 0..rounds {
        load.during(tokio::time::sleep(WRITING)).await;
    }
    let half = load.take_latency(0.5);
    assert!(half >= 2 * DELAY, "acknowledged after {half:?}: nothing was delayed");
    let (sent, dropped) = losses().await;
    assert!(dropped * 100 >= sent, "only {dropped} of {sent} packets were lost");
    network("tc", "qdisc del dev lo root").await;
    outcome.note(format_args!(
        "{dropped} of {} packets lost ({:.1} %); half of the posts acknowledged within {:.0} ms",
        sent + dropped,
        dropped as f64 * 100.0 / (sent + dropped) as f64,
        half.as_secs_f64() * 1000.0
    ));
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// Loses the packets that are sent in one millisecond of every sixteen: a classifier looks at the low bits of TCP's timestamp (RFC
/// 7323, at byte 24 of a header without other options, after 20 of IP) and sends them into a class of one byte a second, whose queue
/// has room for one packet. A kernel needs no more for it than `htb` and `u32`; few come without `netem`, but some do.
async fn lose_some() {
    network("ip", "link set lo mtu 1500").await;
    network("tc", "qdisc add dev lo root handle 1: htb default 1").await;
    network("tc", "class add dev lo parent 1: classid 1:1 htb rate 10gbit quantum 60000").await;
    network("tc", "class add dev lo parent 1: classid 1:2 htb rate 8bit burst 1 cburst 1 quantum 1600").await;
    network("tc", "qdisc add dev lo parent 1:2 handle 2: pfifo limit 1").await;
    network(
        "tc",
        "filter add dev lo parent 1: protocol ip prio 1 u32 match ip protocol 6 0xff match u32 0x0 0x0000000f at 44 flowid 1:2",
    )
    .await;
}

async fn losses() -> (u64, u64) {
    let told = network("tc", "-s class show dev lo").await;
    let number = |class: &str, after: &str| {
        let part = told.split(class).nth(1)?;
        part.split(after).nth(1)?.split(|c: char| !c.is_ascii_digit()).find(|it| !it.is_empty())?.parse::<u64>().ok()
    };
    let sent = number("class htb 1:1 ", "bytes").unwrap_or_default();
    (sent, number("class htb 1:2 ", "dropped").unwrap_or_default())
}

async fn half_open(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 2).await;
    let (owner, room) = load.witness();
    let busy = invited(&server, &owner, &room, "gone", 2).await;
    let quiet = owner.create_room("Quiet", "private").await;
    let alone = invited(&server, &owner, &quiet, "alone", 1).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let mut outcome = Outcome::default();
    let here = server.stats().descriptors;
    for round in 0..rounds as usize {
        let away = address(100 + round);
        let mut sockets = Vec::new();
        for (person, room) in busy.iter().map(|it| (it, &room)).chain(alone.iter().map(|it| (it, &quiet))) {
            let socket = socket_from(person, away, None).await.expect("they are let in");
            socket.ok("join", json!({ "room": room })).await;
            sockets.push(socket);
        }
        assert_eq!(online(&owner, &quiet).await.iter().filter(|it| it.starts_with("alone")).count(), 1);
        network("ip", &format!("route add blackhole {away}/32 table local")).await;
        let gone = load.during(latency.during(async {
            let busy = until_gone(&owner, &room, "gone", GONE).await;
            (busy, until_gone(&owner, &quiet, "alone", GONE - busy).await + busy)
        }));
        let ((busy, quiet), latencies) = gone.await;
        outcome.note(format_args!(
            "gone from the busy room after {:.0} s, from the quiet one after {:.0} s; {latencies}",
            busy.as_secs_f64(),
            quiet.as_secs_f64()
        ));
        drop(sockets);
    }
    until_released(&server, here, Duration::from_secs(20)).await;
    outcome.add(load.verdict().await);
    Ok(outcome)
}
