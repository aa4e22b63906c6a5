//! The servers under measurement: how each is installed and started.
//!
//! Owns the peers' installation (once, in the folder for databases) and the temporary Postgres. It must not know what is measured.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Result;
use super::meter::{children, said};
use super::options::{Kind, Options};
use super::server::{Companion, Site};
use crate::infra::cluster::Cluster;
use crate::infra::programs::on_path;

/// Rate limits are off, because one machine plays a thousand clients here.
const LIFTED: [(&str, &str); 6] = [
    ("POST_RATE", "off"),
    ("ACT_RATE", "off"),
    ("LOGIN_RATE", "off"),
    ("REGISTRATION_RATE", "off"),
    ("CONNECTION_LIMIT", "off"),
    ("ADDRESS_CONNECTION_LIMIT", "off"),
];
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

pub struct Field {
    dir: PathBuf,
    program: PathBuf,
    settings: Vec<(String, String)>,
    cpus: String,
    node: Option<PathBuf>,
    flask: Option<PathBuf>,
    postgres: Option<(Cluster, u32)>,
    runtime: tokio::runtime::Runtime,
    pub versions: Vec<String>,
}

impl Field {
    pub fn prepare(options: &Options) -> Result<Self> {
        let kinds = options.all_servers();
        let dir = fs::canonicalize(&options.dir)?;
        let is_one_of = |some: &[Kind]| kinds.iter().any(|kind| some.contains(kind));
        let mut field = Self {
            program: PathBuf::new(),
            settings: options.settings.clone(),
            cpus: options.server_cpus.clone(),
            node: None,
            flask: None,
            postgres: None,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            versions: Vec::new(),
            dir,
        };
        if is_one_of(&[Kind::Parlor, Kind::ParlorPostgres]) {
            let program = options.program.display();
            field.program = fs::canonicalize(&options.program)
                .map_err(|error| format!("{program}: {error}; cargo build --release makes it"))?;
        }
        if is_one_of(&[Kind::ParlorPostgres]) {
            field.start_postgres()?;
        }
        if is_one_of(&[Kind::Node, Kind::NodeNormal, Kind::NodeGrouped]) {
            field.install_node()?;
        }
        if is_one_of(&[Kind::Flask, Kind::FlaskNormal]) {
            field.install_flask()?;
        }
        Ok(field)
    }

    /// A new folder for a server of that kind, with an empty database.
    pub fn site(&self, kind: Kind) -> Result<Site> {
        let dir = TempDir::with_prefix_in("bench-", &self.dir)?;
        let mut settings = vec![("DATABASE_URL".to_owned(), format!("sqlite://{}", dir.path().join("chat.db").display()))];
        let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
        set("LISTEN", "127.0.0.1:0");
        let mut companion = None;
        match kind {
            Kind::Parlor | Kind::ParlorPostgres => {
                LIFTED.iter().for_each(|(name, value)| set(name, value));
                self.settings.iter().for_each(|(name, value)| set(name, value));
                if let (Kind::ParlorPostgres, Some((cluster, pid))) = (kind, &self.postgres) {
                    let database = self.runtime.block_on(cluster.create_database());
                    set("DATABASE_URL", &cluster.url(&database));
                    companion = Some(Companion { postmaster: *pid });
                }
            }
            Kind::NodeNormal | Kind::FlaskNormal => set("SYNCHRONOUS", "normal"),
            Kind::NodeGrouped => set("GROUPED", "on"),
            Kind::Node | Kind::Flask | Kind::Floor => {}
        }
        let command: Vec<OsString> = match kind {
            Kind::Parlor | Kind::ParlorPostgres => vec![self.program.clone().into()],
            Kind::Node | Kind::NodeNormal | Kind::NodeGrouped => {
                let folder = self.node.as_ref().ok_or("Node's server is not installed")?;
                // As Node recommends for servers.
                set("NODE_ENV", "production");
                vec!["node".into(), folder.join("server.js").into()]
            }
            Kind::Flask | Kind::FlaskNormal => {
                let folder = self.flask.as_ref().ok_or("Flask's server is not installed")?;
                vec![folder.join("venv/bin/python").into(), folder.join("server.py").into()]
            }
            Kind::Floor => vec![std::env::current_exe()?.into(), "floor".into()],
        };
        Ok(Site { dir, command, cpus: self.cpus.clone(), settings, companion })
    }

    fn start_postgres(&mut self) -> Result<()> {
        // Durable, as all servers here; all other settings are the defaults.
        let cluster = Cluster::start(&["fsync=on", "synchronous_commit=on", "full_page_writes=on"]);
        let pid = cluster.postmaster();
        for process in std::iter::once(pid).chain(children(pid)) {
            Command::new("taskset").args(["-acp", &self.cpus, &process.to_string()]).stdout(Stdio::null()).status()?;
        }
        let folder = cluster.socket().with_file_name("data");
        self.versions.push(format!("Postgres {}", fs::read_to_string(folder.join("PG_VERSION"))?.trim()));
        self.postgres = Some((cluster, pid));
        Ok(())
    }

    fn install_node(&mut self) -> Result<()> {
        let folder = self.copy("node")?;
        if on_path("node").is_none() || on_path("npm").is_none() {
            return Err("node and npm are needed for the peer on Node; leave it out with --servers".into());
        }
        if !is_same(&folder.join("package-lock.json"), &folder.join("installed")) {
            // The packages contain built binaries, so no install script needs to run.
            run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder))?;
            fs::copy(folder.join("package-lock.json"), folder.join("installed"))?;
        }
        let version = |package: &str| -> Result<String> {
            let text = fs::read(folder.join("node_modules").join(package).join("package.json"))?;
            let json: serde_json::Value = serde_json::from_slice(&text)?;
            Ok(json["version"].as_str().unwrap_or("?").to_owned())
        };
        self.versions.push(format!(
            "Node {}, socket.io {}, ws {}, @photostructure/sqlite {}",
            said(Command::new("node").arg("--version")).trim_start_matches('v'),
            version("socket.io")?,
            version("ws")?,
            version("@photostructure/sqlite")?,
        ));
        self.node = Some(folder);
        Ok(())
    }

    fn install_flask(&mut self) -> Result<()> {
        let folder = self.copy("flask")?;
        if !is_same(&folder.join("requirements.txt"), &folder.join("installed")) {
            run(Command::new("python3").args(["-m", "venv", "--clear", "venv"]).current_dir(&folder))?;
            run(Command::new("venv/bin/python")
                .args(["-m", "pip", "install", "--quiet", "-r", "requirements.txt"])
                .current_dir(&folder))?;
            fs::copy(folder.join("requirements.txt"), folder.join("installed"))?;
        }
        let pinned = fs::read_to_string(folder.join("requirements.txt"))?;
        let version = |package: &str| {
            let line = pinned.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
            line.unwrap_or("?").to_owned()
        };
        self.versions.push(format!(
            "{}, Flask-SocketIO {}, gevent {}, gevent-websocket {}",
            said(Command::new(folder.join("venv/bin/python")).arg("--version")),
            version("Flask-SocketIO"),
            version("gevent"),
            version("gevent-websocket"),
        ));
        self.flask = Some(folder);
        Ok(())
    }

    /// Copies a peer's sources to where it is installed, and returns that folder.
    fn copy(&self, peer: &str) -> Result<PathBuf> {
        let to = self.dir.join("peers").join(peer);
        fs::create_dir_all(&to)?;
        for file in fs::read_dir(Path::new(PEERS).join(peer))?.flatten().filter(|file| file.path().is_file()) {
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
        Ok(to)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}:\n{said}", output.status).into())
}
