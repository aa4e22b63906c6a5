//! An export of everything, imported into an empty database: whoever reads there reads the same.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::{count, import, is_whole, report, serve};
use crate::both;
use crate::export::{exported, live};
use crate::files::portraits::{GREEN, give_icon, give_photo, is_like, middle};
use crate::harness::process::run;
use crate::harness::site::PASSWORD;
use crate::harness::{Database, Person, Server, history};

/// The people of the exported server who read on the other one.
const READERS: [&str; 2] = ["ada", "eve"];
/// What an import adds to.
const TABLES: [&str; 8] = ["users", "rooms", "memberships", "messages", "reactions", "revisions", "files", "room_bans"];

/// These fields of an object; null where it has none.
fn pick(value: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| (*field, value[*field].clone())).collect()
}

/// What somebody reads of a message, with the bytes of its files, its replies and its earlier texts. Numbers and names that a server gives
/// out for itself are left out.
async fn read_message(person: &Person, path: &str, message: &Value) -> Value {
    let mut read = pick(
        message,
        &["seq", "kind", "body", "html", "created_at", "edited_at", "deleted_at", "reply_to", "mentions", "pinned", "reactions"],
    );
    read["author"] = pick(&message["author"], &["username", "name"]);
    let mut files = Vec::new();
    for attachment in message["attachments"].as_array().into_iter().flatten() {
        let mut file = pick(attachment, &["name", "type", "bytes", "alt"]);
        file["content"] = person.get(attachment["url"].as_str().expect("a path")).await.expect(200).body.clone().into();
        files.push(file);
    }
    read["files"] = files.into();
    if message["edited_at"].is_string() && message["author"]["username"] == json!(person.username) {
        let earlier = person.get_json(&format!("{path}/{}/history", message["seq"])).await.expect(200).json();
        let earlier = earlier["revisions"].as_array().expect("revisions").iter();
        read["earlier"] = earlier.map(|revision| pick(revision, &["body", "written_at"])).collect();
    }
    read
}

/// All rooms that somebody sees, by their names: who is in them, what their owners have set, and what was said.
async fn read(person: &Person) -> BTreeMap<String, Value> {
    let mut rooms = BTreeMap::new();
    for list in ["/rooms", "/rooms?archived=yes"] {
        let listed = person.get_json(list).await.expect(200).json();
        assert_eq!(listed["more"], false, "{listed}");
        for listed in listed["rooms"].as_array().expect("rooms") {
            let slug = listed["room"]["slug"].as_str().expect("a slug");
            let path = format!("/rooms/{slug}");
            let room = person.get_json(&path).await.expect(200).json()["room"].clone();
            let set = ["posting", "mass_mentions", "slow_mode", "link_previews", "keep_messages", "keep_files"];
            let mut read = pick(&room, &[&["name", "topic", "visibility", "archived"][..], &set].concat());
            // The room that every server begins with was there already.
            if room["name"] != "general" {
                read["created_at"] = room["created_at"].clone();
            }
            read["has_icon"] = room["icon"].is_string().into();
            let members = person.get_json(&format!("{path}/members")).await.expect(200).json();
            // Nobody owns that room, and of an imported one whoever has been there longest.
            let of: &[_] = if room["name"] == "general" { &["joined_at"] } else { &["role", "joined_at"] };
            let members = members["members"].as_array().expect("members").iter().map(|member| {
                let of = pick(member, of);
                (member["person"]["username"].as_str().expect("a name").to_owned(), of)
            });
            read["members"] = json!(members.collect::<BTreeMap<_, _>>());
            let mut messages = Vec::new();
            for message in history(person, slug).await {
                messages.push(read_message(person, &path, &message).await);
            }
            read["messages"] = messages.into();
            let name = room["name"].as_str().expect("a name").to_owned();
            assert!(rooms.insert(name, read).is_none(), "{room}");
        }
    }
    rooms
}

/// Who is banned from a room, and since when, as one of its owners reads it.
async fn banned(owner: &Person, name: &str) -> Vec<Value> {
    let listed = owner.get_json("/rooms").await.expect(200).json();
    let mut rooms = listed["rooms"].as_array().expect("rooms").iter().map(|listed| &listed["room"]);
    let slug = rooms.find(|room| room["name"] == name).expect("the room")["slug"].as_str().expect("a slug").to_owned();
    let bans = owner.get_json(&format!("/rooms/{slug}/bans")).await.expect(200).json();
    let ban = |ban: &Value| json!({ "username": ban["person"]["username"], "at": ban["banned_at"] });
    bans["bans"].as_array().expect("bans").iter().map(ban).collect()
}

/// Adds what `live` leaves out: a public room, one that is archived, a conversation, settings, a ban, pictures.
async fn furnish(server: &Server, ada: &Person, eve: &Person, private: &str) {
    server.register("trudy").await;
    let settings = [("topic", "Leaves"), ("slow_mode", "60"), ("link_previews", "off"), ("posting", "moderator")];
    ada.post(&format!("/rooms/{private}/settings"), &settings).await.expect(303);
    ada.post(&format!("/rooms/{private}/retention"), &[("messages", "365"), ("files", "90")]).await.expect(303);
    ada.post(&format!("/rooms/{private}/members"), &[("username", "trudy")]).await.expect(303);
    ada.post(&format!("/rooms/{private}/members/trudy/ban"), &[]).await.expect(303);
    give_icon(ada, private).await.expect(200);
    give_photo(ada).await;
    let public = ada.create_room("The Observatory", "public").await;
    eve.enter(&public).await;
    ada.post(&format!("/rooms/{public}/members/eve/role"), &[("role", "moderator")]).await.expect(303);
    ada.write(&public, "# Stars\n\n* one for @eve\n* two").await.expect(303);
    eve.write(&public, "seen & noted").await.expect(303);
    let archived = eve.create_room("Old times", "public").await;
    eve.write(&archived, "it was nice").await.expect(303);
    eve.post(&format!("/rooms/{archived}/archive"), &[]).await.expect(303);
    eve.enter("general").await;
    eve.write("general", "hello everybody").await.expect(303);
    ada.post("/rooms/general/retention", &[("messages", "700")]).await.expect(303);
    let direct = ada.post("/direct", &[("users", "eve")]).await.expect(303).location();
    let direct = direct.strip_prefix("/rooms/").expect("a room");
    eve.write(direct, "between us").await.expect(303);
}

#[apply(both)]
async fn an_export_that_is_imported_reads_the_same(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (ada, eve, private) = live(&server).await;
    database.make_admin("ada").await;
    furnish(&server, &ada, &eve, &private).await;
    let written = [read(&ada).await, read(&eve).await];
    assert_eq!(written[0].len(), 5, "three rooms of hers, the general one, and the conversation: {:?}", written[0].keys());
    let banned_there = banned(&ada, "Tea & Talk").await;
    assert_eq!(banned_there.len(), 1, "{banned_there:?}");
    server.stop().await;
    let folder = exported(&server, database, &["--all"], "out").await;
    let from = folder.to_str().expect("tests have plain paths");
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();

    let target = Database::fresh(database.kind).await.expect("the test began on this kind of database");
    let done = report(&import(&target, &["parlor", from]).await, 0);
    assert_eq!((&done["messages"], &done["left_out"]), (&manifest["messages"], &json!({})), "{done}");
    is_whole(&target).await;
    let mut links = Vec::new();
    for name in READERS {
        let link = run(target.folder(), &["user", "reset", name], &[("DATABASE_URL", target.url())], "").await;
        links.push(link.stdout.trim().split_once("/reset/").unwrap_or_else(|| panic!("{link:?}")).1.to_owned());
    }
    let mut there = serve(&target).await;
    for token in &links {
        there.stranger().post(&format!("/reset/{token}"), &[("password", PASSWORD)]).await.expect(303);
    }
    let (ada, eve) = (there.log_in("ada").await, there.log_in("eve").await);
    for (person, written) in [&ada, &eve].into_iter().zip(&written) {
        assert_eq!(&read(person).await, written, "{}", person.username);
    }
    assert_eq!(banned(&ada, "Tea & Talk").await, banned_there);
    let listed = ada.get_json("/rooms").await.json();
    let rooms = listed["rooms"].as_array().expect("rooms");
    let room = rooms.iter().find(|listed| listed["room"]["icon"].is_string()).expect("a room with an icon");
    let icon = format!("/rooms/{}/icon", room["room"]["slug"].as_str().expect("a slug"));
    for picture in ["/people/ada/photo", &*icon] {
        let (color, _) = middle(&eve, picture).await;
        assert!(is_like(color, GREEN), "{picture}: {color:?}");
    }
    there.stop().await;

    // Once more: nothing is added.
    let counts = async || {
        let mut counts = Vec::new();
        for table in TABLES {
            counts.push((table, count(&target, table).await));
        }
        counts
    };
    let before = counts().await;
    let again = report(&import(&target, &["parlor", from]).await, 0);
    assert_eq!((&again["messages"], &again["messages_already"]), (&json!(0), &manifest["messages"]), "{again}");
    assert_eq!((&again["people"]["created"], &again["rooms"]["created"]), (&json!(0), &json!(0)), "{again}");
    assert_eq!(counts().await, before);
    there.start_again().await;
    let eve = there.log_in("eve").await;
    assert_eq!(read(&eve).await, written[1]);
    there.stop().await;
    target.discard().await;
}
