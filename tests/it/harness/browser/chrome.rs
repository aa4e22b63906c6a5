//! What a browser does beyond the standard of its driver: reading the console, looking as another device does, windows.
//!
//! Owns Chrome's own commands. What people do on a page is in `browser`.

use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::{Method, Url};
use serde_json::json;

use super::Browser;

impl Browser {
    /// Runs a script on the page and waits for the promise that it returns.
    pub async fn promised(&self, script: &str) -> serde_json::Value {
        let script =
            format!("const done = arguments[0]; (async () => {{ {script} }})().then(done, (error) => done(`${{error}}`));");
        self.client.execute_async(&script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Closes the window, as a person closes a tab, and has an empty one in its place.
    pub async fn close_window(&self) {
        let old = self.client.window().await.expect("a window is open");
        let new = self.client.new_window(true).await.expect("a window can be opened").handle;
        self.client.switch_to_window(old).await.expect("the old one is still there");
        self.client.close_window().await.expect("it can be closed");
        self.client.switch_to_window(new).await.expect("the new one is there");
    }

    /// Asks the browser itself for something (Chrome's DevTools protocol).
    pub async fn tells_chrome(&self, command: &'static str, parameters: serde_json::Value) {
        self.client.issue_cmd(DevTools(command, parameters)).await.unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    /// Looks at pages as on another device: light or dark, so many pixels wide, and without motion.
    pub async fn looks(&self, scheme: &str, width: u32) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.tells_chrome("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.tells_chrome("Emulation.setDeviceMetricsOverride", size).await;
    }
}

/// Chromium's own command for reading the console; fantoccini has only the standard ones.
#[derive(Debug)]
pub struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// A command of Chrome's DevTools, by the driver's own way to them.
#[derive(Debug)]
struct DevTools(&'static str, serde_json::Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}
