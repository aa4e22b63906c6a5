//! The links of a message that may have a preview.
//!
//! Owns which these are: what the author says, not what they quote. Code has no links.

use ammonia::Url;
use comrak::arena_tree::NodeEdge;
use comrak::nodes::{Node, NodeValue};

use super::addresses::is_web;

/// How many are looked at: more than have a preview, because links to this server have none.
const MOST: usize = 8;
/// The longest one, in bytes.
const LONGEST: usize = 2_000;

/// The links in a tree that was dressed, each once.
pub fn of(root: Node<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut quotes = 0_usize;
    for edge in root.traverse() {
        match edge {
            NodeEdge::Start(node) => match &node.data().value {
                NodeValue::BlockQuote => quotes += 1,
                NodeValue::Link(link) if quotes == 0 && is_previewed(&link.url) && !found.contains(&link.url) => {
                    found.push(link.url.clone());
                }
                _ => {}
            },
            NodeEdge::End(node) => {
                if matches!(node.data().value, NodeValue::BlockQuote) {
                    quotes -= 1;
                }
            }
        }
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// Whether it leads to a page without a log-in.
fn is_previewed(link: &str) -> bool {
    let has_log_in = |url: &Url| !url.username().is_empty() || url.password().is_some();
    link.len() <= LONGEST && is_web(link) && Url::parse(link).is_ok_and(|url| url.has_host() && !has_log_in(&url))
}
