//! The audit log.

use askama::Template;
use serde_json::{Map, Value};

use crate::administration::audit::Entry;
use crate::security_log::Action;
use crate::web::views::AppLayout;

/// The filters, as typed.
#[derive(Debug)]
pub struct AuditFields {
    /// A username.
    pub actor: String,
    /// An action, or its first part.
    pub action: String,
    /// A username, slug or message.
    pub target: String,
    /// A cursor, date or time.
    pub before: String,
}

/// `GET /admin/audit`.
#[derive(Debug, Template)]
#[template(path = "admin/audit.html")]
pub struct AuditPage {
    layout: AppLayout,
    entries: Vec<Row>,
    fields: AuditFields,
    /// The query string of the next page.
    next: Option<String>,
    /// The query string of the export.
    export: String,
}

/// An entry.
#[derive(Debug)]
struct Row {
    at: String,
    moment: String,
    action: String,
    actor: Option<String>,
    is_person: bool,
    /// Where the target is shown.
    target: Option<(String, Option<String>)>,
    /// Address and session.
    origin: String,
    points: Vec<String>,
}

impl AuditPage {
    /// A page of the log.
    pub fn new(layout: AppLayout, entries: Vec<Entry>, fields: AuditFields, next: Option<String>, export: String) -> Self {
        let entries = entries.into_iter().map(|entry| Row::new(&layout, entry)).collect();
        Self { layout, entries, fields, next, export }
    }

    /// The values of the field for actions, and whether each is chosen: each group before its actions.
    fn actions(&self) -> Vec<(&'static str, bool)> {
        let names = || Action::ALL.iter().map(|action| action.as_str());
        let mut all: Vec<_> = names().filter_map(|name| Some(name.split_once('.')?.0)).chain(names()).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|action| (action, action == self.fields.action.trim())).collect()
    }

    /// The date of the filter; a cursor is none.
    fn before(&self) -> &str {
        if self.fields.before.contains('-') { self.fields.before.get(..10).unwrap_or_default() } else { "" }
    }

    fn is_filtered(&self) -> bool {
        let AuditFields { actor, action, target, before } = &self.fields;
        [actor, action, target, before].iter().any(|field| !field.trim().is_empty())
    }
}

impl Row {
    fn new(layout: &AppLayout, entry: Entry) -> Self {
        let Entry { at, actor, is_person, session, address, action, target, detail, .. } = entry;
        let times = &layout.times;
        let origin = [address, session.map(|session| format!("session {session}"))];
        Self {
            at: at.to_string(),
            moment: times.whole(&times.at(at)),
            target: target.map(|target| (target.clone(), path(&action, &target))),
            action,
            actor,
            is_person,
            origin: origin.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            points: points(&detail),
        }
    }
}

/// Where a target is shown.
fn path(action: &str, target: &str) -> Option<String> {
    match action.split_once('.')?.0 {
        "user" | "setup" | "request" => Some(format!("/people/{target}")),
        "room" | "message" => Some(format!("/rooms/{target}")),
        _ => None,
    }
}

/// The detail in words: each changed value, then the rest.
fn points(detail: &Map<String, Value>) -> Vec<String> {
    let empty = Map::new();
    let side = |name| detail.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let (before, after) = (side("before"), side("after"));
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().map(|name| match (before.get(name), after.get(name)) {
        (Some(before), Some(after)) => format!("{name}: {} → {}", words(before), words(after)),
        (before, after) => format!("{name}: {}", before.or(after).map_or_else(String::new, words)),
    });
    let rest = detail.iter().filter(|(name, _)| !matches!(name.as_str(), "before" | "after" | "left_out"));
    let rest = rest.map(|(name, value)| if name == "note" { words(value) } else { format!("{name}: {}", words(value)) });
    let left_out = detail.get("left_out").map(|count| format!("{count} more like it before"));
    changed.chain(rest).chain(left_out).collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_detail_is_shown_in_words() {
        let of = |detail: Value| points(detail.as_object().unwrap());
        let changed = json!({ "before": { "topic": "", "name": "Tea" }, "after": { "topic": "Cups", "name": "Coffee" } });
        assert_eq!(of(changed), ["name: Tea → Coffee", "topic: none → Cups"]);
        assert_eq!(of(json!({ "after": { "visibility": "private" } })), ["visibility: private"]);
        assert_eq!(of(json!({ "note": "banned", "left_out": 7 })), ["banned", "7 more like it before"]);
        assert!(of(json!({})).is_empty());
    }
}
