//! The edit history of a message: its pages, how many revisions are kept, and who may read it.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Person, Socket, TestApp};

/// Edits a message so often, as fast as it is acknowledged in hundreds: its words become `version 1`, `version 2`, …
async fn edit(socket: &Socket, room: &str, seq: &Value, versions: impl Iterator<Item = usize>) {
    let mut versions = versions.peekable();
    while versions.peek().is_some() {
        let mut pending = Vec::new();
        for version in versions.by_ref().take(100) {
            let data = json!({ "room": room, "seq": seq, "body": format!("version *{version}*") });
            pending.push(socket.send("edit", data).await);
        }
        for one in pending {
            let answer = one.acknowledgement().await;
            assert_eq!(answer["ok"], true, "{answer}");
        }
    }
}

/// Which versions a page holds.
fn versions(page: &Value) -> Vec<usize> {
    let list = page["revisions"].as_array().unwrap_or_else(|| panic!("no revisions: {page}"));
    let number = |body: &str| body.trim_start_matches("version *").trim_end_matches('*').parse().expect("a number");
    list.iter().map(|it| number(it["body"].as_str().expect("words"))).collect()
}

/// All pages from the newest on, as event and as JSON, which must be the same.
async fn pages(person: &Person, socket: &Socket, room: &str, seq: &Value) -> Vec<Vec<usize>> {
    let (mut pages, mut before) = (Vec::new(), Value::Null);
    loop {
        let mut page = socket.ok("revisions", json!({ "room": room, "seq": seq, "before": before })).await;
        let query = before.as_i64().map(|before| format!("?before={before}")).unwrap_or_default();
        let same = person.get_json(&format!("/rooms/{room}/{seq}/history{query}")).await.expect(200).json();
        page.as_object_mut().expect("an object").remove("ok");
        assert_eq!(page, same);
        pages.push(versions(&page));
        if page["more"] == json!(false) {
            assert_eq!(page["next"], Value::Null);
            return pages;
        }
        before = page["next"].clone();
    }
}

#[apply(everywhere)]
async fn it_is_kept_for_the_author_and_for_administrators(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    let message = socket.post("general", "the *first* words", "1").await;
    let seq = &message["seq"];
    for body in ["the second words", "the third words", "the third words"] {
        socket.ok("edit", json!({ "room": "general", "seq": seq, "body": body })).await;
    }
    let asked = json!({ "room": "general", "seq": seq });
    let history = socket.ok("revisions", asked.clone()).await["revisions"].take();
    let bodies: Vec<_> = history.as_array().expect("a list").iter().map(|it| it["body"].as_str().expect("words")).collect();
    assert_eq!(bodies, ["the second words", "the *first* words"]);
    assert!(history[1]["html"].as_str().expect("html").contains("<em>first</em>"));
    assert_eq!(history[1]["written_at"], message["created_at"]);
    let page = format!("/rooms/general/{seq}/history");
    assert!(ada.get(&page).await.expect(200).body.contains("<em>first</em>"));
    assert_eq!(ada.get_json(&page).await.expect(200).json()["revisions"], history);
    // Nobody else, whichever page they ask for.
    for (before, query) in [(Value::Null, ""), (json!(99), "?before=99"), (json!(1), "?before=1")] {
        let asked = json!({ "room": "general", "seq": seq, "before": before });
        assert_eq!(other.refused("revisions", asked).await, "forbidden");
        let page = format!("{page}{query}");
        assert_eq!(grace.get(&page).await.status, 403);
        assert!(!grace.get(&page).await.body.contains("<em>first</em>"));
        assert_eq!(grace.get_json(&page).await.expect(403).code(), "forbidden");
    }
    app.database.make_admin("grace").await;
    assert_eq!(other.ok("revisions", asked).await["revisions"], history);
}

#[apply(everywhere)]
async fn it_comes_in_pages_of_twenty_newest_first(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "version *0*", "1").await["seq"].take();
    // Another message's history stays out of it.
    let other = socket.post("general", "version *99*", "2").await["seq"].take();
    edit(&socket, "general", &seq, 1..=45).await;
    edit(&socket, "general", &other, 100..=101).await;
    let all: Vec<Vec<usize>> = [(25..45).rev().collect(), (5..25).rev().collect(), (0..5).rev().collect()].into();
    assert_eq!(pages(&ada, &socket, "general", &seq).await, all);
    assert_eq!(pages(&ada, &socket, "general", &other).await, [vec![100, 99]]);

    // The same by the links of the page, there and back.
    let history = format!("/rooms/general/{seq}/history");
    let link = |page: &str, rel: &str| {
        let before = page.split_once(&format!("\" rel=\"{rel}\""))?.0;
        Some(before.rsplit_once("href=\"").expect("a link").1.to_owned())
    };
    let shows = |page: &str, number: usize| page.contains(&format!("version <em>{number}</em>"));
    let newest = ada.get(&history).await.expect(200).body.clone();
    assert!(shows(&newest, 45) && shows(&newest, 44) && shows(&newest, 25) && !shows(&newest, 24), "{newest}");
    assert_eq!(link(&newest, "prev"), None);
    let middle = ada.get(&link(&newest, "next").expect("older ones")).await.expect(200).body.clone();
    assert!(shows(&middle, 24) && shows(&middle, 5) && !shows(&middle, 25) && !shows(&middle, 4), "{middle}");
    assert!(!middle.contains("Original"));
    let oldest = ada.get(&link(&middle, "next").expect("older ones")).await.expect(200).body.clone();
    assert!(shows(&oldest, 4) && shows(&oldest, 0) && !shows(&oldest, 5) && oldest.contains("Original"), "{oldest}");
    assert_eq!(link(&oldest, "next"), None);
    let back = ada.get(&link(&oldest, "prev").expect("newer ones")).await.expect(200).body.clone();
    assert!(shows(&back, 24) && shows(&back, 5) && !shows(&back, 25), "{back}");
    let top = ada.get(&link(&back, "prev").expect("newer ones")).await.expect(200).body.clone();
    assert!(shows(&top, 44) && shows(&top, 25) && link(&top, "prev").is_none(), "{top}");
}

#[apply(everywhere)]
async fn a_place_that_is_none_is_refused_and_one_beyond_the_end_is_empty(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "version *0*", "1").await["seq"].take();
    edit(&socket, "general", &seq, 1..=3).await;
    let history = format!("/rooms/general/{seq}/history");
    for (data, query) in [
        (json!({ "before": "one" }), "?before=one"),
        (json!({ "after": 1.5 }), "?after=1.5"),
        (json!({ "before": -1 }), "?before=-1"),
        (json!({ "before": 3, "after": 1 }), "?before=3&after=1"),
    ] {
        let mut data = data;
        data["room"] = json!("general");
        data["seq"] = seq.clone();
        assert_eq!(socket.refused("revisions", data).await, "invalid");
        assert_eq!(ada.get(&format!("{history}{query}")).await.status, 422);
        assert_eq!(ada.get_json(&format!("{history}{query}")).await.expect(422).code(), "invalid");
    }
    let empty = socket.ok("revisions", json!({ "room": "general", "seq": seq, "before": 0 })).await;
    assert_eq!((&empty["revisions"], &empty["more"]), (&json!([]), &json!(false)));
    ada.get(&format!("{history}?before=0")).await.expect(200);
    ada.get(&format!("{history}?after={}", i64::MAX)).await.expect(200);
}

#[apply(everywhere)]
async fn a_page_of_long_revisions_ends_early_and_nothing_is_left_out(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let words = |number: usize| format!("{number} {}", "[](b.co)".repeat(990));
    let seq = socket.post("general", &words(0), "1").await["seq"].take();
    for number in 1..=30 {
        socket.ok("edit", json!({ "room": "general", "seq": seq, "body": words(number) })).await;
    }
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let answer = ada.get_json(&format!("/rooms/general/{seq}/history?before={before}")).await;
        assert!(answer.expect(200).body.len() <= (1 << 20) + 100, "{} bytes", answer.body.len());
        let page = answer.json();
        let bodies = page["revisions"].as_array().expect("a list").iter();
        seen.extend(bodies.map(|it| it["body"].as_str().expect("words").to_owned()));
        if page["more"] == json!(false) {
            break;
        }
        before = page["next"].to_string();
    }
    assert_eq!(seen, (0..30).rev().map(words).collect::<Vec<_>>());
}

#[apply(everywhere)]
async fn the_first_hundred_and_the_last_hundred_are_kept(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "version *0*", "1").await["seq"].take();
    let other = socket.post("general", "version *0*", "2").await["seq"].take();
    edit(&socket, "general", &other, 1..=150).await;
    edit(&socket, "general", &seq, 1..=200).await;
    let kept = pages(&ada, &socket, "general", &seq).await.concat();
    assert_eq!(kept, (0..200).rev().collect::<Vec<_>>());
    // One by one, and many in one batch.
    edit(&socket, "general", &seq, 201..=201).await;
    let kept = pages(&ada, &socket, "general", &seq).await.concat();
    assert_eq!(kept, (101..=200).rev().chain((0..100).rev()).collect::<Vec<_>>());
    edit(&socket, "general", &seq, 202..=650).await;
    let kept = pages(&ada, &socket, "general", &seq).await.concat();
    assert_eq!(kept, (550..650).rev().chain((0..100).rev()).collect::<Vec<_>>());
    assert_eq!(app.database.rows("revisions").await.len(), 200 + 150);
    // The others' are their own.
    assert_eq!(pages(&ada, &socket, "general", &other).await.concat(), (0..150).rev().collect::<Vec<_>>());
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    assert_eq!(socket.ok("revisions", json!({ "room": "general", "seq": seq })).await["revisions"], json!([]));
    assert_eq!(app.database.rows("revisions").await.len(), 150);
}

#[apply(everywhere)]
async fn a_deletion_takes_it_along(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "swordfish", "1").await["seq"].take();
    socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "marlin @ada" })).await;
    assert_eq!(app.database.rows("revisions").await.len(), 1);
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    for table in ["messages", "revisions", "mentions"] {
        let rows = format!("{:?}", app.database.rows(table).await);
        assert!(!rows.contains("swordfish") && !rows.contains("marlin"), "{table}: {rows}");
    }
    assert_eq!(socket.ok("revisions", json!({ "room": "general", "seq": seq })).await["revisions"], json!([]));
}
