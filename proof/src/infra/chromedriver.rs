//! Chromedriver on a free port, with an empty profile.
//!
//! Owns the process, the browser's options, and that both end with it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::process::Output;
use super::programs;
use super::watchdog::{self, Watchdog};

/// How long the driver, or a browser, may take to start on a busy machine.
pub const START: Duration = Duration::from_secs(60);
/// How often it is tried: on a busy machine the driver sometimes exits instead of printing its port.
const ATTEMPTS: usize = 5;

/// What it prints before its port.
const STARTED: &str = "started successfully on port ";

/// A driver that runs.
pub struct Driver {
    port: u16,
    process: Child,
    profile: TempDir,
    _watchdog: Watchdog,
}

impl Driver {
    /// Starts one; its browser is in this time zone, as in `America/New_York`. The emulation of DevTools would not do: on a busy machine
    /// it sometimes begins after a page's first scripts.
    pub async fn start(zone: &str) -> Self {
        let mut printed = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(zone).await {
                Ok(driver) => return driver,
                Err(why) => printed = why,
            }
        }
        panic!("chromedriver does not print its port: {printed}");
    }

    /// Starts one; the error is what it printed instead of its port.
    async fn try_start(zone: &str) -> Result<Self, String> {
        let program = programs::on_path("chromedriver").expect("whoever starts it asked whether it is here");
        let profile = watchdog::folder();
        let mut process = Command::new(program)
            // It picks a free port, and says which.
            .arg("--port=0")
            .env("TZ", zone)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir(profile.path())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver can be run");
        let watchdog = Watchdog::over_group(process.id().expect("it has just been started")).expect("a watchdog");
        let output = Output::read(process.stdout.take().expect("its output is a pipe"));
        let ready = timeout(START, output.line_at_last(|line| line.contains(STARTED))).await.ok().flatten();
        let port = ready.and_then(|line| line.split_once(STARTED)?.1.trim_end_matches('.').parse::<u16>().ok());
        let Some(port) = port else {
            drop(process.kill().await);
            return Err(output.all());
        };
        Ok(Self { port, process, profile, _watchdog: watchdog })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The capabilities of a browser, or of its engine alone ([`programs::headless_shell`]); more can be added
    /// (<https://www.w3.org/TR/webdriver2/#capabilities>).
    #[must_use]
    pub fn capabilities(&self, shell: Option<&Path>) -> Value {
        let browser = || programs::browser().expect("whoever starts it asked whether it is here");
        json!({
            "browserName": if shell.is_some() { "chrome-headless-shell" } else { "chrome" },
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": shell.map_or_else(browser, Path::to_owned),
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
