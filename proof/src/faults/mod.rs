//! What goes wrong around a server: proxies that break connections, and clients that misbehave.
//!
//! Owns making the faults. What is expected of the server under them is up to tests and torture cases.

pub mod bad_clients;
pub mod balancer;
pub mod drips;
pub mod latency_proxy;
pub mod malformed;
pub mod pg_proxy;
pub mod repeater;
pub mod tcp_proxy;
pub mod ws_proxy;

use std::ops::Deref;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::client::Site;

/// A listener on a free port that hands each connection to a function. It stops when dropped.
pub struct Proxy {
    /// The server as it is seen through the proxy.
    pub site: Site,
    accepting: JoinHandle<()>,
}

impl Proxy {
    async fn start<S>(serve: impl Fn(TcpStream) -> S + Send + 'static) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let site = Site::at(listener.local_addr().expect("a bound listener has an address"));
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                drop(near.set_nodelay(true));
                tokio::spawn(serve(near));
            }
        });
        Self { site, accepting }
    }
}

impl Deref for Proxy {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
