//! The clock is paused and advances when nothing else can happen, so that ten seconds take no time.

use std::future::pending;

use axum::body::Body as AxumBody;
use hyper::StatusCode;
use hyper::header::{CONNECTION, UPGRADE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

mod over_tls;

/// What a handler sends to the test: the connection's control, and the upgraded stream.
enum Told {
    Control(ConnectionControl),
    Upgraded(hyper::upgrade::Upgraded),
}

struct Site {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Site {
    async fn start(limits: Limits) -> Self {
        Self::start_with(None, limits).await
    }

    async fn start_with(tls: Option<Arc<Tls>>, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let (tell, told) = mpsc::unbounded_channel();
        let service = tower::service_fn(move |request| handle(request, tell.clone()));
        let serving = tokio::spawn(serve(listener, tls, service, Connections::new(limits), shutdown.clone()));
        Self { address, shutdown, serving, told }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Connects and sends a request.
    async fn ask(&self, request: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn cut(&mut self) -> ConnectionControl {
        match self.told.recv().await {
            Some(Told::Control(cut)) => cut,
            _ => panic!("the handler was not reached"),
        }
    }

    async fn upgraded(&mut self) -> hyper::upgrade::Upgraded {
        match self.told.recv().await {
            Some(Told::Upgraded(stream)) => stream,
            _ => panic!("there was no upgrade"),
        }
    }

    /// Stops the server; returns how long that took.
    async fn stop(self) -> Duration {
        let start = Instant::now();
        self.shutdown.cancel();
        self.serving.await.unwrap();
        start.elapsed()
    }
}

async fn handle(mut request: Request<Incoming>, tell: mpsc::UnboundedSender<Told>) -> Result<Response<AxumBody>, Infallible> {
    assert!(request.extensions().get::<PeerAddr>().is_some_and(|peer| peer.0.ip().is_loopback()));
    let cut = request.extensions().get::<ConnectionControl>().cloned().expect("every request can be cut");
    tell.send(Told::Control(cut)).ok();
    let body = match request.uri().path() {
        "/slow" => {
            sleep(Duration::from_secs(3)).await;
            AxumBody::from("at last")
        }
        "/never" => pending().await,
        // More than the kernel's buffers on both sides.
        "/endless" => AxumBody::from(vec![0; 64 << 20]),
        "/read" => match axum::body::to_bytes(AxumBody::new(request.into_body()), 1000).await {
            Ok(bytes) => AxumBody::from(bytes),
            Err(_broken) => AxumBody::from("broken"),
        },
        "/upgrade" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move { tell.send(Told::Upgraded(upgrade.await.unwrap())).ok() });
            let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            return Ok(response.header(CONNECTION, "upgrade").header(UPGRADE, "echo").body(AxumBody::empty()).unwrap());
        }
        _ => AxumBody::from("hello"),
    };
    Ok(Response::new(body))
}

const HELLO: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const UPGRADED: &str = "GET /upgrade HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

/// Reads until this text has arrived.
async fn expect(stream: &mut TcpStream, text: &str) {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        assert_ne!(stream.read_buf(&mut all).await.unwrap(), 0, "closed after {}", String::from_utf8_lossy(&all));
    }
}

/// Waits until the server closes the connection; returns how long that took.
async fn closed(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = vec![0; 64 * 1024];
    while let Ok(1..) = stream.read(&mut rest).await {}
    start.elapsed()
}

fn about(seconds: u64) -> std::ops::Range<Duration> {
    Duration::from_secs(seconds)..Duration::from_secs(seconds + 2)
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let site = Site::start(Limits::default()).await;
    let took = closed(&mut site.connect().await).await;
    assert!(about(10).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_closed() {
    let site = Site::start(Limits::default()).await;
    let (mut read, mut write) = site.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        for byte in HELLO.bytes().cycle() {
            if write.write_all(&[byte; 1]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
    let start = Instant::now();
    let mut rest = Vec::new();
    read.read_to_end(&mut rest).await.ok();
    assert!(about(10).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert!(!String::from_utf8_lossy(&rest).contains("hello"));
    dripping.abort();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_closed() {
    let site = Site::start(Limits::default()).await;
    let request = "POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n";
    let (mut read, mut write) = site.ask(request).await.into_split();
    let dripping = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let start = Instant::now();
    read.read_to_end(&mut Vec::new()).await.ok();
    assert!(about(16).contains(&start.elapsed()), "{:?}", start.elapsed());
    dripping.abort();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_used_is_closed_when_it_is_idle() {
    let site = Site::start(Limits::default()).await;
    let mut stream = site.ask(HELLO).await;
    expect(&mut stream, "hello").await;
    sleep(Duration::from_secs(5)).await;
    stream.write_all(HELLO.as_bytes()).await.unwrap();
    expect(&mut stream, "hello").await;
    let took = closed(&mut stream).await;
    assert!(about(10).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused() {
    let site = Site::start(Limits::default()).await;
    let mut stream = site.connect().await;
    let endless = format!("GET / HTTP/1.1\r\nhost: x\r\ncookie: {}", "a".repeat(BUFFER + 1));
    stream.write_all(endless.as_bytes()).await.ok();
    expect(&mut stream, "431").await;
    closed(&mut stream).await;
}

#[tokio::test]
async fn over_the_limit_a_connection_is_closed_until_another_has_ended() {
    let mut site = Site::start(Limits { per_address: Some(2), ..Limits::default() }).await;
    // An upgraded connection counts as long as it exists.
    let mut first = site.ask(UPGRADED).await;
    expect(&mut first, "101").await;
    site.cut().await;
    let upgraded = site.upgraded().await;
    let mut second = site.ask(HELLO).await;
    expect(&mut second, "hello").await;
    closed(&mut site.connect().await).await;

    drop(upgraded);
    closed(&mut first).await;
    let mut third = site.ask(HELLO).await;
    expect(&mut third, "hello").await;
}

#[tokio::test]
async fn cutting_ends_a_connection_whose_client_does_not_read() {
    let mut site = Site::start(Limits { total: Some(1), ..Limits::default() }).await;
    let mut stuck = site.ask("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    stuck.readable().await.unwrap();
    site.cut().await.cut();
    // Its permit is released before it has read anything.
    let mut next = loop {
        let mut stream = site.ask(HELLO).await;
        if stream.read_u8().await.is_ok() {
            break stream;
        }
    };
    expect(&mut next, "hello").await;
    assert!(stuck.read(&mut [0; 10]).await.is_ok());
}

#[tokio::test]
async fn cutting_ends_both_halves_of_an_upgraded_connection() {
    let mut site = Site::start(Limits::default()).await;
    let mut stream = site.ask(UPGRADED).await;
    let cut = site.cut().await;
    expect(&mut stream, "101").await;
    let (mut read, mut write) = tokio::io::split(TokioIo::new(site.upgraded().await));
    let reading = tokio::spawn(async move { read.read_u8().await.unwrap_err().kind() });
    // The other end does not read, so this waits forever.
    let writing = tokio::spawn(async move { write.write_all(&vec![0; 64 << 20]).await.unwrap_err().kind() });
    stream.readable().await.unwrap();
    cut.cut();
    assert_eq!(reading.await.unwrap(), io::ErrorKind::ConnectionAborted);
    assert_eq!(writing.await.unwrap(), io::ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn a_client_that_may_send_only_so_much_is_cut_when_it_sends_more() {
    let mut site = Site::start(Limits::default()).await;
    let mut stream = site.ask(UPGRADED).await;
    let cut = site.cut().await;
    expect(&mut stream, "101").await;
    let mut upgraded = TokioIo::new(site.upgraded().await);
    let mut read = [0; 64];
    cut.allow(64);
    stream.write_all(&[1; 64]).await.unwrap();
    upgraded.read_exact(&mut read).await.unwrap();
    cut.allow_all();
    stream.write_all(&[1; 64]).await.unwrap();
    upgraded.read_exact(&mut read).await.unwrap();
    cut.allow(63);
    stream.write_all(&[1; 64]).await.unwrap();
    assert_eq!(upgraded.read_exact(&mut read).await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_what_is_idle_and_waits_for_what_is_not() {
    let mut site = Site::start(Limits::default()).await;
    let mut silent = site.connect().await;
    let mut idle = site.ask(HELLO).await;
    expect(&mut idle, "hello").await;
    let mut busy = site.ask("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    site.cut().await;
    site.cut().await;

    let address = site.address;
    let stopping = tokio::spawn(site.stop());
    assert!(closed(&mut silent).await < Duration::from_secs(1));
    assert!(closed(&mut idle).await < Duration::from_secs(1));
    assert!(TcpStream::connect(address).await.is_err(), "it still listens");
    expect(&mut busy, "at last").await;
    let took = stopping.await.unwrap();
    assert!(about(3).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn stopping_cuts_what_does_not_end() {
    let mut site = Site::start(Limits::default()).await;
    let _never = site.ask("GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    site.cut().await;
    let mut stream = site.ask(UPGRADED).await;
    expect(&mut stream, "101").await;
    site.cut().await;
    let mut upgraded = TokioIo::new(site.upgraded().await);
    let holding = tokio::spawn(async move { upgraded.read_u8().await.is_err() });
    let took = site.stop().await;
    assert!(about(8).contains(&took), "{took:?}");
    assert!(holding.await.unwrap(), "the upgraded stream was not cut");
}

#[tokio::test(start_paused = true)]
async fn running_out_of_descriptors_makes_it_wait_and_a_vanished_client_does_not() {
    let waited = async |error: io::Error| {
        let start = Instant::now();
        wait_out(&error).await;
        start.elapsed()
    };
    // EMFILE and ENFILE, as `accept(2)` returns them.
    assert!(waited(io::Error::from_raw_os_error(24)).await >= PAUSE);
    assert!(waited(io::Error::from_raw_os_error(23)).await >= PAUSE);
    assert_eq!(waited(io::ErrorKind::ConnectionAborted.into()).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut() {
    let mut site = Site::start(Limits { total: Some(1), ..Limits::default() }).await;
    let stuck = site.ask("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let cut = site.cut().await;
    stuck.readable().await.unwrap();
    let began = Instant::now();
    // Its permit is released once its connection has ended by itself.
    loop {
        let mut stream = site.ask(HELLO).await;
        if stream.read_u8().await.is_ok() {
            break;
        }
        sleep(Duration::from_secs(5)).await;
    }
    let took = began.elapsed();
    assert!(!cut.token.is_cancelled() && took >= Duration::from_secs(25) && took < Duration::from_secs(50), "{took:?}");
}
