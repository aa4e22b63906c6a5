//! Whatever a client does over TLS and HTTP/2, it is cut as it would be without.

use std::future::poll_fn;

use h2::client::SendRequest;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::tls::Certificate;

/// A server, and how its clients begin.
struct Secure {
    site: Site,
    connector: TlsConnector,
}

type Requests = SendRequest<Bytes>;

impl Secure {
    async fn start(limits: Limits) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let tls = Tls::of(Certificate::read(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self { site: Site::start_with(Some(tls), limits).await, connector: TlsConnector::from(Arc::new(config)) }
    }

    async fn shake(&self) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(ServerName::try_from("localhost").unwrap(), self.site.connect().await).await
    }

    /// A connection of HTTP/2, and the task that ends with it.
    async fn connect(&self, builder: &mut h2::client::Builder) -> (Requests, JoinHandle<Result<(), h2::Error>>) {
        let stream = self.shake().await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (requests, connection) = builder.handshake(stream).await.unwrap();
        (requests.ready().await.unwrap(), tokio::spawn(connection))
    }
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("https://localhost{path}")).body(()).unwrap()
}

async fn text(requests: &mut Requests, path: &str) -> String {
    poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
    let (answer, _) = requests.send_request(get(path), true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    String::from_utf8(all).unwrap()
}

fn builder() -> h2::client::Builder {
    h2::client::Builder::new()
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_go_on_is_cut() {
    let secure = Secure::start(Limits::default()).await;
    let mut silent = secure.site.connect().await;
    // The beginning of a record, and no more.
    let mut stuck = secure.site.ask("\u{16}\u{3}\u{1}").await;
    let mut plain = secure.site.ask(HELLO).await;
    assert!(closed(&mut plain).await < Duration::from_secs(1), "it is no handshake");
    let took = closed(&mut silent).await;
    assert!(about(10).contains(&took), "{took:?}");
    assert!(closed(&mut stuck).await < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn handshakes_that_do_not_go_on_make_room_for_others() {
    // Two of the four connections.
    let secure = Secure::start(Limits { total: Some(4), ..Limits::default() }).await;
    let (mut requests, _connection) = secure.connect(&mut builder()).await;
    let mut first = secure.site.connect().await;
    let mut second = secure.site.connect().await;
    assert!(secure.shake().await.is_err(), "the others have only just begun");
    sleep(secure::PATIENCE).await;
    let (mut more, _more) = secure.connect(&mut builder()).await;
    assert!(closed(&mut first).await < Duration::from_secs(1), "the oldest is cut");
    assert_eq!(text(&mut requests, "/").await, "hello", "whoever was in before stays");
    assert_eq!(text(&mut more, "/").await, "hello");
    closed(&mut second).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_whether_its_client_agrees_or_not() {
    let secure = Secure::start(Limits::default()).await;
    let (mut requests, connection) = secure.connect(&mut builder()).await;
    assert_eq!(text(&mut requests, "/").await, "hello");
    let start = Instant::now();
    connection.await.unwrap().unwrap();
    assert!(about(10).contains(&start.elapsed()), "{:?}", start.elapsed());

    // It has chosen HTTP/2 and says nothing, not even hello.
    let mut silent = secure.shake().await.unwrap();
    let start = Instant::now();
    while let Ok(1..) = silent.read(&mut [0; 1024]).await {}
    assert!(start.elapsed() < about(20).end, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_ends_its_request() {
    let secure = Secure::start(Limits::default()).await;
    let (mut requests, _connection) = secure.connect(&mut builder()).await;
    let start = Instant::now();
    let (answer, mut body) = requests.send_request(Request::post("https://localhost/read").body(()).unwrap(), false).unwrap();
    let dripping = tokio::spawn(async move {
        while body.send_data(Bytes::from_static(b"x"), false).is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    assert!(answer.await.is_err_and(|error| error.is_reset()));
    assert!(about(16).contains(&start.elapsed()), "{:?}", start.elapsed());
    dripping.abort();
    assert_eq!(text(&mut requests, "/").await, "hello", "other requests of the connection go on");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answers_is_cut() {
    for window in [0, 1000] {
        let secure = Secure::start(Limits::default()).await;
        let (mut requests, connection) = secure.connect(builder().initial_window_size(window)).await;
        let (answer, _) = requests.send_request(get("/endless"), true).unwrap();
        let start = Instant::now();
        let _unread = answer.await.unwrap();
        connection.await.unwrap().ok();
        assert!(start.elapsed() < Duration::from_secs(60), "{window}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_client_that_gives_up_one_request_after_the_other_is_cut() {
    let mut secure = Secure::start(Limits::default()).await;
    let (mut requests, connection) = secure.connect(&mut builder()).await;
    let mut given_up = 0;
    while poll_fn(|cx| requests.poll_ready(cx)).await.is_ok() {
        let Ok((answer, mut request)) = requests.send_request(get("/never"), true) else { break };
        // It is reset once the handler has begun.
        tokio::select! {
            told = secure.site.told.recv() => assert!(told.is_some()),
            _ = answer => break,
        }
        request.send_reset(h2::Reason::CANCEL);
        given_up += 1;
        assert!(given_up < 1000, "it may go on for ever");
    }
    connection.await.unwrap().ok();
    assert!(given_up >= 100, "{given_up}: people leave pages before they are there");
    let (mut next, _next) = secure.connect(&mut builder()).await;
    assert_eq!(text(&mut next, "/").await, "hello");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_requests_are_open_at_once() {
    let mut secure = Secure::start(Limits::default()).await;
    // It asks for no more until it knows the limit.
    let (requests, connection) = secure.connect(builder().initial_max_send_streams(1)).await;
    let mut asked = Vec::new();
    for _ in 0..100 {
        let mut requests = requests.clone();
        asked.push(tokio::spawn(async move {
            poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
            let (answer, _) = requests.send_request(get("/slow"), true).unwrap();
            answer.await.unwrap().status()
        }));
    }
    sleep(Duration::from_secs(1)).await;
    let mut begun = 0;
    while secure.site.told.try_recv().is_ok() {
        begun += 1;
    }
    assert_eq!(begun, 32);
    for asked in asked {
        assert_eq!(asked.await.unwrap(), StatusCode::OK, "the rest waits for its turn");
    }
    connection.abort();
}

#[tokio::test(start_paused = true)]
async fn cutting_ends_a_connection_with_all_its_streams() {
    let mut secure = Secure::start(Limits { total: Some(2), ..Limits::default() }).await;
    let (mut requests, connection) = secure.connect(&mut builder()).await;
    let (answer, _) = requests.send_request(get("/never"), true).unwrap();
    secure.site.cut().await.cut();
    assert!(answer.await.is_err());
    connection.await.unwrap().ok();
}

#[tokio::test(start_paused = true)]
async fn stopping_says_goodbye_and_waits_for_what_is_not_done() {
    let mut secure = Secure::start(Limits::default()).await;
    let (_idle, idle) = secure.connect(&mut builder()).await;
    let (mut requests, busy) = secure.connect(&mut builder()).await;
    let (answer, _) = requests.send_request(get("/slow"), true).unwrap();
    secure.site.cut().await;
    let mut shaking = secure.site.connect().await;

    let stopping = tokio::spawn(secure.site.stop());
    assert!(closed(&mut shaking).await < Duration::from_secs(1));
    idle.await.unwrap().unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    let goodbye = poll_fn(|cx| requests.poll_ready(cx)).await;
    assert!(goodbye.is_err(), "nothing more may be asked");
    drop(requests);
    busy.await.unwrap().unwrap();
    let took = stopping.await.unwrap();
    assert!(about(3).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_request_is_as_it_would_be_over_http1() {
    let request = |authority: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(format!("https://{authority}/rooms?after=3"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    };
    let mut split = request("chat.example", &[("cookie", "a=1"), ("cookie", "b=2; c=3")]);
    http2::as_http1(&mut split).unwrap();
    assert_eq!(split.uri(), "/rooms?after=3");
    assert_eq!(split.headers()["host"], "chat.example");
    assert_eq!(split.headers().get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    assert!(http2::as_http1(&mut request("chat.example", &[("host", "Chat.Example")])).is_ok());
    assert!(http2::as_http1(&mut request("chat.example", &[("host", "evil.example")])).is_err());
}
