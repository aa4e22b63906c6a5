//! The storage folder of a Campfire.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::{Migrated, companions, each, import, is_whole, log, members, report, serve};
use crate::harness::site::PASSWORD;
use crate::harness::{Database, Person};
use crate::{both, once};

/// The tables that Rails makes for it, without those that nothing is read of.
const SCHEMA: &str = "
    create table accounts (id integer primary key autoincrement not null, created_at datetime(6) not null, join_code varchar not null,
        name varchar not null, singleton_guard integer default 0 not null, updated_at datetime(6) not null);
    create table action_text_rich_texts (id integer primary key autoincrement not null, body text, created_at datetime(6) not null,
        name varchar not null, record_id bigint not null, record_type varchar not null, updated_at datetime(6) not null);
    create table active_storage_attachments (id integer primary key autoincrement not null, blob_id bigint not null,
        created_at datetime(6) not null, name varchar not null, record_id bigint not null, record_type varchar not null);
    create table active_storage_blobs (id integer primary key autoincrement not null, byte_size bigint not null, checksum varchar,
        content_type varchar, created_at datetime(6) not null, filename varchar not null, key varchar not null, metadata text,
        service_name varchar not null);
    create table boosts (id integer primary key autoincrement not null, booster_id integer not null, content varchar(16) not null,
        created_at datetime(6) not null, message_id integer not null, updated_at datetime(6) not null);
    create table memberships (id integer primary key autoincrement not null, connected_at datetime(6), connections integer default 0 not null,
        created_at datetime(6) not null, involvement varchar default 'mentions', room_id integer not null, unread_at datetime(6),
        updated_at datetime(6) not null, user_id integer not null);
    create table messages (id integer primary key autoincrement not null, client_message_id varchar not null, created_at datetime(6) not null,
        creator_id integer not null, room_id integer not null, updated_at datetime(6) not null);
    create table rooms (id integer primary key autoincrement not null, created_at datetime(6) not null, creator_id bigint not null, name varchar,
        type varchar not null, updated_at datetime(6) not null);
    create table users (id integer primary key autoincrement not null, bio text, bot_token varchar, created_at datetime(6) not null,
        email_address varchar, name varchar not null, password_digest varchar, role integer default 0 not null,
        status integer default 0 not null, updated_at datetime(6) not null);";

/// A Campfire with two people, a bot and somebody who has left.
async fn storage(database: &Database) -> PathBuf {
    let folder = database.folder().join("campfire");
    fs::create_dir_all(folder.join("db")).unwrap();
    let options = SqliteConnectOptions::new().filename(folder.join("db/production.sqlite3")).create_if_missing(true);
    let mut db = options.connect().await.unwrap();
    db.execute(SCHEMA).await.unwrap();
    let hash = |password: &str| bcrypt::hash(password, 4).unwrap().replacen("$2b$", "$2a$", 1);
    let at = "'2024-03-01 12:00:00.250000'";
    let mention = STANDARD.encode(r#"{"_rails":{"data":"gid://campfire/User/2?expires_in","pur":"attachable"}}"#);
    let statements = format!(
        "insert into accounts values (1, {at}, 'code', 'Campfire', 0, {at});
         insert into users (id, name, email_address, password_digest, role, status, bio, bot_token, created_at, updated_at) values
             (1, 'Ada Lovelace', 'ada@example.com', '{ada}', 1, 0, 'counting', null, {at}, {at}),
             (2, 'Grace', 'grace@example.com', '{grace}', 0, 0, null, null, {at}, {at}),
             (3, 'Gone', 'gone-deactivated@example.com', '{grace}', 0, 1, null, null, {at}, {at}),
             (4, 'Robot', null, null, 2, 0, null, 'token', {at}, {at}),
             (5, 'Eve', 'eve@example.com', '$2a$31$broken', 0, 0, null, null, {at}, {at});
         insert into rooms (id, name, type, creator_id, created_at, updated_at) values
             (1, 'All Talk', 'Rooms::Open', 1, {at}, {at}), (2, 'Few', 'Rooms::Closed', 2, {at}, {at}), (3, null, 'Rooms::Direct', 2, {at}, {at});
         insert into memberships (room_id, user_id, created_at, updated_at) values
             (1, 1, {at}, {at}), (1, 2, {at}, {at}), (1, 4, {at}, {at}), (2, 2, {at}, {at}), (3, 1, {at}, {at}), (3, 2, {at}, {at});
         insert into messages (id, client_message_id, creator_id, room_id, created_at, updated_at) values
             (1, 'a', 1, 1, '2024-03-01 12:00:01.500000', {at}), (2, 'b', 2, 1, '2024-03-01 12:00:02.000000', {at}),
             (3, 'c', 4, 1, '2024-03-01 12:00:03.000000', {at}), (4, 'd', 2, 2, '2024-03-01 12:00:04.000000', {at}),
             (5, 'e', 2, 3, '2024-03-01 12:00:05.000000', {at}), (6, 'f', 1, 1, '2024-03-01 12:00:06.000000', {at}),
             (7, 'g', 3, 1, '2024-03-01 12:00:07.000000', {at});
         insert into action_text_rich_texts (id, record_type, record_id, name, body, created_at, updated_at) values
             (1, 'Message', 1, 'body', '<div>Hello <strong>you</strong>, <action-text-attachment sgid=\"{mention}--sig\"></action-text-attachment></div>',
                 '2024-03-01 12:00:01.500000', '2024-03-01 12:00:01.500000'),
             (2, 'Message', 2, 'body', '<p>edited</p>', '2024-03-01 12:00:02.000000', '2024-03-01 12:01:00.000000'),
             (3, 'Message', 3, 'body', 'beep <pre>code</pre>', {at}, {at}), (4, 'Message', 4, 'body', 'for few', {at}, {at}),
             (5, 'Message', 5, 'body', 'for you', {at}, {at}), (7, 'Message', 7, 'body', 'from who has left', {at}, {at});
         insert into active_storage_blobs (id, key, filename, content_type, byte_size, service_name, created_at) values
             (1, 'abcd1234', 'notes.txt', 'text/plain', 8, 'local', {at}), (2, 'lost5678', 'lost.png', 'image/png', 9, 'local', {at});
         insert into active_storage_attachments (name, record_type, record_id, blob_id, created_at) values
             ('attachment', 'Message', 6, 1, {at}), ('embeds', 'ActionText::RichText', 2, 2, {at});
         insert into boosts (message_id, booster_id, content, created_at, updated_at) values
             (1, 2, '👏', {at}, {at}), (1, 1, 'Well said', {at}, {at});",
        ada = hash(PASSWORD),
        grace = hash("her own password"),
    );
    db.execute(AssertSqlSafe(statements)).await.unwrap();
    db.close().await.unwrap();
    fs::create_dir_all(folder.join("files/ab/cd")).unwrap();
    fs::write(folder.join("files/ab/cd/abcd1234"), "my notes").unwrap();
    folder
}

#[apply(both)]
async fn a_campfire_comes_over_and_its_people_log_in(database: &Migrated) {
    let folder = storage(database).await;
    let from = folder.to_str().unwrap();
    let foreseen = report(&import(database, &["campfire", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["campfire", from]).await, 3);
    is_whole(database).await;
    for field in ["people", "messages", "reactions", "files", "left_out", "notes"] {
        assert_eq!(foreseen[field], done[field], "{field}");
    }
    assert_eq!(
        (&done["people"]["created"], &done["rooms"]["created"], &done["messages"]),
        (&json!(5), &json!(3), &json!(7)),
        "{done}"
    );
    assert_eq!(done["left_out"], json!({ "boosts that are not an emoji": 1, "files whose contents are not in the source": 1 }));
    assert_eq!(done["notes"]["passwords of a form that is not known here: their people need a new one"], json!(1));
    let talk = log(database, "all-talk").await;
    let bodies = ["Hello **you**, @grace", "edited\n[lost.png]", "beep\n```\ncode\n```", "", "from who has left"];
    assert_eq!(each(&talk, "body"), bodies);
    assert_eq!(each(&talk, "author"), ["ada-lovelace", "grace", "robot", "ada-lovelace", "gone"]);
    assert_eq!((&talk[0]["created_at"], talk[0]["edited_at"].is_null()), (&json!(1_709_294_401_500_i64), true));
    assert_eq!(talk[1]["edited_at"], json!(1_709_294_460_000_i64));
    assert_eq!(members(database, "all-talk").await, ["ada-lovelace owner", "grace member", "robot member"]);
    assert_eq!(database.query("select address from emails").await.len(), 0, "Campfire confirms no addresses");
    assert_eq!(report(&import(database, &["campfire", from]).await, 3)["messages"], json!(0));

    let hash_of = async |name: &str| {
        let rows = database.query(&format!("select password_hash from users where username = '{name}'")).await;
        rows[0]["password_hash"].as_str().expect("a text").to_owned()
    };
    assert!(hash_of("ada-lovelace").await.starts_with("$2a$04$"));
    let server = serve(database).await;
    let log_in = async |name: &str, password: &str| {
        let person: Person = server.stranger();
        person.post("/login", &[("username", name), ("password", password)]).await.status
    };
    assert_eq!(log_in("ada-lovelace", "not her password").await, 401);
    assert!(hash_of("ada-lovelace").await.starts_with("$2a$04$"), "a wrong password changes nothing");
    let ada = server.log_in("ada-lovelace").await;
    assert!(hash_of("ada-lovelace").await.starts_with("$argon2id$"), "the right one is hashed again");
    server.log_in("ada-lovelace").await;
    assert_eq!(log_in("grace", "her own password").await, 303);
    for (name, password) in [("gone", "her own password"), ("robot", ""), ("eve", "$2a$31$broken"), ("eve", PASSWORD)] {
        assert!(log_in(name, password).await >= 400, "{name}");
    }
    let (_socket, joined) = ada.join("all-talk").await;
    assert_eq!(joined["messages"][0]["reactions"], json!([{ "emoji": "👏", "users": ["grace"] }]), "{joined}");
    let file = joined["messages"][3]["attachments"][0]["url"].as_str().expect("a file").to_owned();
    assert_eq!(ada.get(&file).await.expect(200).body, "my notes");
}

/// Runs statements on the database of a Campfire.
async fn change(folder: &Path, statements: &'static str) {
    let mut db = SqliteConnectOptions::new().filename(folder.join("db/production.sqlite3")).connect().await.unwrap();
    db.execute(statements).await.unwrap();
    db.close().await.unwrap();
}

#[apply(once)]
async fn a_conversation_with_somebody_who_is_not_in_the_campfire_is_left_out(database: &Database) {
    let folder = storage(database).await;
    change(&folder, "update memberships set user_id = 99 where room_id = 3 and user_id = 1").await;
    let from = folder.to_str().unwrap();
    let foreseen = report(&import(database, &["campfire", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["campfire", from]).await, 3);
    assert_eq!(done["left_out"]["direct messages with people who are not in the source"], json!(1), "{done}");
    assert_eq!((&foreseen["left_out"], &foreseen["messages"]), (&done["left_out"], &done["messages"]));
    assert!(companions(database).await.is_empty());
    is_whole(database).await;
}

#[apply(once)]
async fn what_belongs_to_nothing_is_counted(database: &Database) {
    let folder = storage(database).await;
    let orphans = "update messages set room_id = 99 where id in (2, 7); delete from active_storage_blobs where id = 1";
    change(&folder, orphans).await;
    let from = folder.to_str().unwrap();
    let foreseen = report(&import(database, &["campfire", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["campfire", from]).await, 3);
    // The lost picture was in one of these messages.
    let left_out = json!({
        "boosts that are not an emoji": 1,
        "files whose contents are not in the source": 1,
        "messages of rooms that are not in the source": 2,
    });
    assert_eq!((&done["left_out"], &foreseen["left_out"]), (&left_out, &left_out));
    assert_eq!((&done["messages"], &foreseen["messages"]), (&json!(5), &json!(5)));
    assert_eq!(log(database, "all-talk").await.last().expect("a message")["body"], json!("[file]"));
    is_whole(database).await;
}

#[apply(once)]
async fn a_time_that_cannot_be_read_is_counted(database: &Database) {
    let folder = storage(database).await;
    let odd = "update messages set created_at = 'yesterday' where id = 1; update messages set created_at = '2999-01-01 00:00:00' where id = 3;
               update memberships set created_at = 'never' where room_id = 2;
               update action_text_rich_texts set created_at = 'once' where id = 2; update action_text_rich_texts set updated_at = 'later' where id = 4";
    change(&folder, odd).await;
    let from = folder.to_str().unwrap();
    let foreseen = report(&import(database, &["campfire", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["campfire", from]).await, 3);
    let moved = "times before 1970 or after now, which are 1970 or now";
    assert_eq!((&done["notes"][moved], &foreseen["notes"][moved]), (&json!(3), &json!(3)), "{done}");
    let talk = log(database, "all-talk").await;
    assert_eq!((&talk[0]["created_at"], talk[1]["edited_at"].is_null()), (&json!(0), true), "{talk:?}");
    assert!(talk[2]["created_at"].as_i64() > Some(1_763_000_000_000), "{talk:?}");
    let few = database
        .query("select joined_at, rooms.created_at from memberships join rooms on rooms.id = room_id where rooms.name = 'Few'")
        .await;
    assert_eq!(few[0]["joined_at"], few[0]["created_at"]);
    is_whole(database).await;
}

#[apply(once)]
async fn an_earlier_campfire_is_read_too(database: &Database) {
    let folder = storage(database).await;
    change(
        &folder,
        "alter table users add column active boolean default 1; update users set active = (status = 0); alter table users drop column status;
         alter table users drop column bio",
    )
    .await;
    let done = report(&import(database, &["campfire", folder.to_str().unwrap()]).await, 3);
    assert_eq!(done["people"]["created"], json!(5));
    let closed = database.query("select username from users where banned_at is not null order by username").await;
    assert_eq!(each(&closed, "username"), ["gone", "robot"]);
}
