//! Servers of others that Parlor talks to: a mail server and an OpenID provider, both real, of Node packages (`tests/servers`).
//!
//! Owns starting them and what they say. Each ends with its input, so also when this process is killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::programs::{Program, on_path};
use crate::client::DEADLINE;

/// A running server.
#[derive(Debug)]
pub struct Script {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    lines: Mutex<Lines<BufReader<ChildStdout>>>,
    // Last: the input closes when it is dropped.
    _child: Child,
}

impl Script {
    /// Starts a script of `tests/servers`, and waits until it listens; `None` where Node is missing and may be.
    pub async fn start(name: &str, arguments: &[&str]) -> Option<Self> {
        if !Program::Servers.is_here_or_may_be_missing() {
            println!("left out: the servers of tests/servers are not on this machine");
            return None;
        }
        let mut child = Command::new(on_path("node").expect("it is here"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers").join(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        let mut script = Self { port: 0, lines: Mutex::new(lines), _child: child };
        let first = script.next().await;
        script.port = first["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        Some(script)
    }

    /// What it says next, however long that takes; nothing once it has ended.
    pub async fn later(&self) -> Option<Value> {
        let line = self.lines.lock().await.next_line().await.expect("a line of text")?;
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// The next thing that it says.
    pub async fn next(&self) -> Value {
        timeout(DEADLINE, self.later()).await.expect("it says something in time").expect("it has not ended")
    }

    /// The next mail that it takes.
    pub async fn next_mail(&self) -> Mail {
        loop {
            if let Some(mail) = Mail::read(&self.next().await) {
                return mail;
            }
        }
    }
}

/// A mail, as the server took it.
#[derive(Debug)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// From whom.
    pub from: String,
    /// Whether the connection was encrypted.
    pub is_secure: bool,
    /// Its headers and its text.
    pub text: String,
}

impl Mail {
    /// The mail that a line of the server's tells of; it also tells of other things.
    #[must_use]
    pub fn read(said: &Value) -> Option<Self> {
        Some(Self {
            text: decoded(said["raw"].as_str()?),
            to: said["to"][0].as_str()?.to_owned(),
            from: said["from"].as_str()?.to_owned(),
            is_secure: said["secure"] == true,
        })
    }

    /// The path of the first link that begins so.
    #[track_caller]
    pub fn link(&self, origin: &str, beginning: &str) -> String {
        let at = self
            .text
            .find(&format!("{origin}{beginning}"))
            .unwrap_or_else(|| panic!("no link to {origin}{beginning} in {}", self.text));
        self.text[at + origin.len()..].split_whitespace().next().expect("a link").to_owned()
    }
}

/// The mail without the encoding of its body (RFC 2045, section 6.7), if that or its parts are quoted-printable.
fn decoded(raw: &str) -> String {
    let (head, body) = raw.split_once("\r\n\r\n").expect("headers and a body");
    if !raw.to_ascii_lowercase().contains("content-transfer-encoding: quoted-printable") {
        return raw.replace("\r\n", "\n");
    }
    let joined = body.replace("=\r\n", "").replace("\r\n", "\n");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let [first, more @ ..] = rest {
        let code = (*first == b'=')
            .then(|| more.get(..2))
            .flatten()
            .and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &more[2..] } else { more };
    }
    format!("{}\n\n{}", head.replace("\r\n", "\n"), String::from_utf8_lossy(&bytes))
}

/// A certificate for 127.0.0.1 by an authority of its own, in files: the authority, the certificate and its key.
pub fn certificate(folder: &Path) -> [PathBuf; 3] {
    let file = |name: &str| folder.join(name);
    let openssl = |arguments: &[&str]| {
        let done = std::process::Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl is here");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
    openssl(&[&new[..], &["-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem"]].concat());
    let for_here =
        ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"];
    openssl(&[&new[..], &for_here, &signed].concat());
    [file("ca.pem"), file("server.pem"), file("server.key")]
}
