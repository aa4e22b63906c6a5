//! Several nodes of the program on one Postgres, with a Redis between them. People write through all of them, and somebody listens on
//! each; what every one of these heard must be the log.

mod access;
mod apart;
mod deaf;
mod frames;
mod frozen;
mod kill;
mod locks;
mod redis;
mod upgrade;

use crate::torture::prelude::*;

const NEEDS: &[Need] = &[Need::Redis];

pub const CASES: &[Case] = &[
    Case::new("node-kill9", Db::POSTGRES, 60, 2, |fixture, rounds| Box::pin(kill::kill9(fixture, rounds)))
        .about("one of three nodes is killed with SIGKILL while people write through all of them, every other time between its commits and their publication: the others deliver everything; its people are gone after 30 s")
        .needs(NEEDS),
    Case::new("node-redis", Db::POSTGRES, 10, 0, |fixture, rounds| Box::pin(redis::faults(fixture, rounds)))
        .about("Redis is down at the start, killed, frozen, slow, cut off from one node, or silent to it, under load: messages reach the other node a second later at most, and nobody waits longer for an acknowledgement")
        .needs(NEEDS),
    Case::new("node-frozen", Db::POSTGRES, 4, 1, |fixture, rounds| Box::pin(frozen::frozen(fixture, rounds)))
        .about("SIGSTOP to one of two nodes for 17 and 40 s, while somebody on it is removed from a room and somebody is logged out: they get nothing that was written after, and whoever is there returns once")
        .needs(NEEDS),
    Case::new("node-access", Db::POSTGRES, 100, 12, |fixture, rounds| Box::pin(access::ends(fixture, rounds)))
        .about("log-out, ban and new password on one node while the person's sockets connect to the other, at any moment: a second later none of them lives")
        .needs(NEEDS),
    Case::new("node-upgrade", Db::POSTGRES, 3, 1, |fixture, rounds| Box::pin(upgrade::rolling(fixture, rounds)))
        .about("three nodes behind a balancer are stopped and started again one after the other under load: nothing is lost, no session ends")
        .needs(NEEDS),
    Case::new("node-apart", Db::POSTGRES, 5, 0, |fixture, rounds| Box::pin(apart::two_clusters(fixture, rounds)))
        .about("two clusters on one Redis, with the same people and rooms, where frames of each are published to the other: neither hears the other")
        .needs(NEEDS),
    Case::new("node-frames", Db::POSTGRES, 20, 1, |fixture, rounds| Box::pin(frames::frames(fixture, rounds)))
        .about("three nodes, and what they send each other is lost, doubled, late, crossed and forged: nobody hears anything twice, out of order, or of nobody")
        .needs(NEEDS),
    Case::new("node-locks", Db::POSTGRES, 6, 1, |fixture, rounds| Box::pin(locks::locks(fixture, rounds)))
        .about("people post, join, leave, rename rooms and themselves, and begin conversations through two nodes at once: no deadlock, and what was acknowledged is there once")
        .needs(NEEDS),
    Case::new("node-deaf", Db::POSTGRES, 3, 0, |fixture, rounds| Box::pin(deaf::deaf(fixture, rounds)))
        .about("Postgres is cut off from one of two nodes for 20 s, and killed: a node that hears of no ended access delivers nothing, and catches up later")
        .needs(NEEDS),
];
