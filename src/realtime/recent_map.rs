//! A map that forgets: entries are kept for [`KEPT`] at least.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How long an entry is kept at least, which is longer than the statements of a join or a connect may take; it is gone after about twice as
/// long.
pub const KEPT: Duration = Duration::from_secs(120);

/// Recent entries.
#[derive(Debug)]
pub struct RecentMap<K, V> {
    new: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Since when the new ones are new.
    since: Instant,
}

impl<K, V> Default for RecentMap<K, V> {
    fn default() -> Self {
        Self { new: HashMap::new(), old: HashMap::new(), since: Instant::now() }
    }
}

impl<K: Hash + Eq, V> RecentMap<K, V> {
    /// Inserts an entry.
    pub fn insert(&mut self, key: K, value: V) {
        self.new.insert(key, value);
    }

    /// The entry, if it is recent.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.new.get(key).or_else(|| self.old.get(key))
    }

    /// Discards entries that have been kept for long enough. However often it is called, none goes earlier.
    pub fn forget(&mut self) {
        if self.since.elapsed() >= KEPT {
            self.old = std::mem::take(&mut self.new);
            self.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_kept_however_often_others_are_forgotten() {
        let mut map = RecentMap::default();
        map.insert("a", 1);
        for _ in 0..10 {
            map.forget();
        }
        tokio::time::advance(KEPT - Duration::from_secs(1)).await;
        map.insert("b", 2);
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(2)).await;
            map.forget();
        }
        assert_eq!((map.get(&"a"), map.get(&"b")), (Some(&1), Some(&2)));
        for _ in 0..2 {
            tokio::time::advance(KEPT).await;
            map.forget();
        }
        assert_eq!((map.get(&"a"), map.get(&"b")), (None, None));
    }
}
