//! Logging out, and what it must reach.

use futures_util::future::join_all;
use reqwest::Method;
use tokio::sync::mpsc;

use crate::both;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Socket, TestApp};

/// Whether a page is one for strangers.
fn leads_to_login(answer: &Answer) -> bool {
    answer.status == 401 || answer.header("location").starts_with("/login")
}

/// The cookie is worth nothing, for a page and for a socket.
async fn is_dead(app: &TestApp, cookies: &str) {
    let page = app.stranger().request(Method::GET, "/rooms").header("cookie", cookies);
    assert!(leads_to_login(&Answer::of(page).await), "the session lives");
    let socket = Socket::open(app, cookies, None).await.expect("the transport opens");
    assert_eq!(socket.enter().await.expect_err("the session lives").message(), "unauthenticated");
}

#[apply(both)]
async fn who_logs_out_is_signed_out(app: &TestApp) {
    let ada = app.register("ada").await;
    let before = ada.cookies();
    assert_eq!(ada.post("/logout", &[]).await.expect(303).location(), "/login");
    ada.get("/rooms").await.expect(303);
    // Not only the browser has forgotten it: a copy of the cookie is worth nothing.
    let thief = app.stranger();
    let answer = Answer::of(thief.request(reqwest::Method::GET, "/rooms").header("cookie", before)).await;
    assert!(answer.expect(303).location().starts_with("/login"));
}

#[apply(both)]
async fn whoever_has_gone_leaves_nothing_in_the_browsers_cache(app: &TestApp) {
    let ada = app.register("ada").await;
    let elsewhere = app.log_in("ada").await;
    assert_eq!(ada.get("/rooms").await.expect(200).header("clear-site-data"), "");
    assert_eq!(ada.post("/logout", &[]).await.expect(303).header("clear-site-data"), "\"cache\"");
    // Ended from afar: the first answer after it says so, page or data.
    let again = app.log_in("ada").await;
    let fields = [("current", PASSWORD), ("password", "eleven slow lighthouses")];
    again.post("/settings/password", &fields).await.expect(303);
    let ended = elsewhere.get_json("/rooms").await;
    assert_eq!(ended.expect(401).header("clear-site-data"), "\"cache\"");
    assert_eq!(app.stranger().get("/login").await.expect(200).header("clear-site-data"), "");
}

#[apply(both)]
async fn logging_out_ends_only_that_session(app: &TestApp) {
    let ada = app.register("ada").await;
    let elsewhere = app.log_in("ada").await;
    ada.post("/logout", &[]).await.expect(303);
    elsewhere.get("/rooms").await.expect(200);
}

#[apply(both)]
async fn a_stranger_can_log_out_and_nothing_happens(app: &TestApp) {
    app.stranger().post("/logout", &[]).await.expect(303);
}

#[apply(both)]
async fn a_link_cannot_log_anybody_out(app: &TestApp) {
    let ada = app.register("ada").await;
    let status = ada.get("/logout").await.status;
    assert!(status == 404 || status == 405, "{status}");
    ada.get("/rooms").await.expect(200);
}

#[apply(both)]
async fn a_login_gets_a_new_session_and_the_one_before_is_dead(app: &TestApp) {
    let ada = app.register("ada").await;
    let before = ada.session_cookie();
    ada.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
    assert_ne!(ada.session_cookie(), before);
    let with_the_old = app.stranger().request(reqwest::Method::GET, "/rooms").header("cookie", before);
    Answer::of(with_the_old).await.expect(303);
}

#[apply(both)]
async fn a_planted_session_is_not_the_one_that_a_login_gets(app: &TestApp) {
    app.register("ada").await;
    // An attacker's own session, and one that nobody has.
    let attacker = app.register("mallory").await;
    let (theirs, _) = attacker.join("general").await;
    let (name, _) =
        attacker.session_cookie().split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).expect("a cookie");
    let anothers = app.log_in("ada").await.session_cookie();
    for planted in [attacker.session_cookie(), format!("{name}=AAAAAAAAAAAAAAAAAAAAAA"), anothers] {
        let victim = app.stranger();
        victim.plant_cookie(&format!("{planted}; Path=/"));
        victim.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
        assert_ne!(victim.session_cookie(), planted);
        let (socket, _) = victim.join("general").await;
        assert_eq!(socket.post("general", &planted, &planted[..20]).await["author"]["username"], "ada");
        is_dead(app, &planted).await;
    }
    // What the attacker had open with what they planted ends with it.
    theirs.is_cut().await;
    // Whoever registers becomes somebody else, too.
    let planted = app.log_in("ada").await.session_cookie();
    let newcomer = app.stranger();
    newcomer.plant_cookie(&format!("{planted}; Path=/"));
    newcomer.post("/register", &[("username", "newcomer"), ("password", PASSWORD)]).await.expect(303);
    assert_ne!(newcomer.session_cookie(), planted, "the registration kept a planted session");
}

/// Requests and sockets of every kind are under way while their person logs out, each time a little later: they stay logged out.
#[apply(both)]
async fn whatever_races_with_a_logout_its_person_stays_logged_out(app: &TestApp) {
    app.register("ada").await;
    let (mut before, mut after) = (0, 0);
    for round in 0..10 {
        let ada = app.log_in("ada").await;
        let cookies = ada.cookies();
        let (socket, _) = ada.join("general").await;
        let (answered, mut answers) = mpsc::unbounded_channel();
        // Some browser tabs, each with one request after the other.
        let requests = join_all((0..8).map(|tab| {
            let (ada, answered) = (&ada, answered.clone());
            async move {
                let mut were_in = Vec::new();
                for nth in 0..6 {
                    let nonce = format!("race-{round}-{tab}-{nth}");
                    let form = [("body", nonce.as_str()), ("nonce", nonce.as_str())];
                    let request = match nth % 4 {
                        0 => ada.form("/rooms/general/messages", &form),
                        1 => ada.request(Method::GET, "/rooms"),
                        2 => ada.form("/settings", &[("status", "racing")]),
                        _ => ada.form("/rooms/general/read", &[]),
                    };
                    were_in.push(Answer::try_of(request).await.is_ok_and(|answer| !leads_to_login(&answer)));
                    // Nobody counts any more once she has left.
                    answered.send(()).ok();
                }
                were_in
            }
        }));
        let sockets = join_all((0..6).map(|_| ada.try_socket()));
        let leaving = async {
            for _ in 0..=round * 3 {
                answers.recv().await;
            }
            ada.post("/logout", &[]).await.expect(303);
        };
        let (were_in, sockets, ()) = tokio::join!(requests, sockets, leaving);
        before += were_in.iter().flatten().filter(|was_in| **was_in).count();
        after += were_in.iter().flatten().filter(|was_in| !**was_in).count();
        is_dead(app, &cookies).await;
        socket.is_cut().await;
        for socket in sockets.into_iter().flatten() {
            socket.is_cut().await;
        }
        // Later, too: nothing that was under way has brought it back.
        is_dead(app, &cookies).await;
    }
    assert!(before > 0 && after > 0, "nothing raced: {before} requests were hers, {after} a stranger's");
}

#[apply(both)]
async fn forged_cookies_are_strangers(app: &TestApp) {
    let real = app.register("ada").await.session_cookie();
    let (name, value) = real.split_once('=').expect("a cookie has a value");
    let mut flipped: Vec<char> = value.chars().collect();
    flipped[0] = if flipped[0] == 'A' { 'B' } else { 'A' };
    let flipped: String = flipped.into_iter().collect();
    let long = "A".repeat(4000);
    for forged in ["", "1", "../../etc/passwd", "' or 1=1 --", "AAAAAAAAAAAAAAAAAAAAAA", &flipped, &value[1..], &long, "\u{e9}"] {
        let mut request = app.stranger().request(reqwest::Method::GET, "/rooms");
        let cookie = reqwest::header::HeaderValue::from_bytes(format!("{name}={forged}").as_bytes());
        request = request.header("cookie", cookie.expect("it can be sent"));
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 303, "{forged:?}");
        assert!(answer.location().starts_with("/login"));
    }
}

/// A request that was under way while its person logged out must not bring the session back when it ends.
#[apply(both)]
async fn a_request_held_across_a_logout_leaves_its_person_logged_out(app: &TestApp) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ada = app.register("ada").await;
    let cookie = ada.cookies();
    // Half of a form: the server has the headers, with the session's cookie, and waits for the rest.
    let mut held = tokio::net::TcpStream::connect(app.address).await.expect("the server accepts");
    let body = "name=held&visibility=public";
    let (first, second) = body.split_at(5);
    let head = format!(
        "POST /rooms HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{first}",
        app.address,
        body.len()
    );
    held.write_all(head.as_bytes()).await.expect("it reads");
    // Another request on another connection: when it is answered, the server has had the time to read the first.
    ada.get("/rooms").await.expect(200);
    ada.post("/logout", &[]).await.expect(303);
    held.write_all(second.as_bytes()).await.expect("it reads on");
    let mut answer = Vec::new();
    tokio::time::timeout(crate::harness::DEADLINE, held.read_to_end(&mut answer)).await.expect("it ends").ok();
    let again = app.stranger().request(reqwest::Method::GET, "/rooms").header("cookie", cookie);
    Answer::of(again).await.expect(303);
}
