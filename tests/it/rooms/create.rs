//! Making rooms and finding them.

use serde_json::json;

use crate::both;
use crate::harness::{Answer, TestApp};

#[apply(both)]
async fn a_room_called_general_is_there_from_the_start(app: &TestApp) {
    let ada = app.register("ada").await;
    assert!(ada.get("/rooms").await.expect(200).body.contains("/rooms/general"));
    let (_, joined) = ada.join("general").await;
    assert_eq!(joined["room"]["slug"], "general");
    assert_eq!(joined["room"]["visibility"], "public");
}

#[apply(both)]
async fn who_makes_a_room_is_in_it_and_its_history_says_so(app: &TestApp) {
    let ada = app.register("ada").await;
    let fields = [("name", "The Observatory"), ("topic", "What we see tonight"), ("visibility", "public")];
    let place = ada.post("/rooms", &fields).await.expect(303).location();
    assert_eq!(place, "/rooms/the-observatory");
    let page = ada.get_json(&place).await.expect(200).json();
    assert_eq!(page["room"]["name"], "The Observatory");
    assert_eq!(page["room"]["topic"], "What we see tonight");
    assert_eq!(page["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!((&page["messages"][0]["kind"], &page["messages"][0]["seq"]), (&json!("joined"), &json!(1)));
    assert_eq!(page["messages"][0]["author"]["username"], "ada");
}

#[apply(both)]
async fn a_second_room_of_one_name_is_refused_with_a_link_to_the_first(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    ada.create_room("Tea  room", "public").await;
    for name in ["General", " general ", "GENERAL", "Ｇｅｎｅｒａｌ", "tea room", "Tea Room"] {
        let fields = [("name", name), ("topic", "kept"), ("visibility", "private")];
        let page = eve.post("/rooms", &fields).await.expect(422).body.clone();
        let (slug, first) = if name.starts_with(['t', 'T']) { ("tea-room", "Tea") } else { ("general", "general") };
        assert!(page.contains(&format!("<a href=\"/rooms/{slug}\">Open {first}")), "{name}: {page}");
        assert!(page.contains(">kept</textarea>"), "what was typed stays");
        let error = eve.form("/rooms", &fields).header("accept", "application/json");
        let error = Answer::of(error).await.expect(422).json();
        assert_eq!((&error["error"]["code"], &error["error"]["field"]), (&json!("invalid"), &json!("name")));
    }
    // Nor does a room get another one's name later, but its own in other letters.
    let room = eve.create_room("Coffee", "public").await;
    let rename = async |name: &str| eve.post(&format!("/rooms/{room}/settings"), &[("name", name)]).await;
    assert_eq!(rename("tea room").await.status, 422);
    rename("COFFEE").await.expect(303);
    // What one may not see takes no name.
    ada.create_room("Vault", "private").await;
    eve.create_room("Vault", "private").await;
}

#[apply(both)]
async fn rooms_whose_names_are_alike_have_slugs_of_their_own(app: &TestApp) {
    let ada = app.register("ada").await;
    let mut slugs = std::collections::BTreeSet::new();
    for name in ["Tea", "tea?", "TEA!", "General!", "日本", "Ночь", "...", "🦀"] {
        let slug = ada.create_room(name, "public").await;
        assert!(slug.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{slug}");
        let page = ada.get_json(&format!("/rooms/{slug}")).await.expect(200).json();
        assert_eq!(page["room"]["name"], name);
        assert!(slugs.insert(slug), "{name} has a slug that is taken");
    }
}

#[apply(both)]
async fn a_private_room_is_not_given_away_by_the_slug_of_another(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let vault = ada.create_room("Vault", "private").await;
    assert_ne!(vault, "vault", "a private room leaves the plain slug to others");
    assert_eq!(eve.create_room("Vault", "public").await, "vault");
    // From here on there is a public one, which everybody sees: a second one has an end like that of a private one.
    let ends = [vault, eve.create_room("vault!", "public").await, eve.create_room("VAULT?", "private").await];
    for slug in &ends {
        let end = slug.strip_prefix("vault-").unwrap_or_default();
        assert!(end.len() == 6 && end.chars().all(|c| c.is_ascii_alphanumeric()), "{ends:?}");
    }
    assert_eq!(ends.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
}

#[apply(both)]
async fn a_public_room_is_found_by_everybody_and_a_private_one_by_its_members(app: &TestApp) {
    let ada = app.register("ada").await;
    let grace = app.register("grace").await;
    let open = ada.create_room("Open house", "public").await;
    let closed = ada.create_room("Closed circle", "private").await;
    let (hers, others) = (ada.get("/rooms").await.body, grace.get("/rooms").await.body);
    assert!(hers.contains(&format!("/rooms/{open}")) && hers.contains(&format!("/rooms/{closed}")));
    assert!(others.contains(&format!("/rooms/{open}")));
    assert!(!others.contains(&closed) && !others.contains("Closed circle"));
}

#[apply(both)]
async fn a_room_of_no_name_an_endless_one_or_an_odd_visibility_is_refused(app: &TestApp) {
    let ada = app.register("ada").await;
    let endless = "é".repeat(65);
    let endless_topic = "é".repeat(5000);
    let refused: [&[(&str, &str)]; 8] = [
        &[("name", ""), ("visibility", "public")],
        &[("name", "   "), ("visibility", "public")],
        &[("name", &endless), ("visibility", "public")],
        &[("name", "a\u{202E}b"), ("visibility", "public")],
        &[("name", "a\0b"), ("visibility", "public")],
        &[("name", "a\nb"), ("visibility", "public")],
        &[("name", "fine"), ("visibility", "secret")],
        &[("name", "fine"), ("topic", &endless_topic), ("visibility", "public")],
    ];
    for fields in refused {
        let status = ada.post("/rooms", fields).await.status;
        assert!(status == 422 || status == 400, "{fields:?}: {status}");
    }
    assert_eq!(app.database.rows("rooms").await.len(), 1);
}

#[apply(both)]
async fn of_many_rooms_of_one_name_made_at_once_one_is_made(app: &TestApp) {
    let ada = app.register("ada").await;
    let fields = [("name", "Rush"), ("visibility", "public")];
    let made = futures_util::future::join_all((0..8).map(|_| ada.post("/rooms", &fields))).await;
    let count = |status: u16| made.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(303), count(422)), (1, 7), "{made:?}");
    // Names that are only alike have slugs of their own, made at once too.
    let names = ["Rush!", "Rush?", "Rush.", "Rush:", "-Rush-", "Rush…", "(Rush)"];
    let made = futures_util::future::join_all(names.map(|name| ada.create_room(name, "public"))).await;
    assert_eq!(made.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len(), "{made:?}");
}

#[apply(both)]
async fn a_new_room_says_what_to_do_next(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let tea = ada.create_room("Tea", "public").await;
    let shows = async |reader: &crate::harness::Person| reader.get(&format!("/rooms/{tea}")).await.expect(200).body.clone();
    let (add, topic) = (format!("/rooms/{tea}/members#add"), format!("/rooms/{tea}/members#room-settings"));
    let page = shows(&ada).await;
    assert!(page.contains("No messages yet") && page.contains(&add) && page.contains(&topic), "{page}");
    let page = shows(&grace).await;
    assert!(page.contains("Join the room to write the first one.") && !page.contains(&add), "{page}");
    grace.enter(&tea).await;
    let page = shows(&grace).await;
    assert!(page.contains("Say hello") && !page.contains(&add), "{page}");
    ada.post(&format!("/rooms/{tea}/settings"), &[("topic", "Leaves")]).await.expect(303);
    let page = shows(&ada).await;
    assert!(page.contains(&add) && !page.contains(&topic), "{page}");
    grace.write(&tea, "hello").await.expect(303);
    assert!(!shows(&ada).await.contains("No messages yet"));
}
