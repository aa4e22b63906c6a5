//! Nobody knows what became of it: commits whose answer is lost, requests whose sender is gone, acknowledgements that do not arrive.

use rand::RngExt;
use sqlx::{Connection, PgConnection};

use crate::faults::pg_proxy::{Break, PgProxy};
use crate::faults::tcp_proxy::{Target, TcpProxy};
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("commit-unknown", Db::POSTGRES, 50, 6, |fixture, rounds| Box::pin(commit_unknown(fixture, rounds)))
        .about("the link to Postgres breaks right behind a commit, or right before it: the retry gets the place of the first try, or one of its own"),
    Case::new("begin-cancelled", Db::BOTH, 300, 40, |fixture, rounds| Box::pin(begin_cancelled(fixture, rounds)))
        .about("clients vanish in the middle of requests, with as few connections to the database as there can be: none stays in a transaction"),
    Case::new("ack-lost", Db::BOTH, 40, 3, |fixture, rounds| Box::pin(ack_lost(fixture, rounds)))
        .about("a proxy loses what the server says, at any moment: the retry finds the one row"),
];

async fn commit_unknown(fixture: Fixture, rounds: u32) -> Played {
    let proxy = PgProxy::to(fixture.cluster().socket()).await;
    let url = format!("postgres://postgres@{}/postgres?sslmode=disable", proxy.address);
    let server = Process::start(&fixture.program, &[], fixture.folder(), &url, &[]).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    let mut database = PgConnection::connect(fixture.url()).await.expect("Postgres answers");
    let (witness, room) = load.witness();
    let place = load.clients.len() - 2;
    let (mut found, mut answers) = (0, std::collections::BTreeMap::<String, u32>::new());
    for round in 1..=rounds {
        let plan = if round % 2 == 1 { Break::BehindCommit } else { Break::BeforeCommit };
        // Under load: whose commit it is, nobody knows.
        load.during(async {
            let listening = (witness.clone(), room.clone());
            until_live(&listening, Duration::from_secs(10)).await;
            let before = proxy.broken();
            proxy.arm(plan);
            until(|| proxy.broken() > before).await;
            outcome.recovered(until_live(&listening, Duration::from_secs(10)).await);
        })
        .await;
        // Alone: it is this one's.
        let nonce = format!("alone-{round}");
        load.clients[place].journal.intended.push(nonce.clone());
        let (socket, _) = witness.join(&room).await;
        let post = json!({ "room": room, "body": nonce, "nonce": nonce });
        let before = proxy.broken();
        proxy.arm(plan);
        let answer = socket.ask("message", post.clone()).await;
        assert!(proxy.broken() > before, "the link did not break, and {nonce} was answered with {answer}");
        let code = answer["error"]["code"].as_str().unwrap_or("ok").to_owned();
        let statement = "select seq from messages where nonce = $1";
        let stored: Option<i64> =
            sqlx::query_scalar(statement).bind(&nonce).fetch_optional(&mut database).await.expect("it answers");
        *answers.entry(format!("{plan:?}: {code}")).or_default() += 1;
        found += u32::from(stored.is_some());
        let began = Instant::now();
        let mut message = loop {
            let mut again = socket.ask("message", post.clone()).await;
            if again["ok"] == json!(true) {
                break again["message"].take();
            }
            assert!(began.elapsed() < Duration::from_secs(10), "the retry is refused: {again}");
        };
        assert!(stored.is_none_or(|seq| message["seq"] == json!(seq)), "stored at {stored:?}, the retry says {message}");
        if answer["ok"] == json!(true) {
            assert_eq!(answer["message"]["seq"], message["seq"]);
        }
        load.clients[place].journal.acknowledge(&nonce, &message.take());
    }
    outcome.note(format_args!("the link broke {} times; {answers:?}; {found} of them were stored all the same", proxy.broken()));
    assert!(found > 0, "no commit's outcome was unknown: this proves little");
    outcome.add(load.verdict().await);
    Ok(outcome)
}

async fn until(fits: impl Fn() -> bool) {
    let began = Instant::now();
    while !fits() {
        assert!(began.elapsed() < Duration::from_secs(10), "it does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn begin_cancelled(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[("DATABASE_CONNECTIONS", "1"), ("LOGIN_RATE", "off")]).await;
    let mut load = Load::gather(&server, 2).await;
    let mut outcome = Outcome::default();
    // A room for what vanishes: whether it was posted, nobody knows.
    let vanishing = server.register("vanishing").await;
    vanishing.enter("general").await;
    load.during(async {
        for round in 0..rounds {
            let moment = Duration::from_micros(rand::rng().random_range(100..20_000));
            let gone = [
                vanishing.form("/rooms/general/messages", &[("body", "vanishing")]),
                vanishing.form("/rooms", &[("name", "Vanishing"), ("visibility", "public")]),
                vanishing.form("/settings", &[("status", "vanishing")]),
                vanishing.form("/rooms/general/read", &[]),
                vanishing.request(reqwest::Method::GET, "/rooms/general"),
            ];
            let all = gone.into_iter().map(|request| tokio::time::timeout(moment, Answer::try_of(request)));
            drop(futures_util::future::join_all(all).await);
            if round % 3 == 0
                && let Ok(socket) = vanishing.try_socket().await
            {
                socket.tell("join", json!({ "room": "general" })).await;
                socket.tell("message", json!({ "room": "general", "body": "gone", "nonce": format!("gone-{round}") })).await;
            }
        }
    })
    .await;
    if fixture.db == Db::Postgres {
        let mut database = PgConnection::connect(fixture.url()).await.expect("Postgres answers");
        let statement = "select count(*) from pg_stat_activity where datname = 'postgres' and state like 'idle in transaction%'";
        // Everybody has stopped talking, and what was under way is over in a moment.
        let began = Instant::now();
        while sqlx::query_scalar::<_, i64>(statement).fetch_one(&mut database).await.expect("it answers") > 0 {
            assert!(began.elapsed() < Duration::from_secs(5), "a transaction was left open");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = fixture.cluster().log().expect("Postgres has a log");
        assert!(!log.contains("WARNING"), "the server gives Postgres something to warn of: {log}");
        outcome.note("nothing is idle in a transaction");
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

async fn ack_lost(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let proxy = TcpProxy::to(Target::Tcp(server.address)).await;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    let witness = load.witness();
    load.move_to(&proxy);
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        let moment = Duration::from_millis(rand::rng().random_range(20..300));
        load.during(async {
            until_live(&witness, Duration::from_secs(10)).await;
            proxy.drop_replies();
            // At any moment of the writing: this is no waiting for a result.
            tokio::time::sleep(moment).await;
            proxy.cut();
            proxy.restore();
            slowest = slowest.max(until_live(&witness, Duration::from_secs(10)).await);
        })
        .await;
    }
    outcome.recovered(slowest);
    outcome.add(load.verdict().await);
    Ok(outcome)
}
