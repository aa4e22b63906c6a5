//! Everything that needs a running server, in one test binary: it links once, and its tests share one throw-away Postgres.
//!
//! Reading order: `harness` (what tests stand on), then a folder for each subject.

// `#[apply(both)]`, `#[apply(once)]`: a test is a function that tools can read and format.
#[macro_use(apply)]
extern crate macro_rules_attribute;

mod accounts;
mod administration;
mod api;
mod architecture;
mod backup;
mod browser;
mod cluster;
mod conversation;
mod db;
mod export;
mod faults;
mod files;
mod harness;
mod history;
mod hooks;
mod import;
mod links;
mod live;
mod monitoring;
mod pages;
mod people;
mod process;
mod push;
mod rates;
mod retention;
mod rooms;
mod search;
mod socket;
mod tls;
mod webhooks;
mod writing;
