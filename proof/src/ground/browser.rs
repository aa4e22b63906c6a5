//! A real browser, driven over WebDriver's own JSON: no library in between.
//!
//! Owns the driver's process and what a case asks of a page. It must not know any site.

use std::process::Stdio;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::programs;
use super::watchdog::{self, Watchdog};
use crate::client::DEADLINE;

/// How long a browser may take to start.
const START: Duration = Duration::from_secs(60);

/// One window of a browser with an empty profile.
pub struct Browser {
    client: Client,
    session: String,
    _driver: Child,
    _watchdog: Watchdog,
    _profile: TempDir,
}

impl Browser {
    /// Opens one.
    ///
    /// # Panics
    /// When this machine has none, or it does not start.
    pub async fn open() -> Self {
        let driver = programs::on_path("chromedriver").expect("the case asked whether it is here");
        let program = programs::browser().expect("the case asked whether it is here");
        let profile = watchdog::folder();
        let mut driver = Command::new(driver)
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
        let watchdog = Watchdog::over_group(driver.id().expect("it has just been started")).expect("a watchdog");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output is a pipe")).lines();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').parse::<u16>().ok();
                }
            }
            None
        };
        let port = timeout(START, ready).await.ok().flatten().expect("chromedriver says its port");
        // It says more later, and must not stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "unhandledPromptBehavior": "ignore",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "binary": program, "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
                "--window-size=1100,800", format!("--user-data-dir={}", profile.path().join("profile").display()),
            ] },
        } } });
        let client = Client::builder().no_proxy().timeout(START).build().expect("a client without special needs can be built");
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { client, session: base.clone(), _driver: driver, _watchdog: watchdog, _profile: profile };
        let started = browser.command(Method::POST, "", Some(wanted)).await.expect("the browser starts");
        browser.session = format!("{base}/{}", started["sessionId"].as_str().expect("a session has an id"));
        browser
    }

    /// One of the driver's commands; the error's words when it fails.
    async fn command(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let mut request = self.client.request(method, format!("{}{path}", self.session));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut answer: Value =
            request.send().await.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())?;
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].take()),
        }
    }

    /// Opens a page.
    ///
    /// # Panics
    /// When that fails, as it does where the page shows a dialog.
    pub async fn visit(&self, url: &str) {
        let visited = self.command(Method::POST, "/url", Some(json!({ "url": url }))).await;
        visited.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Gives it a cookie for the site whose page is open.
    ///
    /// # Panics
    /// When it does not take it.
    pub async fn set_cookie(&self, name: &str, value: &str) {
        let cookie = json!({ "cookie": { "name": name, "value": value, "path": "/", "httpOnly": true } });
        self.command(Method::POST, "/cookie", Some(cookie)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Runs a script on the page, and gives what it returns.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, script: &str) -> Value {
        let ran = self.command(Method::POST, "/execute/sync", Some(json!({ "script": script, "args": [] }))).await;
        ran.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Has a script run on every page before anything of the page itself does (Chrome's DevTools protocol).
    ///
    /// # Panics
    /// When the browser does not take it.
    pub async fn before_each_page(&self, script: &str) {
        let command = json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": script } });
        self.command(Method::POST, "/goog/cdp/execute", Some(command)).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until a script returns true.
    ///
    /// # Panics
    /// When that does not come.
    pub async fn waits_for(&self, script: &str) {
        let asking = async {
            // The driver cannot tell of changes: asking again is all there is.
            let mut again = tokio::time::interval(Duration::from_millis(50));
            while self.run(script).await != json!(true) {
                again.tick().await;
            }
        };
        assert!(timeout(DEADLINE, asking).await.is_ok(), "it did not come to that: {script}");
    }

    /// What the console says of grave things since the last look: errors of scripts, and what a policy refused.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.command(Method::POST, "/se/log", Some(json!({ "type": "browser" }))).await.expect("the console has a log");
        let grave = log.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        grave.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Closes it.
    pub async fn close(self) {
        // The watchdog ends what does not end by itself.
        drop(self.command(Method::DELETE, "", None).await);
    }
}
