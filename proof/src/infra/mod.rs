//! What servers run on: processes, a throw-away Postgres, a browser's driver, and what Linux says of a process.
//!
//! Owns starting and ending them, and that nothing of them stays. It must not know what is tried on them.

pub mod chromedriver;
pub mod cluster;
pub mod proc_stats;
pub mod process;
pub mod programs;
pub mod strace;
pub mod watch;
pub mod watchdog;
