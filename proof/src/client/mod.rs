//! People who come to a server: pages and forms with a browser's habits, and a Socket.IO client that can also misbehave.
//!
//! Owns how a client speaks, written apart from the server on purpose: the server must speak the protocol, and not just agree
//! with itself. It must not know any server's inside.

pub mod browser;
pub mod frame;
pub mod inbox;
pub mod packet;
pub mod person;
pub mod polling;
pub mod raw;
pub mod site;
pub mod socket;

use std::time::Duration;

pub use person::{Answer, Person};
pub use raw::Raw;
pub use site::Site;
pub use socket::Socket;

/// How long anything that must happen may take before it counts as failed. Generous, because it is only ever waited for in
/// full when something is wrong.
pub const DEADLINE: Duration = Duration::from_secs(20);
