//! Clients: people who use pages and forms as a browser does, and a Socket.IO client that can also misbehave.
//!
//! Owns the client's side of the protocol, independent of the server's code on purpose: a server must not just agree with itself.

pub mod browser;
pub mod frame;
pub mod inbox;
pub mod packet;
pub mod person;
pub mod polling;
pub mod push;
pub mod raw;
pub mod site;
pub mod socket;

use std::time::Duration;

pub use person::{Answer, Person};
pub use raw::Raw;
pub use site::Site;
pub use socket::Socket;

/// How long anything that must happen may take. Generous, because only failures wait that long.
pub const DEADLINE: Duration = Duration::from_secs(20);
