//! The properties of Parlor's parsers of outside input.
//!
//! One function for each kind of input: it passes bytes to the server's own functions, and panics when a property does not hold. The
//! fuzzer calls them with its inputs, the tests with the seeds. They must not need a server, a database or a file.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod events;
pub mod forms;
mod html;
pub mod markdown;
pub mod search;

use std::time::{Duration, Instant};

/// How long anything may take that runs in a socket's read loop or blocks a thread of the server.
const LONGEST: Duration = Duration::from_millis(100);

/// Runs `work`; in the fuzzer's builds no longer than [`LONGEST`].
fn bounded<T>(what: &str, work: impl FnMut() -> T) -> T {
    within(LONGEST, what, work)
}

/// Runs `work`; in the fuzzer's builds, which are several times slower than the server's, no longer than `longest`. A slow run
/// is repeated, because the machine may have been busy.
fn within<T>(longest: Duration, what: &str, mut work: impl FnMut() -> T) -> T {
    let mut measured = || {
        let begun = Instant::now();
        let done = work();
        (done, begun.elapsed())
    };
    let (done, mut took) = measured();
    if cfg!(fuzzing) && took > longest {
        took = (0..5).map(|_| measured().1).min().unwrap_or(took);
        assert!(took <= longest, "{what} took {took:?}");
    }
    done
}
