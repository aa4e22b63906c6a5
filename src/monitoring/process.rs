//! What the system says of this process: its memory, and its open files. Only Linux says it.

/// A process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// Bytes of memory in use.
    pub resident: Option<u64>,
    /// Open descriptors: connections and files.
    pub open_files: Option<u64>,
    /// How many there may be.
    pub open_files_limit: Option<u64>,
}

/// Looks at this process. With many connections there are many descriptors to count, so not on a thread that serves.
pub(super) async fn look() -> Process {
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

#[cfg(target_os = "linux")]
fn read() -> Process {
    use rustix::process::{Resource, getrlimit};
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let open = std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    Process {
        resident: resident(&status),
        open_files: open.and_then(|open| u64::try_from(open).ok()),
        open_files_limit: getrlimit(Resource::Nofile).current,
    }
}

#[cfg(not(target_os = "linux"))]
fn read() -> Process {
    Process::default()
}

/// The line `VmRSS:   12345 kB`.
#[cfg(target_os = "linux")]
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_open_files() {
        assert_eq!(resident("Name:\tparlor\nVmRSS:\t   2048 kB\nThreads:\t3\n"), Some(2 << 20));
        assert_eq!(resident("Name:\tparlor\n"), None);
        let process = read();
        assert!(process.resident > Some(0) && process.open_files > Some(0), "{process:?}");
    }
}
