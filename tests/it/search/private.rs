//! What somebody may not see is not there: not its text, not its number, not that it exists.

use serde_json::json;

use super::{ask, find, find_live, say};
use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn a_private_room_is_found_by_its_members_only(app: &TestApp) {
    let (ada, eve, mallory) = (app.register("ada").await, app.register("eve").await, app.register("mallory").await);
    let room = ada.create_room("Secret circle", "private").await;
    let (socket, _) = ada.join(&room).await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "mallory")]).await.expect(303);
    say(&socket, &room, &["the password is swordfish", "@mallory https://secret.example"]).await;
    let (open, _) = eve.join("general").await;
    say(&open, "general", &["eve knows no password"]).await;
    assert_eq!(find(&mallory, "swordfish").await, ["the password is swordfish"]);
    ada.post(&format!("/rooms/{room}/members/mallory/remove"), &[]).await.expect(303);
    assert_eq!(find(&ada, "swordfish").await, ["the password is swordfish"]);
    let asked = [
        "swordfish",
        "password",
        "from:ada",
        "from:ada password",
        "in:secret-circle",
        "in:\"secret circle\" password",
        "-from:eve",
        "-in:general",
        "-in:secret-circle",
        "-in:nowhere",
        "has:link",
        "mentions:me",
        "mentions:mallory",
        "-zzz",
        "after:2020-01-01",
        "on:today",
        "\"is swordfish\"",
        "sword",
        "from:nobody",
        "in:nowhere",
    ];
    for outsider in [&eve, &mallory] {
        let live = outsider.socket().await;
        for q in asked {
            let found = find(outsider, q).await;
            let text = found.join("\n");
            assert!(!text.contains("swordfish") && !text.contains("secret"), "{} with {q}: {text}", outsider.username);
            assert_eq!(find_live(&live, q).await, found);
            for order in ["&order=best", ""] {
                let answer = ask(outsider, q, order).await.expect(200).body.clone();
                assert!(!answer.contains("ecret circle") && !answer.contains("swordfish"), "{q}: {answer}");
            }
            let page = outsider.get(&format!("/search?q={}", crate::search::encode(q))).await.expect(200).body.clone();
            assert!(!page.contains("the password is"), "{q}: {page}");
        }
    }
    // To name what one may not see is to name nothing.
    for (hidden, nothing) in [("in:secret-circle", "in:no-such-circle"), ("-in:secret-circle eve", "-in:no-such-circle eve")] {
        let (one, other) = (ask(&eve, hidden, "").await, ask(&eve, nothing, "").await);
        assert_eq!((one.status, &one.body), (other.status, &other.body), "{hidden}");
    }
    // And where a page ended says nothing either.
    let (one, other) = (ask(&eve, "eve", "&before=secret-circle~3").await, ask(&eve, "eve", "&before=no-such-circle~3").await);
    assert_eq!((one.status, &one.body), (other.status, &other.body));
    one.expect(422);
}

#[apply(both)]
async fn who_comes_and_goes_finds_what_they_may_see_now(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Attic", "private").await;
    let (socket, _) = ada.join(&room).await;
    say(&socket, &room, &["an old lamp"]).await;
    let sees = async || find(&eve, "lamp").await.len();
    assert_eq!(sees().await, 0);
    ada.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    assert_eq!(sees().await, 1);
    eve.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    assert_eq!(sees().await, 0);
    ada.post(&format!("/rooms/{room}/settings"), &[("visibility", "public"), ("confirm", "yes")]).await.expect(303);
    assert_eq!(sees().await, 1);
    ada.post(&format!("/rooms/{room}/settings"), &[("visibility", "private")]).await.expect(303);
    assert_eq!(sees().await, 0);
}

#[apply(both)]
async fn a_reader_of_few_rooms_finds_all_of_theirs_and_nothing_else(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (busy, shared) = (ada.create_room("Busy", "private").await, ada.create_room("Shared", "private").await);
    let (socket, _) = ada.join(&busy).await;
    socket.ok("join", json!({ "room": shared })).await;
    ada.post(&format!("/rooms/{shared}/members"), &[("username", "eve")]).await.expect(303);
    for number in 0..60 {
        socket.post(&busy, &format!("lamp {number}"), &format!("b{number}")).await;
        if number % 20 == 0 {
            socket.post(&shared, &format!("our lamp {number}"), &format!("s{number}")).await;
        }
    }
    assert_eq!(find(&eve, "lamp").await, ["our lamp 40", "our lamp 20", "our lamp 0"]);
    assert_eq!(find(&eve, "-nothing").await, ["our lamp 40", "our lamp 20", "our lamp 0"]);
    assert_eq!(find(&eve, "lamp in:busy").await, Vec::<String>::new());
    let nobody = app.register("nobody").await;
    assert_eq!(find(&nobody, "lamp").await, Vec::<String>::new());
}
