//! Logging out, and what it must reach.

use crate::both;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, TestApp};

both! {
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

    async fn logging_out_ends_only_that_session(app: &TestApp) {
        let ada = app.register("ada").await;
        let elsewhere = app.log_in("ada").await;
        ada.post("/logout", &[]).await.expect(303);
        elsewhere.get("/rooms").await.expect(200);
    }

    async fn a_stranger_can_log_out_and_nothing_happens(app: &TestApp) {
        app.stranger().post("/logout", &[]).await.expect(303);
    }

    async fn a_link_cannot_log_anybody_out(app: &TestApp) {
        let ada = app.register("ada").await;
        let status = ada.get("/logout").await.status;
        assert!(status == 404 || status == 405, "{status}");
        ada.get("/rooms").await.expect(200);
    }

    async fn a_login_gets_a_new_session_and_the_one_before_is_dead(app: &TestApp) {
        let ada = app.register("ada").await;
        let before = ada.session_cookie();
        ada.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
        assert_ne!(ada.session_cookie(), before);
        let with_the_old = app.stranger().request(reqwest::Method::GET, "/rooms").header("cookie", before);
        Answer::of(with_the_old).await.expect(303);
    }

    async fn a_planted_session_is_not_the_one_that_a_login_gets(app: &TestApp) {
        app.register("ada").await;
        // An attacker's own session, and one that nobody has.
        let attacker = app.register("mallory").await;
        let (name, _) = attacker.session_cookie().split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).expect("a cookie");
        for planted in [attacker.session_cookie(), format!("{name}=AAAAAAAAAAAAAAAAAAAAAA")] {
            let victim = app.stranger();
            victim.plant_cookie(&format!("{planted}; Path=/"));
            victim.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
            assert_ne!(victim.session_cookie(), planted);
            let (socket, _) = victim.join("general").await;
            assert_eq!(socket.post("general", &planted, &planted[..20]).await["author"]["username"], "ada");
            let with_the_planted = app.stranger().request(reqwest::Method::GET, "/rooms").header("cookie", &planted);
            Answer::of(with_the_planted).await.expect(303);
        }
    }

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
}
