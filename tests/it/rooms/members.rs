//! The list of a room's members, and the pages of a long one.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Person, TestApp};

fn usernames(answer: &Value) -> Vec<String> {
    let members = answer["members"].as_array().expect("members");
    members.iter().map(|it| it["person"]["username"].as_str().expect("a username").to_owned()).collect()
}

/// More people in a private room than a page holds, beside its owner.
async fn fill(app: &TestApp, owner: &Person, room: &str) {
    for number in 0..55 {
        let username = format!("p{number:02}");
        app.register(&username).await;
        owner.post(&format!("/rooms/{room}/members"), &[("username", &username)]).await.expect(303);
    }
}

#[apply(both)]
async fn a_long_list_is_read_a_page_at_a_time(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Hall", "private").await;
    fill(app, &ada, &room).await;
    app.register("outsider").await;
    let members = format!("/rooms/{room}/members");
    let first = ada.get_json(&members).await.expect(200).json();
    assert_eq!((first["more"].clone(), usernames(&first).len()), (json!(true), 50));
    let next = first["next"].as_str().expect("there are more");
    let second = ada.get_json(&format!("{members}?after={next}")).await.expect(200).json();
    assert_eq!((second["more"].clone(), second["next"].clone()), (json!(false), Value::Null));
    let mut expected: Vec<_> = (0..55).map(|number| format!("p{number:02}")).collect();
    expected.insert(0, "ada".to_owned());
    assert_eq!([usernames(&first), usernames(&second)].concat(), expected);
    // The pages lead to each other.
    let page = ada.get(&members).await.expect(200).body.clone();
    assert!(page.contains(&format!("href=\"{members}?after={next}\" rel=\"next\"")) && !page.contains("First page"), "{page}");
    let page = ada.get(&format!("{members}?after={next}")).await.expect(200).body.clone();
    assert!(page.contains("First page") && page.contains("@p54") && !page.contains("rel=\"next\""), "{page}");
}

#[apply(both)]
async fn members_are_found_by_a_part_of_their_name_and_nobody_else_is(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    app.register("gracious").await;
    let room = ada.create_room("Circle", "private").await;
    let members = format!("/rooms/{room}/members");
    ada.post(&members, &[("username", "grace")]).await.expect(303);
    for (q, expected) in [("gra", vec!["grace"]), ("@GRACE", vec!["grace"]), ("", vec!["ada", "grace"]), ("gracious", vec![])] {
        let found = ada.get_json(&format!("{members}?q={q}")).await.expect(200).json();
        assert_eq!(usernames(&found), expected, "{q}");
    }
    let found = ada.get_json(&format!("{members}?q=grace")).await.json();
    let since = found["members"][0]["joined_at"].clone();
    let person = json!({ "id": found["members"][0]["person"]["id"], "username": "grace", "name": "grace", "role": "member" });
    assert!(since.is_string(), "{found}");
    assert_eq!(
        found["members"],
        json!([{ "person": person, "joined_at": since, "role": "member", "status": "", "online": false }])
    );
    assert!(ada.get(&format!("{members}?q=gracious")).await.expect(200).body.contains("No members found"));
    let short = ada.get(&members).await.expect(200).body.clone();
    assert!(!short.contains("role=\"search\""), "where one sees everybody, there is nothing to look for");
    for odd in ["q=a%00b", "after=a%00b", &format!("q={}", "x".repeat(65))] {
        ada.get(&format!("{members}?{odd}")).await.expect(422);
    }
    grace.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    grace.get_json(&format!("{members}?q=ada")).await.expect(404);
    app.stranger().get_json(&format!("{members}?q=ada")).await.expect(401);
}

#[apply(both)]
async fn who_sends_somebody_out_stays_where_they_found_them(app: &TestApp) {
    let (ada, _) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Circle", "private").await;
    let members = format!("/rooms/{room}/members");
    ada.post(&members, &[("username", "grace")]).await.expect(303);
    let found = ada.get(&format!("{members}?q=gra")).await.expect(200).body.clone();
    let remove = format!("{members}/grace/remove?q=gra");
    assert!(found.contains(&format!("action=\"{remove}\"")), "{found}");
    assert_eq!(ada.post(&remove, &[]).await.expect(303).location(), format!("{members}?q=gra"));
    // Whatever the address says, one stays in Parlor.
    ada.post(&members, &[("username", "grace")]).await.expect(303);
    let odd = ada.post(&format!("{members}/grace/remove?q=%0d%0aSet-Cookie:x&after=//elsewhere.example"), &[]).await;
    assert_eq!(odd.expect(303).location(), format!("{members}?q=Set-Cookie%3Ax&after=%2F%2Felsewhere.example"));
}
