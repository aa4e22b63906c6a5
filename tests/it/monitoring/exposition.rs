//! A strict reader of OpenMetrics text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>): what Prometheus would refuse fails here.

use std::collections::{BTreeMap, BTreeSet};

/// What a server says of itself.
pub struct Exposition {
    /// The families with their types.
    pub families: BTreeMap<String, String>,
    /// Every sample by its name with its labels, as written.
    samples: BTreeMap<String, f64>,
}

impl Exposition {
    /// Reads a text.
    pub fn read(text: &str) -> Self {
        let lines = text.strip_suffix("# EOF\n").expect("the text ends with EOF");
        let mut read = Self { families: BTreeMap::new(), samples: BTreeMap::new() };
        let (mut helped, mut family, mut kind) = (String::new(), String::new(), String::new());
        for line in lines.lines() {
            if let Some(about) = line.strip_prefix("# HELP ") {
                let (name, help) = about.split_once(' ').expect("an explanation");
                assert!(help.len() > 3 && help.ends_with('.') && !help.ends_with(".."), "{line}");
                name.clone_into(&mut helped);
            } else if let Some(about) = line.strip_prefix("# TYPE ") {
                let (name, its_kind) = about.split_once(' ').expect("a type");
                assert_eq!(name, helped, "each family has an explanation");
                assert!(["counter", "gauge", "histogram", "info"].contains(&its_kind), "{line}");
                assert!(read.families.insert(name.to_owned(), its_kind.to_owned()).is_none(), "{name} comes twice");
                (family, kind) = (name.to_owned(), its_kind.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                let suffix = name.strip_prefix(&*family).unwrap_or_else(|| panic!("{name} stands below {family}"));
                let suffixes: &[&str] = match &*kind {
                    "counter" => &["_total"],
                    "gauge" => &[""],
                    "info" => &["_info"],
                    _ => &["_bucket", "_sum", "_count"],
                };
                assert!(suffixes.contains(&suffix), "{name} is no sample of a {kind}");
                check_labels(labels);
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert!(kind == "gauge" || value >= 0.0, "{line}");
                assert!(read.samples.insert(series.to_owned(), value).is_none(), "{series} comes twice");
            }
        }
        read.check_histograms();
        read
    }

    fn check_histograms(&self) {
        let ends = self.samples.iter().filter(|(series, _)| series.contains("le=\"+Inf\""));
        for (series, total) in ends {
            let count = series.replace("le=\"+Inf\",", "").replace(",le=\"+Inf\"", "").replace("{le=\"+Inf\"}", "");
            let count = count.replacen("_bucket", "_count", 1);
            assert_eq!(self.samples.get(&count), Some(total), "{count}");
        }
    }

    /// The value of a sample, such as `parlor_jobs{state="dead"}`.
    pub fn get(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("there is no {series} among {:#?}", self.samples.keys()))
    }

    /// The value of a sample that may be missing.
    pub fn find(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// Every series.
    pub fn series(&self) -> BTreeSet<&str> {
        self.samples.keys().map(String::as_str).collect()
    }

    /// Every name that a query can have.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (family, kind) in &self.families {
            let suffixes: &[&str] = match &**kind {
                "counter" => &["_total"],
                "gauge" => &[""],
                "info" => &["_info"],
                _ => &["_bucket", "_sum", "_count"],
            };
            names.extend(suffixes.iter().map(|suffix| format!("{family}{suffix}")));
        }
        names
    }
}

/// `a="b",c="d"}`.
fn check_labels(labels: &str) {
    let inside = labels.strip_suffix('}').expect("labels end");
    for label in inside.split("\",").filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once("=\"").unwrap_or_else(|| panic!("no label: {labels}"));
        assert!(name.bytes().all(|sign| sign.is_ascii_lowercase() || sign == b'_'), "{labels}");
        assert!(!value.trim_end_matches('"').contains(['"', '\\', '\n']), "{labels}");
    }
}
