//! Parlor: a persistent chat service in one binary.
//!
//! A room is a log. Every message has a place in it (`seq`), every change a number (`rev`), and one ledger writes them all;
//! pages, sockets and replays read the same log. A module uses only those of lower layers; a test holds that
//! (`tests/it/architecture.rs`). SQL is only in `db`, HTTP only in `web` and `http`, Socket.IO only in `realtime`.
//!
//! Reading order, from the bottom:
//!
//! 1. [`model`], [`permissions`], [`fulltext`], [`highlight`], [`slack`]: types and rules without I/O.
//! 2. [`db`]: all SQL, for SQLite and Postgres.
//! 3. [`events`]: everything that anybody is told, and the bus that carries it.
//!    [`jobs`]: what is done after a commit, whatever happens to a process. [`outbox`]: what leaves Parlor then. [`egress`]: whereto. [`files`], [`pictures`]: what people send.
//!    [`timekeeping`]: whether the clock is believed.
//! 4. [`chat`]: rooms and messages, and the ledger that writes them. [`accounts`]: people, passwords, sessions.
//!    [`links`]: previews of the links in messages. [`previews`]: those of their files. [`backup`]: backups.
//!    [`retention`]: what has expired, and legal holds. [`import`], [`export`]: what comes from other chats, and folders that can be read
//!    without Parlor. [`hooks`]: what other programs post. [`reminders`]: what is said later. [`tls`]: certificates.
//!    [`webhooks`]: who is told elsewhere. [`push`], [`missed`]: browsers and mailboxes that are.
//! 5. [`cluster`]: other nodes on the same Postgres.
//! 6. [`realtime`]: the Socket.IO namespace. [`web`]: pages and forms. [`monitoring`]: the numbers of all of them.
//!    [`doctor`]: what is wrong around them.
//! 7. [`app`], [`cli`], [`server`], [`config`], [`log`]: putting it together and running it.
//! 8. [`limits`], [`measure`], [`pieces`], [`security_log`], [`transport`]: what the others share.
#![warn(missing_docs)]
// They panic where nobody reads: see `cli::output`.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![forbid(unsafe_code)]

pub mod accounts;
pub mod administration;
pub mod app;
pub mod backup;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod db;
pub mod doctor;
pub mod egress;
pub mod encoding;
pub mod error;
pub mod events;
pub mod export;
pub mod files;
pub mod fulltext;
pub mod highlight;
pub mod hooks;
pub mod http;
pub mod import;
pub mod jobs;
pub mod limits;
pub mod links;
pub mod log;
pub mod mail;
pub mod measure;
pub mod missed;
pub mod model;
pub mod monitoring;
pub mod oidc;
pub mod outbox;
pub mod permissions;
pub mod pictures;
pub mod pieces;
pub mod portable;
pub mod previews;
pub mod push;
pub mod realtime;
pub mod reminders;
pub mod retention;
pub mod security_log;
pub mod server;
pub mod settings;
pub mod slack;
pub mod timekeeping;
pub mod tls;
pub mod transport;
pub mod web;
pub mod webhooks;

pub use app::App;
