//! People who lose their access while they are connected, and do not listen.

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("removed-member", Db::BOTH, 30, 3, |fixture, rounds| Box::pin(removed_member(fixture, rounds))).about(
        "a member is removed while everybody writes, and tries to come back in: not one later message, and every post refused",
    ),
    Case::new("ended-access", Db::BOTH, 3, 0, |fixture, rounds| Box::pin(ended_access(fixture, rounds))).about(
        "new password, ban, log-out and log-in anew, with sockets that read nothing and are full: all of them dead within 5 s",
    ),
];

/// By when every socket must be dead.
const DEAD: Duration = Duration::from_secs(5);
/// What waits in the network alone for those who do not read, at the least; the rest waits in the server.
const WAITING: u64 = 1_000_000;

/// A way to lose all access.
#[derive(Clone, Copy, Debug)]
enum End {
    Password,
    Ban,
    LogOut,
    LogInAnew,
}

impl End {
    const ALL: [Self; 4] = [Self::Password, Self::Ban, Self::LogOut, Self::LogInAnew];

    /// Does it to `person`; `root` is an administrator.
    async fn come(self, person: &Person, root: &Person) {
        let name = person.username.as_str();
        let answer = match self {
            Self::Password => {
                person.post("/settings/password", &[("current", PASSWORD), ("password", "eleven slow lighthouses")]).await
            }
            Self::Ban => root.post(&format!("/people/{name}/ban"), &[]).await,
            Self::LogOut => person.post("/logout", &[]).await,
            Self::LogInAnew => person.post("/login", &[("username", name), ("password", PASSWORD)]).await,
        };
        answer.expect(303);
    }
}

async fn removed_member(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 2).await;
    let (owner, room) = load.witness();
    let member = server.register("leaver").await;
    let mut outcome = Outcome::default();
    let mut heard = 0;
    for round in 0..rounds {
        let nonce = format!("leaver-{round}");
        let socket = load
            .during(async {
                owner.post(&format!("/rooms/{room}/members"), &[("username", "leaver")]).await.expect(303);
                let (socket, _) = member.join(&room).await;
                socket.first(20, "message").await;
                // While the removal is under way they try to get back in, again and again.
                let path = format!("/rooms/{room}/members/leaver/remove");
                let removal = owner.post(&path, &[]);
                let trying = async {
                    let mut pending = Vec::new();
                    for _ in 0..30 {
                        pending.push(socket.send("join", json!({ "room": room })).await);
                        tokio::task::yield_now().await;
                    }
                    pending
                };
                let (removed, pending) = tokio::join!(removal, trying);
                removed.expect(303);
                for one in pending {
                    one.acknowledgement().await;
                }
                for (event, data) in [
                    ("message", json!({ "room": room, "body": nonce, "nonce": nonce })),
                    ("join", json!({ "room": room })),
                    ("sync", json!({ "room": room, "after": 0 })),
                    ("history", json!({ "room": room })),
                    ("typing", json!({ "room": room })),
                    ("read", json!({ "room": room, "seq": 1 })),
                    ("edit", json!({ "room": room, "seq": 2, "body": "mine" })),
                    ("react", json!({ "room": room, "seq": 2, "emoji": "👍", "on": true })),
                ] {
                    let code = socket.refused(event, data).await;
                    assert_eq!(code, "not_found", "{event}");
                }
                member.get(&format!("/rooms/{room}")).await.expect(404);
                member.write(&room, &nonce).await.expect(404);
                // A while in which much is said.
                tokio::time::sleep(Duration::from_millis(300)).await;
                socket
            })
            .await;
        let left = left_at(&owner, &room).await;
        for message in socket.peek_at("message").iter().filter(|it| it["room"] == json!(room)) {
            heard += 1;
            assert!(message["rev"].as_i64() < Some(left), "heard {message} after the removal at rev {left}");
        }
        assert!(socket.peek_at("removed").iter().any(|it| it["room"] == json!(room)), "nobody told them");
    }
    outcome.note(format_args!("{heard} messages heard before the removals, none after"));
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// The change at which somebody last left the room.
async fn left_at(owner: &Person, room: &str) -> i64 {
    let history = history(owner, room).await;
    let left = history.iter().rev().find(|message| message["kind"] == "left").expect("somebody left");
    left["rev"].as_i64().expect("a change has a number")
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
        for end in End::ALL {
            let name = format!("victim-{round}-{}-", end as u8);
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
                end.come(&victim, &root).await;
                // No socket of theirs counts as connected any more, and the one that reads knows that it is over.
                until_gone(&owner, &room, &name, DEAD).await;
                all[0].is_cut().await;
                let took = began.elapsed();
                assert_eq!(all[0].peek_at("signed_out").len(), 1, "the one that reads is told why");
                for socket in &all {
                    socket.set_reading(true);
                    socket.is_cut().await;
                }
                is_shut_out(&before).await;
                (took, waiting)
            });
            let (took, waiting) = took.await;
            assert!(took < DEAD, "{end:?}: dead only after {took:?}");
            outcome.note(format_args!(
                "{end:?}: five sockets, four of them stuck with {:.1} MB in the network, dead after {:.2} s",
                waiting as f64 / 1e6,
                took.as_secs_f64()
            ));
        }
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// The cookie of before opens nothing.
async fn is_shut_out(before: &Person) {
    assert!(before.get("/rooms").await.expect(303).location().starts_with("/login"));
    let refusal = before.try_socket().await.expect_err("the old cookie opens a socket");
    assert_eq!(refusal.message(), "unauthenticated");
}
