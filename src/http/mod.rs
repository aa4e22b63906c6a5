//! Request headers that pages and sockets both read: the client's IP address, the origin, cookies, access tokens.
//!
//! It must not answer a request.

pub mod bearer;
pub mod client_ip;
pub mod cookies;
pub mod origin;
