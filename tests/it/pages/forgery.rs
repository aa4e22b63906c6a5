//! Forms that other sites send in a person's name.

use reqwest::Method;

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, TestApp};

/// Every form that changes something.
const FORMS: [(&str, &[(&str, &str)]); 7] = [
    ("/register", &[("username", "eve"), ("password", PASSWORD)]),
    ("/login", &[("username", "ada"), ("password", PASSWORD)]),
    ("/rooms", &[("name", "forged"), ("visibility", "public")]),
    ("/rooms/general/messages", &[("body", "forged")]),
    ("/rooms/open/join", &[]),
    ("/rooms/general/leave", &[]),
    ("/logout", &[]),
];

/// What a browser may say of a form's origin, and why it must not be believed to be ours.
const FOREIGN: [&[(&str, &str)]; 8] = [
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://sibling.example")],
    &[("sec-fetch-site", "cross-site")],
    // An old browser, without Sec-Fetch-Site.
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://127.0.0.1:1")],
    &[("origin", "file://")],
    // The newer header rules: a forged page cannot set it.
    &[("sec-fetch-site", "cross-site"), ("origin", "OWN")],
];

both! {
    async fn a_form_from_another_origin_does_nothing(app: &TestApp) {
        let ada = app.register("ada").await;
        ada.enter("general").await;
        let open = app.register("grace").await.create_room("Open", "public").await;
        assert_eq!(open, "open");
        let before = app.database.rows("messages").await;
        for headers in FOREIGN {
            for (path, fields) in FORMS {
                let mut request = ada.request(Method::POST, path).form(fields);
                for (name, value) in headers {
                    request = request.header(*name, if *value == "OWN" { &app.origin } else { *value });
                }
                let answer = Answer::of(request).await;
                assert_eq!(answer.status, 403, "{path} with {headers:?}");
                assert!(answer.set_cookies().is_empty(), "{path} with {headers:?}");
            }
        }
        ada.get("/rooms").await.expect(200);
        assert_eq!(app.database.rows("messages").await, before);
        assert!(!format!("{:?}", app.database.rows("rooms").await).contains("forged"));
        app.register("eve").await;
    }

    async fn a_form_from_our_own_page_or_from_a_script_is_taken(app: &TestApp) {
        let ada = app.register("ada").await;
        let own: [&[(&str, &str)]; 4] = [
            &[("sec-fetch-site", "same-origin"), ("origin", "OWN")],
            &[("sec-fetch-site", "none")],
            &[("origin", "OWN")],
            &[],
        ];
        for (number, headers) in own.into_iter().enumerate() {
            let name = format!("room {number}");
            let mut request = ada.request(Method::POST, "/rooms").form(&[("name", &*name), ("visibility", "public")]);
            for (name, value) in headers {
                request = request.header(*name, if *value == "OWN" { &app.origin } else { *value });
            }
            Answer::of(request).await.expect(303);
        }
    }

    async fn with_a_public_url_only_that_origin_is_ours(database: &Database) {
        let server = Server::start(database.url(), &[("PUBLIC_URL", "http://chat.example")]).await;
        for (origin, status) in [("http://chat.example", 303), (server.origin.as_str(), 403), ("https://chat.example", 403)] {
            let username = format!("user{status}{}", origin.len());
            let fields = [("username", &*username), ("password", PASSWORD)];
            let request = server.stranger().request(Method::POST, "/register").form(&fields).header("origin", origin);
            assert_eq!(Answer::of(request).await.status, status, "{origin}");
        }
    }
}
