//! A Postgres that is frozen or blocked by a lock.

use reqwest::header::ACCEPT;
use sqlx::{Connection, Executor, PgConnection};

use crate::infra::process::signal;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("postgres-frozen", Db::POSTGRES, 3, 0, |fixture, rounds| Box::pin(frozen(fixture, rounds)))
        .about("SIGSTOP to all of Postgres' processes that serve us, for 25 s: bounded waits, and no second message from a retry"),
    Case::new("pool-exhausted", Db::POSTGRES, 3, 0, |fixture, rounds| Box::pin(exhausted(fixture, rounds)))
        .about("every statement about messages waits for a lock for 20 s, and 300 people ask: they are refused in time, /healthz answers"),
];

const LIVE: Duration = Duration::from_secs(10);

/// How long Postgres' processes are frozen: longer than anybody waits for an answer.
const FROZEN: Duration = Duration::from_secs(25);

async fn frozen(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let (witness, mut probe) = (load.witness(), Probe::new(&load, &format!("probe{round}")));
        let recovery = load
            .during(async {
                until_live(&witness, LIVE).await;
                let frozen = Frozen::all(&fixture).await;
                probe.ask_for(FROZEN).await;
                frozen.thaw().await;
                until_live(&witness, LIVE).await
            })
            .await;
        outcome.recovered(recovery);
        outcome.note(format_args!("round {round}: {}", probe.summary()));
        probe.record_in(&mut load);
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// The stopped backends of Postgres. They continue at the latest when this is dropped: a stopped process could not be shut down.
struct Frozen(Vec<String>);

impl Frozen {
    async fn all(fixture: &Fixture) -> Self {
        let mut connection = PgConnection::connect(fixture.url()).await.expect("Postgres answers");
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

const PEOPLE: usize = 300;

const HELD: Duration = Duration::from_secs(20);

async fn exhausted(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let (witness, mut probe) = (load.witness(), Probe::new(&load, &format!("probe{round}")));
        let (recovery, crowd) = load
            .during(async {
                until_live(&witness, LIVE).await;
                let mut other = PgConnection::connect(fixture.url()).await.expect("Postgres answers");
                other.execute("begin; lock table messages in access exclusive mode").await.expect("it gets its turn");
                let asking = join_all((0..PEOPLE).map(|_| ask(&server, &witness)));
                let (crowd, ()) = tokio::join!(asking, probe.ask_for(HELD));
                assert!(!probe.was_answered("socket ok"), "the lock did not hold: {:?}", probe.answers);
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
        probe.record_in(&mut load);
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// Requests the room's page, which needs a statement that waits for the lock.
async fn ask(server: &Process, (person, room): &(Person, String)) -> Duration {
    let began = Instant::now();
    let path = format!("/rooms/{room}?around=1");
    let answer = Answer::try_of(person.at(server).request(Method::GET, &path).header(ACCEPT, "application/json")).await;
    let answer = answer.unwrap_or_else(|error| panic!("no answer after {:?}: {error}", began.elapsed()));
    assert_eq!(answer.status, 503, "{}", answer.body);
    began.elapsed()
}
