//! Photos of people and icons of rooms.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::harness::site::PASSWORD;
use crate::harness::{Answer, DEADLINE, Person, TestApp};
use crate::{both, everywhere};

const RED: Rgb<u8> = Rgb([220, 20, 20]);
pub const GREEN: Rgb<u8> = Rgb([20, 180, 20]);
const BLUE: Rgb<u8> = Rgb([20, 20, 220]);

/// A picture of three stripes, each 200 pixels wide and 200 high: red, green, blue.
pub fn stripes() -> Vec<u8> {
    let picture = RgbImage::from_fn(600, 200, |x, _| [RED, GREEN, BLUE][(x / 200) as usize]);
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).expect("a PNG");
    file.into_inner()
}

/// Sends the form with a picture, and the square of it.
async fn give(person: &Person, path: &str, picture: Vec<u8>, square: Option<[u32; 3]>) -> Answer {
    let form = Form::new().part("file", Part::bytes(picture).file_name("me.png"));
    let form = square
        .into_iter()
        .fold(form, |form, [x, y, size]| form.text("x", x.to_string()).text("y", y.to_string()).text("size", size.to_string()));
    send(person, path, form, "application/json").await
}

async fn send(person: &Person, path: &str, form: Form, accept: &str) -> Answer {
    let request = person.request(Method::POST, path).header("origin", &person.site.origin).header("accept", accept);
    Answer::of(request.multipart(form)).await
}

/// Gives somebody a photo; returns its name in addresses.
pub async fn give_photo(person: &Person) -> String {
    let given = give(person, "/settings/photo", stripes(), None).await;
    given.expect(200).json()["photo"].as_str().expect("a photo").to_owned()
}

pub async fn give_icon_to_hook(person: &Person, room: &str, hook: &str) -> Answer {
    give(person, &format!("/rooms/{room}/hooks/{hook}/photo"), stripes(), None).await
}

pub async fn give_icon_to_bot(person: &Person, bot: &str) -> Answer {
    give(person, &format!("/settings/bots/{bot}/photo"), stripes(), None).await
}

pub async fn give_icon(person: &Person, room: &str) -> Answer {
    give(person, &format!("/rooms/{room}/icon"), stripes(), None).await
}

/// The color in the middle of a picture, and its width and height.
pub async fn middle(person: &Person, path: &str) -> (Rgb<u8>, (u32, u32)) {
    let answer = person.request(Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    let picture = image::load_from_memory(&answer.bytes().await.expect("a picture")).expect("it can be read").into_rgb8();
    let (width, height) = picture.dimensions();
    (*picture.get_pixel(width / 2, height / 2), (width, height))
}

/// Whether two colors are nearly the same.
pub fn is_like(one: Rgb<u8>, other: Rgb<u8>) -> bool {
    one.0.iter().zip(other.0).all(|(one, other)| one.abs_diff(other) < 24)
}

fn author(messages: &Value) -> Value {
    let messages = messages.as_array().expect("messages").clone();
    messages.iter().find(|message| message["kind"] == "text").expect("words")["author"].clone()
}

#[apply(everywhere)]
async fn a_photo_shows_at_once_everywhere(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    socket.post("general", "written without a photo", "1").await;
    let (listening, joined) = grace.join("general").await;
    // By now the end of the room is in memory.
    assert_eq!(author(&joined["messages"])["photo"], Value::Null);
    let bare = grace.get("/rooms/general").await.expect(200).header("etag").to_owned();
    let photo = give_photo(&ada).await;
    assert_eq!(listening.next("person").await, json!({ "username": "ada", "name": "ada", "status": "", "photo": photo }));
    let address = format!("/people/ada/photo?v={photo}");
    let image = format!("src=\"{address}\"");
    app.comes_to(json!(photo), async || author(&grace.join("general").await.1["messages"])["photo"].clone()).await;
    app.comes_to(true, async || grace.get("/rooms/general").await.body.contains(&image)).await;
    let again = Answer::of(grace.request(Method::GET, "/rooms/general").header("if-none-match", &bare)).await;
    assert!(again.expect(200).body.contains(&image), "the page is another one");
    assert_eq!(author(&grace.get_json("/rooms/general").await.json()["messages"])["photo"], photo);
    assert_eq!(grace.get_json("/people/ada").await.json()["person"]["photo"], photo);
    let members = grace.get_json("/rooms/general/members").await.json();
    let members = members["members"].as_array().expect("members");
    assert!(members.iter().any(|member| member["person"]["photo"] == json!(photo)), "{members:?}");
    grace.post("/people/ada/message", &[]).await.expect(303);
    for page in ["/people", "/people/ada", "/rooms/general/members", "/direct", "/search?q=written", "/rooms/general/2/thread"] {
        assert!(grace.get(page).await.body.contains(&format!("src=\"{address}")), "{page}");
    }
    assert!(ada.get("/rooms").await.body.contains(&format!("data-my-photo=\"{photo}\"")), "one's own frame");
    assert_eq!(socket.post("general", "and with one", "2").await["author"]["photo"], photo);
    assert_eq!(grace.get_json("/direct").await.json()["rooms"][0]["direct"][0]["photo"], photo);
    // Another one has another address, and none has none.
    let other = give_photo(&ada).await;
    assert_ne!(photo, other);
    assert_eq!(listening.next_where("person", |it| it["photo"] == json!(other)).await["username"], "ada");
    ada.post("/settings/photo/remove", &[]).await.expect(303);
    assert!(listening.next_where("person", |it| it["photo"].is_null()).await["name"].is_string());
    app.comes_to(Value::Null, async || author(&grace.get_json("/rooms/general").await.json()["messages"])["photo"].clone()).await;
    app.comes_to(false, async || grace.get("/rooms/general").await.body.contains("/people/ada/photo")).await;
    grace.get(&address).await.expect(404);
    app.comes_to(true, async || app.database.rows("files").await.is_empty()).await;
    crate::files::removal::comes_to(&app.files.path().join("blobs"), 0).await;
}

#[apply(both)]
async fn the_square_that_was_chosen_is_the_photo_and_nothing_else_is_kept(app: &TestApp) {
    let ada = app.register("ada").await;
    for (square, expected) in [(None, GREEN), (Some([0, 0, 200]), RED), (Some([400, 0, 200]), BLUE), (Some([450, 50, 100]), BLUE)]
    {
        let given = give(&ada, "/settings/photo", stripes(), square).await;
        let photo = given.expect(200).json()["photo"].as_str().unwrap().to_owned();
        for (size, least) in [("", 32), ("&size=small", 32), ("&size=large", 96)] {
            let (color, (width, height)) = middle(&ada, &format!("/people/ada/photo?v={photo}{size}")).await;
            assert!(is_like(color, expected), "{square:?}{size}: {color:?}");
            assert!(width == height && width >= least && width <= 512, "{square:?}{size}: {width}×{height}");
        }
    }
    // Of the pictures that were sent, only the squares are stored.
    let stored = app.database.query("select bytes from files").await;
    assert_eq!(stored.len(), 1);
    for object in crate::files::objects(&app.files.path().join("blobs")) {
        let kept = image::load_from_memory(&std::fs::read(object).unwrap()).expect("a picture");
        assert_eq!(kept.width(), kept.height());
    }
}

#[apply(both)]
async fn a_photo_is_for_those_who_may_know_its_person_and_browsers_keep_it(app: &TestApp) {
    let (ada, eve, guest) = (app.register("ada").await, app.register("eve").await, app.register("guest").await);
    app.database.make_admin("ada").await;
    guest.post("/rooms/leave", &[("room", "general")]).await;
    ada.post("/admin/people/guest/role", &[("role", "guest")]).await.expect(303);
    let photo = give_photo(&eve).await;
    let address = format!("/people/eve/photo?v={photo}");
    let kept = ada.get(&address).await;
    assert_eq!(kept.expect(200).header("cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(kept.header("x-content-type-options"), "nosniff");
    assert!(kept.header("content-type").starts_with("image/"));
    // Under an address that says not which, browsers ask each time.
    for asks in ["/people/eve/photo", "/people/eve/photo?v=0123"] {
        let answer = ada.get(asks).await;
        assert_eq!(answer.expect(200).header("cache-control"), "private, no-cache");
        let tag = answer.header("etag").to_owned();
        Answer::of(ada.request(Method::GET, asks).header("if-none-match", tag)).await.expect(304);
    }
    assert_eq!(Answer::of_head(ada.request(Method::HEAD, &address)).await.status, 200);
    ada.get_json("/people/eve/photo?size=huge").await.expect(422);
    ada.get("/people/ada/photo").await.expect(404);
    ada.get("/people/nobody/photo").await.expect(404);
    guest.get(&address).await.expect(404);
    assert!(app.stranger().get(&address).await.expect(303).location().starts_with("/login"));
    // It is no file that anybody else can reach, nor its owner.
    for person in [&eve, &ada] {
        person.get(&format!("/files/{photo}/photo")).await.expect(404);
        person.get(&format!("/files/{photo}/preview")).await.expect(404);
    }
    let room = eve.create_room("Hers", "private").await;
    let (socket, _) = eve.join(&room).await;
    let taken = json!({ "room": room, "body": "", "attachments": [photo], "nonce": "1" });
    assert_eq!(socket.ask("message", taken).await["error"]["field"], "attachments");
    eve.post(&format!("/rooms/{room}/members"), &[("username", "guest")]).await.expect(303);
    guest.get(&address).await.expect(200);
}

#[apply(both)]
async fn what_is_no_picture_or_too_large_is_refused_and_nothing_stays(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Tea", "public").await;
    for path in ["/settings/photo".to_owned(), format!("/rooms/{room}/icon")] {
        for (bytes, square, status, field) in [
            (b"words".to_vec(), None, 422, "file"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), None, 422, "file"),
            (Vec::new(), None, 422, "file"),
            (vec![0xff; (10 << 20) + 1], None, 413, "file"),
            (stripes(), Some([0, 0, 0]), 422, "size"),
        ] {
            let answer = give(&ada, &path, bytes, square).await;
            assert_eq!(answer.expect(status).json()["error"]["field"], field, "{path}");
        }
        for form in [
            Form::new(),
            Form::new().part("file", Part::bytes(stripes()).file_name("a.png")).text("x", "1"),
            Form::new().part("file", Part::bytes(stripes()).file_name("a.png")).text("x", "-1").text("y", "0").text("size", "9"),
        ] {
            send(&ada, &path, form, "application/json").await.expect(422);
        }
        let page =
            send(&ada, &path, Form::new().part("file", Part::bytes(b"words".to_vec()).file_name("a.png")), "text/html").await;
        assert!(page.expect(422).body.contains("id=\"problem\" role=\"alert\">"), "{path}");
    }
    assert!(app.database.rows("files").await.is_empty() && app.database.rows("previews").await.is_empty());
    assert_eq!(ada.get_json("/people/ada").await.json()["person"]["photo"], Value::Null);
}

#[apply(everywhere)]
async fn a_rooms_icon_shows_at_once_to_those_who_may_see_the_room(app: &TestApp) {
    let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
    let room = ada.create_room("Secret circle", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
    app.comes_to(200, async || grace.get(&format!("/rooms/{room}")).await.status).await;
    let (listening, _) = grace.join(&room).await;
    // Members have no say in it, moderators have.
    give_icon(&grace, &room).await.expect(403);
    let page = format!("/rooms/{room}/members");
    assert!(!grace.get(&page).await.body.contains("/icon\""));
    ada.post(&format!("/rooms/{room}/members/grace/role"), &[("role", "moderator")]).await.expect(303);
    app.comes_to(true, async || grace.get(&page).await.body.contains(&format!("action=\"/rooms/{room}/icon\""))).await;
    let icon = give_icon(&grace, &room).await.expect(200).json()["icon"].clone();
    let address = format!("/rooms/{room}/icon?v={}", icon.as_str().expect("an icon"));
    assert_eq!(listening.next_where("room", |it| it["icon"] == icon).await["room"], json!(room));
    app.comes_to(icon.clone(), async || ada.get_json(&format!("/rooms/{room}")).await.json()["room"]["icon"].clone()).await;
    for page in [format!("/rooms/{room}"), page.clone(), "/rooms".to_owned(), "/people".to_owned()] {
        app.comes_to(true, async || ada.get(&page).await.body.contains(&format!("src=\"{address}"))).await;
    }
    assert_eq!(ada.get(&address).await.expect(200).header("cache-control"), "private, max-age=31536000, immutable");
    assert!(is_like(middle(&ada, &address).await.0, GREEN));
    let (watching, rooms) = {
        let socket = ada.socket().await;
        let rooms = socket.ok("watch", json!({})).await;
        (socket, rooms)
    };
    let own = rooms["rooms"].as_array().expect("rooms").iter().find(|own| own["room"] == json!(room)).expect("the room").clone();
    assert_eq!(own["icon"], icon);
    drop(watching);
    // Nobody else.
    eve.get(&address).await.expect(404);
    give_icon(&eve, &room).await.expect(404);
    assert_eq!(app.stranger().get(&address).await.status, 303);
    // It goes with the room.
    let other = give_icon(&ada, &room).await.expect(200).json()["icon"].clone();
    assert_ne!(icon, other);
    ada.post(&format!("/rooms/{room}/icon/remove"), &[]).await.expect(303);
    assert!(listening.next_where("room", |it| it["icon"].is_null()).await["name"].is_string());
    ada.get(&address).await.expect(404);
    give_icon(&ada, &room).await.expect(200);
    ada.post(&format!("/rooms/{room}/delete"), &[("confirm", "Secret circle")]).await.expect(303);
    assert!(app.database.rows("files").await.is_empty());
    crate::files::removal::comes_to(&app.files.path().join("blobs"), 0).await;
}

#[apply(both)]
async fn conversations_and_archived_rooms_get_no_icon(app: &TestApp) {
    let (ada, _grace) = (app.register("ada").await, app.register("grace").await);
    let opened = ada.post("/people/grace/message", &[]).await;
    let direct = opened.expect(303).location().strip_prefix("/rooms/").expect("a room").to_owned();
    let refused = give_icon(&ada, &direct).await;
    assert_eq!(refused.expect(403).json()["error"]["message"], "Direct messages have no icon.");
    assert!(!ada.get(&format!("/rooms/{direct}/members")).await.expect(200).body.contains("/icon\""));
    ada.get(&format!("/rooms/{direct}/icon")).await.expect(404);
    let room = ada.create_room("Tea", "public").await;
    ada.post(&format!("/rooms/{room}/archive"), &[]).await.expect(303);
    give_icon(&ada, &room).await.expect(403);
    assert!(app.database.rows("files").await.is_empty());
}

#[apply(everywhere)]
async fn a_photo_goes_with_the_account(app: &TestApp) {
    let (rosa, ada, eve) = (app.register("rosa").await, app.register("ada").await, app.register("eve").await);
    app.database.make_admin("rosa").await;
    for person in [&ada, &eve] {
        person.join("general").await.0.post("general", "here", &person.username).await;
        give_photo(person).await;
    }
    let (listening, _) = rosa.join("general").await;
    rosa.post("/admin/people/ada/deactivate", &[]).await.expect(303);
    assert!(listening.next_where("person", |it| it["username"] == "ada").await["photo"].is_null());
    let deletion = [("messages", "keep"), ("confirm", "eve"), ("password", PASSWORD)];
    eve.post("/settings/account/delete", &deletion).await.expect(303);
    app.comes_to(false, async || rosa.get("/rooms/general").await.body.contains("/photo?v=")).await;
    for person in ["ada", "eve"] {
        rosa.get(&format!("/people/{person}/photo")).await.expect(404);
    }
    let photos = app.database.query("select id from users where photo is not null").await;
    assert!(photos.is_empty() && app.database.rows("files").await.is_empty());
    crate::files::removal::comes_to(&app.files.path().join("blobs"), 0).await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !app.database.rows("previews").await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "previews stay");
    }
}
