//! The command line: serve (the default), migrate, and what an operator does by hand.
//!
//! Owns arguments, what is printed, and exit statuses. It must not do the work of a command.

mod backup;
mod client;
mod clock;
mod doctor;
mod export;
mod files;
mod import;
mod interrupted;
mod output;
mod progress;
mod reference;
mod users;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use self::output::{note, out};
use crate::accounts::Accounts;
use crate::accounts::invites::Terms;
use crate::app::{App, Listeners, Shutdown};
use crate::clock::Clock;
use crate::config::{self, Config, Problem, TlsMode};
use crate::db::doctor::missing_file;
use crate::db::{Db, OpenError, Purpose};
use crate::events::Bus;
use crate::pictures;
use crate::settings::Settings;
use crate::tls;
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
    /// Say that the clock is right
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    /// Check the files that people sent, or move them
    #[command(subcommand)]
    Files(files::FilesCommand),
    /// Write a backup into one file, while the server runs
    Backup(backup::BackupArguments),
    /// Restore a backup into an empty database, SQLite or Postgres
    Restore(backup::FromArguments),
    /// Check that a backup can be restored and that nothing is missing in it
    Verify(backup::FromArguments),
    /// Write what people wrote into a folder that can be read without Parlor, while the server runs
    Export(export::ExportArguments),
    /// Import people, rooms and messages of another chat, while no server runs
    Import(import::ImportArguments),
    /// Post a message over the API of a server that runs
    Post(client::Post),
    /// Print what is said in a room of a server that runs, until it is interrupted
    Tail(client::Tail),
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
        Command::Completions { shell } => reference::completions(shell),
        Command::Man { to } => reference::man_pages(&to),
        command => run(command, env_file.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((status, message)) => {
            note!("{message}");
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
    // A client needs no settings of a server.
    let command = match command {
        Command::Post(arguments) => return runtime()?.block_on(client::post(arguments)),
        Command::Tail(arguments) => return runtime()?.block_on(client::tail(arguments)),
        command => command,
    };
    let mut config = Config::from_env(std::env::vars_os().filter_map(|(name, value)| {
        // A variable that is not text is none of ours.
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    }))
    .map_err(|problems| (2, cannot_start(&problems)))?;
    if let Some(file) = env_file {
        file.clone_into(&mut config.env_file);
    }
    let _log = crate::log::start(&config);
    for doubt in config.warnings() {
        tracing::warn!("{doubt}");
    }
    // Before there are threads: it changes the environment.
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let passed = Passed { sockets: ListenFd::from_env(), names: names.split(':').map(str::to_owned).collect() };
    let (runtime, examines) = (runtime()?, matches!(command, Command::Doctor { .. }));
    let done = runtime.block_on(async {
        match command {
            Command::Serve => serve(config, passed).await,
            Command::Migrate => open(&config, Purpose::Serve).await.map(drop),
            Command::Doctor { json } => doctor::run(config, json).await,
            Command::Clock(command) => clock::run(&config, command).await,
            Command::Files(command) => files::run(&config, command).await,
            Command::Backup(arguments) => backup::make(&config, arguments).await,
            Command::Restore(arguments) => backup::restore(&config, arguments).await,
            Command::Verify(arguments) => backup::verify(&config, arguments).await,
            Command::Export(arguments) => export::run(&config, arguments).await,
            Command::Import(arguments) => import::run(&config, arguments).await,
            // Done already.
            Command::PictureWorker { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::Post(_)
            | Command::Tail(_) => Ok(()),
            Command::User(command) => users::run(&config, command).await,
            Command::Invite { uses, days, note } => invite(&config, Terms { uses, days, note, rooms: Vec::new() }).await,
        }
    });
    // A disk that hangs is in the findings: the end does not wait for it.
    if examines {
        runtime.shutdown_background();
    }
    done
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(failed)
}

/// How long it may take to stop after a second signal.
const IMPATIENCE: Duration = Duration::from_secs(2);

fn cannot_start(problems: &[Problem]) -> String {
    let list: Vec<_> = problems.iter().map(|problem| format!("  {problem}")).collect();
    format!("Can’t start. Fix these settings:\n{}", list.join("\n"))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    (1, error.to_string())
}

async fn serve(config: Config, passed: Passed) -> Result<(), Failure> {
    // Before anything else: a signal that comes while starting is not lost.
    let shutdown = on_signal().map_err(failed)?;
    tls::check(&config).map_err(|problem| (2, cannot_start(&[problem])))?;
    let listeners = listeners(passed, &config)?;
    let address = listeners.site.local_addr().map_err(failed)?;
    let scheme = config.own_scheme();
    let public = config.public_url.as_ref().map_or_else(|| format!("{scheme}://{address}"), |url| url.origin.clone());
    let app = App::start(config, Clock::default()).await.map_err(|error| unopened(&error))?;
    let setup = app.state().accounts.new_setup_token().await.map_err(failed)?;
    if let Some(token) = setup {
        out!("Create the administrator account: {public}/register?setup={token}")?;
    }
    out!("listening on {scheme}://{address}")?;
    notify_supervisor(NotifyState::Ready);
    app.serve(listeners, shutdown).await;
    Ok(())
}

/// The listening sockets that systemd passed, which stay open while Parlor restarts.
struct Passed {
    sockets: ListenFd,
    /// Their names (`FileDescriptorName=`).
    names: Vec<String>,
}

impl Passed {
    /// The places of the socket for the site and of the one for plain HTTP: by the names `https` and `http`, otherwise in this order.
    fn places(&self) -> (usize, usize) {
        let named = |name| self.names.iter().position(|given| given == name);
        match (named("https"), named("http")) {
            (Some(site), Some(plain)) => (site, plain),
            (Some(site), None) => (site, usize::from(site == 0)),
            (None, Some(plain)) => (usize::from(plain == 0), plain),
            (None, None) => (0, 1),
        }
    }

    fn take(&mut self, place: usize) -> Result<Option<TcpListener>, Failure> {
        let wrong = |error: io::Error| (1, format!("LISTEN_FDS: the socket that was passed can’t be used: {error}"));
        if place >= self.sockets.len() {
            return Ok(None);
        }
        let Some(listener) = self.sockets.take_tcp_listener(place).map_err(wrong)? else { return Ok(None) };
        listener.set_nonblocking(true).map_err(wrong)?;
        TcpListener::from_std(listener).map(Some).map_err(wrong)
    }
}

/// Where the server listens: at what was passed, otherwise at new sockets.
fn listeners(mut passed: Passed, config: &Config) -> Result<Listeners, Failure> {
    let used = if config.tls == TlsMode::Off { 1 } else { 2 };
    if passed.sockets.len() > used {
        tracing::warn!(used, "more sockets were passed than Parlor listens on");
    }
    // A single one is for the site, whatever it is called.
    let (site, plain) = if used == 1 { (0, 1) } else { passed.places() };
    let new = |name, address| {
        crate::server::listen(address).map_err(|error| (1, format!("{name}: can’t listen on {address}: {error}")))
    };
    let site = match passed.take(site)? {
        Some(listener) => listener,
        None => new("LISTEN", config.listen)?,
    };
    let plain = match (passed.take(if used == 1 { usize::MAX } else { plain })?, config.http_listen) {
        (Some(listener), _) => Some(listener),
        (None, Some(address)) => Some(new("HTTP_LISTEN", address)?),
        (None, None) => None,
    };
    if let Some(address) = plain.as_ref().and_then(|plain| plain.local_addr().ok()) {
        tracing::info!("redirecting http://{address} to https");
    }
    Ok(Listeners { site, plain })
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

/// What a database that cannot be opened ends with: one that is not there is a wrong setting.
fn unopened(error: &OpenError) -> Failure {
    (if error.is_of_arguments() { 2 } else { 1 }, error.to_string())
}

/// Opens a database that must be there; none is made.
async fn existing(config: &Config, purpose: Purpose) -> Result<Db, Failure> {
    must_exist(config)?;
    let opened = Db::open_with(&config.database_url, config.database_connections, purpose, config.checkpoints);
    opened.await.map_err(|error| unopened(&error))
}

/// Refuses what needs a database that is not there.
fn must_exist(config: &Config) -> Result<(), Failure> {
    missing_file(&config.database_url).map_or(Ok(()), |file| Err(unopened(&OpenError::Missing(file))))
}

/// Opens a database, or makes one, and brings it up to date.
async fn open(config: &Config, purpose: Purpose) -> Result<Db, Failure> {
    let opened = Db::open_with(&config.database_url, config.database_connections, purpose, config.checkpoints);
    let db = opened.await.map_err(|error| unopened(&error))?;
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
    out!("{}/register?invite={token}", public_origin(config))?;
    Ok(())
}

/// Where browsers reach the site: `PUBLIC_URL`, else the address to listen on.
fn public_origin(config: &Config) -> String {
    config.public_url.as_ref().map_or_else(|| format!("{}://{}", config.own_scheme(), config.listen), |url| url.origin.clone())
}
