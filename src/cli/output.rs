//! What commands print.
//!
//! Owns that nothing panics and no work ends because a line could not be printed: results are lost loudly, unless their reader has gone, and
//! notes silently.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

use super::{Failure, failed};

/// Prints a line of a result on standard output, as `println!` does.
macro_rules! out {
    ($($words:tt)*) => { $crate::cli::output::result(format_args!("{}\n", format_args!($($words)*)).to_string().as_bytes()) };
}

/// Prints a line about the work on standard error, as `eprintln!` does.
macro_rules! note {
    ($($words:tt)*) => { $crate::cli::output::tell(format_args!($($words)*)) };
}

pub(super) use {note, out};

/// Prints a result on standard output. Whoever reads a pipe and closes it has what they want.
///
/// # Errors
/// It cannot be written: the disk is full, for example.
pub(super) fn result(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failed(format!("standard output: {error}"))),
        _ => Ok(()),
    }
}

/// Prints a line on standard error, if that is open.
pub(super) fn tell(line: Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
