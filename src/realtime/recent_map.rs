//! A map that forgets: entries are kept for one to two turns.

use std::collections::HashMap;
use std::hash::Hash;

/// Recent entries, kept for at least one turn and at most two.
#[derive(Debug)]
pub struct RecentMap<K, V> {
    new: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for RecentMap<K, V> {
    fn default() -> Self {
        Self { new: HashMap::new(), old: HashMap::new() }
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

    /// Ends a turn: discards the entries from before the last one.
    pub fn turn(&mut self) {
        self.old = std::mem::take(&mut self.new);
    }
}
