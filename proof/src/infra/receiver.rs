//! A service elsewhere that webhooks are sent to: a web server that remembers every request, and answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::client::DEADLINE;

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This status, with further lines of the head.
    Status(u16, &'static str),
    /// 200, and this.
    Says(&'static str),
    /// The same, once it is told to.
    SaysThen(Arc<Notify>, &'static str),
    /// This status, once it is told to.
    StatusThen(Arc<Notify>, u16),
    /// Nothing, ever.
    Silence,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its path.
    pub path: String,
    /// Its headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body as it came.
    pub bytes: Vec<u8>,
    /// The same as text.
    pub text: String,
    /// The same as JSON.
    pub body: Value,
    /// Whether the answer was a success.
    pub is_taken: bool,
}

#[derive(Debug)]
struct State {
    deliveries: Vec<Delivery>,
    next: VecDeque<Reply>,
    otherwise: Reply,
}

/// The server.
#[derive(Debug)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = State { deliveries: Vec::new(), next: VecDeque::new(), otherwise: Reply::Status(200, "") };
        let state = Arc::new(Mutex::new(state));
        let known = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, known.clone()));
            }
        });
        Self { address, state, serving }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it answers to the next requests; then it answers as before.
    pub fn reply_next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().next.extend(replies);
    }

    /// What it answers from now on.
    pub fn reply(&self, reply: Reply) {
        self.state().otherwise = reply;
    }

    /// All requests so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// Those after so many.
    pub fn deliveries_after(&self, count: usize) -> Vec<Delivery> {
        self.state().deliveries[count..].to_vec()
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.state().deliveries.len()
    }

    /// Those that it took.
    pub fn taken(&self) -> Vec<Delivery> {
        self.state().deliveries.iter().filter(|delivery| delivery.is_taken).cloned().collect()
    }

    /// Waits until there are so many requests, and returns all.
    pub async fn wait_for(&self, count: usize) -> Vec<Delivery> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let deliveries = self.deliveries();
            if deliveries.len() >= count {
                return deliveries;
            }
            assert!(tokio::time::Instant::now() < deadline, "{} of {count} requests: {deliveries:#?}", deliveries.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let Some(delivery) = read(&mut stream).await else { return };
        let reply = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let reply = state.next.pop_front().unwrap_or_else(|| state.otherwise.clone());
            let is_taken = matches!(reply, Reply::Status(200..=299, _) | Reply::Says(_) | Reply::SaysThen(..));
            state.deliveries.push(Delivery { is_taken, ..delivery });
            reply
        };
        let (status, head, said) = match reply {
            Reply::Status(status, head) => (status, head, "ok"),
            Reply::Says(said) => (200, "content-type: application/json\r\n", said),
            Reply::SaysThen(told, said) => {
                told.notified().await;
                (200, "content-type: application/json\r\n", said)
            }
            Reply::StatusThen(told, status) => {
                told.notified().await;
                (status, "", "ok")
            }
            Reply::Silence => return std::future::pending().await,
        };
        let answer = format!("HTTP/1.1 {status} Answer\r\n{head}content-length: {}\r\n\r\n{said}", said.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A request; none at the end of the connection.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Delivery> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<_, _> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let (text, bytes) = (String::from_utf8_lossy(&body).into_owned(), body);
    let body = serde_json::from_str(&text).unwrap_or_default();
    Some(Delivery { path, headers, bytes, text, body, is_taken: false })
}
