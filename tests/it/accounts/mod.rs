//! Accounts, passwords and sessions, from outside.

mod access;
mod cookies;
mod login;
mod logout;
mod names;
mod register;
mod registration;
mod throttle;
