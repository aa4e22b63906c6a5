//! Pages elsewhere, for links to lead to: one web server for all tests, which every test's server finds as `pages.test` and `other.test`.
//!
//! Owns what is there, by the first part of the path; the rest tells tests apart, which count how often they were asked.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was asked for, and how often.
static ASKED: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);
/// The paths of `/held/…` that may be answered.
static RELEASED: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

static ADDRESS: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            tell.send(listener.local_addr().expect("an address")).expect("somebody waits");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    told.recv().expect("the server starts")
});

/// The names of the server, for `Config::link_hosts`.
pub fn hosts() -> BTreeMap<String, SocketAddr> {
    ["pages.test", "other.test"].map(|name| (name.to_owned(), *ADDRESS)).into()
}

/// A name for what one test needs.
pub fn name() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("n{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// How often a path was asked for.
pub fn asked(path: &str) -> usize {
    ASKED.lock().unwrap().get(path).copied().unwrap_or_default()
}

/// Lets a path of `/held/…` be answered.
pub fn release(path: &str) {
    RELEASED.lock().unwrap().push(path.to_owned());
}

async fn serve(mut stream: TcpStream) {
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..read]);
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    *ASKED.lock().unwrap().entry(path.clone()).or_default() += 1;
    let answer = answer(&path).await;
    stream.write_all(&answer).await.ok();
}

async fn answer(path: &str) -> Vec<u8> {
    let (kind, name) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    match kind {
        "page" => page(name, &format!("<meta property='og:image' content='/picture/{name}.png'>")),
        "plain" => page(name, ""),
        "held" => {
            while !RELEASED.lock().unwrap().iter().any(|released| released == path) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            page(name, "")
        }
        "hostile" => {
            page("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x202e;", "<meta property=og:image content=/page/no-picture>")
        }
        "picture" => ok("image/png", &picture()),
        "moved" => {
            format!("HTTP/1.1 301 Moved\r\nconnection: close\r\nlocation: http://other.test/plain/{name}\r\n\r\n").into_bytes()
        }
        "inside" => b"HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: http://127.0.0.1/\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec(),
    }
}

fn page(name: &str, more: &str) -> Vec<u8> {
    let html = format!(
        "<!doctype html><html><head><title>Page {name}</title><meta name=description content=\"About {name}\">{more}</head><body>…</body></html>"
    );
    ok("text/html; charset=utf-8", html.as_bytes())
}

fn ok(media_type: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A picture of 8 by 6 pixels.
fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(8, 6, |x, y| image::Rgb([30 * x as u8, 40 * y as u8, 128]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("a picture can be written");
    bytes.into_inner()
}
