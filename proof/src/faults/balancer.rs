//! A load balancer in front of several nodes: each connection goes to the next one that takes it.
//!
//! Owns the turns. It does not ask whether a node is well.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::Proxy;
use crate::client::Site;

/// The balancer. Its site has its clients connect anew for each request, so that a person's requests go to all nodes in turn.
pub struct Balancer(Proxy);

impl Balancer {
    /// Starts one in front of these nodes.
    pub async fn before(nodes: Vec<SocketAddr>) -> Self {
        let turn = Arc::new(AtomicUsize::new(0));
        let serve = move |mut near: TcpStream| {
            let first = turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
            let mut in_turn = nodes[first..].to_vec();
            in_turn.extend(&nodes[..first]);
            async move {
                for node in in_turn {
                    if let Ok(mut server) = TcpStream::connect(node).await {
                        drop(server.set_nodelay(true));
                        drop(copy_bidirectional(&mut near, &mut server).await);
                        return;
                    }
                }
            }
        };
        let mut proxy = Proxy::start(serve).await;
        proxy.site.is_balanced = true;
        Self(proxy)
    }
}

impl Deref for Balancer {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.0.site
    }
}
