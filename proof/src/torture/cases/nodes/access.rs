//! Access ends on one node at the very moment when its person connects to another.

use rand::RngExt;

use crate::infra::process::run;
use crate::infra::stalls;
use crate::torture::prelude::*;

/// How many sockets connect to the other node, at as many moments around the end of the access.
const SOCKETS: usize = 4;
/// For how long one may live afterwards.
const GONE: Duration = Duration::from_secs(1);

pub async fn ends(fixture: Fixture, rounds: u32) -> CaseResult {
    let nodes = Nodes::start(fixture, 2).await;
    let (here, there) = (&nodes.all[0], &nodes.all[1]);
    let fixture = &nodes.fixture;
    let url = [("DATABASE_URL", fixture.url())];
    run(&fixture.program, fixture.folder(), &["user", "add", "root", "--admin"], &url, PASSWORD).await;
    let admin = here.log_in("root").await;
    let mut outcome = Outcome::default();
    let (mut admitted, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    for round in 0..rounds {
        let name = format!("somebody{round}");
        let first = here.register(&name).await;
        let second = here.log_in(&name).await;
        let ending = async {
            pause(20).await;
            match round % 3 {
                0 => second.post("/logout", &[]).await,
                1 => admin.post(&format!("/people/{name}/ban"), &[]).await,
                _ => first.post("/settings/password", &[("current", PASSWORD), ("password", "nine loud harbours")]).await,
            }
            .expect(303);
            Instant::now()
        };
        let outside = second.at(there);
        let connecting = join_all((0..SOCKETS).map(async |_| {
            pause(150).await;
            outside.try_socket().await
        }));
        let (sockets, ended) = tokio::join!(connecting, ending);
        let (inside, outside_now): (Vec<_>, Vec<_>) = sockets.into_iter().partition(Result::is_ok);
        refused += outside_now.len();
        for socket in inside.into_iter().flatten() {
            admitted += 1;
            let is_gone = stalls::within(ended, GONE, socket.end()).await.is_some();
            assert!(is_gone, "round {round}: a socket lives {GONE:?} after its session has ended; it got {:?}", socket.peek());
            slowest = slowest.max(stalls::elapsed(ended));
        }
        assert!(outside.try_socket().await.is_err(), "round {round}: a session that has ended lets somebody in");
    }
    assert!(admitted > 0 && (refused > 0 || rounds < 10), "{admitted} were admitted and {refused} refused: it proves little");
    outcome.note(format_args!(
        "{rounds} log-outs, bans and new passwords: {admitted} sockets were let in at that moment on the other node and {refused} \
         refused; the last one was gone after {:.0} ms",
        slowest.as_secs_f64() * 1000.0
    ));
    Ok(outcome)
}

async fn pause(most: u64) {
    let time = rand::rng().random_range(0..most * 1000);
    tokio::time::sleep(Duration::from_micros(time)).await;
}
