//! A small chat in memory with one known fault: it loses, doubles, reorders or leaks, so that the checker is known to notice.
//!
//! Owns a server that speaks as much of the protocol as [`crate::torture::Load`] needs. Without a fault it is correct, and the
//! checker must find nothing. It is of no other use.
//!
//! ```text
//! proof torture --case faulty-server
//! proof faulty-server --fault lose
//! ```

mod events;
mod pages;
mod rooms;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::serve::ListenerExt;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use self::rooms::Rooms;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// One message in seven is acknowledged and not kept.
    Lose,
    /// One message in seven is kept, and sent to nobody; replays hold it for its author only.
    Withhold,
    /// One message in seven is kept twice.
    Double,
    /// One message in seven is sent twice.
    Repeat,
    /// Each seventh message is sent after the next one.
    Reorder,
    /// Everybody who is connected hears every room.
    Leak,
    /// Whoever knows a private room's slug may read it.
    Open,
}

impl Fault {
    /// All of them, without [`Fault::None`].
    pub const ALL: &[Self] = &[Self::Lose, Self::Withhold, Self::Double, Self::Repeat, Self::Reorder, Self::Leak, Self::Open];

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Serves until it is ended. It listens where `LISTEN` says, and keeps nothing.
#[derive(Debug, Args)]
pub struct Options {
    /// What is wrong with it.
    #[arg(long, value_enum, default_value_t)]
    fault: Fault,
}

/// The server's state.
#[derive(Clone)]
struct Shared(Arc<Mutex<Rooms>>);

impl Shared {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves.
pub fn main(options: &Options) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    match runtime.block_on(serve(options.fault)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proof faulty-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(fault: Fault) -> std::io::Result<()> {
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let shared = Shared(Arc::new(Mutex::new(Rooms::new(fault))));
    let listener = TcpListener::bind(&listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Several small writes in a row would wait for the peer's delayed acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, pages::router(shared.clone()).layer(events::layer(shared))).await
}
