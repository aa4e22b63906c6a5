//! Parlor: a persistent chat service in one binary.
//!
//! A room is a log. Every message has a place in it (`seq`), every change a number (`rev`), and one ledger writes them all;
//! pages, sockets and replays read the same log. Dependencies run one way: `web` and `realtime` call `chat` and `accounts`, which
//! call `db`. SQL is only in `db`, HTTP only in `web` and `router`, Socket.IO only in `realtime`.
//!
//! Reading order:
//!
//! 1. [`chat`]: rooms, memberships, messages, and the ledger that writes them.
//! 2. [`db`]: all SQL, for SQLite and Postgres.
//! 3. [`accounts`]: people, passwords, sessions.
//!    [`security_log`]: who came in, and who was kept out.
//! 4. [`realtime`]: the Socket.IO namespace.
//! 5. [`web`] and [`router`]: pages and forms.
//!    [`pieces`]: pages that are put together of what is compressed already.
//! 6. [`limits`]: how large an answer may be, and how much memory may be held.
//! 7. [`state`], [`server`], [`config`], [`log`]: putting it together and running it.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod accounts;
pub mod app;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod encoding;
pub mod error;
pub mod events;
pub mod fulltext;
pub mod http;
pub mod limits;
pub mod log;
pub mod model;
pub mod permissions;
pub mod pieces;
pub mod realtime;
pub mod security_log;
pub mod server;
pub mod transport;
pub mod web;

pub use app::App;
