//! A Postgres that restarts, dies, stays away, freezes, or has no time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::header::ACCEPT;
use sqlx::{Connection, Executor, PgConnection};

use crate::client::person::Answer;
use crate::ground::process::{Process, signal};
use crate::torture::stage::until_well;
use crate::torture::{Case, Db, Load, Outcome, Played, Probe, Stage, until_live};

/// The cases about it.
pub const CASES: &[Case] = &[
    Case {
        name: "postgres-restarts",
        about: "`pg_ctl -m fast restart` while people write; live again within 10 s each time",
        databases: Db::POSTGRES,
        rounds: 10,
        short: 1,
        needs: &[],
        run: |stage, rounds| Box::pin(restarts(stage, rounds, "fast")),
    },
    Case {
        name: "postgres-dies",
        about: "`pg_ctl -m immediate` while people write: Postgres crashes, and recovers from its log; live again within 10 s each time",
        databases: Db::POSTGRES,
        rounds: 10,
        short: 0,
        needs: &[],
        run: |stage, rounds| Box::pin(restarts(stage, rounds, "immediate")),
    },
    Case {
        name: "postgres-away",
        about: "Postgres is away for 12 s times the rounds: clear errors, nothing hangs, live again within 10 s by itself",
        databases: Db::POSTGRES,
        rounds: 5,
        short: 0,
        needs: &[],
        run: |stage, rounds| Box::pin(away(stage, rounds)),
    },
    Case {
        name: "postgres-frozen",
        about: "SIGSTOP to all of Postgres' processes that serve us, for 25 s: bounded waits, and no second message from a retry",
        databases: Db::POSTGRES,
        rounds: 3,
        short: 0,
        needs: &[],
        run: |stage, rounds| Box::pin(frozen(stage, rounds)),
    },
    Case {
        name: "pool-exhausted",
        about: "every statement about messages waits for a lock for 20 s, and 300 people ask: they are refused in time, /healthz answers",
        databases: Db::POSTGRES,
        rounds: 3,
        short: 0,
        needs: &[],
        run: |stage, rounds| Box::pin(exhausted(stage, rounds)),
    },
];

/// Within this time people hear each other again.
const LIVE: Duration = Duration::from_secs(10);

/// Stops Postgres, or starts it, from a thread where that may take its time.
async fn turn(stage: &Arc<Stage>, mode: Option<&'static str>) {
    let stage = stage.clone();
    let turning = tokio::task::spawn_blocking(move || match mode {
        Some(mode) => stage.cluster().down(mode),
        None => stage.cluster().up(),
    });
    turning.await.expect("no panic").expect("Postgres stops and starts");
}

async fn restarts(stage: Stage, rounds: u32, mode: &'static str) -> Played {
    let stage = Arc::new(stage);
    let server = stage.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    let mut quiet = 0;
    for _ in 0..rounds {
        let (witness, before) = (load.witness(), load.acknowledged());
        let recovery = load
            .during(async {
                until_live(&witness, LIVE).await;
                turn(&stage, Some(mode)).await;
                turn(&stage, None).await;
                until_live(&witness, LIVE).await
            })
            .await;
        outcome.recovered(recovery);
        quiet += u32::from(load.acknowledged() == before);
    }
    assert_eq!(quiet, 0, "in some rounds nothing was written: this proves little");
    outcome.add(load.verdict().await);
    Ok(outcome)
}

async fn away(stage: Stage, rounds: u32) -> Played {
    let stage = Arc::new(stage);
    let server = stage.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    let (witness, mut probe) = (load.witness(), Probe::new(&load, "probe"));
    let recovery = load
        .during(async {
            until_live(&witness, LIVE).await;
            turn(&stage, Some("fast")).await;
            probe.ask_for(Duration::from_secs(12) * rounds).await;
            let answers = &probe.answers;
            assert!(!probe.was_told("socket ok") && !probe.was_told("healthz 200"), "it does not notice: {answers:?}");
            turn(&stage, None).await;
            until_live(&witness, LIVE).await
        })
        .await;
    outcome.recovered(recovery);
    outcome.note(probe.summary());
    probe.confess(&mut load);
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// How long Postgres' processes are frozen: longer than anybody waits for an answer.
const FROZEN: Duration = Duration::from_secs(25);

async fn frozen(stage: Stage, rounds: u32) -> Played {
    let server = stage.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let (witness, mut probe) = (load.witness(), Probe::new(&load, &format!("probe{round}")));
        let recovery = load
            .during(async {
                until_live(&witness, LIVE).await;
                let frozen = Frozen::all(&stage).await;
                probe.ask_for(FROZEN).await;
                frozen.thaw().await;
                until_live(&witness, LIVE).await
            })
            .await;
        outcome.recovered(recovery);
        outcome.note(format_args!("round {round}: {}", probe.summary()));
        probe.confess(&mut load);
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// The processes of Postgres that serve somebody, stopped; they go on at the latest when this is dropped, for a stopped one could not be
/// ended in peace.
struct Frozen(Vec<String>);

impl Frozen {
    async fn all(stage: &Stage) -> Self {
        let mut connection = PgConnection::connect(stage.url()).await.expect("Postgres answers");
        let statement = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
        let found: Vec<i32> = sqlx::query_scalar(statement).fetch_all(&mut connection).await.expect("it says");
        assert!(!found.is_empty(), "nobody is connected");
        let all = Self(found.iter().map(ToString::to_string).collect());
        for process in &all.0 {
            signal("STOP", process).await;
        }
        drop(connection.close().await);
        all
    }

    async fn thaw(mut self) {
        for process in std::mem::take(&mut self.0) {
            signal("CONT", &process).await;
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.0 {
            drop(std::process::Command::new("sh").args(["-c", "kill -s CONT -- \"$1\"", "sh", process]).status());
        }
    }
}

/// How many people ask at the same time.
const PEOPLE: usize = 300;

/// How long the lock is held, in seconds.
const HELD: Duration = Duration::from_secs(20);

async fn exhausted(stage: Stage, rounds: u32) -> Played {
    let server = stage.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let (witness, mut probe) = (load.witness(), Probe::new(&load, &format!("probe{round}")));
        let (recovery, crowd) = load
            .during(async {
                until_live(&witness, LIVE).await;
                let mut other = PgConnection::connect(stage.url()).await.expect("Postgres answers");
                other.execute("begin; lock table messages in access exclusive mode").await.expect("it gets its turn");
                let asking = join_all((0..PEOPLE).map(|_| ask(&server, &witness)));
                let (crowd, ()) = tokio::join!(asking, probe.ask_for(HELD));
                assert!(!probe.was_told("socket ok"), "the lock did not hold: {:?}", probe.answers);
                other.execute("rollback").await.expect("it can let go");
                drop(other.close().await);
                let recovery = until_well(&server, Duration::from_secs(5)).await;
                (recovery + until_live(&witness, LIVE).await, crowd)
            })
            .await;
        outcome.recovered(recovery);
        let slowest = crowd.into_iter().max().unwrap_or_default();
        outcome.note(format_args!(
            "round {round}: {PEOPLE} pages were refused within {:.1} s; {}",
            slowest.as_secs_f64(),
            probe.summary()
        ));
        probe.confess(&mut load);
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// One of the crowd opens the room's page, which needs a statement that waits.
async fn ask(server: &Process, (person, room): &(crate::client::Person, String)) -> Duration {
    let began = Instant::now();
    let path = format!("/rooms/{room}?around=1");
    let answer = Answer::try_of(person.at(server).request(reqwest::Method::GET, &path).header(ACCEPT, "application/json")).await;
    let answer = answer.unwrap_or_else(|error| panic!("no answer after {:?}: {error}", began.elapsed()));
    assert_eq!(answer.status, 503, "{}", answer.body);
    began.elapsed()
}
