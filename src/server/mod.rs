//! Listening, serving each connection, and stopping.
//!
//! Owns the accept loop: limits on connections, time limits on what a client may leave unsaid, and the end of a connection from
//! outside. It must not know what is served. `axum::serve` has no time limit on headers, no limits on connections, and no way to
//! cut one.

mod limits;
mod stream;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;

pub use limits::{ConnectionPermit, Connections, Limits};
pub use stream::ConnectionControl;
use stream::ControlledStream;

/// How long the head of a request may take, counted from the end of the one before: so a connection that says nothing is closed
/// after it, too.
const HEAD: Duration = Duration::from_secs(10);
/// How long a request that has a body may take from its head to its answer. The website itself is a little less patient.
const BODY: Duration = Duration::from_secs(16);
/// The most that a connection buffers, and so the largest head.
const BUFFER: usize = 64 * 1024;
/// How many connections the system may take in before the server looks at them; it has a limit of its own (on Linux
/// `net.core.somaxconn`, 4,096 unless it is set). What comes behind them is dropped without a word: its client tries again after 1 s,
/// 2 s, 4 s, or takes itself for connected, and nobody will ever hang up on it.
const BACKLOG: u32 = 4_096;
/// After how long a peer that acknowledges nothing is gone (RFC 5482).
const SILENCE: Duration = Duration::from_secs(30);
/// How long to wait before accepting again when the system has no descriptors left.
const PAUSE: Duration = Duration::from_millis(200);
/// How long connections may take to end when the server stops, before they are cut.
const GRACE: Duration = Duration::from_secs(8);
/// How long connections that were cut may take to notice.
const NOTICE: Duration = Duration::from_secs(1);

/// In a request's extensions: the address that the connection came from.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddr(pub SocketAddr);

/// Begins to listen, with more room for those who come all at once than the 128 of `TcpListener::bind`: after a restart everybody does.
///
/// # Errors
/// The system's, when the address is not ours or is taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `bind` does: connections of the server before are no reason to wait.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `shutdown` is cancelled, and then until they have ended: each may finish the request that it is in,
/// and what is left after eight seconds is cut.
pub async fn serve<S, B>(listener: TcpListener, service: S, connections: Connections, shutdown: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    let cut_all = CancellationToken::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(BUFFER);
    let http = Arc::new(http);

    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                wait_out(&error).await;
                continue;
            }
        };
        // Over the limit: closed without a word. An answer would cost what the limit is there to save.
        let Some(permit) = connections.admit(peer.ip()) else { continue };
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%peer, %error, "a connection was gone before it began");
            continue;
        }
        let connection = Connection { peer, control: ConnectionControl::new(cut_all.child_token()), permit, http: http.clone() };
        tokio::spawn(connection.run(stream, service.clone(), shutdown.clone()));
    }
    drop(listener);

    if timeout(GRACE, connections.ended()).await.is_err() {
        tracing::warn!(connections = connections.count(), "cutting the connections that did not end by themselves");
        cut_all.cancel();
        timeout(NOTICE, connections.ended()).await.ok();
    }
}

/// What `accept` cannot do now: a client that is gone already is nothing, but with no descriptors left, trying again at once
/// would only burn a processor.
async fn wait_out(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "no connection can be accepted for the moment");
        sleep(PAUSE).await;
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Two small writes in a row would otherwise wait 40 ms for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    // A peer that stops reading, or whose network is gone, would otherwise stay for a quarter of an hour.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}

/// One connection, before its first request.
struct Connection {
    peer: SocketAddr,
    control: ConnectionControl,
    permit: ConnectionPermit,
    http: Arc<http1::Builder>,
}

impl Connection {
    /// Serves the connection's requests. Ends with the connection, or when it is upgraded: then the stream lives on in the hands
    /// of whoever asked for that, with its permit and its cut, and nothing is left of this task.
    async fn run<S, B>(self, stream: TcpStream, service: S, shutdown: CancellationToken)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
        B: Body<Data: Send, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        let Self { peer, control, permit, http } = self;
        let stream = ControlledStream::new(stream, control.clone(), permit);
        let answer = service_fn(move |request| answer(request, service.clone(), PeerAddr(peer), control.clone()));
        let mut conversation = pin!(http.serve_connection(TokioIo::new(stream), answer).with_upgrades());
        let ended = match shutdown.run_until_cancelled(conversation.as_mut()).await {
            Some(ended) => ended,
            None => {
                conversation.as_mut().graceful_shutdown();
                conversation.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended early");
        }
    }
}

/// Answers one request. One whose body does not arrive in time ends the connection.
async fn answer<S, B>(
    mut request: Request<Incoming>,
    mut service: S,
    peer: PeerAddr,
    control: ConnectionControl,
) -> io::Result<Response<B>>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    let has_body = !request.body().is_end_stream();
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(control);
    let answering = async move {
        let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
        let Ok(response) = service.call(request).await;
        response
    };
    if !has_body {
        return Ok(answering.await);
    }
    timeout(BODY, answering).await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the body did not arrive in time"))
}

#[cfg(test)]
mod tests;
