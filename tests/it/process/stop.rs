//! Stopping by a signal: what is queued is committed and acknowledged, people are told, and it ends by itself.

use std::time::{Duration, Instant};

use proof::faults::bad_clients::{BufferFiller, invited, stuck};
use proof::infra::proc_stats::unsent;

use crate::both;
use crate::harness::process;
use crate::harness::{Database, Load};

#[apply(both)]
async fn a_signal_in_the_middle_of_writing_loses_nothing(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let listen = server.address.to_string();
    let mut load = Load::gather(&server, 3).await;
    for signal in ["TERM", "INT", "TERM"] {
        let (witness, room) = load.witness();
        load.during(async {
            witness.join(&room).await.0.first(60, "message").await;
            server.signal(signal).await;
            let status = server.end().await;
            assert_eq!(status.code(), Some(0), "{signal}: {}", server.stderr());
        })
        .await;
        server = process::start(database.folder(), database.url(), &[("LISTEN", &listen)]).await;
    }
    database.check(&mut load).await;
}

#[apply(both)]
async fn it_stops_and_loses_nothing_though_some_clients_read_nothing(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let listen = server.address.to_string();
    let mut load = Load::gather(&server, 3).await;
    let (owner, room) = load.witness();
    let people = invited(&server, &owner, &room, "stuck", 4).await;
    let mut filler = BufferFiller::register(&server).await;
    for person in &people {
        filler.invite(person).await;
    }
    for is_full in [true, false] {
        load.during(async {
            let mut sockets = Vec::new();
            for (nth, person) in people.iter().enumerate() {
                sockets.push(stuck(person, &filler.room, nth).await);
            }
            if is_full {
                filler.fill().await;
                assert!(unsent(server.address.port()) > 1_000_000, "all buffers on the way to them are full");
            }
            let began = Instant::now();
            server.signal("TERM").await;
            assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
            assert!(began.elapsed() < Duration::from_secs(10), "stopped after {:?}", began.elapsed());
            for socket in &sockets {
                socket.set_reading(true);
                socket.is_cut().await;
            }
        })
        .await;
        server = process::start(database.folder(), database.url(), &[("LISTEN", &listen)]).await;
        filler.reconnect().await;
    }
    database.check(&mut load).await;
}

#[apply(both)]
async fn it_stops_though_a_request_is_never_finished(database: &Database) {
    use tokio::io::AsyncWriteExt;
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let mut half = tokio::net::TcpStream::connect(server.address).await.expect("it accepts");
    half.write_all(b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nuser").await.expect("it reads");
    server.stranger().get("/healthz").await.expect(200);
    server.signal("TERM").await;
    assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
}
