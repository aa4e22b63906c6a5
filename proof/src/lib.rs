//! The proof of Parlor: two programs that drive a server from the outside, as any client may.
//!
//! `proof bench` measures it beside its peers; `proof torture` does to it whatever can happen to a server, and checks that no
//! word was lost. Both know only what is documented for everybody (`docs/protocol.md`), so they can drive any server that speaks
//! it. Parlor's own tests stand on [`client`] and [`ground`] too.
//!
//! Reading order:
//!
//! 1. [`client`]: people, their browsers' habits, their sockets.
//! 2. [`ground`]: processes, databases and cables that can be broken.
//! 3. [`checker`]: what clients noted, and whether it agrees.
//! 4. [`torture`]: the faults, one case each.
//! 5. [`liar`]: a server that lies, so that the checker is known to notice.
//! 6. [`mod@bench`]: the measurements.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod bench;
pub mod checker;
pub mod client;
pub mod docs;
pub mod ground;
pub mod liar;
pub mod torture;
