//! The nodes on this Postgres: each writes a row about itself every five seconds, and administrators see them all.
//!
//! Owns what a row says, and when a node counts as gone. Without Postgres there is one node, which has no row. It must not be used to
//! decide anything but how to stop: a row is seconds old.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, timeout};
use utoipa::ToSchema;

use super::node::{Lag, Node, RedisStatus};
use crate::administration::overview::Warning;
use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::db::nodes::NodeRow;
use crate::error::Result;

/// How often a node writes its row.
const BEAT: Duration = Duration::from_secs(5);
/// A node whose row is older is gone, as far as the others can see.
pub const GONE: Duration = Duration::from_secs(30);
/// How long a statement may take when a node stops.
const PATIENCE: Duration = Duration::from_millis(500);
/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a node says of itself. Other versions may say more or less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = NodeStatus)]
pub struct Status {
    /// How many sockets it has.
    pub sockets: usize,
    /// How many rooms with listeners miss changes.
    pub rooms_behind: usize,
    /// Since when the first of them does, in milliseconds.
    pub behind_ms: u64,
    /// How it sees Redis.
    pub redis: RedisStatus,
    /// How many frames it could not send.
    pub frames_dropped: u64,
    /// How many frames it refused: of an unknown version, or not signed by a node of this cluster.
    pub frames_refused: u64,
    /// How long Postgres took to store the last row, in milliseconds.
    pub postgres_ms: Option<u64>,
    /// By how many milliseconds its clock is ahead of the database's; negative if it is behind.
    pub clock_ahead_ms: Option<i64>,
    /// Why it should get no requests, as `/readyz` says.
    pub reasons: Vec<String>,
}

impl Status {
    /// What this node says of itself.
    pub fn of(node: &Node, sockets: usize) -> Self {
        let Lag { rooms, since } = node.lag();
        Self {
            sockets,
            rooms_behind: rooms,
            behind_ms: since.map_or(0, |since| millis(since.elapsed())),
            redis: node.redis(),
            frames_dropped: node.frames_dropped(),
            frames_refused: node.frames_refused(),
            postgres_ms: node.postgres_ms(),
            clock_ahead_ms: Some(node.skew().ahead()),
            reasons: node.reasons().into_iter().map(|reason| reason.code().to_owned()).collect(),
        }
    }
}

/// A node as administrators see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NodeEntry)]
pub struct Listed {
    /// Its id, new with each start.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started_at: Millis,
    /// How long ago it wrote its row, in milliseconds.
    pub silent_ms: i64,
    /// Whether it is gone: killed, cut off, or frozen.
    pub is_gone: bool,
    /// Whether it is the one that answers.
    pub is_this: bool,
    /// What it says of itself.
    #[serde(flatten)]
    pub status: Status,
}

/// How the nodes are together, as this one sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NodesHealth)]
pub struct Health {
    /// How many nodes there are that are not gone.
    pub nodes: usize,
    /// How many of them should get requests.
    pub nodes_ready: usize,
    /// How this node sees Redis.
    pub redis: RedisStatus,
    /// By how many milliseconds this node's clock is ahead of the database's; negative if it is behind.
    pub clock_ahead_ms: i64,
}

/// A clock that is wrong by more is worth a warning, in milliseconds.
pub const SKEWED: i64 = 1_000;

impl Health {
    /// How the listed nodes are.
    pub fn of(node: &Node, listed: &[Listed]) -> Self {
        let here = || listed.iter().filter(|node| !node.is_gone);
        Self {
            nodes: here().count(),
            nodes_ready: here().filter(|node| node.status.reasons.is_empty()).count(),
            redis: node.redis(),
            clock_ahead_ms: node.skew().ahead(),
        }
    }

    /// What is wrong.
    pub fn warnings(&self) -> Vec<Warning> {
        let known = [
            (
                self.redis == RedisStatus::Down,
                "redis",
                "Redis doesn’t answer: what other nodes write arrives up to a second late.",
            ),
            (self.nodes_ready < self.nodes, "node_unready", "A node gets no requests. The page about nodes says why."),
            (self.clock_ahead_ms.abs() > SKEWED, "clock", "The clock of this machine and that of the database differ."),
        ];
        let known = known.into_iter().filter(|(applies, ..)| *applies);
        known.map(|(_, code, message)| Warning { code, message: message.to_owned() }).collect()
    }
}

/// The largest difference between the clocks of two nodes that are not gone, as far as each knows its own, in milliseconds.
pub fn clocks_apart(listed: &[Listed]) -> u64 {
    let ahead = || listed.iter().filter(|node| !node.is_gone).filter_map(|node| node.status.clock_ahead_ms);
    ahead().max().zip(ahead().min()).map_or(0, |(most, least)| most.abs_diff(least))
}

/// Writes this node's row until the process ends. Only on Postgres.
pub async fn keep(db: Arc<Db>, node: Arc<Node>, sockets: impl Fn() -> usize + Send) {
    let Some(postgres) = db.shared() else { return };
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let has_left = node.has_left.lock().await;
        if *has_left {
            return;
        }
        let status = serde_json::to_string(&Status::of(&node, sockets())).expect("a status always has a JSON form");
        let began = Instant::now();
        match postgres.write_node(&node.name, VERSION, millis(node.started.elapsed()), &status).await {
            Ok(()) => node.set_postgres_ms(millis(began.elapsed())),
            Err(error) => tracing::debug!(%error, "the row of this node could not be written"),
        }
    }
}

/// All nodes, this one first; those that were gone for a day are forgotten.
pub async fn list(db: &Db, node: &Node, clock: &Clock, sockets: usize) -> Result<Vec<Listed>> {
    let this = |started_at| Listed {
        id: node.id.to_string(),
        name: node.name.clone(),
        version: VERSION.to_owned(),
        started_at,
        silent_ms: 0,
        is_gone: false,
        is_this: true,
        status: Status::of(node, sockets),
    };
    let uptime = i64::try_from(node.started.elapsed().as_millis()).unwrap_or_default();
    let Some(postgres) = db.shared() else { return Ok(vec![this(clock.now().plus(-uptime))]) };
    let rows = postgres.list_nodes().await?;
    let own = rows.iter().find(|row| *row.id == *node.id).map(|row| row.started_at);
    let mut nodes = vec![this(own.unwrap_or(clock.now().plus(-uptime)))];
    nodes.extend(rows.into_iter().filter(|row| *row.id != *node.id).map(listed));
    Ok(nodes)
}

fn listed(row: NodeRow) -> Listed {
    let NodeRow { id, name, version, started_at, silent_ms, status } = row;
    let is_gone = u128::try_from(silent_ms).is_ok_and(|silent| silent > GONE.as_millis());
    // Of a version that says something else, nothing is known.
    let status = serde_json::from_str(&status).unwrap_or_default();
    Listed { id, name, version, started_at, silent_ms, is_gone, is_this: false, status }
}

/// How many other nodes were seen lately; none if nobody can say.
pub async fn count_others(db: &Db) -> usize {
    let Some(postgres) = db.shared() else { return 0 };
    match timeout(PATIENCE, postgres.count_other_nodes(GONE)).await {
        Ok(Ok(count)) => usize::try_from(count).unwrap_or_default(),
        _ => 0,
    }
}

/// Tells the other nodes that this one stops.
pub async fn leave(db: &Db, node: &Node) {
    if let Some(redis) = node.outgoing() {
        redis.say_goodbye().await;
    }
    let Some(postgres) = db.shared() else { return };
    let deleted = timeout(PATIENCE, async {
        *node.has_left.lock().await = true;
        postgres.delete_node().await
    });
    if !matches!(deleted.await, Ok(Ok(()))) {
        tracing::debug!("the row of this node could not be deleted");
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_as_far_apart_as_the_earliest_and_the_latest_of_those_that_are_there() {
        let node = |is_gone, clock_ahead_ms| {
            let (id, name, version) = (String::new(), String::new(), String::new());
            let status = Status { clock_ahead_ms, ..Status::default() };
            Listed { id, name, version, started_at: Millis(0), silent_ms: 0, is_gone, is_this: false, status }
        };
        assert_eq!(clocks_apart(&[]), 0);
        // Nodes before this version do not say it.
        assert_eq!(clocks_apart(&[node(false, None), node(false, Some(-40))]), 0);
        assert_eq!(clocks_apart(&[node(false, Some(200)), node(true, Some(9_000)), node(false, Some(-40))]), 240);
    }
}
