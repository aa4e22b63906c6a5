//! Whether the checker notices faults: a server with one known fault at a time, and a correct one.

use crate::checker::Verdict;
use crate::faults::faulty_server::Fault;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("faulty-server", Db::SQLITE, 3, 1, |fixture, rounds| Box::pin(faulty_server(fixture, rounds)))
        .about("a server that loses, withholds, doubles, repeats, reorders, leaks or opens: each fault must be found, and a correct server is clean"),
];

const POSTS: usize = 300;

async fn faulty_server(fixture: Fixture, rounds: u32) -> Played {
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let correct = verdict_on(&fixture, Fault::None).await;
        assert!(correct.is_clean(), "a correct server was accused: {correct}");
        for fault in Fault::ALL {
            let verdict = verdict_on(&fixture, *fault).await;
            let is_found = match fault {
                Fault::None => verdict.is_clean(),
                Fault::Lose | Fault::Withhold => verdict.lost > 0,
                Fault::Double | Fault::Repeat => verdict.doubled > 0,
                Fault::Reorder => verdict.out_of_order > 0,
                Fault::Leak | Fault::Open => verdict.seen_by_strangers > 0,
            };
            assert!(is_found, "nobody noticed the fault {fault:?}: {verdict}");
            if round == 1 {
                let first = verdict.findings.first().map(String::as_str).unwrap_or_default();
                outcome.note(format_args!("{} was found; {first}", fault.name()));
            }
        }
        // Only the correct server's: what the faulty ones lost is no finding.
        outcome.add(correct);
    }
    Ok(outcome)
}

async fn verdict_on(fixture: &Fixture, fault: Fault) -> Verdict {
    let program = std::env::current_exe().expect("this program is a file");
    let server =
        Process::start(&program, &["faulty-server", "--fault", &fault.name()], fixture.folder(), fixture.url(), &[]).await;
    let mut load = Load::gather(&server, 3).await;
    let listener = load.clients[3].person.clone();
    let room = load.room.clone();
    load.during(async {
        let (socket, _) = listener.join(&room).await;
        socket.first(POSTS, "message").await;
    })
    .await;
    load.verdict().await
}
