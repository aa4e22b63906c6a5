//! A new password and a ban end all access at once, pages and sockets alike.

use serde_json::json;

use crate::everywhere;
use crate::harness::site::PASSWORD;
use crate::harness::{Socket, TestApp};

const NEW: &str = "eleven slow lighthouses";

async fn is_ended(socket: &Socket, reason: &str) {
    assert_eq!(socket.next("signed_out").await["reason"], reason);
    socket.is_cut().await;
}

#[apply(everywhere)]
async fn a_new_password_ends_every_session_but_ones_own_browser_goes_on(app: &TestApp) {
    let ada = app.register("ada").await;
    let elsewhere = app.log_in("ada").await;
    let (here, _) = ada.join("general").await;
    let (there, _) = elsewhere.join("general").await;
    let before = ada.session_cookie();
    ada.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    is_ended(&here, "password_changed").await;
    is_ended(&there, "password_changed").await;
    elsewhere.get("/rooms").await.expect(303);
    ada.get("/rooms").await.expect(200);
    assert_ne!(ada.session_cookie(), before, "the session has a new id");
    let old = app.stranger();
    old.plant_cookie(&before);
    old.get("/rooms").await.expect(303);
    ada.join("general").await.0.post("general", "with the new session", "1").await;
    let again = app.stranger();
    again.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(401);
    again.post("/login", &[("username", "ada"), ("password", NEW)]).await.expect(303);
}

#[apply(everywhere)]
async fn a_password_is_changed_only_by_who_knows_it_and_for_a_good_one(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for (current, new, wrong) in
        [("not the right one", NEW, "current"), (PASSWORD, "short", "password"), (PASSWORD, "password1", "password")]
    {
        let page = ada.post("/settings/password", &[("current", current), ("password", new)]).await;
        let field = format!(r#"name="{wrong}" type="password""#);
        let (_, input) = page.expect(422).body.split_once(&field).expect("the field");
        assert!(input.split('>').next().is_some_and(|input| input.contains("aria-invalid")), "{wrong}: {}", page.body);
        let form =
            ada.form("/settings/password", &[("current", current), ("password", new)]).header("accept", "application/json");
        let error = crate::harness::Answer::of(form).await.expect(422).json();
        assert_eq!(error["error"]["field"], wrong, "{error}");
    }
    app.stranger().post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    socket.post("general", "still here", "1").await;
    app.log_in("ada").await;
}

#[apply(everywhere)]
async fn who_is_banned_is_out_at_once_and_stays_out_until_let_back_in(app: &TestApp) {
    let (ada, rosa) = (app.register("ada").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    let (socket, _) = ada.join("general").await;
    let (witness, _) = rosa.join("general").await;
    rosa.post("/people/ada/ban", &[]).await.expect(303);
    is_ended(&socket, "banned").await;
    ada.get("/rooms").await.expect(303);
    assert_eq!(ada.try_socket().await.err().map(|refusal| refusal.message().to_owned()).as_deref(), Some("unauthenticated"));
    let form = [("username", "ada"), ("password", PASSWORD)];
    app.stranger().post("/login", &form).await.expect(401);
    witness.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(false)).await;
    assert!(rosa.get("/people/ada").await.body.contains("/people/ada/unban"));
    rosa.post("/people/ada/unban", &[]).await.expect(303);
    ada.get("/rooms").await.expect(303);
    app.log_in("ada").await.join("general").await.0.post("general", "back again", "1").await;
    witness.hears("back again").await;
}

#[apply(everywhere)]
async fn bans_that_race_with_connects_leave_no_socket_behind(app: &TestApp) {
    let root = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    app.register("ada").await;
    for _ in 0..8 {
        let ada = app.log_in("ada").await;
        let connecting = futures_util::future::join_all((0..6).map(|_| ada.try_socket()));
        let (ban, sockets) = tokio::join!(root.post("/people/ada/ban", &[]), connecting);
        ban.expect(303);
        for socket in sockets.into_iter().flatten() {
            socket.is_cut().await;
        }
        root.post("/people/ada/unban", &[]).await.expect(303);
    }
    // What raced is over: a new session stays.
    let (socket, _) = app.log_in("ada").await.join("general").await;
    socket.post("general", "back again", "1").await;
}

#[apply(everywhere)]
async fn new_passwords_that_race_with_connects_leave_no_socket_behind(app: &TestApp) {
    app.register("ada").await;
    let mut passwords = [PASSWORD, NEW];
    for _ in 0..4 {
        let ada = app.stranger();
        ada.post("/login", &[("username", "ada"), ("password", passwords[0])]).await.expect(303);
        let elsewhere = app.stranger();
        elsewhere.post("/login", &[("username", "ada"), ("password", passwords[0])]).await.expect(303);
        let connecting = async {
            let mut sockets = Vec::new();
            // Changing it takes a while: some come before, some at the same time.
            for _ in 0..12 {
                sockets.extend(futures_util::future::join_all((0..4).map(|_| elsewhere.try_socket())).await);
            }
            sockets
        };
        let form = [("current", passwords[0]), ("password", passwords[1])];
        let (changed, sockets) = tokio::join!(ada.post("/settings/password", &form), connecting);
        changed.expect(303);
        for socket in sockets.into_iter().flatten() {
            socket.is_cut().await;
        }
        // The browser that changed it has a new session, which stays.
        ada.socket().await.ok("watch", json!({})).await;
        passwords.reverse();
    }
}

#[apply(everywhere)]
async fn whoever_registers_or_logs_in_anew_ends_the_session_before_at_once(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    ada.post("/register", &[("username", "lovelace"), ("password", PASSWORD)]).await.expect(303);
    is_ended(&socket, "logged_in_again").await;
    let (socket, _) = ada.join("general").await;
    ada.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
    is_ended(&socket, "logged_in_again").await;
    // A refusal ends nothing.
    let (socket, _) = ada.join("general").await;
    ada.post("/login", &[("username", "ada"), ("password", "not the right one")]).await.expect(401);
    ada.post("/register", &[("username", "ada"), ("password", PASSWORD)]).await.expect(422);
    socket.post("general", "still here", "1").await;
}

#[apply(everywhere)]
async fn a_log_out_whose_sender_has_hung_up_reaches_the_sockets(app: &TestApp) {
    use tokio::io::AsyncWriteExt;
    for nth in 0..8 {
        let ada = app.register(&format!("ada{nth}")).await;
        let (socket, _) = ada.join("general").await;
        let mut stream = tokio::net::TcpStream::connect(app.address).await.expect("the server accepts");
        let head =
            format!("POST /logout HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\ncontent-length: 0\r\n\r\n", app.address, ada.cookies());
        stream.write_all(head.as_bytes()).await.expect("it reads");
        drop(stream);
        // Either it never came to the session, or the sockets end with it.
        if ada.get("/rooms").await.status == 303 {
            socket.is_cut().await;
        }
    }
}

#[apply(everywhere)]
async fn only_an_administrator_bans_and_nobody_themselves(app: &TestApp) {
    let (ada, grace, rosa) = (app.register("ada").await, app.register("grace").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    for path in ["/people/ada/ban", "/people/ada/unban"] {
        grace.post(path, &[]).await.expect(403);
        app.stranger().post(path, &[]).await.expect(303);
    }
    assert!(!grace.get("/people/ada").await.body.contains("/ban"));
    assert!(rosa.get("/people/ada").await.body.contains("/people/ada/ban"));
    rosa.post("/people/rosa/ban", &[]).await.expect(403);
    rosa.post("/people/nobody/ban", &[]).await.expect(404);
    ada.get("/rooms").await.expect(200);
    rosa.get("/rooms").await.expect(200);
}
