//! A small Socket.IO client, which can also misbehave.
//!
//! Owns one connection and sending; what is received is in its [`Inbox`].

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message as Frame};

use super::inbox::Inbox;
use super::packet::{self, CHAT, Packet};
use super::{DEADLINE, Site};

type Sink = SplitSink<WebSocketStream<TcpStream>, Frame>;

/// Why the chat refused a connection.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// The upgrade was answered with this status.
    Http(u16),
    /// The namespace answered with `connect_error`.
    ConnectError(Value),
    /// The connection ended.
    Closed,
    /// Nothing came within the deadline.
    Silence,
}

impl Refusal {
    /// The message of the `connect_error`; empty for other refusals.
    pub fn message(&self) -> &str {
        match self {
            Self::ConnectError(data) => data["message"].as_str().unwrap_or_default(),
            _ => "",
        }
    }
}

/// A connection to the chat.
pub struct Socket {
    sink: Arc<Mutex<Sink>>,
    inbox: Arc<Inbox>,
    reading: watch::Sender<bool>,
    reader: JoinHandle<()>,
    next: AtomicU64,
}

impl Socket {
    /// Opens the transport, but enters no namespace yet.
    pub async fn open(site: &Site, cookies: &str, origin: Option<&str>) -> Result<Self, Refusal> {
        let stream = TcpStream::connect(site.address).await.map_err(|_| Refusal::Closed)?;
        Self::open_on(stream, site, cookies, origin).await
    }

    /// The same over an existing connection.
    pub async fn open_on(stream: TcpStream, site: &Site, cookies: &str, origin: Option<&str>) -> Result<Self, Refusal> {
        let cookies = Some(("cookie", cookies)).filter(|(_, cookies)| !cookies.is_empty());
        let headers: Vec<_> = cookies.into_iter().chain(origin.map(|origin| ("origin", origin))).collect();
        Self::open_with(stream, site, &headers).await
    }

    /// The same with these headers.
    pub async fn open_with(stream: TcpStream, site: &Site, headers: &[(&'static str, &str)]) -> Result<Self, Refusal> {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", site.address);
        let mut request = url.into_client_request().expect("the URL of a socket");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header's value"));
        }
        drop(stream.set_nodelay(true));
        let upgrade = tokio::time::timeout(DEADLINE, tokio_tungstenite::client_async(request, stream)).await;
        let stream = match upgrade {
            Ok(Ok((stream, _))) => stream,
            Ok(Err(WebSocketError::Http(response))) => return Err(Refusal::Http(response.status().as_u16())),
            Ok(Err(_)) => return Err(Refusal::Closed),
            Err(_) => return Err(Refusal::Silence),
        };
        let (sink, stream) = stream.split();
        let (sink, inbox) = (Arc::new(Mutex::new(sink)), Arc::<Inbox>::default());
        let (reading, is_reading) = watch::channel(true);
        let reader = tokio::spawn(read(stream, sink.clone(), inbox.clone(), is_reading));
        Ok(Self { sink, inbox, reading, reader, next: AtomicU64::new(0) })
    }

    /// Enters the chat's namespace.
    pub async fn enter(self) -> Result<Self, Refusal> {
        self.raw(&format!("40{CHAT},")).await;
        self.admission().await.map(|()| self)
    }

    /// The same with data for the namespace, which the official clients call `auth`.
    pub async fn enter_with(self, auth: &Value) -> Result<Self, Refusal> {
        self.raw(&format!("40{CHAT},{auth}")).await;
        self.admission().await.map(|()| self)
    }

    /// Sends a text frame as it is.
    pub async fn raw(&self, text: &str) {
        self.frame(Frame::text(text)).await;
    }

    /// Sends a text frame; whether that worked.
    pub async fn is_taken(&self, text: &str) -> bool {
        self.sink.lock().await.send(Frame::text(text)).await.is_ok()
    }

    /// Sends any frame; errors are ignored.
    pub async fn frame(&self, frame: Frame) {
        drop(self.sink.lock().await.send(frame).await);
    }

    /// Sends an event without an acknowledgement.
    pub async fn tell(&self, event: &str, data: Value) {
        self.raw(&packet::event(event, &data, None)).await;
    }

    /// Sends an event; its acknowledgement is waited for later. Events leave in the order of these calls.
    pub async fn send(&self, event: &str, data: Value) -> Pending {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let acknowledged = self.expect(number);
        self.raw(&packet::event(event, &data, Some(number))).await;
        Pending { what: format!("{event} {data}"), acknowledged }
    }

    /// Sends an event and waits for its acknowledgement.
    pub async fn ask(&self, event: &str, data: Value) -> Value {
        self.send(event, data).await.acknowledgement().await
    }

    /// The same for an event that must be accepted.
    #[track_caller]
    pub fn ok(&self, event: &str, data: Value) -> impl Future<Output = Value> {
        let (place, what) = (Location::caller(), format!("{event} {data}"));
        async move {
            let answer = self.ask(event, data).await;
            assert_eq!(answer["ok"], json!(true), "{place}: {what} was refused: {answer}");
            answer
        }
    }

    /// The same for an event that must be refused; returns the code of the error.
    #[track_caller]
    pub fn refused(&self, event: &str, data: Value) -> impl Future<Output = String> {
        let (place, what) = (Location::caller(), format!("{event} {data}"));
        async move {
            let answer = self.ask(event, data).await;
            assert_eq!(answer["ok"], json!(false), "{place}: {what} was accepted: {answer}");
            assert!(answer["error"]["message"].is_string(), "{place}: an error without words: {answer}");
            answer["error"]["code"].as_str().expect("an error has a code").to_owned()
        }
    }

    /// Posts, and returns the message.
    pub async fn post(&self, room: &str, body: &str, nonce: &str) -> Value {
        let data = json!({ "room": room, "body": body, "nonce": nonce });
        self.ok("message", data).await["message"].take()
    }

    /// Stops reading from the network, or goes on.
    pub fn set_reading(&self, on: bool) {
        self.reading.send_replace(on);
    }
}

impl Deref for Socket {
    type Target = Inbox;

    fn deref(&self) -> &Inbox {
        &self.inbox
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("events", &self.peek()).finish_non_exhaustive()
    }
}

/// An acknowledgement that has been requested.
pub struct Pending {
    what: String,
    acknowledged: oneshot::Receiver<Value>,
}

impl Pending {
    /// Waits for it.
    pub async fn acknowledgement(self) -> Value {
        let what = self.what.clone();
        self.outcome().await.unwrap_or_else(|| panic!("the connection ended before {what} was acknowledged"))
    }

    /// Waits for it, or for the end of the connection.
    pub async fn outcome(self) -> Option<Value> {
        match tokio::time::timeout(DEADLINE, self.acknowledged).await {
            Ok(outcome) => outcome.ok(),
            Err(_) => panic!("neither an acknowledgement of {} nor an end", self.what),
        }
    }

    /// Waits for it, up to `patience`; nothing when the connection ends first.
    pub async fn within(self, patience: Duration) -> Option<Value> {
        tokio::time::timeout(patience, self.acknowledged).await.ok()?.ok()
    }
}

async fn read(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    sink: Arc<Mutex<Sink>>,
    inbox: Arc<Inbox>,
    mut is_reading: watch::Receiver<bool>,
) {
    loop {
        if is_reading.wait_for(|on| *on).await.is_err() {
            break;
        }
        let frame = tokio::select! {
            frame = stream.next() => frame,
            _ = is_reading.changed() => continue,
        };
        match frame {
            Some(Ok(Frame::Text(text))) => match Packet::parse(&text) {
                // A client that does not read does not answer.
                Packet::Ping => drop(sink.lock().await.send(Frame::text("3")).await),
                packet => inbox.put(packet),
            },
            Some(Ok(Frame::Close(_)) | Err(_)) | None => break,
            Some(Ok(_)) => {}
        }
    }
    inbox.close();
}
