//! The website: pages and forms.
//!
//! Owns HTTP: routes' handlers, sessions' cookies, protection against forgery, templates and assets. It must not decide what is
//! allowed in a room or write SQL: it asks `chat` and `accounts`.

pub mod access;
pub mod accounts;
pub mod act;
pub mod activity;
pub mod address;
pub mod assets;
pub mod bundle;
pub mod compose;
pub mod compression;
pub mod device;
pub mod drafts;
pub mod emoji;
pub mod fallback;
pub mod forgery;
pub mod form;
pub mod frame;
pub mod health;
pub mod history;
pub mod install;
pub mod members;
pub mod origin;
pub mod people;
pub mod preview;
pub mod reads;
pub mod refusals;
pub mod respond;
pub mod rooms;
pub mod search;
pub mod session;
pub mod settings;
pub mod setup;
pub mod source;
pub mod tag;
pub mod theme;
pub mod times;
pub mod trace;
pub mod views;
