//! What servers stand on, and how it is broken: processes, a throw-away Postgres, a cable that can be cut.
//!
//! Owns starting and ending them, and that nothing of them stays. It must not know what is tried on them.

pub mod browser;
pub mod cable;
pub mod cluster;
pub mod distance;
pub mod driver;
pub mod gauge;
pub mod link;
pub mod process;
pub mod programs;
pub mod sieve;
pub mod strace;
pub mod watchdog;
