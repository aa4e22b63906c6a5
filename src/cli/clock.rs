//! `parlor clock`: what an operator says of the clock.
//!
//! Owns what is printed. It must not set a clock.

use clap::Subcommand;

use super::output::out;
use super::{Failure, existing, failed};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Purpose;
use crate::timekeeping;

#[derive(Subcommand)]
pub enum ClockCommand {
    /// Say that the clock of this machine is right, though it jumped ahead: servers delete again what has expired
    Confirm,
}

/// Runs a command, beside a running server.
pub async fn run(config: &Config, ClockCommand::Confirm: ClockCommand) -> Result<(), Failure> {
    let (db, now) = (existing(config, Purpose::Visit).await?, Clock::default().now());
    let confirmed = timekeeping::confirm(&db, now).await;
    db.close().await;
    confirmed.map_err(failed)?;
    out!("It is {now}")
}
