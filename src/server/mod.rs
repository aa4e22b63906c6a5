//! Listening, serving connections, and stopping.
//!
//! Owns the accept loop: limits on connections, timeouts, and cutting a connection from outside. It must not know what is served.
//! `axum::serve` has no header timeout, no connection limits, and no way to cut a connection.

mod deadline;
mod http2;
mod limits;
mod secure;
mod stream;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2 as hyper_http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;

pub use deadline::Deadline;
pub use limits::{ConnectionPermit, Connections, Limits};
use secure::{Acceptor, Secured, Stream};
pub use stream::ConnectionControl;
use stream::ControlledStream;

use crate::tls::Tls;

/// Timeout for a request's head since the end of the previous request; also closes idle connections.
const HEAD: Duration = Duration::from_secs(10);
/// Timeout for a request with a body, from its head to its response, unless whoever reads it moves the [`Deadline`]. The site's own timeout
/// is a little shorter.
const BODY: Duration = Duration::from_secs(16);
/// Size of a connection's read buffer, which limits the head.
const BUFFER: usize = 64 * 1024;
/// Length of the accept queue; the system may limit it further (on Linux `net.core.somaxconn`, 4,096 by default). Beyond it SYNs
/// are dropped; clients retry after 1, 2, 4 s, or believe they are connected when they are not.
pub const BACKLOG: u32 = 4_096;
/// A peer that acknowledges nothing for this long is gone (RFC 5482).
const SILENCE: Duration = Duration::from_secs(30);
/// Pause before the next accept if the system has no descriptors left.
const PAUSE: Duration = Duration::from_millis(200);
/// How long connections may take to end at shutdown before they are cut.
const GRACE: Duration = Duration::from_secs(8);
/// How long cut connections may take to end.
const NOTICE: Duration = Duration::from_secs(1);

/// A request extension: the peer address of the connection.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddr(pub SocketAddr);

/// Starts to listen, with a longer accept queue than the 128 of `TcpListener::bind`: after a restart everybody reconnects at
/// once.
///
/// # Errors
/// The system's, if the address is not local or in use.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `bind` does: connections of the previous process must not delay the start.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `shutdown` is cancelled, then lets each finish its current requests; after eight seconds the rest are
/// cut. With `tls`, each connection begins with a handshake, and may speak HTTP/2 after it.
pub async fn serve<S, B>(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    service: S,
    connections: Connections,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    let cut_all = CancellationToken::new();
    let mut http1 = http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(BUFFER);
    let acceptor = tls.map(|tls| Acceptor::new(tls, connections.limit()));
    let http = Arc::new(Http { http1, http2: http2::builder(), acceptor });

    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                wait_out(&error).await;
                continue;
            }
        };
        // Closed without a response, whose cost the limit is meant to save.
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

/// How connections of a listener are served.
struct Http {
    http1: http1::Builder,
    http2: hyper_http2::Builder<TokioExecutor>,
    acceptor: Option<Acceptor>,
}

/// Handles an error of `accept`: nothing to do if the client is gone; a pause if there are no descriptors, because retrying at
/// once would burn a processor.
async fn wait_out(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "no connection can be accepted for the moment");
        sleep(PAUSE).await;
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Otherwise, two small writes in a row wait 40 ms for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    // Otherwise, a peer that stops reading or loses its network stays connected for a quarter of an hour.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}

/// A connection before its first request.
struct Connection {
    peer: SocketAddr,
    control: ConnectionControl,
    permit: ConnectionPermit,
    http: Arc<Http>,
}

impl Connection {
    /// Serves the connection's requests until it ends or is upgraded. An upgraded stream keeps its permit and control, while this
    /// task ends.
    async fn run<S, B>(self, stream: TcpStream, service: S, shutdown: CancellationToken)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        let Self { peer, control, permit, http } = self;
        let stream = ControlledStream::new(stream, control.clone(), permit);
        let of = Peer { address: PeerAddr(peer), control };
        let ended = match &http.acceptor {
            None => of.speak_http1(Stream::Plain(stream), &http.http1, service, shutdown).await,
            Some(acceptor) => match shutdown.run_until_cancelled(Box::pin(acceptor.accept(stream, &of.control.token))).await {
                Some(Ok(Some(Secured { stream, is_h2: true }))) => {
                    Box::pin(of.speak_http2(Stream::Secure(stream), &http.http2, service, shutdown)).await
                }
                Some(Ok(Some(Secured { stream, is_h2: false }))) => {
                    of.speak_http1(Stream::Secure(stream), &http.http1, service, shutdown).await
                }
                Some(Err(error)) => {
                    tracing::debug!(%peer, %error, "no handshake");
                    Ok(())
                }
                Some(Ok(None)) | None => Ok(()),
            },
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended early");
        }
    }
}

/// Whom a connection is with, and what cuts it.
struct Peer {
    address: PeerAddr,
    control: ConnectionControl,
}

impl Peer {
    async fn speak_http1<S, B>(
        self,
        stream: Stream,
        http: &http1::Builder,
        service: S,
        shutdown: CancellationToken,
    ) -> hyper::Result<()>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        let Self { address, control } = self;
        let answer = service_fn(move |request| answer(request, service.clone(), address, control.clone()));
        let mut conversation = pin!(http.serve_connection(TokioIo::new(stream), answer).with_upgrades());
        if let Some(ended) = shutdown.run_until_cancelled(conversation.as_mut()).await {
            return ended;
        }
        conversation.as_mut().graceful_shutdown();
        conversation.await
    }

    async fn speak_http2<S, B>(
        self,
        stream: Stream,
        http: &hyper_http2::Builder<TokioExecutor>,
        service: S,
        shutdown: CancellationToken,
    ) -> hyper::Result<()>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        let Self { address, control } = self;
        let streams = http2::Streams::new(control.clone());
        let answering = streams.clone();
        let answer = service_fn(move |mut request| {
            let open = answering.begin();
            let (service, cut) = (service.clone(), control.cut_only());
            async move {
                http2::as_http1(&mut request)?;
                Ok::<_, io::Error>(open.answered(answer(request, service, address, cut).await?))
            }
        });
        let mut conversation = pin!(http.serve_connection(TokioIo::new(stream), answer));
        let in_use = http2::until_idle(conversation.as_mut(), &streams, HEAD);
        match shutdown.run_until_cancelled(in_use).await {
            Some(Some(ended)) => ended,
            // Idle: whoever does not close its side is not waited for.
            Some(None) => {
                conversation.as_mut().graceful_shutdown();
                timeout(HEAD, conversation).await.unwrap_or(Ok(()))
            }
            None => {
                conversation.as_mut().graceful_shutdown();
                conversation.await
            }
        }
    }
}

/// Answers one request. If its body does not arrive in time, the connection ends.
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
    let deadline = Deadline::after(BODY);
    request.extensions_mut().insert(deadline.clone());
    let answering = async move {
        let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
        let Ok(response) = service.call(request).await;
        response
    };
    if !has_body {
        return Ok(answering.await);
    }
    tokio::select! {
        response = answering => Ok(response),
        () = deadline.passed() => Err(io::Error::new(io::ErrorKind::TimedOut, "the body did not arrive in time")),
    }
}

#[cfg(test)]
mod tests;
