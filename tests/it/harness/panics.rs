//! Panics of the server under test.
//!
//! Owns a hook that notes each panic by the thread it happened on. A test's own assertions fail on the test's thread; the
//! server runs on threads that carry the name of the test, so a panic there is the server's, even one that it survives.

use std::collections::HashMap;
use std::sync::{Mutex, Once, PoisonError};

static NOTED: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// Begins to watch; once for the process.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(thread) = std::thread::current().name().filter(|name| name.starts_with("server of ")) {
                let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
                noted.get_or_insert_default().entry(thread.to_owned()).or_default().push(panic.to_string());
            }
            before(panic);
        }));
    });
}

/// The name of the threads that a test's server runs on.
pub fn thread_name(test: &str) -> String {
    format!("server of {test}")
}

/// What panicked on the threads of that name so far.
pub fn of(thread: &str) -> Vec<String> {
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    noted.get_or_insert_default().remove(thread).unwrap_or_default()
}
