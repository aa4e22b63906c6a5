//! `from:`, `in:`, `before:`, `after:`, `on:`, `has:link`, `mentions:`.

use std::time::Duration;

use super::{ask, encode, find, find_live, say};
use crate::both;
use crate::harness::TestApp;
use crate::harness::site::PASSWORD;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[apply(both)]
async fn authors_and_rooms_narrow_a_search(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace.h").await);
    let room = ada.create_room("The Observatory", "public").await;
    let (of_ada, _) = ada.join("general").await;
    let (of_grace, _) = grace.join("general").await;
    of_ada.ok("join", serde_json::json!({ "room": room })).await;
    say(&of_ada, "general", &["stars by ada"]).await;
    say(&of_grace, "general", &["stars by grace"]).await;
    say(&of_ada, &room, &["stars by ada in the dome"]).await;
    for (asked, found) in [
        ("stars from:ada", vec!["stars by ada in the dome", "stars by ada"]),
        ("stars from:@Ada", vec!["stars by ada in the dome", "stars by ada"]),
        ("from:me stars", vec!["stars by ada in the dome", "stars by ada"]),
        ("stars -from:ada", vec!["stars by grace"]),
        ("from:grace.h", vec!["stars by grace"]),
        ("from:grace.h from:ada stars", vec!["stars by ada in the dome", "stars by grace", "stars by ada"]),
        ("stars in:the-observatory", vec!["stars by ada in the dome"]),
        ("stars in:#the-observatory", vec!["stars by ada in the dome"]),
        ("stars in:\"the observatory\"", vec!["stars by ada in the dome"]),
        ("stars -in:general", vec!["stars by ada in the dome"]),
        ("in:general from:me", vec!["stars by ada"]),
        ("in:general in:the-observatory ada", vec!["stars by ada in the dome", "stars by ada"]),
        ("stars from:nobody", vec![]),
        ("stars in:nowhere", vec![]),
        ("stars from:'", vec![]),
        ("-from:nobody -in:nowhere grace", vec!["stars by grace"]),
    ] {
        assert_eq!(find(&ada, asked).await, found, "{asked}");
    }
}

#[apply(both)]
async fn people_are_found_by_what_they_are_called(app: &TestApp) {
    let mut sockets = Vec::new();
    for (username, name) in
        [("ada", "Ada Lovelace"), ("grace", "Grace Hopper"), ("g2", "Grace Kelly"), ("hopper", "Hop"), ("z.m", "Zoé Müller")]
    {
        let person = app.register(username).await;
        person.post("/settings", &[("name", name)]).await.expect(303);
        let (socket, _) = person.join("general").await;
        say(&socket, "general", &[&format!("lamp of {name}")]).await;
        sockets.push((person, socket));
    }
    let ada = &sockets[0].0;
    for (asked, found) in [
        ("lamp from:\"Grace Hopper\"", vec!["lamp of Grace Hopper"]),
        ("lamp from:\"grace hopper\"", vec!["lamp of Grace Hopper"]),
        ("lamp from:kelly", vec!["lamp of Grace Kelly"]),
        // Of a username it is the one person, whoever else is called so.
        ("lamp from:grace", vec!["lamp of Grace Hopper"]),
        ("lamp from:hopper", vec!["lamp of Hop"]),
        ("lamp from:lovelace from:kelly", vec!["lamp of Grace Kelly", "lamp of Ada Lovelace"]),
        ("lamp -from:kelly -from:\"grace hopper\" -from:hop", vec!["lamp of Zoé Müller", "lamp of Ada Lovelace"]),
        ("lamp from:zoé", vec!["lamp of Zoé Müller"]),
        ("lamp from:\"zoe muller\"", vec!["lamp of Zoé Müller"]),
        // A part of a word is not what somebody is called.
        ("lamp from:kell", vec![]),
        ("lamp from:%", vec![]),
    ] {
        assert_eq!(find(ada, asked).await, found, "{asked}");
    }
    // Several are called so.
    sockets[1].0.post("/settings", &[("name", "Sam")]).await.expect(303);
    sockets[2].0.post("/settings", &[("name", "sam")]).await.expect(303);
    assert_eq!(find(ada, "lamp from:Sam").await, ["lamp of Grace Kelly", "lamp of Grace Hopper"]);
    // Who is nobody is told, beside the field.
    let told = ask(ada, "lamp from:\"Grace Hoper\"", "").await.expect(200).json();
    assert!(told["hints"][0].as_str().is_some_and(|hint| hint.starts_with("Nobody is called “grace hoper”")), "{told}");
    assert!(ask(ada, "lamp from:lovelace", "").await.json().get("hints").is_none());
    let page = ada.get("/search?q=from:nobody+in:nowhere").await.expect(200).body.clone();
    assert!(page.contains("Nobody is called “nobody”") && page.contains("You can see no room of the name after in:"), "{page}");
    assert_eq!(find(&sockets[1].0, "mentions:lovelace").await, Vec::<String>::new());
}

#[apply(both)]
async fn pinned_messages_are_found_and_only_where_they_may_be_read(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Vault", "private").await;
    let (socket, _) = ada.join("general").await;
    socket.ok("join", serde_json::json!({ "room": room })).await;
    say(&socket, "general", &["lamp one", "lampshade two", "lamp three"]).await;
    say(&socket, &room, &["lamp in the vault"]).await;
    for (room, body) in [("general", "lamp one"), ("general", "lampshade"), (&*room, "vault")] {
        let found = ask(&ada, body, "").await.json();
        let at = found["results"][0]["message"]["seq"].clone();
        ada.post(&format!("/rooms/{room}/{at}/pin"), &[("on", "true")]).await.expect(303);
    }
    assert_eq!(find(&ada, "is:pinned").await, ["lamp in the vault", "lampshade two", "lamp one"]);
    assert_eq!(find(&ada, "lamps is:pinned").await, ["lampshade two"]);
    assert_eq!(find(&ada, "lamp is:pinned in:general").await, ["lampshade two", "lamp one"]);
    assert_eq!(find(&ada, "lamp -is:pinned").await, ["lamp three"]);
    assert_eq!(find(&grace, "is:pinned").await, ["lampshade two", "lamp one"]);
    assert_eq!(find_live(&socket, "is:pinned -in:general").await, ["lamp in the vault"]);
}

#[apply(both)]
async fn results_are_counted_as_far_as_that_is_cheap(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let words: Vec<_> = (0..23).map(|number| format!("lamp {number}")).collect();
    say(&socket, "general", &words.iter().map(|word| &**word).collect::<Vec<_>>()).await;
    let count = async |q: &str, rest: &str| ask(&ada, q, rest).await.expect(200).json()["count"].clone();
    assert_eq!(count("lamp", "&count=true").await, serde_json::json!({ "results": 23, "more": false }));
    assert_eq!(count("lamp", "&order=best").await, serde_json::json!({ "results": 23, "more": false }));
    assert_eq!(count("22", "").await, serde_json::json!({ "results": 1, "more": false }));
    // Nobody asked, and it is not known.
    assert!(count("lamp", "").await.is_null());
    let live = socket.ok("search", serde_json::json!({ "q": "lamp", "count": true, "tz": "Asia/Tokyo" })).await;
    assert_eq!(live["count"]["results"], 23);
    assert_eq!(socket.refused("search", serde_json::json!({ "q": "lamp", "tz": "Nowhere/Land" })).await, "invalid");
    let next = live["next"].as_str().expect("a next page");
    assert!(count("lamp", &format!("&count=true&before={}", encode(next))).await.is_null());
    assert!(ada.get("/search?q=lamp").await.body.contains("23 results"));
}

#[apply(both)]
async fn links_and_unknown_operators(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(
        &socket,
        "general",
        &["see https://example.com now", "see [this](http://example.org) now", "see nothing now", "has wings now"],
    )
    .await;
    assert_eq!(find(&ada, "now has:link").await, ["see [this](http://example.org) now", "see https://example.com now"]);
    assert_eq!(find(&ada, "has:link").await.len(), 2);
    assert_eq!(find(&ada, "now -has:link").await, ["has wings now", "see nothing now"]);
    assert_eq!(find(&ada, "has:wings").await, ["has wings now"]);
    assert_eq!(find(&ada, "see:nothing").await, ["see nothing now"]);
}

#[apply(both)]
async fn days_narrow_a_search_where_the_reader_is(app: &TestApp) {
    let ada = app.register("ada").await;
    let mut days = Vec::new();
    for number in 0..4 {
        let (socket, _) = ada.join("general").await;
        let message = socket.post("general", &format!("day {number}"), &format!("d{number}")).await;
        days.push(message["created_at"].as_str().expect("a time")[..10].to_owned());
        app.pass(DAY * 2);
        ada.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
    }
    let found = async |q: &str| find(&ada, &q.replace("D1", &days[1]).replace("D2", &days[2])).await;
    assert_eq!(found("day on:D1").await, ["day 1"]);
    assert_eq!(found("day before:D1").await, ["day 0"]);
    assert_eq!(found("day after:D1").await, ["day 3", "day 2"]);
    assert_eq!(found("day after:D1 before:D2").await, Vec::<String>::new());
    assert_eq!(found("after:D1").await, ["day 3", "day 2"]);
    assert_eq!(found("-before:D2 -after:D2").await, ["day 2"]);
    assert_eq!(found("on:today").await, Vec::<String>::new());
    assert_eq!(found("day before:yesterday").await.len(), 4);
    assert_eq!(found("day before:1 day ago").await.len(), 4);
    assert_eq!(found("day on:8 days ago").await, ["day 0"]);
    assert_eq!(found("day after:9-days-ago before:5-days-ago").await, ["day 1", "day 0"]);
    for wrong in [
        "on:soon",
        "before:2026-02-30",
        "after:20261122",
        "day on:2026-1-32",
        "-on:today",
        "before:+999999-01-01",
        "after:9999-12-31",
    ] {
        let error = ask(&ada, wrong, "").await.expect(422).json();
        assert_eq!((&error["error"]["code"], &error["error"]["field"]), (&"invalid".into(), &"q".into()), "{wrong}");
    }
}

#[apply(both)]
async fn mentions_of_me_are_what_addresses_me(app: &TestApp) {
    let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
    let (of_grace, _) = grace.join("general").await;
    say(&of_grace, "general", &["@room before ada came"]).await;
    let (_of_ada, _) = ada.join("general").await;
    say(&of_grace, "general", &["@ada come and see", "ada without a sign", "@eve you too", "@room everybody"]).await;
    assert_eq!(find(&ada, "mentions:me").await, ["@room everybody", "@ada come and see"]);
    assert_eq!(find(&ada, "mentions:me come").await, ["@ada come and see"]);
    assert_eq!(find(&ada, "-mentions:me -from:ada").await, ["@eve you too", "ada without a sign", "@room before ada came"]);
    assert_eq!(find(&ada, "mentions:@eve").await, ["@eve you too"]);
    assert_eq!(find(&eve, "mentions:me").await, ["@eve you too"]);
    assert_eq!(find(&grace, "mentions:me").await, Vec::<String>::new());
    assert_eq!(find(&grace, "mentions:room").await, ["@room everybody", "@room before ada came"]);
}
