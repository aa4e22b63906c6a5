//! The names of all numbers, and their text.
//!
//! Owns the names: dashboards and alerts of others rely on them, so that none may change its meaning. A number that is not known is left
//! out. `docs/monitoring.md` has the same list; a test compares them.

use std::fmt;

use prometheus_client::encoding::{EncodeGaugeValue, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::process::Process;
use super::stored::Answer;
use super::{Monitoring, Parts};
use crate::chat::ledger;
use crate::clock::Millis;
use crate::cluster::node::RedisStatus;
use crate::cluster::nodes::{self, Listed, VERSION};
use crate::db::PoolState;
use crate::db::search::IndexProgress;
use crate::retention::Measures;
use crate::tls::Status;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A label with its value.
type Label = [(&'static str, &'static str); 1];

/// All numbers of a node, as text.
pub(super) fn text(monitoring: &Monitoring, stored: Option<&Answer>, process: Process) -> Result<String, fmt::Error> {
    let mut all = Exposition(Registry::with_prefix("parlor"));
    all.server(monitoring, process);
    all.requests(monitoring);
    all.ledger(monitoring);
    all.sockets(monitoring);
    all.queues(monitoring);
    all.retention(monitoring);
    all.pools(monitoring);
    all.node(monitoring);
    all.gauge("database_up", "Whether the database answers", u64::from(stored.is_some()));
    if let Some(stored) = stored {
        all.stored(stored);
    }
    let mut written = String::new();
    text::encode(&mut written, &all.0)?;
    Ok(written)
}

/// The numbers so far. The registry puts a full stop behind each explanation.
struct Exposition(Registry);

impl Exposition {
    fn add(&mut self, name: &str, help: &str, metric: impl Metric) {
        self.0.register(name, help, metric);
    }

    fn gauge<N: EncodeGaugeValue + fmt::Debug + Send + Sync + 'static>(&mut self, name: &str, help: &str, value: N) {
        self.add(name, help, ConstGauge::new(value));
    }

    fn gauges(&mut self, name: &str, help: &str, label: &'static str, values: impl IntoIterator<Item = (&'static str, i64)>) {
        let family = Family::<Label, Gauge>::default();
        for (value, number) in values {
            family.get_or_create(&[(label, value)]).set(number);
        }
        self.add(name, help, family);
    }

    fn counters<const N: usize>(&mut self, name: &str, help: &str, label: &'static str, values: [(&'static str, &Counter); N]) {
        let family = Family::<Label, Counter>::default();
        for (value, counter) in values {
            family.get_or_create(&[(label, value)]).inc_by(counter.get());
        }
        self.add(name, help, family);
    }

    fn server(&mut self, monitoring: &Monitoring, process: Process) {
        let parts = &monitoring.parts;
        self.add("build", "Parlor’s version", Info::new([("version", VERSION)]));
        self.gauge("uptime_seconds", "Time since the start", parts.node.started.elapsed().as_secs_f64());
        self.gauge("connections", "Open connections", parts.connections.count());
        let refused = ConstCounter::new(parts.connections.refused());
        self.add("connections_refused", "Connections that were refused because a limit was reached", refused);
        if let Some(tls) = &parts.tls {
            self.certificate(&tls.status(), parts.clock.now());
        }
        if let Some(resident) = process.resident {
            self.gauge("memory_resident_bytes", "Memory of the process", resident);
        }
        if let Some(open) = process.open_files {
            self.gauge("open_files", "Open descriptors: connections and files", open);
        }
        if let Some(limit) = process.open_files_limit {
            self.gauge("open_files_limit", "How many descriptors the system allows", limit);
        }
        self.gauge("memory_limit_bytes", "MEMORY_LIMIT", monitoring.memory_limit);
        self.gauge("memory_recent_bytes", "Recent messages in memory; up to half of the limit", parts.chat.recent_bytes());
        self.gauge("memory_answers_bytes", "Answers on their way; up to half of the limit", parts.chat.reads().held());
    }

    /// Without a certificate yet, it is as if one had just expired.
    fn certificate(&mut self, status: &Status, now: Millis) {
        let until = status.not_after.unwrap_or(now);
        let seconds = |from: Millis, to: Millis| (to.0 - from.0) as f64 / 1000.0;
        let left = seconds(now, until);
        self.gauge("certificate_left_seconds", "Time until the certificate expires; less than 0 once it has", left);
        let whole = status.not_before.map_or(0.0, |from| seconds(from, until));
        self.gauge("certificate_valid_seconds", "For how long the certificate is valid in all", whole);
        self.gauge(
            "certificate_failed",
            "Whether there is no newer certificate because of a fault",
            u64::from(status.problem.is_some()),
        );
    }

    fn requests(&mut self, monitoring: &Monitoring) {
        let requests = monitoring.requests();
        self.add("http_requests", "Requests, without sockets", requests.answered.clone());
        self.add("http_request_duration_seconds", "Time until an answer begins", requests.took.clone());
    }

    fn ledger(&mut self, monitoring: &Monitoring) {
        let (ledger, db) = (monitoring.parts.chat.ledger(), &monitoring.parts.db);
        let measures = ledger.measures();
        self.add("posts", "Messages that people wrote, committed by this node", measures.posts.clone());
        let outcomes = [
            ("committed", &measures.committed),
            ("refused", &measures.refused),
            ("failed", &measures.failed),
            ("busy", &measures.busy),
        ];
        self.counters("ledger_changes", "Changes of rooms, by what came of them", "outcome", outcomes);
        self.add("ledger_batch_changes", "Changes that were committed together", measures.batches.histogram());
        let commits = "Time of a batch, from its first statement to the end of its commit";
        self.add("ledger_commit_seconds", commits, measures.commits.histogram());
        let syncs = "Time of the commit alone, in which the disk is waited for";
        self.add("ledger_sync_seconds", syncs, db.syncs().histogram());
        self.gauge("ledger_queue", "Changes that wait", ledger.waiting());
        self.gauge("ledger_queue_limit", "With so many waiting, changes are refused as busy", ledger::QUEUE);
    }

    fn sockets(&mut self, monitoring: &Monitoring) {
        let realtime = &monitoring.parts.realtime;
        let measures = realtime.measures();
        self.gauge("sockets", "Connected sockets", realtime.sockets());
        self.gauge("sockets_unwritten_bytes", "Bytes that wait to be written to sockets", realtime.unwritten());
        let deliveries = "Events of rooms, once for each socket that has the room open";
        self.add("deliveries", deliveries, measures.deliveries.clone());
        let cut = [("slow", &measures.slow), ("flooding", &measures.flooding)];
        self.counters("sockets_cut", "Sockets that were disconnected, by the reason", "reason", cut);
    }

    fn queues(&mut self, monitoring: &Monitoring) {
        let parts = &monitoring.parts;
        self.gauge("events_queue", "Batches of events that wait for the slowest subscriber", parts.chat.events().waiting());
        self.gauge("searches", "Searches that run or wait", parts.chat.searches());
        self.gauge("passwords_queue", "Passwords that wait to be hashed", parts.accounts.passwords_waiting());
    }

    fn retention(&mut self, monitoring: &Monitoring) {
        let Measures { messages, files, audit, sessions } = monitoring.parts.retention.measures();
        let kinds = [("messages", messages), ("files", files), ("audit", audit), ("sessions", sessions)];
        self.counters("retention_deleted", "What this node deleted because it had expired", "kind", kinds);
    }

    fn pools(&mut self, monitoring: &Monitoring) {
        let pools = monitoring.parts.db.pools();
        let each = |number: fn(&PoolState) -> i64| pools.each_ref().map(|(name, state)| (*name, number(state)));
        let limits = each(|state| state.limit.into());
        let open = each(|state| state.open.into());
        let in_use = each(|state| i64::try_from(state.in_use).unwrap_or(i64::MAX));
        self.gauges("database_pool_limit", "How many connections to the database there may be", "pool", limits);
        self.gauges("database_pool_open", "Open connections to the database", "pool", open);
        self.gauges("database_pool_in_use", "Connections to the database in use", "pool", in_use);
        let [(_, reading), (_, writing)] = pools;
        let help = |what: &str| format!("Time of those who waited for a connection that {what}");
        self.add("database_read_wait_seconds", &help("reads"), reading.waits.histogram());
        self.add("database_write_wait_seconds", &help("writes"), writing.waits.histogram());
    }

    fn node(&mut self, monitoring: &Monitoring) {
        let Parts { node, realtime, .. } = &monitoring.parts;
        let nodes::Status { rooms_behind, behind_ms, redis, frames_dropped, frames_refused, reasons, .. } =
            nodes::Status::of(node, realtime.sockets());
        self.gauge(
            "node_ready",
            "Whether this node should get requests, as far as it is up to it",
            u64::from(reasons.is_empty()),
        );
        self.gauge("node_rooms_behind", "Rooms with listeners that miss changes of other nodes", rooms_behind);
        self.gauge("node_behind_seconds", "Since when the first of them does", seconds(behind_ms));
        self.gauge(
            "node_clock_ahead_seconds",
            "By how much its clock is ahead of the database’s",
            node.skew().ahead() as f64 / 1000.0,
        );
        if redis != RedisStatus::Off {
            self.gauge("redis_up", "Whether Redis answers", u64::from(redis == RedisStatus::Up));
            let dropped = ConstCounter::new(frames_dropped);
            self.add("redis_frames_dropped", "Frames that could not be sent to other nodes", dropped);
            let refused = ConstCounter::new(frames_refused);
            self.add("redis_frames_refused", "Frames with an unknown version or a wrong signature", refused);
        }
        if let Some(measures) = node.redis_measures() {
            let took = measures.round_trips.histogram();
            self.add("redis_round_trip_seconds", "Time until Redis has taken a frame", took);
            let again = ConstCounter::new(measures.reconnections());
            self.add("redis_reconnections", "Connections to Redis that were made again", again);
        }
    }

    fn stored(&mut self, stored: &Answer) {
        let Answer { engine, jobs, outbox, outbox_due_since, index, index_lag, nodes, retention, asked_at } = stored;
        self.gauge("database_answer_seconds", "Time of a simple question", engine.took.as_secs_f64());
        self.gauge("database_bytes", "Size of the database", engine.bytes);
        if let Some(free) = engine.free_bytes {
            self.gauge("database_free_bytes", "Room on the disk of a SQLite file", free);
        }
        let states = [("waiting", jobs.waiting), ("running", jobs.running), ("dead", jobs.dead)];
        self.gauges("jobs", "Jobs, by their state", "state", states);
        let states = [("waiting", outbox.waiting), ("dead", outbox.dead)];
        self.gauges("outbox_deliveries", "What is to be delivered elsewhere, by its state", "state", states);
        let states = [("failing", outbox.failing), ("paused", outbox.paused)];
        let late = outbox_due_since.map_or(0, |since| u64::try_from(asked_at.0 - since.0).unwrap_or_default());
        self.gauge("outbox_late_seconds", "Since when the oldest delivery is due", seconds(late));
        self.gauges("outbox_receivers", "Receivers that nothing reaches, by their state", "state", states);
        self.gauge("search_complete", "Whether searches find all messages", u64::from(*index == IndexProgress::Whole));
        self.gauge(
            "search_lag_messages",
            "Messages that searches do not find yet; not more than about 10,000 are counted",
            *index_lag,
        );
        let waiting = retention.run.as_ref().map_or(0, |run| run.waiting);
        self.gauge("retention_waiting_messages", "Messages that have expired and are not deleted yet", waiting);
        if let Some(lag) = stored.retention_lag() {
            self.gauge("retention_lag_seconds", "Time since everything that had expired was deleted", seconds(lag));
        }
        let count =
            |which: fn(&Listed) -> bool| i64::try_from(nodes.iter().filter(|node| which(node)).count()).unwrap_or_default();
        let states = [
            ("ready", count(|node| !node.is_gone && node.status.reasons.is_empty())),
            ("unready", count(|node| !node.is_gone && !node.status.reasons.is_empty())),
            ("gone", count(|node| node.is_gone)),
        ];
        self.gauges("nodes", "Nodes, as this one sees them", "state", states);
        let apart = "The largest difference between the clocks of two nodes";
        self.gauge("nodes_clocks_apart_seconds", apart, seconds(stored.clocks_apart()));
    }
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}
