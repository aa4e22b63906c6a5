//! The program. What it does is in `parlor::cli`.

use std::process::ExitCode;

/// It costs less than the system's for each post, page and message: docs/decisions/0019.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    parlor::cli::main()
}
