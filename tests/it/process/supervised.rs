//! Started by systemd: the listening socket is systemd's and outlives the program, and it is notified.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::process::{self, PROGRAM, Process};
use crate::harness::{Database, Kind};
use crate::{both, once};

/// Passes an open descriptor on as systemd does, as number 3.
const PASS: &str = "exec 3<&\"$1\"; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\"";

async fn start_with(socket: &socket2::Socket, database: &Database) -> Process {
    let descriptor = socket.as_raw_fd().to_string();
    let arguments = ["-c", PASS, PROGRAM, &*descriptor];
    Process::start(Path::new("bash"), &arguments, database.folder(), database.url(), &[]).await
}

/// What became of the connections of one client after the other.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    refused: AtomicUsize,
    /// Accepted by a process that stopped before it read the request: a client asks again.
    unanswered: AtomicUsize,
}

impl Tally {
    async fn ask(&self, address: SocketAddr) {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        let exchanged = async {
            stream.write_all(request).await?;
            stream.read_to_string(&mut answer).await
        };
        let is_answered = exchanged.await.is_ok() && answer.starts_with("HTTP/1.1 200");
        let count = if is_answered { &self.answered } else { &self.unanswered };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[apply(both)]
async fn a_restart_refuses_no_connection(database: &Database) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let socket = socket2::Socket::from(listener);
    socket.set_cloexec(false).expect("a descriptor can be inherited");
    let mut server = start_with(&socket, database).await;
    assert_eq!(server.address, address, "it listens where it was told to");
    let ada = server.register("ada").await;
    let (tally, is_over) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (tally, is_over) = (tally.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    tally.ask(address).await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.signal("TERM").await;
        assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
        server = start_with(&socket, database).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client ends");
    }
    let [answered, refused, unanswered] =
        [&tally.answered, &tally.refused, &tally.unanswered].map(|count| count.load(Ordering::Relaxed));
    println!("three restarts: {answered} answered, {refused} refused, {unanswered} cut before the answer");
    assert_eq!(refused, 0);
    assert!(answered > 100 && unanswered <= 3 * 8, "{answered} answered, {unanswered} cut before the answer");
    ada.get("/rooms").await.expect(200);
}

#[apply(once)]
async fn what_is_passed_must_be_a_socket(database: &Database) {
    let script = "exec 3<\"$0\"; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\"";
    let settings = [("DATABASE_URL", database.url())];
    let ended = proof::infra::process::run(Path::new("bash"), database.folder(), &["-c", script, PROGRAM], &settings, "").await;
    assert!(ended.status.is_some_and(|status| status != 0) && ended.stderr.contains("LISTEN_FDS"), "{ended:?}");
}

#[apply(once)]
async fn systemd_is_notified_when_it_is_ready_and_when_it_stops(database: &Database) {
    let path = database.folder().join("notify");
    let notified = UnixDatagram::bind(&path).expect("a socket");
    notified.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let path = path.display().to_string();
    let mut server = process::start(database.folder(), database.url(), &[("NOTIFY_SOCKET", &path)]).await;
    let mut buffer = [0; 256];
    let mut next = || {
        let length = notified.recv(&mut buffer).expect("it is notified");
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    assert_eq!(next(), "READY=1");
    server.signal("TERM").await;
    assert_eq!(next(), "STOPPING=1");
    assert_eq!(server.end().await.code(), Some(0));
}

/// A node that would drain for long, beside another one.
#[apply(both)]
async fn a_second_signal_ends_the_draining(database: &Database) {
    if database.kind == Kind::Sqlite {
        return;
    }
    let mut server = process::start(database.folder(), database.url(), &[("DRAIN", "5min")]).await;
    let _other = process::start(database.folder(), database.url(), &[]).await;
    let (_socket, _) = server.register("ada").await.join("general").await;
    while database.rows("nodes").await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.signal("TERM").await;
    while server.stranger().get("/readyz").await.status != 503 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stranger().get("/healthz").await.expect(200);
    server.signal("TERM").await;
    assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
}
