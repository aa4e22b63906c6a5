//! What leaves Parlor, while its processes end without a warning.

use std::collections::BTreeSet;

use rand::RngExt;

use crate::client::push::Device;
use crate::infra::process;
use crate::infra::receiver::{Receiver, Reply};
use crate::torture::prelude::*;

const NEEDS: &[Need] = &[Need::Redis];
/// The receiver is on this machine.
const SETTINGS: [(&str, &str); 2] = [("WEBHOOK_PRIVATE_ADDRESSES", "127.0.0.1"), ("PUSH_PRIVATE_ADDRESSES", "127.0.0.1")];
/// How long the last deliveries may take: a killed node keeps its claim for a minute.
const LAST: Duration = Duration::from_secs(150);
/// How many messages may wait when a fault begins, and how many are written during one. The server keeps 10,000; more are dropped for such a
/// receiver.
const BEHIND: usize = 2_000;
const WRITTEN: usize = 6_000;
const WAITING: &str = "select count(*) from outbox where dead_at is null";

pub const CASES: &[Case] = &[
    Case::new("outbox-kill9", Db::BOTH, 50, 3, |fixture, rounds| Box::pin(kill9(fixture, rounds, false)))
        .about("killed with SIGKILL while people write and a webhook is told, at any moment, every other time just when a delivery has arrived; the receiver fails at times: each message is delivered at least once, in the order of the room"),
    Case::new("push-kill9", Db::BOTH, 50, 2, |fixture, rounds| Box::pin(kill9(fixture, rounds, true)))
        .about("as outbox-kill9, with a browser that wants every message: its push service gets each at least once, in the order of the room"),
    Case::new("node-outbox", Db::POSTGRES, 12, 1, |fixture, rounds| Box::pin(nodes_kill9(fixture, rounds, false)))
        .about("the same on two nodes, of which one is killed: the other delivers what it had begun")
        .needs(NEEDS),
    Case::new("node-push", Db::POSTGRES, 12, 0, |fixture, rounds| Box::pin(nodes_kill9(fixture, rounds, true)))
        .about("as node-outbox, with a browser")
        .needs(NEEDS),
];

async fn kill9(fixture: Fixture, rounds: u32, is_push: bool) -> CaseResult {
    let mut server = fixture.start(&SETTINGS).await;
    let address = server.address;
    let mut load = Load::gather(&server, 3).await;
    let mut told = gather(&fixture, &server.site, &load, is_push).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        load.during_at_most(WRITTEN, async {
            moment(&told.receiver, round).await;
            server.kill().await;
        })
        .await;
        if fixture.is_on_postgres() {
            // As if a minute had passed: there, a process that is gone holds its claims so long. On SQLite the next one releases them.
            fixture.change("update receivers set claimed_until = 0").await;
        }
        let (again, recovery) = fixture.start_again(address, &SETTINGS).await;
        server = again;
        outcome.recovered(recovery);
        told.keep_up(&load).await;
        assert!(fixture.count(WAITING).await < 10_000, "more was written than is kept for a receiver");
    }
    outcome.add(load.verdict().await);
    outcome.note(everything_arrived(&fixture, &load, &mut told).await);
    Ok(outcome)
}

async fn nodes_kill9(fixture: Fixture, rounds: u32, is_push: bool) -> CaseResult {
    let mut nodes = Nodes::start_set(fixture, 2, &SETTINGS).await;
    let mut load = nodes.gather(2).await;
    let mut told = gather(&nodes.fixture, &nodes.all[0].site, &load, is_push).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        let victim = (round % 2) as usize;
        let recovery = load.during_at_most(WRITTEN, async {
            moment(&told.receiver, round).await;
            nodes.all[victim].kill().await;
            nodes.start_again(victim).await
        });
        outcome.recovered(recovery.await);
        told.keep_up(&load).await;
    }
    outcome.add(load.verdict().await);
    outcome.note(everything_arrived(&nodes.fixture, &load, &mut told).await);
    Ok(outcome)
}

/// Who is told of the load's room.
struct Told {
    receiver: Receiver,
    /// The browser, if it is no webhook.
    device: Option<Device>,
    /// How many of the requests were read.
    read: usize,
    /// The places of the messages that came, in this order.
    places: Vec<i64>,
}

impl Told {
    fn new(receiver: Receiver, device: Option<Device>) -> Self {
        Self { receiver, device, read: 0, places: Vec::new() }
    }

    /// Reads what came since, and returns the places of all that came so far.
    fn read(&mut self) -> BTreeSet<i64> {
        let new = self.receiver.deliveries_after(self.read);
        self.read += new.len();
        let taken = new.iter().filter(|one| one.is_taken);
        self.places.extend(taken.filter_map(|one| match &self.device {
            Some(device) => device.read(one)["seq"].as_i64(),
            None => one.body["data"]["seq"].as_i64(),
        }));
        self.places.iter().copied().collect()
    }

    /// Waits until no more than [`BEHIND`] of the messages have not come: a receiver that falls too far behind is paused.
    async fn keep_up(&mut self, load: &Load) {
        let began = Instant::now();
        loop {
            let behind = load.acknowledged().saturating_sub(self.read().len());
            if behind <= BEHIND {
                return;
            }
            assert!(began.elapsed() < LAST, "{behind} of {} messages did not arrive", load.acknowledged());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn gather(fixture: &Fixture, site: &Site, load: &Load, is_push: bool) -> Told {
    if is_push { notified(site, load).await } else { subscribe(fixture, site, load).await }
}

/// A browser whose person wants every message, and reads none.
async fn notified(site: &Site, load: &Load) -> Told {
    let eve = site.register("eve").await;
    let (owner, room) = load.witness();
    owner.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    eve.post(&format!("/rooms/{room}/level"), &[("level", "all")]).await.expect(303);
    let (receiver, device) = (Receiver::start().await, Device::new("/eve"));
    device.subscribe(&eve, &receiver).await.expect(201);
    Told::new(receiver, Some(device))
}

/// A webhook that is told of the load's room, by an administrator who is a member of it.
async fn subscribe(fixture: &Fixture, site: &Site, load: &Load) -> Told {
    let settings = [("DATABASE_URL", fixture.url())];
    let added = process::run(&fixture.program, fixture.folder(), &["user", "add", "root", "--admin"], &settings, PASSWORD).await;
    assert_eq!(added.status, Some(0), "{}", added.stderr);
    let (owner, room) = load.witness();
    owner.post(&format!("/rooms/{room}/members"), &[("username", "root")]).await.expect(303);
    let root = site.log_in("root").await;
    let receiver = Receiver::start().await;
    let form = [("url", receiver.url("/")), ("rooms", room), ("events", "message.posted".to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    root.post("/admin/webhooks", &form).await.expect(201);
    Told::new(receiver, None)
}

/// Waits for the moment of a fault.
async fn moment(receiver: &Receiver, round: u32) {
    // At a random moment: this does not wait for a result.
    let wait = Duration::from_millis(rand::rng().random_range(50..600));
    tokio::time::sleep(wait).await;
    if round.is_multiple_of(3) {
        receiver.reply_next([Reply::Status(500, "")]);
    }
    if round.is_multiple_of(2) {
        // Between a delivery and its note. One may be under way to a receiver that asked for time.
        let (before, began) = (receiver.count(), Instant::now());
        while receiver.count() == before && began.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Waits until the receiver has every message of the room, checks their order, and says how many came more than once.
async fn everything_arrived(fixture: &Fixture, load: &Load, told: &mut Told) -> String {
    let (owner, room) = load.witness();
    let all: BTreeSet<i64> = history(&owner, &room)
        .await
        .iter()
        .filter(|message| message["kind"] == "text")
        .map(|message| message["seq"].as_i64().expect("a place"))
        .collect();
    let began = Instant::now();
    loop {
        let distinct = told.read();
        let places = &told.places;
        if distinct == all {
            let mut last = 0;
            for seq in places {
                // Again only what came before, or the next.
                assert!(*seq <= last || all.range(last + 1..).next() == Some(seq), "{seq} came after {last}");
                last = last.max(*seq);
            }
            return format!("{} messages, {} of them delivered again", all.len(), places.len() - all.len());
        }
        if began.elapsed() > LAST {
            let missing: Vec<_> = all.difference(&distinct).collect();
            let waiting = fixture.count(WAITING).await;
            let dead = fixture.count("select count(*) from outbox where dead_at is not null").await;
            panic!(
                "{} of {} messages did not arrive; {waiting} wait, {dead} are given up: {missing:?}",
                missing.len(),
                all.len()
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
