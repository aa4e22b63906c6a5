//! A temporary Postgres.
//!
//! Owns creating, starting and removing it. Clients reach it only by a socket in a private folder, so it needs no port and no password.

use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, Executor, PgConnection};

use super::programs;
use super::watchdog::Watchdog;

/// A running Postgres.
pub struct Cluster {
    folder: PathBuf,
    owner: Option<(u32, u32)>,
    count: AtomicU32,
    _watchdog: Watchdog,
}

/// Where clusters are. The path of a socket may be 107 bytes at most.
const DISK: &str = "/tmp";
/// How many bytes must be free for one in memory.
const ROOM: u64 = 4 << 30;

impl Cluster {
    /// The one that this test process shares, started on first use. For speed it does not sync and, where there is room, is in memory: each
    /// database has 300 files, and a disk's file system takes long to make and to forget them.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let memory = Path::new("/dev/shm");
            let has_room = rustix::fs::statvfs(memory).is_ok_and(|about| about.f_bavail.saturating_mul(about.f_frsize) > ROOM);
            let settings = ["fsync=off", "synchronous_commit=on", "full_page_writes=off"];
            Self::try_start(if has_room { memory } else { DISK.as_ref() }, &settings).expect("a temporary Postgres starts")
        })
    }

    /// A cluster with settings of its own, for tests that stop or kill it.
    pub fn start(settings: &[&str]) -> Self {
        Self::try_start(DISK.as_ref(), settings).expect("a temporary Postgres starts")
    }

    fn try_start(place: &Path, settings: &[&str]) -> io::Result<Self> {
        let owner = unprivileged()?;
        let folder = private_folder(place, owner)?;
        let text = folder.to_string_lossy().into_owned();
        let watchdog = stopper(&folder)?;
        let cluster = Self { folder, owner, count: AtomicU32::new(0), _watchdog: watchdog };
        let data = cluster.folder.join("data");
        cluster.run(
            Command::new(program("initdb")?)
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"])
                .arg(&data),
        )?;
        let mut lines = format!("listen_addresses = ''\nunix_socket_directories = '{text}'\nmax_connections = 300\n");
        for setting in settings {
            lines.push_str(setting);
            lines.push('\n');
        }
        let file = data.join("postgresql.auto.conf");
        std::fs::write(&file, lines)?;
        cluster.up()?;
        Ok(cluster)
    }

    /// Starts it again after [`Self::down`].
    pub fn up(&self) -> io::Result<()> {
        self.run(
            Command::new(program("pg_ctl")?)
                .args(["-w", "-t", "60", "start", "-D"])
                .arg(self.folder.join("data"))
                .arg("-l")
                .arg(self.folder.join("log")),
        )
    }

    /// Stops it: `fast` disconnects the clients, `immediate` is a crash.
    pub fn down(&self, mode: &str) -> io::Result<()> {
        self.run(Command::new(program("pg_ctl")?).args(["-w", "-m", mode, "stop", "-D"]).arg(self.folder.join("data")))
    }

    /// A standby of this one, which follows it asynchronously once it is [up](Self::up). It takes no writes before [`Self::promote`].
    pub fn standby(&self) -> io::Result<Self> {
        let owner = unprivileged()?;
        let folder = private_folder(DISK.as_ref(), owner)?;
        let watchdog = stopper(&folder)?;
        let standby = Self { folder, owner, count: AtomicU32::new(1000), _watchdog: watchdog };
        let data = standby.folder.join("data");
        standby.run(
            Command::new(program("pg_basebackup")?)
                .args(["--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--username=postgres", "--host"])
                .arg(&self.folder)
                .arg("--pgdata")
                .arg(&data),
        )?;
        let file = data.join("postgresql.auto.conf");
        let lines = std::fs::read_to_string(&file)?;
        let (before, after) = (self.folder.display().to_string(), standby.folder.display().to_string());
        // Its own socket; where it follows the other one from stays.
        let own = |line: &str| {
            if line.starts_with("unix_socket_directories") { line.replace(&before, &after) } else { line.to_owned() }
        };
        // It has no standby of its own, for which its commits would wait.
        let lines = lines.lines().filter(|line| !line.starts_with("synchronous_standby_names"));
        std::fs::write(&file, lines.map(own).collect::<Vec<_>>().join("\n"))?;
        Ok(standby)
    }

    /// Makes a standby the one that is written to.
    pub fn promote(&self) -> io::Result<()> {
        self.run(Command::new(program("pg_ctl")?).args(["-w", "promote", "-D"]).arg(self.folder.join("data")))
    }

    /// The address of a database in it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    /// The id of its first process.
    pub fn postmaster(&self) -> u32 {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("its first line is the process's id")
    }

    /// What it wrote into its log.
    pub fn log(&self) -> io::Result<String> {
        std::fs::read_to_string(self.folder.join("log"))
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// A new, empty database: its name.
    pub async fn create_database(&self) -> String {
        self.copy_database("template1").await
    }

    /// A new database with what another one holds, to which nobody may be connected: its name.
    pub async fn copy_database(&self, original: &str) -> String {
        let name = format!("parlor_{}", self.count.fetch_add(1, Ordering::Relaxed));
        // Files are copied, as versions before 15 do: to log each page, which is the default since, takes several times as long.
        let strategy = if self.version().await < 150_000 { "" } else { "strategy file_copy" };
        self.execute(format!("create database {name} template {original} {strategy}")).await;
        name
    }

    /// Its version: 150019 is 15.19.
    async fn version(&self) -> u32 {
        let mut connection = self.connect().await;
        let version: String =
            sqlx::query_scalar("show server_version_num").fetch_one(&mut connection).await.expect("every server has one");
        drop(connection.close().await);
        version.parse().expect("a number")
    }

    /// Drops a database, even if somebody is connected to it.
    pub async fn drop_database(&self, name: &str) {
        self.execute(format!("drop database if exists {name} with (force)")).await;
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url("postgres")).await.expect("the temporary Postgres answers")
    }

    async fn execute(&self, statement: String) {
        let mut connection = self.connect().await;
        connection.execute(sqlx::AssertSqlSafe(statement)).await.expect("a superuser may make and drop databases");
        drop(connection.close().await);
    }

    fn run(&self, command: &mut Command) -> io::Result<()> {
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        let log = self.folder.join("setup.log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        // To a file and not to a pipe: Postgres keeps what it inherits, and the pipe would never end.
        let status = command
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .status()?;
        if status.success() {
            return Ok(());
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        let more = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(io::Error::other(format!("{command:?} ended with {status}:\n{said}{more}")))
    }
}

fn private_folder(place: &Path, owner: Option<(u32, u32)>) -> io::Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("parlor-pg-").tempdir_in(place)?.keep();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700))?;
    if let Some((user, group)) = owner {
        chown(&folder, Some(user), Some(group))?;
    }
    Ok(folder)
}

/// Stops the Postgres in a folder and removes the folder, at the end.
fn stopper(folder: &Path) -> io::Result<Watchdog> {
    Watchdog::new(
        // Its pid file shows when it has ended: the process may stay a zombie where nobody waits for orphans.
        r#"file=$1/data/postmaster.pid
           kill -QUIT "$(head -n 1 "$file")"
           for _ in $(seq 200); do [ -e "$file" ] || break; sleep 0.05; done
           rm -rf "$1""#,
        &[&folder.to_string_lossy()],
    )
}

fn program(name: &str) -> io::Result<PathBuf> {
    programs::postgres(name).ok_or_else(|| io::Error::other(format!("{name} is not on this machine")))
}

/// The user that Postgres runs as when this process is root, which it refuses: `postgres`, or else `nobody`.
fn unprivileged() -> io::Result<Option<(u32, u32)>> {
    if !programs::is_root() {
        return Ok(None);
    }
    let people = std::fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let line = people.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Ok(Some(ids("postgres").or_else(|| ids("nobody")).unwrap_or((65534, 65534))))
}
