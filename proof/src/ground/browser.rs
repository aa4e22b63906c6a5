//! A real browser, driven over WebDriver's own JSON: no library in between.
//!
//! Owns what a case asks of a page. It must not know any site.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::driver::{Driver, START};
use crate::client::DEADLINE;

/// One window of a browser with an empty profile.
pub struct Browser {
    client: Client,
    session: String,
    driver: Driver,
}

impl Browser {
    /// Opens one.
    ///
    /// # Panics
    /// When this machine has none, or it does not start.
    pub async fn open() -> Self {
        let driver = Driver::start().await;
        let mut wanted = driver.capabilities();
        wanted["unhandledPromptBehavior"] = json!("ignore");
        let wanted = json!({ "capabilities": { "alwaysMatch": wanted } });
        let client = Client::builder().no_proxy().timeout(START).build().expect("a client without special needs can be built");
        let base = format!("{}/session", driver.address());
        let mut browser = Self { client, session: base.clone(), driver };
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
        self.tells("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// One of the commands of Chrome's DevTools protocol, and its answer.
    ///
    /// # Panics
    /// When the browser does not take it.
    pub async fn tells(&self, command: &str, parameters: Value) -> Value {
        let told = json!({ "cmd": command, "params": parameters });
        self.command(Method::POST, "/goog/cdp/execute", Some(told)).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// From here on each answer comes so many milliseconds later, and so many bytes a second at the most.
    ///
    /// # Panics
    /// When the browser does not take it.
    pub async fn network(&self, latency: u64, throughput: u64) {
        let conditions =
            json!({ "offline": false, "latency": latency, "download_throughput": throughput, "upload_throughput": throughput });
        let told =
            self.command(Method::POST, "/chromium/network_conditions", Some(json!({ "network_conditions": conditions }))).await;
        told.unwrap_or_else(|error| panic!("the network: {error}"));
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
        drop(self.command(Method::DELETE, "", None).await);
        self.driver.end().await;
    }
}
