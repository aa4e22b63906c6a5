//! A map that forgets: entries are kept for one to two turns.

use std::collections::HashMap;
use std::hash::Hash;

/// What happened lately: kept for one turn at least, and two at most.
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
    /// Notes something that has just happened.
    pub fn insert(&mut self, key: K, value: V) {
        self.new.insert(key, value);
    }

    /// What is known of it, if it happened lately.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.new.get(key).or_else(|| self.old.get(key))
    }

    /// Forgets what happened before the last turn.
    pub fn turn(&mut self) {
        self.old = std::mem::take(&mut self.new);
    }
}
