//! Several nodes on one Postgres, beside one: what they deliver and store, at which cost, and how long a message takes from node to node.

use std::process::{Command, Stdio};

use super::fanout::{paced, saturated};
use super::posts::Posting;
use super::room_load::RoomLoad;
use super::{Fixture, ROOM};
use crate::bench::Result;
use crate::bench::options::Kind;
use crate::bench::people;
use crate::bench::results::Figure;
use crate::infra::redis::Redis;

const LISTENERS: usize = 1_000;
const PEOPLE: usize = 16;
const ROOMS: usize = 16;

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    for (nodes, has_redis) in [(1, false), (1, true), (2, true)] {
        let setting = format!("{nodes} node{}{}", if nodes == 1 { "" } else { "s" }, if has_redis { ", Redis" } else { "" });
        let redis = has_redis.then(Redis::start);
        let url = redis.as_ref().map(Redis::url);
        if let Some(id) = redis.as_ref().and_then(Redis::id) {
            let cpus = &fixture.options.server_cpus;
            Command::new("taskset").args(["-acp", cpus, &id.to_string()]).stdout(Stdio::null()).status()?;
        }
        let settings: Vec<_> = url.iter().map(|url| ("REDIS_URL", url.as_str())).chain([("DRAIN", "off")]).collect();
        let site = fixture.field.site(kind)?;
        let mut server = site.start_with(&settings)?;
        for _ in 1..nodes {
            server.others.push(site.start_with(&settings)?);
        }
        server.redis = redis.as_ref().and_then(Redis::id);
        let stretch = fixture.options.stretch();
        let people: Vec<_> =
            (0..PEOPLE).map(|nth| people::register(server.address, &format!("poster{nth}"))).collect::<Result<_>>()?;
        let rooms: Vec<_> = (0..ROOMS).map(|nth| format!("room-{nth}")).collect();
        rooms.iter().try_for_each(|room| people::open_room(server.address, &people[0], room))?;
        for (rooms, which) in [(&[ROOM.to_owned()][..], "one room"), (&rooms, "16 rooms")] {
            let setting = format!("{setting}; 128 posts under way in {which}");
            figures.extend(Posting::open(&server, &people, rooms, &setting)?.run(&server, 8, stretch, &setting)?);
        }
        let mut room = RoomLoad::open(&server)?;
        room.fill(&server, 1)?;
        figures.extend(paced(&mut room, &server, 2 * stretch, &format!("{setting}; from one to another"))?);
        room.fill(&server, LISTENERS)?;
        let setting = format!("{setting}; 1,000 listeners");
        figures.extend(paced(&mut room, &server, 2 * stretch, &setting)?);
        figures.extend(saturated(&mut room, &server, 32, stretch, &setting)?);
        server.stop()?;
    }
    Ok(())
}
