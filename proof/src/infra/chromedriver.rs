//! A browser's driver: chromedriver on a port of its own, with an empty profile.
//!
//! Owns the process, what a browser is started with, and that both are gone when it is. It must not know how a browser is asked for
//! anything.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::programs;
use super::watchdog::{self, Watchdog};

/// How long the driver, or a browser, may take to start: a while, on a busy machine.
pub const START: Duration = Duration::from_secs(60);
/// How often it is tried: on a busy machine the driver was seen to exit instead of telling its port.
const ATTEMPTS: usize = 5;

/// A driver that runs.
pub struct Driver {
    port: u16,
    process: Child,
    profile: TempDir,
    _watchdog: Watchdog,
}

impl Driver {
    /// Starts one.
    ///
    /// # Panics
    /// When this machine has none, or it does not start.
    pub async fn start() -> Self {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start().await {
                Ok(driver) => return driver,
                Err(why) => said = why,
            }
        }
        panic!("chromedriver does not say its port: {said}");
    }

    /// Starts one; or tells what it said instead of its port.
    async fn try_start() -> Result<Self, String> {
        let program = programs::on_path("chromedriver").expect("whoever starts it asked whether it is here");
        let profile = watchdog::folder();
        let mut process = Command::new(program)
            // It picks a free port, and says which.
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir(profile.path())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver can be run");
        let watchdog = Watchdog::over_group(process.id().expect("it has just been started")).expect("a watchdog");
        let mut lines = BufReader::new(process.stdout.take().expect("its output is a pipe")).lines();
        let mut said = Vec::new();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let port = line.split_once("started successfully on port ");
                if let Some(port) = port.and_then(|(_, port)| port.trim_end_matches('.').parse::<u16>().ok()) {
                    return Some(port);
                }
                said.push(line);
            }
            None
        };
        let Ok(Some(port)) = timeout(START, ready).await else {
            drop(process.kill().await);
            return Err(said.join(" "));
        };
        // It says more later, and must not stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { port, process, profile, _watchdog: watchdog })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What a browser of this driver's is asked to be, in WebDriver's words
    /// (<https://www.w3.org/TR/webdriver2/#capabilities>); more can be added.
    ///
    /// # Panics
    /// When this machine has no browser.
    #[must_use]
    pub fn capabilities(&self) -> Value {
        json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": programs::browser().expect("whoever starts it asked whether it is here"),
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
                    "--window-size=1100,800",
                    format!("--user-data-dir={}", self.profile.path().join("profile").display()),
                ],
            },
        })
    }

    /// Ends it.
    pub async fn end(mut self) {
        // The watchdog ends what does not end by itself.
        drop(self.process.kill().await);
    }
}
