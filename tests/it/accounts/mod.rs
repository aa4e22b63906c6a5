//! Accounts, passwords and sessions, from outside.

mod access;
mod cookies;
mod invites;
mod login;
mod logout;
mod names;
mod newcomers;
mod recovery;
mod register;
mod registration;
mod sessions;
mod setup;
mod throttle;
