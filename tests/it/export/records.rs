//! What a room had is in its export, and everything in that of all.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use parlor::portable::{Kind, Manifest, Message, Person, Role, Room, RoomSettings, Visibility};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{exported, json_of, lines, live, names};
use crate::both;
use crate::files::send_one;
use crate::harness::{Database, Load, Server, history, process};

fn read<T: DeserializeOwned>(path: &std::path::Path) -> Vec<T> {
    lines(path).into_iter().map(|line| serde_json::from_value(line).expect("a record")).collect()
}

#[apply(both)]
async fn a_room_is_exported_with_all_that_it_has(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (ada, _, room) = live(&server).await;
    server.register("mallory").await;
    server.register("trudy").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "trudy")]).await.expect(303);
    ada.post(&format!("/rooms/{room}/members/trudy/ban"), &[]).await.expect(303);
    let settings = [("slow_mode", "60"), ("link_previews", "off"), ("posting", "moderator")];
    ada.post(&format!("/rooms/{room}/settings"), &settings).await.expect(303);
    ada.post(&format!("/rooms/{room}/archive"), &[]).await.expect(303);
    // The server goes on meanwhile.
    let to = exported(&server, database, &[&room], "out").await;
    assert_eq!(names(&to), ["files", "manifest.json", "messages", "people.jsonl", "rooms.jsonl"]);
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o700);
    let manifest: Manifest = serde_json::from_value(json_of(&to.join("manifest.json"))).unwrap();
    assert_eq!((&*manifest.format, manifest.version, &*manifest.scope), ("parlor-export", 1, "room"));
    assert_eq!((manifest.people, manifest.rooms, manifest.files), (3, 1, 1));
    assert!(manifest.source.starts_with("parlor:") && manifest.source.len() > 10, "{manifest:?}");

    let people: Vec<Person> = read(&to.join("people.jsonl"));
    assert_eq!(people.iter().map(|person| &*person.username).collect::<Vec<_>>(), ["ada", "eve", "trudy"]);
    assert!(people.iter().all(|person| person.email.is_none() && person.password_hash.is_none()));
    let key = |name: &str| people.iter().find(|person| person.username == name).expect("they are there").key.clone();
    let rooms: Vec<Room> = read(&to.join("rooms.jsonl"));
    let [room_record] = &rooms[..] else { panic!("{rooms:?}") };
    assert_eq!((&*room_record.name, room_record.visibility), ("Tea & Talk", Visibility::Private));
    assert!(room_record.archived_at.is_some());
    let roles: Vec<_> = room_record.members.iter().map(|member| (member.person.clone(), member.role)).collect();
    assert_eq!(roles, [(key("ada"), Role::Owner), (key("eve"), Role::Member)]);
    assert_eq!(room_record.bans.iter().map(|ban| ban.person.clone()).collect::<Vec<_>>(), [key("trudy")]);
    let settings = RoomSettings { slow_mode: 60, link_previews: false, posting: Role::Moderator, ..RoomSettings::default() };
    assert_eq!(room_record.settings, settings);

    let messages: Vec<Message> = read(&to.join("messages/1.jsonl"));
    assert_eq!(messages.len() as u64, manifest.messages);
    let keys: Vec<_> = messages.iter().map(|message| message.key.parse::<usize>().unwrap()).collect();
    assert_eq!(keys, (1..=messages.len()).collect::<Vec<_>>(), "each place of the log");
    let texts: Vec<_> = messages.iter().filter(|message| message.kind == Kind::Text).collect();
    let [first, reply, gone, sent] = &texts[..] else { panic!("{texts:#?}") };
    assert_eq!(first.body, "Hello @eve, once *more*\n\n```rust\nfn main() {}\n```");
    assert_eq!((&*first.author, first.edited_at.is_some()), (&*key("ada"), true));
    assert_eq!(first.revisions.iter().map(|one| &*one.body).collect::<Vec<_>>(), ["Hello @eve, **this** is `code`"]);
    let given: Vec<_> = first.reactions.iter().map(|one| (&*one.emoji, one.person.clone(), one.at.0 > 0)).collect();
    assert_eq!(given, [("👍", key("eve"), true), ("👍", key("ada"), true), ("🎉", key("eve"), true)]);
    assert_eq!(first.pin.as_ref().map(|pin| pin.by.clone()), Some(key("ada")));
    assert_eq!((&*reply.body, reply.reply_to.as_ref()), ("a reply \u{2028} to you", Some(&first.key)));
    assert_eq!((&*gone.body, gone.deleted_at.is_some(), gone.revisions.len()), ("", true, 0));
    let [file] = &sent.files[..] else { panic!("{sent:?}") };
    assert_eq!((&*file.name, file.bytes), ("näme.txt", 21));
    let path = file.path.as_ref().expect("it is there");
    assert!(path.starts_with("files/") && path.contains(&file.hash), "{path}");
    assert_eq!(fs::read(to.join(path)).unwrap(), b"the content of a file");
    assert_eq!(names(&to.join("files")).len(), 1);
    let events: Vec<_> = messages.iter().map(|message| message.kind).filter(|kind| *kind != Kind::Text).collect();
    assert!(events.contains(&Kind::Joined) && events.contains(&Kind::Archived), "{events:?}");
    server.stop().await;
}

#[apply(both)]
async fn all_is_everything_without_secrets(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (ada, eve, _) = live(&server).await;
    let direct = ada.post("/direct", &[("users", "eve")]).await.location();
    let direct = direct.rsplit('/').next().expect("a slug").to_owned();
    eve.write(&direct, "between us").await.expect(303);
    // The same content twice is one file.
    send_one(&ada, &direct, "copy.txt", b"the content of a file").await;
    server.stop().await;
    let to = exported(&server, database, &["--all"], "out").await;
    let rooms: Vec<Room> = read(&to.join("rooms.jsonl"));
    let number = 1 + rooms.iter().position(|room| room.visibility == Visibility::Direct).expect("the conversation");
    assert_eq!((rooms[number - 1].name.as_str(), rooms[number - 1].members.len()), ("", 2));
    assert!(rooms.iter().any(|room| room.name == "general" && room.visibility == Visibility::Public), "{rooms:?}");
    let messages: Vec<Message> = read(&to.join(format!("messages/{number}.jsonl")));
    assert!(messages.iter().any(|message| message.body == "between us"), "{messages:?}");
    let manifest = json_of(&to.join("manifest.json"));
    let stored = database.query("select count(*) as messages from messages").await;
    assert_eq!((&manifest["messages"], &manifest["files"]), (&stored[0]["messages"], &json!(1)));
    // Nothing that logs anybody in.
    let all: String = names(&to)
        .iter()
        .filter(|name| name.ends_with("json") || name.ends_with("jsonl"))
        .map(|name| fs::read_to_string(to.join(name)).unwrap())
        .collect();
    assert!(!all.contains("password") && !all.contains("$argon2"), "{all}");
    let sessions = database.rows("sessions").await;
    assert!(!sessions.is_empty() && sessions.iter().all(|session| !all.contains(session["key"].as_str().expect("a key"))));
}

/// Each room of an export that is made while people write ends at some message, and lacks none before it.
#[apply(both)]
async fn an_export_under_load_is_a_prefix(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let mut load = Load::gather(&server, 3).await;
    let (witness, room) = load.witness();
    let before = history(&witness, &room).await.len();
    let to = database.folder().join("out");
    let settings = [("DATABASE_URL", database.url())];
    let arguments = ["export", &*room, "--to", to.to_str().expect("a plain path")];
    let made = load
        .during(async {
            witness.join(&room).await.0.first(10, "message").await;
            process::run(database.folder(), &arguments, &settings, "").await
        })
        .await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let messages: Vec<Message> = read(&to.join("messages/1.jsonl"));
    let keys: Vec<_> = messages.iter().map(|message| message.key.parse::<usize>().unwrap()).collect();
    assert_eq!(keys, (1..=messages.len()).collect::<Vec<_>>());
    assert!(messages.len() > before, "{} of {before}", messages.len());
    database.check(&mut load).await;
}
