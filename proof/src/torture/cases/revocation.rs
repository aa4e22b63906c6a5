//! Access that ends while its connections have full queues, posts in flight, and others that are just being opened.
//!
//! Whatever ends it is acknowledged at some moment. A second later nothing is delivered to the revoked connections and nothing
//! accepted from them, on any node; and what was accepted before is in the history.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use rand::RngExt;
use totp_rs::{Builder, Secret};

use crate::client::socket::Pending;
use crate::infra::process::run;
use crate::infra::stalls;
use crate::torture::prelude::*;

const NEEDS: &[Need] = &[Need::Redis];

pub const CASES: &[Case] = &[
    Case::new("revocation", Db::BOTH, 27, 9, |fixture, rounds| Box::pin(on_one_node(fixture, rounds))).about(ABOUT),
    Case::new("node-revocation", Db::POSTGRES, 27, 9, |fixture, rounds| Box::pin(on_two_nodes(fixture, rounds)))
        .about("the same, with the revoked connections on two nodes")
        .needs(NEEDS),
];

const ABOUT: &str = "log-out, ended sessions, ban, deactivation, a second factor that is required, lost administrator role, removal and ban from a room, with readers that do not read, posts in \
                     flight, and connections, joins and posts at that moment: a second after the acknowledgement nothing is delivered or accepted any more";

/// For how long something may still be delivered or accepted.
const GRACE: Duration = Duration::from_secs(1);
/// How many posts of a connection are in flight.
const IN_FLIGHT: usize = 16;
/// How many long messages fill the queues, from each of the writers: too few for the server to cut who does not read.
const FILLING: usize = 192;
/// How many connections are opened around that moment.
const OPENED: usize = 6;
/// No person is slowed down, and their room is busy. Whoever becomes an administrator needs a second factor.
const SETTINGS: [(&str, &str); 3] = [("POST_RATE", "off"), ("ACT_RATE", "off"), ("REQUIRE_2FA", "admins")];

/// What ends the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    LogOut,
    OwnOthers,
    ByAdmin,
    Ban,
    Deactivation,
    SecondFactor,
    Removal,
    RoomBan,
    LostRole,
}

impl End {
    /// Whether the person's connections go on, without the room.
    fn keeps_connections(self) -> bool {
        matches!(self, Self::Removal | Self::RoomBan)
    }
}

const ENDS: [End; 9] = [
    End::LogOut,
    End::OwnOthers,
    End::ByAdmin,
    End::Ban,
    End::Deactivation,
    End::SecondFactor,
    End::Removal,
    End::RoomBan,
    End::LostRole,
];

async fn on_one_node(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&SETTINGS).await;
    play(&fixture, &server.site, &server.site, rounds).await
}

async fn on_two_nodes(fixture: Fixture, rounds: u32) -> CaseResult {
    let nodes = Nodes::start_set(fixture, 2, &SETTINGS).await;
    play(&nodes.fixture, &nodes.all[0].site, &nodes.all[1].site, rounds).await
}

/// Who is there all the time.
struct Stage<'a> {
    fixture: &'a Fixture,
    here: &'a Site,
    there: &'a Site,
    admin: Person,
}

async fn play(fixture: &Fixture, here: &Site, there: &Site, rounds: u32) -> CaseResult {
    let url = [("DATABASE_URL", fixture.url())];
    run(&fixture.program, fixture.folder(), &["user", "add", "root", "--admin"], &url, PASSWORD).await;
    let stage = Stage { fixture, here, there, admin: here.log_in("root").await };
    set_up_second_factor(&stage.admin).await;
    let (mut outcome, mut totals) = (Outcome::default(), Totals::default());
    for round in 0..rounds {
        let end = ENDS[round as usize % ENDS.len()];
        let name = format!("victim{round}");
        match end {
            End::LostRole => loses_role(&stage, &name, &mut totals).await,
            _ => loses_room(&stage, &name, end, &mut totals).await,
        }
    }
    outcome.verdict.acknowledged += totals.accepted;
    assert!(totals.accepted > 0 && totals.late > 0, "{totals:?}: it proves little");
    outcome.note(format_args!(
        "{} posts accepted and {} refused or unanswered, {} of them sent while access ended; {} connections opened at that moment; the \
         last accepted post was sent {:.0} ms after the acknowledgement",
        totals.accepted,
        totals.refused,
        totals.late,
        totals.opened,
        totals.latest.as_secs_f64() * 1000.0
    ));
    Ok(outcome)
}

/// Sets up an authenticator app, as `REQUIRE_2FA` wants of administrators.
async fn set_up_second_factor(person: &Person) {
    let json = |path: &str, fields: &[(&str, &str)]| person.form(path, fields).header("accept", "application/json");
    let started = Answer::of(json("/settings/two-factor/totp", &[])).await.expect(200).json();
    let secret = Secret::try_from_base32(started["secret"].as_str().expect("a secret")).expect("it is Base32");
    let code = Builder::new().with_secret(secret).build().expect("it is long enough").generate_current().to_string();
    Answer::of(json("/settings/two-factor/totp/confirm", &[("code", &code)])).await.expect(200);
}

#[derive(Debug, Default)]
struct Totals {
    accepted: u64,
    refused: u64,
    /// Sent at the end or after it.
    late: u64,
    opened: usize,
    latest: Duration,
}

/// A post: its nonce, when it was sent, and the place at which it was acknowledged.
struct Post {
    nonce: String,
    sent: Instant,
    seq: Option<i64>,
}

/// Posts with many in flight until it is stopped or the connection ends.
async fn posts(socket: &Socket, room: &str, name: &str, stop: &AtomicBool) -> Vec<Post> {
    let (mut all, mut waiting) = (Vec::new(), VecDeque::<(String, Instant, Pending)>::new());
    let mut nth = 0;
    loop {
        let is_over = stop.load(Ordering::Relaxed) || socket.has_ended();
        if waiting.len() == IN_FLIGHT || is_over {
            let Some((nonce, sent, pending)) = waiting.pop_front() else { return all };
            let answer = pending.within(DEADLINE).await;
            let seq = answer.filter(|answer| answer["ok"] == json!(true)).and_then(|answer| answer["message"]["seq"].as_i64());
            all.push(Post { nonce, sent, seq });
            continue;
        }
        let (nonce, sent) = (format!("{name}-{nth}"), Instant::now());
        let data = json!({ "room": room, "body": "in flight", "nonce": nonce });
        waiting.push_back((nonce, sent, socket.send("message", data).await));
        nth += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Writes long messages, so that they wait for whoever does not read.
async fn fills(socket: &Socket, room: &str, name: &str) {
    let body = "x".repeat(8000);
    for chunk in 0..FILLING / IN_FLIGHT {
        let mut pending = Vec::new();
        for nth in 0..IN_FLIGHT {
            let data = json!({ "room": room, "body": body, "nonce": format!("{name}-{chunk}-{nth}") });
            pending.push(socket.send("message", data).await);
        }
        for one in pending {
            let answer = one.acknowledgement().await;
            assert!(answer["ok"] == json!(true) || answer["error"]["code"] == "busy", "a filler message was refused: {answer}");
        }
    }
}

/// Connects, joins and posts, as soon as it can; what it has posted.
async fn opens(person: &Person, room: &str, name: String) -> (Option<Socket>, Vec<Post>) {
    let mut all = Vec::new();
    let Ok(socket) = person.try_socket().await else { return (None, all) };
    let joined = socket.send("join", json!({ "room": room })).await;
    for nth in 0..2 {
        let (nonce, sent) = (format!("{name}-{nth}"), Instant::now());
        let data = json!({ "room": room, "body": "just opened", "nonce": nonce });
        let answer = socket.send("message", data).await.within(DEADLINE).await;
        let seq = answer.filter(|answer| answer["ok"] == json!(true)).and_then(|answer| answer["message"]["seq"].as_i64());
        all.push(Post { nonce, sent, seq });
    }
    drop(joined.within(DEADLINE).await);
    (Some(socket), all)
}

async fn pause(most: u64) {
    let time = rand::rng().random_range(0..most * 1000);
    tokio::time::sleep(Duration::from_micros(time)).await;
}

/// Ends the access of a person to a room; returns when that was acknowledged.
async fn ends(stage: &Stage<'_>, person: &Person, other: &Person, room: &str, end: End) -> Instant {
    let name = &person.username;
    let answer = match end {
        End::LogOut => person.post("/logout", &[]).await,
        End::OwnOthers => other.post("/settings/sessions/end-others", &[]).await,
        End::ByAdmin => stage.admin.post(&format!("/admin/people/{name}/end-sessions"), &[]).await,
        End::Ban => stage.admin.post(&format!("/people/{name}/ban"), &[]).await,
        End::Deactivation => stage.admin.post(&format!("/admin/people/{name}/deactivate"), &[]).await,
        End::SecondFactor => stage.admin.post(&format!("/admin/people/{name}/role"), &[("role", "admin")]).await,
        End::RoomBan => stage.admin.post(&format!("/rooms/{room}/members/{name}/ban"), &[]).await,
        End::Removal => stage.admin.post(&format!("/rooms/{room}/members/{name}/remove"), &[]).await,
        End::LostRole => unreachable!("it has a round of its own"),
    };
    answer.expect(303);
    Instant::now()
}

async fn loses_room(stage: &Stage<'_>, name: &str, end: End, totals: &mut Totals) {
    let room = stage.admin.create_room(&format!("Room of {name}"), "private").await;
    let person = stage.here.register(name).await;
    let other = stage.there.log_in(name).await;
    stage.admin.post(&format!("/rooms/{room}/members"), &[("username", name)]).await.expect(303);
    let there = person.at(stage.there);
    let writers = [stage.admin.join(&room).await.0, stage.admin.at(stage.there).join(&room).await.0];
    // Those that read hear a public room too, which goes on after a removal.
    let (near, far) = (person.join(&room).await.0, there.join(&room).await.0);
    // With buffers of the usual size, so that what waits in them is read in time.
    let deaf = [stuck(&person, &room, 1).await, stuck(&there, &room, 3).await];
    for socket in writers.iter().chain([&near, &far]).chain(&deaf) {
        drop(socket.send("join", json!({ "room": "general" })).await);
    }
    for writer in &writers {
        writer.ok("join", json!({ "room": "general" })).await;
    }

    let stop = AtomicBool::new(false);
    let posting = async {
        let (name_near, name_far) = (format!("{name}-near"), format!("{name}-far"));
        let (mut one, two) = tokio::join!(posts(&near, &room, &name_near, &stop), posts(&far, &room, &name_far, &stop));
        one.extend(two);
        one
    };
    let filling = async {
        let (name_near, name_far) = (format!("{name}-fill-near"), format!("{name}-fill-far"));
        tokio::join!(fills(&writers[0], &room, &name_near), fills(&writers[1], &room, &name_far));
    };
    let opening = join_all((0..OPENED).map(async |nth| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        pause(200).await;
        opens(if nth.is_multiple_of(2) { &there } else { &person }, &room, format!("{name}-opened-{nth}")).await
    }));
    let marker = format!("written after {name} lost access");
    let ending = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        pause(200).await;
        let began = Instant::now();
        let ended = ends(stage, &person, &other, &room, end).await;
        stalls::within(ended, GRACE, std::future::pending::<()>()).await;
        for (nth, writer) in writers.iter().enumerate() {
            writer.post(&room, &marker, &format!("{name}-marker-{nth}")).await;
            writer.post("general", &format!("fence {nth} of {name}"), &format!("{name}-fence-{nth}")).await;
        }
        // Whoever still can goes on for a while.
        tokio::time::sleep(GRACE / 4).await;
        stop.store(true, Ordering::Relaxed);
        (began, ended)
    };
    let (mut sent, (), opened, (began, ended)) = tokio::join!(posting, filling, opening, ending);

    // What waited for those that did not read comes now, or they are cut.
    for socket in &deaf {
        socket.set_reading(true);
    }
    let mut sockets: Vec<&Socket> = [&near, &far].into_iter().chain(&deaf).collect();
    for (socket, posts) in &opened {
        sockets.extend(socket);
        totals.opened += usize::from(socket.is_some());
        sent.extend(posts.iter().map(|post| Post { nonce: post.nonce.clone(), ..*post }));
    }
    for (nth, socket) in sockets.into_iter().enumerate() {
        until_heard(socket, nth, name, end).await;
        let heard = socket.peek();
        let leaked: Vec<_> = heard.iter().filter(|(_, data)| data.to_string().contains(&marker)).collect();
        assert!(leaked.is_empty(), "{end:?} of {name}: socket {nth} got {leaked:?}, written {GRACE:?} after access had ended");
    }

    let written = history(&stage.admin, &room).await;
    let places: HashMap<&str, i64> =
        written.iter().filter_map(|message| Some((message["nonce"].as_str()?, message["seq"].as_i64()?))).collect();
    for post in &sent {
        let place = places.get(&*post.nonce).copied();
        let late = stalls::between(ended, post.sent);
        if let Some(seq) = post.seq {
            assert_eq!(place, Some(seq), "{end:?} of {name}: {} was acknowledged at {seq}", post.nonce);
        }
        assert!(place.is_none() || late <= GRACE, "{end:?} of {name}: {} was accepted, sent {late:?} after the end", post.nonce);
        totals.late += u64::from(post.sent >= began);
        if place.is_some() {
            totals.accepted += 1;
            totals.latest = totals.latest.max(late);
        } else {
            totals.refused += 1;
        }
    }
}

/// Waits until a connection has ended or, after a removal, has heard of what was written last in another room.
async fn until_heard(socket: &Socket, nth: usize, name: &str, end: End) {
    let is_live = nth < 2;
    let began = Instant::now();
    let fence = |data: &Value| data["body"].as_str().is_some_and(|body| body.starts_with("fence") && body.ends_with(name));
    loop {
        let heard = socket.peek_at("message").iter().filter(|data| fence(data)).count();
        // One that was opened just now is in no other room; what comes in reply comes after what waited.
        let is_up_to_date = end.keeps_connections() && (heard == 2 || !is_live && answers(socket).await);
        if socket.has_ended() || is_up_to_date {
            return;
        }
        assert!(
            began.elapsed() < DEADLINE * 2,
            "{end:?} of {name}: socket {nth} lives on, and heard {heard} of 2 messages elsewhere"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn answers(socket: &Socket) -> bool {
    let reply = socket.send("sync", json!({ "room": "general", "after": 0 })).await.within(DEADLINE).await;
    reply.is_some_and(|reply| reply["ok"] == json!(true))
}

/// An administrator who acts on both nodes while the role is taken away.
async fn loses_role(stage: &Stage<'_>, name: &str, totals: &mut Totals) {
    let person = stage.here.register(name).await;
    set_up_second_factor(&person).await;
    let target = format!("target-of-{name}");
    stage.here.register(&target).await;
    let (program, folder, url) = (&stage.fixture.program, stage.fixture.folder(), [("DATABASE_URL", stage.fixture.url())]);
    let ended = run(program, folder, &["user", "role", name, "admin"], &url, "").await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let stop = AtomicBool::new(false);
    let (person, there) = (&person, &person.at(stage.there));
    let path = format!("/admin/people/{target}/end-sessions");
    let acts = async |person: &Person| {
        let mut all = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let sent = Instant::now();
            all.push((sent, person.post(&path, &[]).await.status));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        all
    };
    let ending = async {
        pause(200).await;
        let ended = run(program, folder, &["user", "role", name, "member"], &url, "").await;
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let ended = Instant::now();
        tokio::time::sleep(GRACE + GRACE / 4).await;
        stop.store(true, Ordering::Relaxed);
        ended
    };
    let (one, two, ended) = tokio::join!(acts(person), acts(there), ending);
    for (sent, status) in one.into_iter().chain(two) {
        let late = stalls::between(ended, sent);
        assert!([303, 403].contains(&status), "{name}: {status}");
        assert!(status == 403 || late <= GRACE, "{name} administers, {late:?} after the role was lost");
        if status == 303 {
            totals.latest = totals.latest.max(late);
        }
    }
}
