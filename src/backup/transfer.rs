//! Watches what goes to and comes from object storage, which may take minutes, or hang.
//!
//! Owns that whoever watches is asked several times a second whether it goes on, and that copies for which there is no room are not begun. What
//! was begun there is undone by the storage.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use super::BackupError;
use crate::files::room::Room;
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

/// A file without a name for a copy of so many bytes.
///
/// # Errors
/// If there is no room for it, or it cannot be made.
pub fn scratch(bytes: u64) -> Result<File, BackupError> {
    let folder = std::env::temp_dir();
    let made = Room::of(&folder).check(bytes).and_then(|()| tempfile::tempfile_in(&folder));
    made.map_err(|error| BackupError::at(folder.display(), error))
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

    #[test]
    fn a_copy_for_which_there_is_no_room_is_not_begun() {
        assert!(scratch(0).is_ok());
        assert!(scratch(u64::MAX).is_err_and(|error| error.to_string().contains("stay free for the server")));
    }

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
