//! What nodes must agree on: when a page is unchanged, who may become the administrator, and how often somebody has failed to log in.

use std::time::Duration;

use reqwest::Method;

use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Kind, Nodes, Person, Redis, on_threads_of, process};
use crate::nodes;

/// Asks until the answer has this status.
async fn becomes(status: u16, ask: impl AsyncFn() -> Answer) -> Answer {
    let mut tries = 0;
    loop {
        let answer = ask().await;
        if answer.status == status {
            return answer;
        }
        tries += 1;
        assert!(tries < 200, "{} is never {status}: {}", answer.status, answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn with_tag(person: &Person, accept: &str, tag: &str) -> Answer {
    Answer::of(person.request(Method::GET, "/rooms/general").header("accept", accept).header("if-none-match", tag)).await
}

#[apply(nodes)]
async fn a_page_of_one_node_is_unchanged_on_the_other_until_somebody_is_renamed(nodes: &Nodes) {
    let (ada, grace) = (nodes.a.register("ada").await, nodes.b.register("grace").await);
    let there = ada.at(&nodes.b);
    grace.enter("general").await;
    grace.write("general", "good morning").await.expect(303);
    for (accept, name) in [
        ("text/html", "Rear Admiral"),
        ("application/json", "Amazing Grace"),
        ("text/html", "grace"),
        ("text/html", "Rear Admiral"),
    ] {
        let before = with_tag(&ada, accept, "").await.expect(200).header("etag").to_owned();
        becomes(304, async || with_tag(&there, accept, &before).await).await;
        with_tag(&ada, accept, &before).await.expect(304);
        grace.post("/settings", &[("name", name)]).await.expect(303);
        let renamed = becomes(200, async || with_tag(&ada, accept, &before).await).await;
        let shown = if accept == "text/html" { format!(">{name}<") } else { format!("\"name\":\"{name}\"") };
        assert!(renamed.body.contains(&shown), "{name}: {}", renamed.body);
        // The other one has it at once: it is where she was renamed.
        assert!(with_tag(&there, accept, &before).await.expect(200).body.contains(&shown));
    }
}

/// The token that a start printed.
fn printed(said: &str) -> String {
    said.lines().find_map(|line| line.split_once("/register?setup=")).expect("a link").1.trim().to_owned()
}

#[test]
fn each_node_prints_a_setup_link_that_works_on_all_and_together_they_make_one_administrator() {
    on_threads_of("set-up", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let start = || process::start(database.folder(), database.url(), &[]);
        let (a, b) = (start().await, start().await);
        let (of_a, of_b) = (printed(&a.stdout()), printed(&b.stdout()));
        assert_ne!(of_a, of_b);
        b.stranger().post("/setup", &[("token", "guessed")]).await.expect(422);
        for (node, token) in [(&b, &of_a), (&a, &of_b)] {
            let shown = node.stranger().post("/setup", &[("token", token)]).await;
            assert_eq!(shown.expect(303).location(), format!("/register?setup={token}"));
        }
        let register = async |node: &process::Process, token: &str, username: &str| {
            let fields = [("username", username), ("password", PASSWORD), ("setup", token)];
            node.stranger().post("/register", &fields).await.status
        };
        let (one, two, three) = tokio::join!(register(&a, &of_a, "ada"), register(&b, &of_a, "bob"), register(&b, &of_b, "eve"));
        let mut statuses = [one, two, three];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 403, 403]);
        assert_eq!(database.query("select username from users where is_admin").await.len(), 1);
        assert_eq!(register(&a, &of_b, "mallory").await, 403);
        assert!(database.query("select key from meta where key like 'setup:%'").await.is_empty());
        assert!(!start().await.stdout().contains("setup="));
        drop((a, b));
        database.discard().await;
    });
}

/// Not even a Redis that is frozen keeps failures from being counted on both nodes.
#[test]
fn failures_on_one_node_count_on_the_other() {
    let redis = Redis::start();
    let settings = [("REDIS_URL", &*redis.url()), ("LOGIN_RATE", "3/min"), ("REGISTRATION", "invite")];
    on_threads_of("failures", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        // She registers without an invite.
        let mut open = crate::harness::Server::start(database.url(), &[]).await;
        open.register("ada").await;
        database.make_admin("ada").await;
        open.stop().await;
        let nodes = Nodes::start(database, &settings).await;
        redis.signal("STOP");
        let root = nodes.a.log_in("ada").await;
        let page = root.post("/invites", &[]).await.expect(200).body.clone();
        let invite = page
            .split("/register?invite=")
            .nth(1)
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_hexdigit()).next())
            .expect("a link");
        let invite = format!("/register?invite={invite}");

        let (here, there) = (nodes.a.stranger(), nodes.b.stranger());
        there.get(&invite).await.expect(200);
        for guess in 0..3 {
            here.get(&format!("/register?invite={guess}")).await.expect(404);
        }
        becomes(429, async || there.get(&invite).await).await;

        let right = [("username", "ada"), ("password", PASSWORD)];
        nodes.b.stranger().post("/login", &right).await.expect(303);
        for _ in 0..3 {
            here.post("/login", &[("username", "ada"), ("password", "wrong password")]).await.expect(401);
        }
        let refused = becomes(429, async || nodes.b.stranger().post("/login", &right).await).await;
        assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
        // They count once on each: a minute later all is forgotten, on both.
        nodes.a.pass(Duration::from_secs(61));
        for node in [&nodes.a, &nodes.b] {
            node.stranger().post("/login", &right).await.expect(303);
        }
        redis.signal("CONT");
        crate::harness::Fixture::tear_down(nodes).await.discard().await;
    });
}

#[apply(nodes)]
async fn an_invitation_admits_no_more_people_on_two_nodes_than_on_one(nodes: &Nodes) {
    let root = nodes.a.register("ada").await;
    nodes.database.make_admin("ada").await;
    let form = root.form("/invites", &[("uses", "3")]).header("accept", "application/json");
    let url = Answer::of(form).await.expect(201).json()["invite"]["url"].as_str().expect("a link").to_owned();
    let token = url.rsplit_once('=').expect("a token").1;
    let register = async |number: usize| {
        let node = if number.is_multiple_of(2) { &nodes.a } else { &nodes.b };
        let username = format!("user{number}");
        node.stranger().post("/register", &[("username", &username), ("password", PASSWORD), ("invite", token)]).await.status
    };
    let statuses = futures_util::future::join_all((0..8).map(register)).await;
    assert!(statuses.iter().all(|status| [303, 422].contains(status)), "{statuses:?}");
    let used = nodes.database.query("select used, (select count(*) from invite_uses) as uses from invites").await;
    assert_eq!((used[0]["used"].as_i64(), used[0]["uses"].as_i64()), (Some(3), Some(3)));
}

/// Renamed, or created.
#[apply(nodes)]
async fn two_rooms_that_get_a_name_at_once_on_two_nodes_do_not_get_the_same(nodes: &Nodes) {
    let (ada, grace) = (nodes.a.register("ada").await, nodes.b.register("grace").await);
    let (tea, coffee) = (ada.create_room("Tea", "public").await, grace.create_room("Coffee", "public").await);
    for round in 0..20 {
        let (name, same) = (format!("Round {round}"), format!("round  {round}"));
        let rename = async |person: &Person, room: &str, name: &str| {
            person.post(&format!("/rooms/{room}/settings"), &[("name", name)]).await.status
        };
        let create =
            async |person: &Person, name: &str| person.post("/rooms", &[("name", name), ("visibility", "public")]).await.status;
        let (one, two) = match round % 3 {
            0 => tokio::join!(rename(&ada, &tea, &name), rename(&grace, &coffee, &same)),
            1 => tokio::join!(rename(&ada, &tea, &name), create(&grace, &same)),
            _ => tokio::join!(create(&ada, &name), rename(&grace, &coffee, &same)),
        };
        let mut statuses = [one, two];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422], "{round}");
        let rows = nodes.database.query("select name from rooms").await;
        let named = rows.iter().filter(|row| row["name"].as_str().is_some_and(|it| it == name || it == same)).count();
        assert_eq!(named, 1, "{rows:?}");
    }
}
