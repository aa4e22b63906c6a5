//! What a new account is a member of, and where it lands.

use serde_json::json;

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Database, Person, process};

/// The notices of a room: who joined or left it, in order.
async fn notices(reader: &Person, room: &str) -> Vec<(String, String)> {
    let page = reader.get_json(&format!("/rooms/{room}?limit=200")).await.expect(200).json();
    let messages = page["messages"].as_array().expect("a list").clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let all = messages.iter().map(|message| (text(&message["kind"]), text(&message["author"]["username"])));
    all.filter(|(kind, _)| kind != "text").collect()
}

/// The rooms that somebody is a member of.
async fn own_rooms(person: &Person) -> Vec<String> {
    let listed = person.get_json("/rooms?mine=yes").await.expect(200).json();
    let rooms = listed["rooms"].as_array().expect("a list").iter();
    rooms.filter_map(|row| row["room"]["slug"].as_str().map(str::to_owned)).collect()
}

async fn lands(person: &Person) -> String {
    person.get("/").await.expect(303).location()
}

#[apply(both)]
async fn whoever_registers_is_in_general_and_sees_it_first(database: &Database) {
    let server = Server::start(database.url(), &[("DEFAULT_ROOMS", "general")]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    assert_eq!(lands(&ada).await, "/rooms/general");
    assert_eq!((own_rooms(&ada).await, own_rooms(&grace).await), (vec!["general".to_owned()], vec!["general".to_owned()]));
    let both = [("joined", "ada"), ("joined", "grace")].map(|(kind, who)| (kind.to_owned(), who.to_owned()));
    assert_eq!(notices(&ada, "general").await, both);
    // Whatever joined by itself until now goes on doing so, and nothing comes of it.
    ada.enter("general").await;
    let (socket, joined) = grace.join("general").await;
    assert_eq!(joined["head"]["seq"], json!(2));
    assert_eq!(notices(&ada, "general").await, both);
    ada.write("general", "Hello!").await.expect(303);
    socket.hears("Hello!").await;
    // What one has left stays left.
    ada.post("/rooms/general/leave", &[]).await.expect(303);
    let ada = server.log_in("ada").await;
    lands(&ada).await;
    assert!(own_rooms(&ada).await.is_empty());
}

#[apply(both)]
async fn the_first_of_the_rooms_that_are_there_and_public_is_where_one_lands(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    assert_eq!((lands(&ada).await, own_rooms(&ada).await), ("/rooms".to_owned(), Vec::new()), "none is a setting as well");
    let (news, inner) = (ada.create_room("News", "public").await, ada.create_room("Inner", "private").await);
    server.stop().await;
    let rooms = format!("nowhere,{inner},{news},general");
    let server = Server::start(database.url(), &[("DEFAULT_ROOMS", &rooms)]).await;
    let grace = server.register("grace").await;
    assert_eq!(lands(&grace).await, format!("/rooms/{news}"));
    assert_eq!(own_rooms(&grace).await, ["general".to_owned(), news]);
    grace.get(&format!("/rooms/{inner}")).await.expect(404);
}

#[apply(both)]
async fn what_a_crash_left_undone_is_done_when_they_come_back(database: &Database) {
    let server = Server::start(database.url(), &[("DEFAULT_ROOMS", "general")]).await;
    let ada = server.register("ada").await;
    let undone = "update users set is_new = true, last_room_id = null; delete from memberships";
    database.run(undone).await;
    assert_eq!(lands(&ada).await, "/rooms/general");
    assert_eq!(own_rooms(&ada).await, ["general"]);
    database.run(undone).await;
    let ada = server.log_in("ada").await;
    assert_eq!(own_rooms(&ada).await, ["general"]);
    database.check_rooms().await;
}

#[apply(both)]
async fn who_was_added_by_hand_joins_when_they_log_in(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    let server = process::start(database.folder(), database.url(), &[]).await;
    let added = process::run(database.folder(), &["user", "add", "ada"], &settings, PASSWORD).await;
    assert_eq!(added.status, Some(0), "{added:?}");
    let grace = server.register("grace").await;
    assert_eq!(notices(&grace, "general").await, [("joined".to_owned(), "grace".to_owned())]);
    let ada = server.log_in("ada").await;
    assert_eq!(lands(&ada).await, "/rooms/general");
    assert_eq!(notices(&grace, "general").await[1], ("joined".to_owned(), "ada".to_owned()));
}

#[apply(both)]
async fn of_a_default_room_that_is_not_there_one_is_warned(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[("DEFAULT_ROOMS", "general,nowhere")]).await;
    server.signal("TERM").await;
    server.end().await;
    let said = server.all_stderr().await;
    assert!(said.contains("DEFAULT_ROOMS: there is no public room /rooms/nowhere") && !said.contains("/rooms/general"), "{said}");
}
