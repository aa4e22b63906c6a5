//! The real program: starting it, stopping it, killing it, and what an administrator does with it.

mod admin;
mod backup;
mod files;
mod invitations;
mod kill;
mod limits;
mod malformed;
mod memory;
mod oversize;
mod printing;
mod proxies;
mod secrets;
mod security_log;
mod settings;
mod start;
mod statuses;
mod stop;
mod supervised;
mod sync;
mod users;
mod writes;
