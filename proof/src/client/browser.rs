//! A headless browser with an empty profile, driven over WebDriver.
//!
//! Owns its start and end, and Chrome's own commands; [`Client`] has the standard ones.

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use fantoccini::error::{CmdError, NewSessionError};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::DEADLINE;
use crate::infra::chromedriver::Driver;
use crate::infra::programs;

/// How often a page is polled: the driver cannot notify of changes.
pub const AGAIN: Duration = Duration::from_millis(50);

/// The time zone of browsers whose zone does not matter.
const UTC: &str = "UTC";

/// One browser with one window.
pub struct Browser {
    client: Client,
    driver: Driver,
}

impl Browser {
    /// Opens one with these preferences.
    pub async fn open(preferences: Value) -> Self {
        Self::try_to_start(None, preferences, UTC).await
    }

    /// Opens the browser's engine alone, or where that is missing a browser.
    pub async fn open_shell() -> Self {
        Self::open_shell_in(UTC).await
    }

    /// The same in a time zone, as in `America/New_York`.
    pub async fn open_shell_in(zone: &str) -> Self {
        Self::try_to_start(programs::headless_shell().as_deref(), json!({ "credentials_enable_service": false }), zone).await
    }

    /// On a busy machine a browser may fail to start, so it is tried three times.
    async fn try_to_start(shell: Option<&Path>, preferences: Value, zone: &str) -> Self {
        let mut last = None;
        for _ in 0..3 {
            match Self::start(shell, &preferences, zone).await {
                Ok(browser) => return browser,
                Err(error) => last = Some(error),
            }
        }
        panic!("the browser does not start: {last:?}");
    }

    async fn start(shell: Option<&Path>, preferences: &Value, zone: &str) -> Result<Self, NewSessionError> {
        let driver = Driver::start(zone).await;
        let mut wanted = driver.capabilities(shell);
        if shell.is_none() {
            wanted["goog:chromeOptions"]["prefs"] = preferences.clone();
        }
        let wanted: Capabilities = wanted.as_object().expect("capabilities are an object").clone();
        match ClientBuilder::new(HttpConnector::new()).capabilities(wanted).connect(&driver.address()).await {
            Ok(client) => Ok(Self { client, driver }),
            Err(error) => {
                driver.end().await;
                Err(error)
            }
        }
    }

    /// Runs a script on the page, and returns its result.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script returns true.
    pub async fn waits_for_script(&self, script: &str) {
        let asking = async {
            let mut again = tokio::time::interval(AGAIN);
            while self.run(script).await != json!(true) {
                again.tick().await;
            }
        };
        assert!(timeout(DEADLINE, asking).await.is_ok(), "never true: {script}");
    }

    /// Runs a command of Chrome's DevTools protocol, and returns its answer.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.chrome("goog/cdp/execute", body).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Delays each answer, in milliseconds, and limits the throughput, in bytes a second.
    pub async fn slow_network(&self, latency: u64, throughput: u64) {
        let conditions =
            json!({ "offline": false, "latency": latency, "download_throughput": throughput, "upload_throughput": throughput });
        let body = json!({ "network_conditions": conditions });
        self.chrome("chromium/network_conditions", body).await.expect("the network can be slowed down");
    }

    /// The console's severe entries since the last call: errors of scripts, and what the content security policy blocked.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.chrome("se/log", json!({ "type": "browser" })).await.expect("the driver keeps the console's log");
        let grave = log.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        grave.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn chrome(&self, path: &'static str, body: Value) -> Result<Value, CmdError> {
        self.client.issue_cmd(ChromeCommand { path, body }).await
    }

    /// Closes it.
    pub async fn close(self) {
        drop(self.client.close().await);
        self.driver.end().await;
    }
}

impl Deref for Browser {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A command of Chrome's driver beyond the standard.
#[derive(Debug)]
struct ChromeCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for ChromeCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
