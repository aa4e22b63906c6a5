//! Whether the checker notices: a server that lies in one way each, and an honest one.

use crate::checker::Verdict;
use crate::ground::process::Process;
use crate::liar::Lie;
use crate::torture::{Case, Db, Load, Outcome, Played, Stage};

/// The cases about it.
pub const CASES: &[Case] = &[Case {
    name: "liar",
    about: "a server that loses, withholds, doubles, repeats, reorders, leaks or opens: each lie must be found, and an honest one clean",
    databases: Db::SQLITE,
    rounds: 3,
    short: 1,
    needs: &[],
    run: |stage, rounds| Box::pin(liar(stage, rounds)),
}];

/// How many posts the lies are told among.
const POSTS: usize = 300;

async fn liar(stage: Stage, rounds: u32) -> Played {
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let honest = verdict_on(&stage, Lie::None).await;
        assert!(honest.is_clean(), "an honest server was accused: {honest}");
        for lie in Lie::ALL {
            let verdict = verdict_on(&stage, *lie).await;
            let is_found = match lie {
                Lie::None => verdict.is_clean(),
                Lie::Lose | Lie::Withhold => verdict.lost > 0,
                Lie::Double | Lie::Repeat => verdict.doubled > 0,
                Lie::Reorder => verdict.out_of_order > 0,
                Lie::Leak | Lie::Open => verdict.seen_by_strangers > 0,
            };
            assert!(is_found, "nobody noticed the lie {lie:?}: {verdict}");
            if round == 1 {
                let first = verdict.findings.first().map(String::as_str).unwrap_or_default();
                outcome.note(format_args!("{} was found; {first}", lie.name()));
            }
        }
        // The honest one's: what the liars lost is no finding about Parlor.
        outcome.add(honest);
    }
    Ok(outcome)
}

async fn verdict_on(stage: &Stage, lie: Lie) -> Verdict {
    let program = std::env::current_exe().expect("this program is a file");
    let server = Process::start(&program, &["liar", "--lie", &lie.name()], stage.folder(), stage.url(), &[]).await;
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
