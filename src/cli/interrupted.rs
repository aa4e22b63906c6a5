//! What long commands have in common: how they are interrupted, and how they end with things left out.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit status of what was done, but not for everything.
pub const LEFT_OUT: u8 = 3;

/// Cancelled by the first signal to end: then what was begun is undone. The second one ends the process at once.
pub fn interrupted() -> io::Result<CancellationToken> {
    interrupted_and(|| {})
}

/// The same. Before the second signal ends the process, `last` is done, on whatever thread.
pub fn interrupted_and(last: impl FnOnce() + Send + 'static) -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        let mut signalled = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        signalled().await;
        cancelled.cancel();
        signalled().await;
        last();
        std::process::exit(1);
    });
    Ok(stop)
}
