//! Floods of registrations, and of guesses at one account's password.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("register-flood", Db::BOTH, 3, 1, |fixture, rounds| Box::pin(register_flood(fixture, rounds)))
        .about("120 connections that register without pause, with a made-up invitation, from one address and from many: those who have an account log in, and others hardly notice"),
    Case::new("throttle-as-weapon", Db::BOTH, 3, 1, |fixture, rounds| Box::pin(throttle_as_weapon(fixture, rounds)))
        .about("200 addresses guess at one account without pause: its owner logs in from a new browser and a known one, and changes their password, all the time"),
];

const CONNECTIONS: usize = 120;
/// How many people log in meanwhile, and for how many of them it must work.
const PEOPLE: usize = 12;
const COME_IN: usize = 11;
/// How many accounts one address may make: the default of `REGISTRATION_RATE`.
const ACCOUNTS: usize = 20;
const FLOOD: Duration = Duration::from_millis(2500);
/// In MiB: two passwords are hashed at a time, at 19 MiB each.
const MEMORY: u64 = 64;
const GUESSERS: usize = 200;
/// Addresses from here on are those of honest people.
const HONEST: usize = 10_000;

/// Runs `work` beside a flood that goes on until it is done.
async fn beside<T>(flood: impl Future<Output = ()>, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        () = flood => unreachable!("the flood has no end"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flood {
    Invited,
    OneAddress,
    ManyAddresses,
}

async fn register_flood(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut outcome = Outcome::default();
    let mut server = fixture.start(&[]).await;
    for nth in 0..PEOPLE {
        server.register(&person(nth)).await;
    }
    let mut begun = Some(LatencyProbe::begin(&server).await);
    for round in 0..rounds {
        for flood in [Flood::Invited, Flood::OneAddress, Flood::ManyAddresses] {
            drop(begun.take());
            server.signal("TERM").await;
            server.end().await;
            let registration = if flood == Flood::Invited { "invite" } else { "open" };
            // The default, as anybody has it.
            server = fixture.start(&[("REGISTRATION", registration), ("REGISTRATION_RATE", "")]).await;
            let mut latency = LatencyProbe::resume(&server).await;
            let calm = latency.measure(Duration::from_secs(1)).await;
            let name = format!("{round}-{registration}-{}", flood as u8);
            let made = tokio::sync::Mutex::new([0_usize; 600]);
            let people = coming_in(&server, (round as usize * 3 + flood as usize) * PEOPLE);
            let before = server.stats().memory;
            let work = beside(registering(&server, flood, &name, &made), people);
            let ((came_in, slowest), cost) = Cost::of(&server, before, &mut latency, work).await;
            let made = made.into_inner();
            let refused: usize = made.iter().sum::<usize>() - made[303];
            let what = match flood {
                Flood::Invited => "made-up invitations",
                Flood::OneAddress => "open, from one address",
                Flood::ManyAddresses => "open, from 120 addresses",
            };
            outcome.note(format_args!(
                "{what}: {came_in} of {PEOPLE} came in, the slowest in {:.0} ms; {} accounts made, {refused} refused (422: {}, 429: {}, \
                 503: {}); {cost} (before: {calm})",
                slowest.as_secs_f64() * 1000.0, made[303], made[422], made[429], made[503],
            ));
            assert!(came_in >= COME_IN, "{what}: only {came_in} of {PEOPLE} could log in");
            cost.assert_held(&calm, what, MEMORY);
            match flood {
                Flood::Invited => assert_eq!(made[303], 0),
                Flood::OneAddress => assert!(made[303] <= ACCOUNTS, "{} accounts from one address", made[303]),
                Flood::ManyAddresses => assert!(made[303] > 0, "nobody could register"),
            }
            begun = Some(latency);
        }
    }
    Ok(outcome)
}

fn person(nth: usize) -> String {
    format!("person{nth}")
}

/// Registers over all connections without a pause, and counts the answers by their status.
async fn registering(server: &Process, flood: Flood, name: &str, made: &tokio::sync::Mutex<[usize; 600]>) {
    join_all((0..CONNECTIONS).map(|nth| async move {
        let from = if flood == Flood::OneAddress { 0 } else { nth };
        let stranger = Person::from_address(server.site.clone(), "", Some(address(from)));
        for count in 0_usize.. {
            let username = format!("{name}-{nth}-{count}");
            let form = [("username", username.as_str()), ("password", PASSWORD), ("invite", "made-up-by-somebody")];
            // Without the cookie of the registration before.
            let form = stranger.form("/register", &form).header("cookie", "");
            let status = Answer::try_of(form).await.map_or(599, |answer| usize::from(answer.status));
            made.lock().await[status.min(599)] += 1;
        }
    }))
    .await;
}

/// People log in one after the other, each from an address of their own; for how many it worked, and how long the slowest took.
async fn coming_in(server: &Process, first: usize) -> (usize, Duration) {
    let (mut came_in, mut slowest) = (0, Duration::ZERO);
    for nth in 0..PEOPLE {
        tokio::time::sleep(FLOOD / PEOPLE as u32).await;
        let somebody = Person::from_address(server.site.clone(), "", Some(address(HONEST + first + nth)));
        let began = Instant::now();
        let form = somebody.form("/login", &[("username", &person(nth)), ("password", PASSWORD)]);
        came_in += usize::from(Answer::try_of(form).await.is_ok_and(|answer| answer.status == 303));
        slowest = slowest.max(began.elapsed());
    }
    (came_in, slowest)
}

async fn throttle_as_weapon(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut outcome = Outcome::default();
    // The default, as anybody has it.
    let server = fixture.start(&[("LOGIN_RATE", "")]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let known = server.register("ada").await;
    let mut password = PASSWORD.to_owned();
    let calm = latency.measure(Duration::from_secs(1)).await;
    for round in 1..=rounds {
        let over = AtomicBool::new(false);
        let counts = tokio::sync::Mutex::new([0_usize; 600]);
        let owner = owning(&server, &known, &mut password, round as usize);
        let before = server.stats().memory;
        let work = beside(guessing(&server, &over, &counts), owner);
        let (owned, cost) = Cost::of(&server, before, &mut latency, work).await;
        over.store(true, Ordering::Release);
        let counts = counts.into_inner();
        outcome.note(format_args!(
            "round {round}: the owner {owned}; {} guesses were verified, {} refused; {cost} (before: {calm})",
            counts[401],
            counts[429] + counts[503],
        ));
        assert_eq!(counts[303], 0, "a guess came in");
        cost.assert_held(&calm, "guesses", MEMORY);
    }
    Ok(outcome)
}

async fn guessing(server: &Process, over: &AtomicBool, counts: &tokio::sync::Mutex<[usize; 600]>) {
    join_all((0..GUESSERS).map(|nth| async move {
        let guesser = Person::from_address(server.site.clone(), "", Some(address(nth)));
        while !over.load(Ordering::Acquire) {
            let form = guesser.form("/login", &[("username", "ada"), ("password", "not the right one")]);
            let status = Answer::try_of(form).await.map_or(599, |answer| usize::from(answer.status));
            counts.lock().await[status.min(599)] += 1;
            // Refused clients try again at once, but leave some processor time to the server.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }))
    .await;
    std::future::pending::<()>().await;
}

#[derive(Default)]
struct Owned {
    anew: Times,
    known: Times,
    changed: Times,
}

impl std::fmt::Display for Owned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { anew, known, changed } = self;
        write!(f, "logged in anew {anew}, from a known browser {known}, changed the password {changed}")
    }
}

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    async fn time(&mut self, what: &str, doing: impl Future<Output = Answer>) {
        let began = Instant::now();
        let answer = doing.await;
        let nth = self.0.len() + 1;
        assert_eq!(answer.status, 303, "the owner is shut out: {what} for the {nth}th time, after {:?}", began.elapsed());
        self.0.push(began.elapsed());
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slowest = self.0.iter().max().copied().unwrap_or_default();
        write!(f, "{} times (at most {:.0} ms)", self.0.len(), slowest.as_secs_f64() * 1000.0)
    }
}

/// The owner logs in and out for a while, and changes their password.
async fn owning(server: &Process, known: &Person, password: &mut String, round: usize) -> Owned {
    let mut owned = Owned::default();
    // The flood begins first.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    while began.elapsed() < 2 * FLOOD {
        let form = [("username", "ada"), ("password", password.as_str())];
        let anew = Person::from_address(server.site.clone(), "", Some(address(HONEST + round)));
        owned.anew.time("logging in with a new browser", anew.post("/login", &form)).await;
        known.post("/logout", &[]).await.expect(303);
        owned.known.time("logging in with a known browser", known.post("/login", &form)).await;
        let new = format!("{PASSWORD} {round}-{}", owned.changed.0.len());
        let form = [("current", password.as_str()), ("password", new.as_str())];
        owned.changed.time("changing the password", known.post("/settings/password", &form)).await;
        *password = new;
    }
    owned
}
