//! The command line of `proof`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Shows what a chat server does: how fast it is, and whether it ever loses a message.
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
    /// Makes faults happen to the server, and checks that nothing was lost.
    Torture(proof::torture::Options),
    /// Serves the bare minimum that the bench measures beside the servers.
    #[command(hide = true)]
    Floor,
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Bench(options) => proof::bench::main(&options),
        What::Floor => proof::bench::floor(),
        What::Torture(options) => proof::torture::main(&options),
    }
}
