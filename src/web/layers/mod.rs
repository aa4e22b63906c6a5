//! What stands around every handler: sessions, protection against forgery, compression, error pages, tracing.
//!
//! Owns the middleware. It must not know a page.

pub mod compression;
pub mod csrf;
pub mod error_pages;
pub mod reads;
pub mod session;
pub mod trace;
