//! Watches what goes to and comes from object storage, which may take minutes, or hang.
//!
//! Owns that whoever watches is asked several times a second whether it goes on. What was begun there is undone by the storage.

use std::future::Future;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use super::BackupError;
use crate::files::transfer::Transfer;

/// How often whoever watches is asked.
const ASK: Duration = Duration::from_millis(100);
/// How long what was stopped has to end; the storage's own limits are shorter.
const ENDING: Duration = Duration::from_secs(10);

/// Waits for something that `transfer` can stop. `goes_on` is told how many bytes were transferred.
///
/// # Errors
/// `Interrupted`, if it does not go on, even if it was done at that moment.
pub async fn watched<T>(
    transfer: &Transfer,
    goes_on: &mut (dyn FnMut(u64) -> bool + Send),
    work: impl Future<Output = T>,
) -> Result<T, BackupError> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = tokio::time::sleep(ASK) => {}
        }
        if !goes_on(transfer.done()) {
            transfer.stop();
            drop(tokio::time::timeout(ENDING, work).await);
            return Err(BackupError::Interrupted);
        }
    }
}

/// A reader that fails once a transfer is stopped, for threads that block.
pub struct UntilStopped<R> {
    /// Where the bytes come from.
    pub inner: R,
    /// Whoever stops it knows why.
    pub transfer: Arc<Transfer>,
}

impl<R: Read> Read for UntilStopped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Not `Interrupted`, which whoever reads would try again.
        if self.transfer.is_stopped() { Err(io::ErrorKind::ConnectionAborted.into()) } else { self.inner.read(buffer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_hangs_can_be_interrupted() {
        let transfer = Transfer::default();
        let mut asked = 0;
        let mut goes_on = |_| {
            asked += 1;
            asked < 3
        };
        let work = transfer.unless_stopped(std::future::pending::<()>());
        assert!(matches!(watched(&transfer, &mut goes_on, work).await, Err(BackupError::Interrupted)));
        assert_eq!(asked, 3);
        let work = async { 7 };
        assert!(matches!(watched(&Transfer::default(), &mut |_| true, work).await, Ok(7)));
    }
}
