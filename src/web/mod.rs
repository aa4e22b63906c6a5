//! The website: pages and forms.
//!
//! Owns HTTP: routes' handlers, sessions' cookies, protection against forgery, templates and assets. It must not decide what is
//! allowed in a room or write SQL: it asks `chat` and `accounts`.

pub mod assets;
pub mod device;
pub mod etag;
pub mod form;
pub mod layers;
pub mod pages;
pub mod respond;
pub mod router;
pub mod source;
pub mod state;
pub mod theme;
pub mod times;
pub mod views;
