//! A WebSocket proxy that loses and repeats live messages.
//!
//! Owns parsing WebSocket frames on the way to the client. It only touches `message` events; acknowledgements always arrive.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Proxy;
use crate::client::frame;

/// How a live message begins.
const MESSAGE: &[u8] = br#"42/chat,["message","#;

/// Starts one in front of that server.
pub async fn start(server: SocketAddr) -> Proxy {
    Proxy::start(move |near| async move {
        let Ok(far) = TcpStream::connect(server).await else { return };
        drop(far.set_nodelay(true));
        let ((mut near_in, near_out), (far_in, mut far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            _ = copy(&mut near_in, &mut far_out) => {}
            _ = filter(far_in, near_out) => {}
        }
    })
    .await
}

/// Forwards the answer to the upgrade, and then frame by frame. Any other answer is forwarded unchanged.
async fn filter(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await?);
    }
    to.write_all(&head).await?;
    if !head.starts_with(b"HTTP/1.1 101") {
        return copy(&mut from, &mut to).await.map(drop);
    }
    let mut messages = 0;
    loop {
        let mut frame = Vec::new();
        let (head, length) = loop {
            frame.push(from.read_u8().await?);
            if let Some(found) = frame::head(&frame) {
                break found;
            }
        };
        frame.resize(head + length, 0);
        from.read_exact(&mut frame[head..]).await?;
        if !frame[head..].starts_with(MESSAGE) {
            to.write_all(&frame).await?;
            continue;
        }
        messages += 1;
        // Of three messages the second is repeated and the third lost.
        for _ in 0..[0, 1, 2][messages % 3] {
            to.write_all(&frame).await?;
        }
    }
}
