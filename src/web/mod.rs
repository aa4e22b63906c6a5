//! The website: pages and forms.
//!
//! Owns HTTP: routes, handlers, the session cookie, CSRF protection, templates and assets. It must not decide what is allowed in a room or
//! hold SQL: it asks `chat` and `accounts`.

pub mod accept;
pub mod api;
pub mod app_layout;
pub mod assets;
pub mod bearer;
pub mod decision;
pub mod device_cookie;
pub mod etag;
pub mod form;
pub mod layers;
pub mod log_in;
pub mod log_in_cookie;
pub mod nul;
mod oidc_cookie;
pub mod pages;
pub mod passkey;
pub mod plain;
pub mod query;
pub mod respond;
pub mod router;
pub mod source;
pub mod state;
pub mod theme_cookie;
pub mod times;
pub mod transfer;
pub mod views;
