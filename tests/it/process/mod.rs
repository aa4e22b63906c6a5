//! The real program: starting it, stopping it, killing it, and what an administrator does with it.

mod admin;
mod files;
mod invitations;
mod kill;
mod limits;
mod memory;
mod secrets;
mod security_log;
mod settings;
mod start;
mod stop;
mod sync;
mod writes;
