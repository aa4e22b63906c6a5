//! Files: how many come in a second, how much memory uploads in progress take, and how many are served, beside nginx on the same processor.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Fixture, pictures};
use crate::bench::http::{Http, get};
use crate::bench::meter::Meter;
use crate::bench::options::Kind;
use crate::bench::people::{self, Person};
use crate::bench::results::Figure;
use crate::bench::server::Server;
use crate::bench::{Result, on_threads};
use crate::infra::programs::on_path;

const ROOM: &str = "files";
/// How many connections send or read at once.
const PEOPLE: usize = 4;
/// How many uploads are in progress when memory is measured.
const IN_PROGRESS: usize = 100;
/// The sizes that are sent, and that are served.
const SENT: [(&str, usize); 2] = [("100 KB", 100_000), ("100 MB", 100_000_000)];
const SERVED: [(&str, usize); 2] = [("10 KB", 10_000), ("1 MB", 1_000_000)];

pub fn measure(fixture: &mut Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (site, server) = fixture.fresh(kind, true)?;
    let senders: Vec<_> = (0..PEOPLE).map(|n| people::register(server.address, &format!("sender{n}"))).collect::<Result<_>>()?;
    let reader = &senders[0];
    people::open_room(server.address, reader, ROOM)?;
    let stretch = fixture.options.stretch();
    for (size, bytes) in SENT {
        figures.extend(send(&server, reader, size, bytes, stretch)?);
    }
    figures.push(hold(&server)?);
    for (size, bytes) in SERVED {
        let path = send_one(&server, reader, &content(bytes, usize::MAX))?;
        let request = get(&path, &reader.cookie, &[]);
        figures.extend(serve(&server, &request, size, bytes, stretch)?);
        let tag = Http::connect(server.address)?.send(&request)?.header("etag").ok_or("a file without an ETag")?.to_owned();
        let known = get(&path, &reader.cookie, &[("if-none-match", &tag)]);
        let rate = ask(server.address, &known, 304, Some(0), stretch)?;
        figures.push(Figure::more(size, "known to the reader: answers/s", rate));
        if let Some(nginx) = Nginx::start(site.dir.path(), &site.cpus, bytes)? {
            let rate = ask(nginx.address, &get("/file", "", &[]), 200, Some(bytes), stretch)?;
            figures.push(Figure::more(size, "nginx: files/s", rate));
        }
    }
    figures.extend(pictures::previews(&server, reader, site.cpus.split(',').count())?);
    figures.extend(pictures::rooms(&server, reader, stretch)?);
    server.stop()
}

/// Bytes that are not sent twice.
fn content(bytes: usize, nth: usize) -> Vec<u8> {
    let mut content = vec![b'x'; bytes];
    // What it is must not be a guess.
    content[..8].copy_from_slice(&nth.to_le_bytes());
    content
}

/// The request of a message with one file.
fn form(person: &Person, room: &str, content: &[u8]) -> Vec<u8> {
    const BOUNDARY: &str = "a-boundary-of-the-bench";
    let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n");
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    let length = head.len() + content.len() + tail.len();
    let begin = format!(
        "POST /rooms/{room}/files HTTP/1.1\r\nhost: load\r\ncookie: {}\r\naccept: application/json\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {length}\r\n\r\n",
        person.cookie
    );
    [begin.as_bytes(), head.as_bytes(), content, tail.as_bytes()].concat()
}

/// Sends one file, and returns its address.
fn send_one(server: &Server, person: &Person, content: &[u8]) -> Result<String> {
    send_one_to(server, person, ROOM, content)
}

/// Sends one file into a room, and returns its address.
pub(super) fn send_one_to(server: &Server, person: &Person, room: &str, content: &[u8]) -> Result<String> {
    let mut http = Http::connect(server.address)?;
    let answer = http.send(&form(person, room, content))?;
    if answer.status != 201 {
        return Err(format!("a file was refused: {}", answer.status).into());
    }
    let message: serde_json::Value = serde_json::from_slice(answer.body)?;
    Ok(message["message"]["attachments"][0]["url"].as_str().ok_or("a file without an address")?.to_owned())
}

fn send(server: &Server, sender: &Person, size: &str, bytes: usize, stretch: Duration) -> Result<Vec<Figure>> {
    // Large ones come one after the other: the disk is the limit.
    let at_once = if bytes > 10_000_000 { 1 } else { PEOPLE };
    let meter = Meter::start(server)?;
    let began = Instant::now();
    let until = began + stretch;
    let sent = on_threads(at_once, |nth| {
        let mut sent = 0;
        while Instant::now() < until {
            send_one(server, sender, &content(bytes, nth * 1_000_000 + sent + bytes))?;
            sent += 1;
        }
        Ok(sent)
    })?;
    let took = began.elapsed().as_secs_f64();
    let used = meter.stop(server)?;
    let sent: usize = sent.into_iter().sum();
    Ok(vec![
        Figure::more(size, "messages with a file: a second", sent as f64 / took),
        Figure::more(size, "messages with a file: MB/s", (sent * bytes) as f64 / 1e6 / took),
        Figure::less(size, "messages with a file: CPU each, µs", used.each(sent)),
    ])
}

/// The memory that an upload takes while it is in progress.
fn hold(server: &Server) -> Result<Figure> {
    const BYTES: usize = 1_000_000;
    const EACH: usize = 8;
    let people: Vec<_> = (0..IN_PROGRESS.div_ceil(EACH))
        .map(|n| people::register(server.address, &format!("holder{n}")))
        .collect::<Result<_>>()?;
    let before = server.memory();
    let mut held = Vec::new();
    for nth in 0..IN_PROGRESS {
        let mut request = form(&people[nth / EACH], ROOM, &content(BYTES, nth));
        request.truncate(request.len() / 2);
        let mut stream = TcpStream::connect(server.address)?;
        stream.write_all(&request)?;
        held.push(stream);
    }
    // They have been read when the server has nothing to do; its memory is then what it is.
    std::thread::sleep(Duration::from_secs(2));
    let each = server.memory().saturating_sub(before) as f64 / 1024.0 / IN_PROGRESS as f64;
    drop(held);
    Ok(Figure::less(&format!("{IN_PROGRESS} in progress"), "memory for each upload, KiB", each))
}

fn serve(server: &Server, request: &[u8], size: &str, bytes: usize, stretch: Duration) -> Result<Vec<Figure>> {
    let meter = Meter::start(server)?;
    let began = Instant::now();
    let rate = ask(server.address, request, 200, Some(bytes), stretch)?;
    let count = (rate * began.elapsed().as_secs_f64()) as usize;
    let used = meter.stop(server)?;
    Ok(vec![
        Figure::more(size, "files/s", rate),
        Figure::more(size, "MB/s", rate * bytes as f64 / 1e6),
        Figure::less(size, "CPU a file, µs", used.each(count)),
    ])
}

/// Requests it repeatedly on a few connections; how many answers a second come, each with so many bytes if that is known.
pub(super) fn ask(address: SocketAddr, request: &[u8], status: u16, bytes: Option<usize>, stretch: Duration) -> Result<f64> {
    let began = Instant::now();
    let until = began + stretch;
    let read = on_threads(PEOPLE, |_| {
        let mut http = Http::connect(address)?;
        let mut read = 0usize;
        while Instant::now() < until {
            let answer = http.send(request)?;
            if answer.status != status || bytes.is_some_and(|bytes| answer.body.len() != bytes) {
                return Err(format!("{} with {} bytes", answer.status, answer.body.len()).into());
            }
            read += 1;
        }
        Ok(read)
    })?;
    Ok(read.into_iter().sum::<usize>() as f64 / began.elapsed().as_secs_f64())
}

/// nginx with one file, which nobody needs to be signed in for.
struct Nginx {
    address: SocketAddr,
    child: Child,
}

impl Nginx {
    /// Starts it on the server's processor; nothing where it is missing.
    fn start(folder: &Path, cpus: &str, bytes: usize) -> Result<Option<Self>> {
        let Some(program) = on_path("nginx") else { return Ok(None) };
        let folder: PathBuf = folder.join("nginx");
        std::fs::create_dir_all(folder.join("files"))?;
        std::fs::write(folder.join("files/file"), vec![b'x'; bytes])?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let at = folder.display();
        let settings = format!(
            "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log; events {{}}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=100;\n\
             client_body_temp_path {at}/1; proxy_temp_path {at}/2; fastcgi_temp_path {at}/3; uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;\n\
             server {{ listen 127.0.0.1:{port}; root {at}/files; }} }}\n"
        );
        std::fs::write(folder.join("nginx.conf"), settings)?;
        let child = Command::new("taskset")
            .args(["-c", cpus])
            .arg(program)
            .arg("-e")
            .arg(folder.join("error.log"))
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .stdout(Stdio::null())
            .spawn()?;
        let nginx = Self { address: SocketAddr::from(([127, 0, 0, 1], port)), child };
        let until = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(nginx.address).is_err() {
            if Instant::now() > until {
                return Err("nginx does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(nginx))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker ends with it.
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
