//! Request headers that pages and sockets both read: the client's IP address, the origin, cookies.
//!
//! It must not answer a request.

pub mod client_ip;
pub mod cookies;
pub mod origin;
