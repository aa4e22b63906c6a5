//! Limits of the system: descriptors, and the queue of new connections.

use super::Finding;
use crate::config::Config;
use crate::server::BACKLOG;

const CHECK: &str = "limits";
/// Descriptors for everything that is no client: the database, files, Redis.
const OTHERS: u64 = 200;

/// The limits of this process, which may differ from those of the server's when it is started by somebody else.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let descriptors = descriptors().map(|limit| of_descriptors(limit, config.connection_limit));
    let queue =
        std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok().and_then(|text| text.trim().parse().ok()).map(of_queue);
    descriptors.into_iter().chain(queue).collect()
}

#[cfg(target_os = "linux")]
fn descriptors() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    Some(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

#[cfg(not(target_os = "linux"))]
fn descriptors() -> Option<u64> {
    None
}

fn of_descriptors(limit: u64, connections: Option<usize>) -> Finding {
    let needed = connections.map_or(0, |connections| connections as u64) + OTHERS;
    if limit >= needed {
        return Finding::ok(CHECK, "there are descriptors for all connections");
    }
    let found = format!("{limit} descriptors are allowed here, and CONNECTION_LIMIT and the rest need {needed}");
    let advice = "Raise the limit (LimitNOFILE= in a systemd unit, `ulimit -n` in a shell), or lower CONNECTION_LIMIT. It counts where the server is started.";
    Finding::warning(CHECK, found, advice)
}

fn of_queue(longest: u32) -> Finding {
    if longest >= BACKLOG {
        return Finding::ok(CHECK, format!("{BACKLOG} new connections may wait"));
    }
    let found = format!("the system lets only {longest} new connections wait (net.core.somaxconn)");
    Finding::warning(CHECK, found, format!("sysctl -w net.core.somaxconn={BACKLOG}: after a restart everybody connects at once."))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn each_connection_needs_a_descriptor() {
        let state = |limit, connections| of_descriptors(limit, connections).state;
        assert_eq!(state(1024, Some(20_000)), State::Warning);
        assert_eq!((state(20_200, Some(20_000)), state(1024, None)), (State::Ok, State::Ok));
        assert_eq!((of_queue(128).state, of_queue(4096).state), (State::Warning, State::Ok));
    }
}
