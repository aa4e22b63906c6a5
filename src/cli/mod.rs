//! The command line: serve (the default), migrate, and what an operator does by hand.
//!
//! Owns arguments, what is printed, and exit statuses. It must not do the work of a command.

mod backup;
mod doctor;
mod files;
mod progress;
mod reference;
mod users;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Accounts;
use crate::accounts::invites::Terms;
use crate::app::{App, Shutdown};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::db::{Db, Purpose};
use crate::events::Bus;
use crate::pictures;
use crate::settings::Settings;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Parlor: a persistent chat service in one binary. Settings come from the environment and from `.env`; see .env.example.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Read the settings from this file instead of .env
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (default)
    Serve,
    /// Create or upgrade the database, then exit
    Migrate,
    /// Manage accounts
    #[command(subcommand)]
    User(users::UserCommand),
    /// Say what is wrong with this server and its surroundings, and what to do about it
    Doctor {
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// Check the files that people sent, or move them
    #[command(subcommand)]
    Files(files::FilesCommand),
    /// Write a backup into one file, while the server runs
    Backup(backup::BackupArguments),
    /// Restore a backup into an empty database, SQLite or Postgres
    Restore(backup::FromArguments),
    /// Check that a backup can be restored and that nothing is missing in it
    Verify(backup::FromArguments),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write man pages
    #[command(hide = true)]
    Man {
        /// A directory
        to: PathBuf,
    },
    /// Read one picture: the server starts it
    #[command(name = pictures::worker::COMMAND, hide = true)]
    PictureWorker {
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<OsString>,
    },
    /// Create an invite link
    Invite {
        /// How many people can use it, up to 100
        #[arg(long, default_value_t = 1)]
        uses: i64,
        /// How many days it lasts, up to 30
        #[arg(long, default_value_t = 7)]
        days: i64,
        /// What it is for
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// The exit status and what to say: a wrong setting is status 2, what was done with things left out 3, anything else 1.
type Failure = (u8, String);

/// Runs the command that the arguments name. Status 2 is a wrong setting or argument, 3 done with things left out, 1 any other failure.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { env_file, command } = Arguments::parse();
    // Without settings, a log or threads: a worker gives up whatever it does not need.
    let done = match command.unwrap_or(Command::Serve) {
        Command::PictureWorker { arguments } => {
            return if pictures::worker::main(&arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Command::Completions { shell } => {
            reference::completions(shell);
            Ok(())
        }
        Command::Man { to } => reference::man_pages(&to),
        command => run(command, env_file.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((status, message)) => {
            eprintln!("{message}");
            ExitCode::from(status)
        }
    }
}

fn run(command: Command, env_file: Option<&Path>) -> Result<(), Failure> {
    if let Some(missing) = env_file.filter(|file| !file.exists()) {
        return Err((2, format!("--env-file: {} does not exist, or can’t be reached", missing.display())));
    }
    // This very file: one in a folder above belongs to something else.
    config::file::load(env_file.unwrap_or(Path::new(".env"))).map_err(|problem| (2, problem))?;
    let config = Config::from_env(std::env::vars_os().filter_map(|(name, value)| {
        // A variable that is not text is none of ours.
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    }))
    .map_err(|problems| {
        let list: Vec<_> = problems.iter().map(|problem| format!("  {problem}")).collect();
        (2, format!("Can’t start. Fix these settings:\n{}", list.join("\n")))
    })?;
    crate::log::start(&config);
    for doubt in config.warnings() {
        tracing::warn!("{doubt}");
    }
    // Before there are threads: it changes the environment.
    let passed = ListenFd::from_env();
    let runtime = tokio::runtime::Runtime::new().map_err(failed)?;
    runtime.block_on(async {
        match command {
            Command::Serve => serve(config, passed).await,
            Command::Migrate => open(&config, Purpose::Serve).await.map(drop),
            Command::Doctor { json } => doctor::run(config, json).await,
            Command::Files(command) => files::run(&config, command).await,
            Command::Backup(arguments) => backup::make(&config, arguments).await,
            Command::Restore(arguments) => backup::restore(&config, arguments).await,
            Command::Verify(arguments) => backup::verify(&config, arguments).await,
            // Done already.
            Command::PictureWorker { .. } | Command::Completions { .. } | Command::Man { .. } => Ok(()),
            Command::User(command) => users::run(&config, command).await,
            Command::Invite { uses, days, note } => invite(&config, Terms { uses, days, note, rooms: Vec::new() }).await,
        }
    })
}

/// How long it may take to stop after a second signal.
const IMPATIENCE: Duration = Duration::from_secs(2);

fn failed(error: impl std::fmt::Display) -> Failure {
    (1, error.to_string())
}

async fn serve(config: Config, passed: ListenFd) -> Result<(), Failure> {
    // Before anything else: a signal that comes while starting is not lost.
    let shutdown = on_signal().map_err(failed)?;
    let listener = listener(passed, config.listen)?;
    let address = listener.local_addr().map_err(failed)?;
    let public = config.public_url.as_ref().map_or_else(|| format!("http://{address}"), |url| url.origin.clone());
    let app = App::start(config, Clock::default()).await.map_err(failed)?;
    let setup = app.state().accounts.new_setup_token().await.map_err(failed)?;
    {
        let mut out = io::stdout().lock();
        if let Some(token) = setup {
            writeln!(out, "Create the administrator account: {public}/register?setup={token}").map_err(failed)?;
        }
        writeln!(out, "listening on http://{address}").and_then(|()| out.flush()).map_err(failed)?;
    }
    notify_supervisor(NotifyState::Ready);
    app.serve(listener, shutdown).await;
    Ok(())
}

/// The listening socket that systemd passed, which stays open while Parlor restarts; without one, a new socket.
fn listener(mut passed: ListenFd, address: SocketAddr) -> Result<TcpListener, Failure> {
    let wrong = |error: io::Error| (1, format!("LISTEN_FDS: the socket that was passed can’t be used: {error}"));
    if passed.len() > 1 {
        tracing::warn!("several sockets were passed; Parlor listens on the first one only");
    }
    match passed.take_tcp_listener(0).map_err(wrong)? {
        Some(listener) => {
            listener.set_nonblocking(true).map_err(wrong)?;
            TcpListener::from_std(listener).map_err(wrong)
        }
        None => crate::server::listen(address).map_err(|error| (1, format!("LISTEN: can’t listen on {address}: {error}"))),
    }
}

/// Reports a state to systemd, if that started Parlor with `Type=notify`.
fn notify_supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "NOTIFY_SOCKET: the supervisor could not be notified");
    }
}

/// The first signal begins an orderly stop. The second one ends draining, and the process within two seconds, whatever still waits. The
/// third one ends it at once.
fn on_signal() -> io::Result<Shutdown> {
    let shutdown = Shutdown::default();
    let stop = shutdown.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let mut signalled = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        signalled().await;
        tracing::info!("stopping");
        notify_supervisor(NotifyState::Stopping);
        stop.begin.cancel();
        signalled().await;
        tracing::info!("stopping at once");
        stop.hurry.cancel();
        tokio::time::timeout(IMPATIENCE, signalled()).await.ok();
        tracing::warn!("ended before everybody was done");
        std::process::exit(1);
    });
    Ok(shutdown)
}

async fn open(config: &Config, purpose: Purpose) -> Result<Db, Failure> {
    let db =
        Db::open_with(&config.database_url, config.database_connections, purpose, config.checkpoints).await.map_err(failed)?;
    db.migrate().await.map_err(failed)?;
    db.ensure(Clock::default().now()).await.map_err(failed)?;
    Ok(db)
}

async fn accounts(config: &Config) -> Result<Accounts, Failure> {
    let db = open(config, Purpose::Visit).await?;
    let (db, clock, events) = (Arc::new(db), Clock::default(), Bus::default());
    let settings = Settings::open(db.clone(), config, clock.clone(), &events).await.map_err(failed)?;
    Accounts::open(db, config, clock, events, settings).await.map_err(failed)
}

async fn invite(config: &Config, terms: Terms) -> Result<(), Failure> {
    let token = accounts(config).await?.invite_by_hand(terms).await.map_err(failed)?;
    println!("{}/register?invite={token}", public_origin(config));
    Ok(())
}

/// Where browsers reach the site: `PUBLIC_URL`, else the address to listen on.
fn public_origin(config: &Config) -> String {
    config.public_url.as_ref().map_or_else(|| format!("http://{}", config.listen), |url| url.origin.clone())
}
