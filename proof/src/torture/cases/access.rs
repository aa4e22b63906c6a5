//! People who lose their access while they are connected, and read nothing.

use crate::torture::prelude::*;

pub const CASES: &[Case] =
    &[Case::new("ended-access", Db::BOTH, 3, 0, |fixture, rounds| Box::pin(ended_access(fixture, rounds))).about(
        "new password, ban, log-out and log-in anew, with sockets that read nothing and are full: all of them dead within 5 s",
    )];

const DEAD: Duration = Duration::from_secs(5);
/// What waits in the network alone for those who do not read, at the least; the rest waits in the server.
const WAITING: u64 = 1_000_000;

/// The ways to lose all access.
const ENDS: [&str; 4] = ["password", "ban", "log-out", "log-in-anew"];

async fn end_access(end: &str, person: &Person, administrator: &Person) {
    let name = person.username.as_str();
    let new_password = [("current", PASSWORD), ("password", "eleven slow lighthouses")];
    let answer = match end {
        "password" => person.post("/settings/password", &new_password).await,
        "ban" => administrator.post(&format!("/people/{name}/ban"), &[]).await,
        "log-out" => person.post("/logout", &[]).await,
        _ => person.post("/login", &[("username", name), ("password", PASSWORD)]).await,
    };
    answer.expect(303);
}

async fn ended_access(fixture: Fixture, rounds: u32) -> Played {
    fixture.add_administrator().await;
    let server = fixture.start(&[("LOGIN_RATE", "off")]).await;
    let root = server.log_in("root").await;
    let mut load = Load::gather(&server, 3).await;
    let (owner, room) = load.witness();
    let mut loud = Loud::begin(&server).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        for end in ENDS {
            let name = format!("victim-{round}-{end}-");
            let victim = invited(&server, &owner, &room, &name, 1).await.remove(0);
            loud.invite(&victim).await;
            let before = victim.at(&server);
            let took = load.during(async {
                let (reading, _) = victim.join(&room).await;
                let mut all = vec![reading];
                for nth in 0..4 {
                    all.push(stuck(&victim, &loud.room, nth).await);
                }
                loud.shout().await;
                let waiting = unsent(server.address.port());
                assert!(waiting > WAITING, "only {waiting} bytes wait for those who do not read");
                let began = Instant::now();
                end_access(end, &victim, &root).await;
                // No socket of theirs counts as connected any more, and the one that reads knows that it is over.
                until_gone(&owner, &room, &name, DEAD).await;
                all[0].is_cut().await;
                let took = began.elapsed();
                assert_eq!(all[0].peek_at("signed_out").len(), 1, "the one that reads is told why");
                for socket in &all {
                    socket.set_reading(true);
                    socket.is_cut().await;
                }
                assert!(before.get("/rooms").await.expect(303).location().starts_with("/login"));
                let refusal = before.try_socket().await.expect_err("the old cookie opens a socket");
                assert_eq!(refusal.message(), "unauthenticated");
                (took, waiting)
            });
            let (took, waiting) = took.await;
            assert!(took < DEAD, "{end}: dead only after {took:?}");
            outcome.note(format_args!(
                "{end}: five sockets, four of them stuck with {:.1} MB in the network, dead after {:.2} s",
                waiting as f64 / 1e6,
                took.as_secs_f64()
            ));
        }
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}
