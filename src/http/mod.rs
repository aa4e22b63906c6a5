//! What pages and sockets read of an HTTP request alike: who sent it, and for which origin it is.
//!
//! Owns the reading of these headers. It must not answer a request.

pub mod client_ip;
pub mod cookies;
pub mod origin;
