//! What servers run on and talk to: processes, a temporary Postgres and Redis, services elsewhere, a browser's driver, and Linux's statistics of a process.
//!
//! Owns starting and ending them, and removing what they leave. It must not know what is tested.

pub mod chromedriver;
pub mod cluster;
pub mod proc_stats;
pub mod process;
pub mod programs;
pub mod receiver;
pub mod redis;
pub mod servers;
pub mod stalls;
pub mod strace;
pub mod watch;
pub mod watchdog;
