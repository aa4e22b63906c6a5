//! The directory and the cards.

use serde_json::{Value, json};

use super::{ban, open};
use crate::both;
use crate::harness::TestApp;

const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'";

fn usernames(answer: &Value) -> Vec<String> {
    let people = answer["people"].as_array().expect("people");
    people.iter().map(|it| it["username"].as_str().expect("a username").to_owned()).collect()
}

#[apply(both)]
async fn everybody_is_in_the_directory_by_name_a_page_at_a_time(app: &TestApp) {
    let ada = app.register("ada").await;
    for number in 0..60 {
        app.register(&format!("p{number:02}")).await;
    }
    // Names that only a comparison of both columns keeps in order.
    for number in [3, 7, 30, 59] {
        app.log_in(&format!("p{number:02}")).await.post("/settings", &[("name", "Twin")]).await.expect(303);
    }
    let (mut all, mut path) = (Vec::new(), "/people".to_owned());
    let mut pages = 0;
    loop {
        let page = ada.get_json(&path).await.expect(200).json();
        all.extend(usernames(&page));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => path = format!("/people?after={next}"),
            None => break,
        }
    }
    assert_eq!((pages, all.len()), (2, 61));
    let mut each = all.clone();
    each.sort();
    each.dedup();
    assert_eq!(each.len(), 61);
    assert_eq!(all[57..], ["p03", "p07", "p30", "p59"].map(str::to_owned));
    let page = ada.get("/people").await.expect(200).body.clone();
    assert!(page.contains("rel=\"next\"") && page.contains("/people/p10"));
}

#[apply(both)]
async fn people_are_found_by_a_part_of_either_name(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let sofia = app.register("sofia").await;
    grace.post("/settings", &[("name", "Grace Hopper"), ("status", "Looking for a moth")]).await.expect(303);
    sofia.post("/settings", &[("name", "Софья 100%_точно")]).await.expect(303);
    for (q, expected) in [
        ("hopp", vec!["grace"]),
        ("HOPPER", vec!["grace"]),
        ("@gra", vec!["grace"]),
        ("a", vec!["ada", "grace", "sofia"]),
        ("Софья", vec!["sofia"]),
        ("%25_", vec!["sofia"]),
        ("%25", vec!["sofia"]),
        ("_", vec!["sofia"]),
        ("nobody", vec![]),
    ] {
        let found = ada.get_json(&format!("/people?q={q}")).await.expect(200).json();
        assert_eq!(usernames(&found), expected, "{q}");
    }
    let found = ada.get_json("/people?q=grace").await.json();
    let expected = json!({ "id": found["people"][0]["id"], "username": "grace", "name": "Grace Hopper", "role": "member",
        "status": "Looking for a moth", "online": false });
    assert_eq!(found["people"][0], expected);
    let _here = grace.socket().await;
    app.comes_to(json!(true), async || ada.get_json("/people?q=grace").await.json()["people"][0]["online"].clone()).await;
    assert!(ada.get("/people?q=nobody").await.body.contains("No one found"));
    for odd in ["/people?q=a%00b", &format!("/people?q={}", "x".repeat(65))] {
        assert_eq!(ada.get(odd).await.status, 422, "{odd}");
    }
    assert_eq!(usernames(&ada.get_json("/people?after=nobody").await.json()), Vec::<String>::new());
    assert_eq!(app.stranger().get_json("/people").await.status, 401);
}

#[apply(both)]
async fn a_card_shows_the_rooms_that_both_are_in_and_no_others(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let shared = grace.create_room("Shared circle", "private").await;
    let secret = grace.create_room("Secret circle", "private").await;
    let public = grace.create_room("Open house", "public").await;
    grace.post(&format!("/rooms/{shared}/members"), &[("username", "ada")]).await.expect(303);
    open(&ada, "grace").await;
    let card = ada.get_json("/people/grace").await.expect(200).json();
    let slugs: Vec<_> = card["rooms"].as_array().expect("rooms").iter().map(|room| room["slug"].clone()).collect();
    assert_eq!(slugs, [json!(shared)]);
    let page = ada.get("/people/grace").await.expect(200).body.clone();
    assert!(page.contains(&shared) && !page.contains(&secret) && !page.contains(&public), "{page}");
    assert!(page.contains("action=\"/people/grace/message\""));
    assert!(ada.get("/people/ada").await.body.contains("href=\"/settings\""));
    for path in ["/people/nobody", "/people/-", "/people/%00", "/people/a%20b"] {
        assert_eq!(ada.get(path).await.status, 404, "{path}");
    }
    assert_eq!(app.stranger().get("/people/ada").await.status, 303);
}

#[apply(both)]
async fn a_hostile_name_and_status_are_only_text(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    eve.post("/settings", &[("name", HOSTILE), ("status", HOSTILE)]).await.expect(303);
    let slug = open(&ada, "eve").await;
    eve.write(&slug, "hello").await.expect(303);
    eve.enter("general").await;
    let paths = ["/people", "/people/eve", "/direct", "/rooms/general/members", "/settings", &format!("/rooms/{slug}")];
    for path in paths {
        for person in [&ada, &eve] {
            let page = person.get(path).await.expect(200).body.clone();
            assert!(!page.contains("<img src=x"), "{path}");
        }
    }
    assert!(ada.get("/people/eve").await.body.contains("&#60;img src=x onerror=alert(1)&#62;"));
}

#[apply(both)]
async fn who_lost_their_access_is_said_to_have_quietly(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    eve.post("/settings", &[("status", "about to be rude")]).await.expect(303);
    ban(app, "eve").await;
    let page = ada.get("/people/eve").await.expect(200).body.clone();
    assert!(page.contains("<dd>Banned</dd>") && !page.contains("/people/eve/message"), "{page}");
    assert!(!page.contains("about to be rude"));
    assert_eq!(ada.get_json("/people/eve").await.json()["person"]["is_banned"], json!(true));
    assert_eq!(usernames(&ada.get_json("/people").await.json()), ["ada"]);
}
