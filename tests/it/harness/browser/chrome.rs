//! What a browser does beyond the standard of its driver: the accessibility tree, other devices, windows.
//!
//! What people do on a page is in `browser`.

use std::collections::HashMap;

use serde_json::json;

use super::Browser;

impl Browser {
    /// Runs a script on the page and waits for the promise that it returns.
    pub async fn promised(&self, script: &str) -> serde_json::Value {
        let script =
            format!("const done = arguments[0]; (async () => {{ {script} }})().then(done, (error) => done(`${{error}}`));");
        self.execute_async(&script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Closes the window, as a person closes a tab, and has an empty one in its place.
    pub async fn close_window(&self) {
        let old = self.window().await.expect("a window is open");
        let new = self.new_window(true).await.expect("a window can be opened").handle;
        self.switch_to_window(old).await.expect("the old one is still there");
        self.0.close_window().await.expect("it can be closed");
        self.switch_to_window(new).await.expect("the new one is there");
    }

    /// What readers of the screen are given of the page, in its order.
    pub async fn heard(&self) -> Vec<Heard> {
        let tree = self.devtools("Accessibility.getFullAXTree", json!({})).await;
        let nodes: HashMap<&str, &serde_json::Value> =
            tree["nodes"].as_array().into_iter().flatten().filter_map(|node| Some((node["nodeId"].as_str()?, node))).collect();
        // It comes level by level; one listens from the top to the bottom.
        let mut told = Vec::new();
        let mut next: Vec<&str> = tree["nodes"][0]["nodeId"].as_str().into_iter().collect();
        while let Some(node) = next.pop().and_then(|id| nodes.get(id)) {
            if node["ignored"] != json!(true) {
                told.push(node);
            }
            next.extend(node["childIds"].as_array().into_iter().flatten().rev().filter_map(|id| id.as_str()));
        }
        let text = |value: &serde_json::Value| value["value"].as_str().unwrap_or_default().trim().to_owned();
        let all = told.into_iter().map(|node| Heard {
            role: text(&node["role"]),
            name: text(&node["name"]),
            description: text(&node["description"]),
            states: node["properties"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|state| Some((state["name"].as_str()?.to_owned(), state["value"]["value"].clone())))
                .collect(),
        });
        all.collect()
    }

    /// Looks at pages as on another device: light, dark, or in the few colors that its system chooses (`forced`); so many pixels wide, and
    /// without motion.
    pub async fn looks(&self, scheme: &str, width: u32) {
        let (scheme, forced) = if scheme == "forced" { ("dark", "active") } else { (scheme, "none") };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
            { "name": "forced-colors", "value": forced },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }
}

/// Something on a page, as readers of the screen are told of it.
#[derive(Debug)]
pub struct Heard {
    /// What it is.
    pub role: String,
    /// What it is called.
    pub name: String,
    /// What is told beside its name.
    pub description: String,
    /// How it is: `pressed`, `expanded`, `focused` and the like.
    pub states: HashMap<String, serde_json::Value>,
}
