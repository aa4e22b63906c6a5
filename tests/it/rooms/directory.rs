//! The list of rooms: a page at a time, by name, and no private room of others in it.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Person, TestApp};

fn names(answer: &Value) -> Vec<String> {
    let rooms = answer["rooms"].as_array().expect("rooms").iter();
    rooms.map(|listed| listed["room"]["name"].as_str().expect("a name").to_owned()).collect()
}

/// All pages of a list, by what each says is next.
async fn all(reader: &Person, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let after_this: String = form_urlencoded::byte_serialize(after.as_bytes()).collect();
        let answer = reader.get_json(&format!("/rooms?{query}&after={after_this}")).await.expect(200).json();
        pages.push(names(&answer));
        assert_eq!(answer["more"] == json!(true), answer["next"].is_string(), "{}", answer["next"]);
        match answer["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return pages,
        }
    }
}

#[apply(both)]
async fn a_long_list_of_rooms_is_read_a_page_at_a_time(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.fill_rooms("ada", "eve", 120).await;
    ada.create_room("Many a secret", "private").await;
    let pages = all(&eve, "").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 21]);
    let found = pages.concat();
    assert_eq!((found[0].as_str(), found[1].as_str(), found[120].as_str()), ("general", "Many 0001", "Many 0120"));
    assert!(!found.iter().any(|name| name.contains("secret")), "{found:?}");
    let own = all(&ada, "mine=yes").await.concat();
    assert_eq!(own.len(), 121);
    assert!(own.contains(&"Many a secret".to_owned()) && !own.contains(&"general".to_owned()));
    assert_eq!(all(&eve, "mine=yes").await, [Vec::<String>::new()]);
    // By a part of the name or of the slug.
    assert_eq!(all(&eve, "q=y+01").await.concat().len(), 21);
    assert_eq!(all(&eve, "q=%23MANY-0007").await.concat(), ["Many 0007"]);
    assert_eq!(all(&eve, "q=secret").await, [Vec::<String>::new()]);
    // The pages lead to each other.
    let page = eve.get("/rooms").await.expect(200).body.clone();
    let (_, rest) = page.split_once("href=\"/rooms?after=").expect("there is a next page");
    let next = format!("/rooms?after={}", rest.split('"').next().unwrap_or_default());
    assert!(page.contains("rel=\"next\">Next page</a>") && page.contains("Many 0049") && !page.contains("Many 0050"), "{page}");
    let page = eve.get(&next).await.expect(200).body.clone();
    assert!(page.contains("Many 0050") && page.contains("First page"), "{page}");
}

#[apply(both)]
async fn a_place_in_the_list_does_not_tell_of_a_room_of_others(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let hidden = ada.create_room("Middle", "private").await;
    for name in ["Alpha", "Omega"] {
        ada.create_room(name, "public").await;
    }
    for slug in [hidden.as_str(), "middle-000000", "nothing"] {
        eve.get_json(&format!("/rooms?after={slug}")).await.expect(422);
        let behind = eve.get_json(&format!("/rooms?after={slug}~middle")).await.expect(200).json();
        assert_eq!(names(&behind), ["Omega"], "{slug}");
    }
    for wrong in ["after=%00~x", "q=%00", "mine=maybe", "joined=x", "archived=7", &format!("q={}", "x".repeat(65))] {
        eve.get_json(&format!("/rooms?{wrong}")).await.expect(422);
    }
}

#[apply(both)]
async fn the_directory_has_a_button_to_join_and_a_way_into_ones_own(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let tea = ada.create_room("Tea", "public").await;
    let join = format!("action=\"/rooms/{tea}/join\"");
    assert!(eve.get("/rooms").await.body.contains(&join));
    assert!(!ada.get("/rooms").await.body.contains(&join));
    let listed = eve.get_json("/rooms").await.json();
    let row = listed["rooms"].as_array().and_then(|rooms| rooms.iter().find(|it| it["room"]["slug"] == json!(tea))).cloned();
    assert_eq!(row.map(|row| (row["is_member"].clone(), row["members"].clone())), Some((json!(false), json!(1))));
    eve.enter(&tea).await;
    assert!(!eve.get("/rooms").await.body.contains(&join));
}

#[apply(both)]
async fn rooms_are_sorted_by_name_by_members_or_by_who_spoke_last(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.fill_rooms("ada", "eve", 120).await;
    let (tea, zoo) = (ada.create_room("Tea", "public").await, ada.create_room("Zoo", "public").await);
    eve.enter(&zoo).await;
    // In the order that was asked for, and by name where that says nothing.
    let pages = all(&eve, "sort=members").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 23]);
    let found = pages.concat();
    assert_eq!(
        (found[0].as_str(), found[1].as_str(), found[121].as_str(), found[122].as_str()),
        ("Zoo", "Many 0001", "Tea", "general")
    );
    let mut once = found.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), 123, "each once");
    app.pass(std::time::Duration::from_secs(60));
    ada.write(&tea, "a cup, anybody?").await.expect(303);
    let found = all(&eve, "sort=activity").await.concat();
    assert_eq!((found[0].as_str(), found.len()), ("Tea", 123));
    let page = eve.get("/rooms?sort=activity").await.expect(200).body.clone();
    assert!(page.contains("Active just now"), "{page}");
    assert!(
        page.contains("href=\"/rooms?sort=members\"") && page.contains("href=\"/rooms?sort=activity&amp;after=")
            || page.contains("sort=activity&#38;after="),
        "{page}"
    );
    assert_eq!(all(&eve, "sort=name").await.concat(), all(&eve, "").await.concat());
    assert_eq!(eve.get_json("/rooms?sort=age").await.expect(422).json()["error"]["field"], "sort");
}

#[apply(both)]
async fn one_can_see_only_what_one_can_join(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let tea = ada.create_room("Tea", "public").await;
    ada.create_room("Attic", "private").await;
    assert_eq!(all(&eve, "joined=no").await, [["general", "Tea"]]);
    eve.enter(&tea).await;
    assert_eq!(all(&eve, "joined=no").await, [["general"]]);
    assert_eq!(all(&ada, "joined=no&sort=members").await, [["general"]]);
    eve.enter("general").await;
    let page = eve.get("/rooms?joined=no").await.expect(200).body.clone();
    assert!(page.contains("You’ve joined every room") && page.contains("href=\"/rooms#create\""), "{page}");
}

#[apply(both)]
async fn who_looks_for_a_room_that_there_is_not_can_make_it(app: &TestApp) {
    let eve = app.register("eve").await;
    let page = eve.get("/rooms?q=%3Cb%3EZoo").await.expect(200).body.clone();
    assert!(page.contains("No room matches “<bdi>&#60;b&#62;Zoo</bdi>”"), "{page}");
    assert!(page.contains("href=\"#create\">create it</a>") && page.contains("name=\"name\" value=\"&#60;b&#62;Zoo\""), "{page}");
    let own = eve.get("/rooms?q=zoo&mine=yes").await.expect(200).body.clone();
    assert!(own.contains("None of your rooms match") && own.contains("href=\"/rooms?q=zoo\""), "{own}");
}
