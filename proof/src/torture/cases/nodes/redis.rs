//! Redis fails while people write through two nodes.

use std::collections::BTreeMap;

use crate::infra::redis::Redis;
use crate::torture::prelude::*;

/// How long each fault lasts, and how long it is measured afterwards.
const PHASE: Duration = Duration::from_secs(3);
/// How late a message may come to the other node: it asks Postgres every second. Unoptimized programs on two processors, which the load
/// keeps busy, may take longer.
const LATE: Duration = if cfg!(debug_assertions) { Duration::from_secs(4) } else { Duration::from_millis(1500) };

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    None,
    DownAtStart,
    Killed,
    Frozen,
    Slow,
    CutOff,
    Silent,
}

pub async fn faults(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut nodes = Nodes::start_with(fixture, Redis::stopped(), 2).await;
    let mut load = nodes.gather(2).await;
    let mut probe = DelayProbe::between(&nodes.all[0], &nodes.all[1]).await;
    let mut phases: BTreeMap<Fault, Delays> = BTreeMap::new();
    for round in 0..rounds {
        let start = if round == 0 { Some(Fault::DownAtStart) } else { None };
        let faults = start.into_iter().chain([Fault::Killed, Fault::Frozen, Fault::Slow, Fault::CutOff, Fault::Silent]);
        load.during(async {
            for fault in faults {
                let ((), delays) = probe.during(fault.last_for(PHASE, &mut nodes)).await;
                phases.entry(fault).or_default().extend(delays);
                fault.end(&nodes);
                let ((), delays) = probe.during(tokio::time::sleep(PHASE)).await;
                phases.entry(Fault::None).or_default().extend(delays);
            }
        })
        .await;
    }
    let mut outcome = Outcome::default();
    let calm = phases[&Fault::None].acknowledged(0.99);
    for (fault, delays) in &phases {
        outcome.note(format_args!("{}: {delays}", fault.words()));
        assert!(delays.longest() <= LATE, "{fault:?}: {delays}");
        // Others of the load are as busy in all phases.
        let (took, allowed) = (delays.acknowledged(0.99), 2 * calm + Duration::from_millis(250));
        assert!(took <= allowed, "{fault:?}: posting waits: {delays}; {allowed:?} are allowed at p99");
    }
    outcome.add(load.gapless_verdict().await);
    Ok(outcome)
}

impl Fault {
    async fn last_for(self, time: Duration, nodes: &mut Nodes) {
        match self {
            Self::None | Self::DownAtStart => {}
            Self::Killed => nodes.redis.down(),
            Self::Frozen => nodes.redis.signal("STOP"),
            Self::CutOff => nodes.links[1].cut(),
            Self::Silent => nodes.links[1].drop_replies(),
            Self::Slow => {
                let until = Instant::now() + time;
                while Instant::now() < until {
                    nodes.redis.signal("STOP");
                    tokio::time::sleep(Duration::from_millis(150)).await;
                    nodes.redis.signal("CONT");
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
                return;
            }
        }
        tokio::time::sleep(time).await;
    }

    fn end(self, nodes: &Nodes) {
        match self {
            Self::None | Self::Slow => {}
            Self::DownAtStart | Self::Killed => tokio::task::block_in_place(|| nodes.redis.up()).expect("Redis starts"),
            Self::Frozen => nodes.redis.signal("CONT"),
            Self::CutOff | Self::Silent => nodes.links[1].restore(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::None => "Redis is well, and has been for a moment at least",
            Self::DownAtStart => "Redis is down at the start",
            Self::Killed => "Redis is killed",
            Self::Frozen => "Redis is frozen",
            Self::Slow => "Redis stands still for 150 of every 180 ms",
            Self::CutOff => "Redis is cut off from the hearing node",
            Self::Silent => "Redis's answers to the hearing node are lost, but its connections stay",
        }
    }
}
