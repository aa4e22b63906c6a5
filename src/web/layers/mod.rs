//! Middleware: sessions, CSRF protection, compression, errors, timeouts, tracing.
//!
//! `web::router` holds their order. A layer must not know a page.

pub mod bearer;
pub mod compression;
pub mod csrf;
pub mod errors;
pub mod host;
pub mod measure;
pub mod normalize_path;
pub mod reads;
pub mod security_headers;
pub mod session;
pub mod timeout;
pub mod trace;
