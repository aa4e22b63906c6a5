//! A real ACME authority: Pebble, which Let's Encrypt tests clients with, and a name server for it.
//!
//! Owns starting both. Each has a loopback address of its own, so that ports can be the same everywhere. It must not know who asks it.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proof::infra::watchdog::Watchdog;
use serde_json::json;
use tokio::net::TcpStream;

use super::programs::{Program, on_path};
use super::secure::{Authority, Client};
use super::{DEADLINE, watchdog};

/// Where it asks servers.
pub const TLS_PORT: u16 = 5001;
/// Where it asks them over plain HTTP.
pub const HTTP_PORT: u16 = 5002;
/// A name that it gives no certificate for.
pub const BLOCKED: &str = "blocked.parlor.test";

/// A running authority.
pub struct Pebble {
    address: Ipv4Addr,
    /// Who signed its own certificate.
    authority: Authority,
    folder: tempfile::TempDir,
    running: Vec<(Child, Watchdog)>,
}

/// How it is to be.
pub struct Terms {
    /// Where all names lead to.
    pub server: Ipv4Addr,
    /// The port that it asks for TLS.
    pub tls_port: u16,
    /// How long its certificates are valid, in seconds.
    pub valid: u32,
}

/// A loopback address that nobody else has.
pub fn own_address() -> Ipv4Addr {
    let [a, b, c] = rand::random::<[u8; 3]>();
    Ipv4Addr::new(127, a.clamp(10, 250), b, c.clamp(2, 250))
}

impl Pebble {
    /// Starts one; nothing where it is missing and may be.
    pub async fn start(terms: &Terms) -> Option<Self> {
        if !Program::Pebble.is_here_or_may_be_missing() {
            println!("left out: pebble is not on this machine");
            return None;
        }
        let (address, folder, authority) = (own_address(), watchdog::folder(), Authority::new());
        authority.issue(&[&address.to_string()]).write(folder.path());
        std::fs::write(folder.path().join("authority.pem"), &authority.pem).expect("a file");
        let config = json!({ "pebble": {
            "listenAddress": format!("{address}:14000"),
            "managementListenAddress": format!("{address}:15000"),
            "certificate": "cert.pem",
            "privateKey": "key.pem",
            "httpPort": HTTP_PORT,
            "tlsPort": terms.tls_port,
            "domainBlocklist": [BLOCKED],
            "certificateValidityPeriod": terms.valid,
        }});
        std::fs::write(folder.path().join("pebble.json"), config.to_string()).expect("a file");
        let mut pebble = Self { address, authority, folder, running: Vec::new() };
        let names = format!("{address}:8053");
        pebble.run(
            "pebble-challtestsrv",
            &[
                ("-defaultIPv4", &terms.server.to_string()),
                ("-defaultIPv6", ""),
                ("-dns01", &names),
                ("-management", &format!("{address}:8055")),
                ("-http01", ""),
                ("-https01", ""),
                ("-tlsalpn01", ""),
            ],
        );
        pebble.run("pebble", &[("-config", "pebble.json"), ("-dnsserver", &names)]);
        for port in [8055, 14000, 15000] {
            let listens = async {
                while TcpStream::connect((address, port)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(DEADLINE, listens).await.expect("it listens in time");
        }
        Some(pebble)
    }

    fn run(&mut self, program: &str, arguments: &[(&str, &str)]) {
        let child = Command::new(on_path(program).expect("it is here"))
            .args(arguments.iter().flat_map(|(name, value)| [name, value]))
            .current_dir(self.folder.path())
            // It asks at once, each name each time, and still refuses some nonces.
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_AUTHZREUSE", "0"), ("PEBBLE_WFE_NONCEREJECT", "15")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let watchdog = Watchdog::new("kill -s KILL \"$1\"", &[&child.id().to_string()]).expect("a watchdog");
        self.running.push((child, watchdog));
    }

    /// Its directory.
    pub fn directory(&self) -> String {
        format!("https://{}:14000/dir", self.address)
    }

    /// The file with what its own certificate is signed with.
    pub fn trusted(&self) -> String {
        self.folder.path().join("authority.pem").display().to_string()
    }

    /// What the certificates are signed with that it gives.
    pub async fn root(&self) -> String {
        let management = Client::new(SocketAddr::from((self.address, 15000)), &self.authority.pem);
        management.get_from(&self.address.to_string(), "/roots/0").await.body
    }

    /// Ends it.
    pub fn stop(&mut self) {
        for (child, _) in &mut self.running {
            child.kill().ok();
            child.wait().ok();
        }
        self.running.clear();
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
    }
}
