//! A small chat in memory that can lie: it loses, doubles, reorders or leaks, so that the checker is known to notice.
//!
//! Owns a server that speaks as much of the protocol as [`crate::torture::load`] needs. Without a lie it is honest, and the checker must
//! find nothing; nobody should use it for anything else.
//!
//! ```text
//! proof torture --case liar
//! proof liar --lie lose
//! ```

mod events;
mod pages;
mod rooms;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::serve::ListenerExt;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use self::rooms::House;

/// What it lies about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Lie {
    /// Nothing.
    #[default]
    None,
    /// One message in seven is acknowledged and not kept.
    Lose,
    /// One message in seven is kept, and told to nobody, not even in a replay to others than its author.
    Withhold,
    /// One message in seven is kept twice.
    Double,
    /// One message in seven is told twice.
    Repeat,
    /// Each seventh message is told before the one in front of it.
    Reorder,
    /// Everybody who is connected hears every room.
    Leak,
    /// Whoever knows a private room's name may read it.
    Open,
}

impl Lie {
    /// All that are lies.
    pub const ALL: &[Self] = &[Self::Lose, Self::Withhold, Self::Double, Self::Repeat, Self::Reorder, Self::Leak, Self::Open];

    /// As the command line names it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Serves until it is ended. It listens where `LISTEN` says, and keeps nothing.
#[derive(Debug, Args)]
pub struct Options {
    /// What it lies about.
    #[arg(long, value_enum, default_value_t)]
    lie: Lie,
}

/// The server's one state.
#[derive(Clone)]
struct Liar {
    house: Arc<Mutex<House>>,
}

impl Liar {
    fn house(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves.
pub fn main(options: &Options) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    match runtime.block_on(serve(options.lie)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proof liar: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(lie: Lie) -> std::io::Result<()> {
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let liar = Liar { house: Arc::new(Mutex::new(House::new(lie))) };
    let listener = TcpListener::bind(&listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Small writes in a row would wait for the peer's delayed acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, pages::router(liar.clone()).layer(events::layer(liar))).await
}
