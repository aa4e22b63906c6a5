//! x
use std::process::ExitCode;
/// x
#[derive(Debug, clap::Args)]
pub struct Options {}
/// x
pub fn main(_: &Options) -> ExitCode {
    ExitCode::SUCCESS
}
