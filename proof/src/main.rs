//! The command line of the proof.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Shows what a chat server does: how fast, and whether it ever loses a word.
#[derive(Parser)]
#[command(name = "proof", version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measures the server.
    Bench(proof::bench::Options),
    /// Does to the server what can happen to a server, and checks that nothing was lost.
    Torture(proof::torture::Options),
    /// Serves the bare minimum that the bench measures beside the servers.
    #[command(hide = true)]
    Floor,
    /// Serves a small chat that lies, so that the checker has something to find.
    Liar(proof::liar::Options),
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Bench(options) => proof::bench::main(&options),
        What::Floor => proof::bench::floor(),
        What::Torture(options) => proof::torture::main(&options),
        What::Liar(options) => proof::liar::main(&options),
    }
}
