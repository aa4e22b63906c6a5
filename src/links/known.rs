//! What links led to, for a while: a link that many post is fetched once.
//!
//! Owns how long that is used and how much is kept. It is in memory, and of this node.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Url;

/// How long what was found is used, and that nothing was found.
const FRESH: Duration = Duration::from_secs(10 * 60);
const FAILED: Duration = Duration::from_secs(60);
/// How many links are remembered; with the longest texts some 3 MB.
const MOST: usize = 500;

/// Where a link leads.
#[derive(Debug, Default)]
pub struct Target {
    /// The title.
    pub title: String,
    /// The description.
    pub description: String,
    /// The picture.
    pub picture: Option<Picture>,
}

/// The picture of a target.
#[derive(Debug)]
pub struct Picture {
    /// Where it is.
    pub url: Url,
    /// The file in which it was stored for another message, from which it is copied as long as that exists.
    pub stored: Mutex<String>,
}

/// What is known of links.
#[derive(Debug, Default)]
pub struct Known(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    targets: HashMap<String, (Instant, Option<Arc<Target>>)>,
    /// The links, oldest first. One that was added again is there twice.
    order: VecDeque<(Instant, String)>,
}

impl Known {
    /// What is known of a link: where it leads, or that it leads nowhere; `None` if it must be fetched.
    pub fn get(&self, link: &str) -> Option<Option<Arc<Target>>> {
        let inner = self.0.lock();
        let (at, target) = inner.targets.get(link)?;
        let time = if target.is_some() { FRESH } else { FAILED };
        (at.elapsed() < time).then(|| target.clone())
    }

    /// Remembers where a link leads.
    pub fn add(&self, link: &str, target: Option<Arc<Target>>) {
        let now = Instant::now();
        let mut inner = self.0.lock();
        inner.targets.insert(link.to_owned(), (now, target));
        inner.order.push_back((now, link.to_owned()));
        while inner.order.len() > MOST {
            let Some((at, oldest)) = inner.order.pop_front() else { return };
            if inner.targets.get(&oldest).is_some_and(|(added, _)| *added == at) {
                inner.targets.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_remembered_up_to_a_number() {
        let known = Known::default();
        let target = Arc::new(Target { title: "A".into(), ..Target::default() });
        known.add("https://example.com/first", Some(target));
        known.add("https://example.com/broken", None);
        assert_eq!(known.get("https://example.com/first").flatten().unwrap().title, "A");
        assert!(known.get("https://example.com/broken").is_some_and(|target| target.is_none()));
        assert!(known.get("https://example.com/new").is_none());
        for nth in 0..2 * MOST {
            known.add(&format!("https://example.com/{nth}"), None);
        }
        assert!(known.get("https://example.com/first").is_none());
        let inner = known.0.lock();
        assert_eq!((inner.targets.len(), inner.order.len()), (MOST, MOST));
    }
}
