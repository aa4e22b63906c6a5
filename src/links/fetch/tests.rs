use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;

const HTML: &str = "text/html";
/// How long a test may take that must not hang.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a server answers to a path.
type Answers = fn(&str) -> Vec<u8>;

/// A server on this machine; what it answers beyond `answer` is up to `endless`.
async fn serve(answers: Answers) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counting = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counting.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = vec![0; 8192];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let answer = answers(&request);
                let is_endless = request.starts_with("GET /endless");
                stream.write_all(&answer).await.ok();
                while is_endless && stream.write_all(&answer[answer.len() - 1000..]).await.is_ok() {}
                if request.starts_with("GET /silent") {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (address, count)
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html; charset=\"UTF-8\"\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn answers(request: &str) -> Vec<u8> {
    let path = request.split(' ').nth(1).unwrap_or_default();
    match path {
        "/echo" => ok("", request.as_bytes()),
        "/head" => ok("", format!("<head><title>a</title></HEAD>{}", "x".repeat(100_000)).as_bytes()),
        "/endless" => ok("", &[b'x'; 4000]),
        "/announced" => ok("content-length: 99999999\r\n", b"x"),
        "/packed" => ok("content-encoding: gzip\r\n", b"\x1f\x8b"),
        "/missing" => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        "/silent" => ok("content-length: 5\r\n", b"x"),
        "/twice" => redirect("/echo"),
        "/elsewhere" => redirect("http://other.test/echo"),
        "/loop" => redirect("/loop"),
        "/to-loopback" => redirect("http://127.0.0.1/echo"),
        "/to-mapped" => redirect("http://[::ffff:127.0.0.1]/echo"),
        "/to-metadata" => redirect("http://169.254.169.254/latest/meta-data/"),
        "/to-port" => redirect("http://site.test:8080/echo"),
        "/to-localhost" => redirect("http://localhost/echo"),
        "/to-file" => redirect("file:///etc/passwd"),
        "/to-login" => redirect("http://user:password@site.test/echo"),
        "/to-private-name" => redirect("http://private.test/echo"),
        _ => redirect("::::"),
    }
}

/// A fetcher for which `site.test` is this server. `private.test` is found at the server's address by a name server, `mixed.test` both
/// there and at a public address, `nothing.test` nowhere.
fn fetcher(address: SocketAddr) -> Fetcher {
    let lookup: Lookup = Arc::new(move |name| {
        let other = SocketAddr::from(([127, 0, 0, 1], address.port().wrapping_add(1)));
        let public = SocketAddr::from(([93, 184, 216, 34], 0));
        Box::pin(async move {
            match &*name {
                "private.test" => Ok(vec![other]),
                "mixed.test" => Ok(vec![public, other]),
                "mapped.test" => Ok(vec![SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 0))]),
                "nothing.test" => Ok(Vec::new()),
                _ => Err(io::Error::other("no such name")),
            }
        })
    });
    Fetcher::with(lookup, [("site.test".to_owned(), address), ("other.test".to_owned(), address)].into())
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<Answer, Fault> {
    tokio::time::timeout(DEADLINE, fetcher.get(Url::parse(url).unwrap(), HTML)).await.expect("an answer in time")
}

#[tokio::test]
async fn a_page_is_fetched_without_a_word_about_who_asks() {
    let (address, _) = serve(answers).await;
    let answer = get(&fetcher(address), "http://site.test/twice#part").await.unwrap();
    assert_eq!(
        (answer.url.as_str(), &*answer.media_type, answer.charset.as_deref()),
        ("http://site.test/echo", HTML, Some("UTF-8"))
    );
    let request = String::from_utf8(answer.head().await.unwrap()).unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /echo http/1.1\r\n") && request.contains("user-agent: parlor/"), "{request}");
    assert!(request.contains("accept-encoding: identity"), "{request}");
    for header in ["referer", "cookie", "origin", "authorization", "x-forwarded-for"] {
        assert!(!request.contains(&format!("\r\n{header}:")), "{request}");
    }
    assert_eq!(get(&fetcher(address), "http://site.test/elsewhere").await.unwrap().url.as_str(), "http://other.test/echo");
}

#[tokio::test]
async fn nothing_inside_is_reached_by_whatever_way() {
    let (address, count) = serve(answers).await;
    let fetcher = fetcher(address);
    let port = address.port();
    for url in [
        "http://127.0.0.1/echo",
        "http://[::1]/echo",
        "http://[::ffff:127.0.0.1]/echo",
        "http://2130706433/echo",
        "http://0x7f.1/echo",
        "http://localhost/echo",
        "http://localhost./echo",
        "http://private.test/echo",
        "http://private.test./echo",
        "http://mixed.test/echo",
        "http://mapped.test/echo",
        "http://nothing.test/echo",
        "http://site.test:22/echo",
        "https://site.test:8443/echo",
        "ftp://site.test/echo",
        "http://user@site.test/echo",
        "http://user:password@site.test/echo",
        &format!("http://127.0.0.1:{port}/echo"),
        &format!("http://localhost:{port}/echo"),
    ] {
        assert_eq!(get(&fetcher, url).await.err(), Some(Fault::Forbidden), "{url}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "none of them has come to the server");
    for way in ["loopback", "mapped", "metadata", "port", "localhost", "file", "login", "private-name"] {
        let url = format!("http://site.test/to-{way}");
        assert_eq!(get(&fetcher, &url).await.err(), Some(Fault::Forbidden), "{way}");
    }
    assert_eq!(get(&fetcher, "http://unknown.test/").await.err(), Some(Fault::Failed));
    assert_eq!(get(&fetcher, "http://site.test/nowhere").await.err(), Some(Fault::Failed));
    assert_eq!(get(&fetcher, "http://site.test/missing").await.err(), Some(Fault::Failed));
}

#[tokio::test]
async fn redirects_end() {
    let (address, count) = serve(answers).await;
    assert_eq!(get(&fetcher(address), "http://site.test/loop").await.err(), Some(Fault::Failed));
    assert_eq!(count.load(Ordering::SeqCst), REDIRECTS + 1);
}

/// A name server that changes its mind between the check and the connection has nothing to change: it is asked once for each connection.
#[tokio::test]
async fn what_was_checked_is_what_is_connected_to() {
    let (address, count) = serve(answers).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let lookup: Lookup = Arc::new(move |_| {
        let is_first = counting.fetch_add(1, Ordering::SeqCst) == 0;
        // The first answer is allowed; what follows leads into the own network.
        let found = if is_first { address } else { SocketAddr::from(([127, 0, 0, 1], 0)) };
        Box::pin(async move { Ok(vec![found]) })
    });
    let fetcher = Fetcher::with(lookup, [("allowed.test".to_owned(), address)].into());
    get(&fetcher, "http://turncoat.example/echo").await.unwrap();
    assert_eq!((asked.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (1, 1));
    // The next connection is checked anew, by whatever the name server says then.
    assert_eq!(get(&fetcher, "http://turncoat.example/echo").await.err(), Some(Fault::Forbidden));
    assert_eq!((asked.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn answers_are_bounded() {
    let (address, _) = serve(answers).await;
    let fetcher = fetcher(address);
    let head = get(&fetcher, "http://site.test/head").await.unwrap().head().await.unwrap();
    assert!(head.starts_with(b"<head><title>a</title></HEAD>"));
    let endless = get(&fetcher, "http://site.test/endless").await.unwrap();
    assert_eq!(tokio::time::timeout(DEADLINE, endless.head()).await.unwrap().unwrap().len(), LARGEST_PAGE);
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in ["endless", "announced"] {
        let answer = get(&fetcher, &format!("http://site.test/{path}")).await.unwrap();
        let saved = tokio::time::timeout(DEADLINE, answer.save(file.reopen().unwrap(), 100_000)).await.unwrap();
        assert_eq!(saved, Err(Fault::TooLarge), "{path}");
        assert!(file.as_file().metadata().unwrap().len() <= 100_000);
    }
    // What is packed is not unpacked.
    assert_eq!(get(&fetcher, "http://site.test/packed").await.err(), Some(Fault::Failed));
    // One that stops half-way is given up.
    let silent = get(&fetcher, "http://site.test/silent").await.unwrap();
    assert_eq!(tokio::time::timeout(DEADLINE, silent.head()).await.unwrap(), Err(Fault::Failed));
}

#[test]
fn the_encoding_is_a_parameter_of_the_type() {
    assert_eq!(content_type("Text/HTML ;Charset='koi8-r'; x=1"), ("text/html".into(), Some("koi8-r".into())));
    assert_eq!(content_type("image/png"), ("image/png".into(), None));
    assert_eq!(content_type(""), (String::new(), None));
}
