//! Every page and form, one module for each feature.
//!
//! Owns the handlers: they read a request, call one use-case and show what it returned. They must not decide who may do what, or hold SQL.

pub mod access;
pub mod accounts;
pub mod drafts;
pub mod emoji;
pub mod fallback;
pub mod frame;
pub mod health;
pub mod history;
pub mod install;
pub mod members;
pub mod mentions;
pub mod message_actions;
pub mod messages;
pub mod notifications;
pub mod people;
pub mod pins;
pub mod preview;
pub mod read_marker;
pub mod revisions;
pub mod rooms;
pub mod search;
pub mod settings;
pub mod setup;
pub mod sidebar;
pub mod threads;
