//! What is compressed, and what is not: the size of an answer must not tell whether a guess was right.

use std::collections::BTreeSet;

use proof::client::Person;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use reqwest::{Method, RequestBuilder};

use crate::both;
use crate::harness::{Answer, TestApp};

async fn packed(request: RequestBuilder) -> Answer {
    Answer::of(request.header(ACCEPT_ENCODING, "gzip")).await
}

async fn is_packed(person: &Person, path: &str, accept: &str) -> bool {
    packed(person.request(Method::GET, path).header(ACCEPT, accept)).await.expect(200).header("content-encoding") == "gzip"
}

both! {
    async fn what_carries_words_is_sent_as_it_is(app: &TestApp) {
        let ada = app.register("ada").await;
        ada.create_room("Quarterly layoffs", "private").await;
        ada.enter("general").await;
        ada.write("general", "some words").await.expect(303);
        for path in ["/search?q=quarterly-layoffs", "/search?q=quarterly-picnics", "/people?q=ada", "/rooms/general/members?q=ada"] {
            for accept in ["text/html", "application/json"] {
                assert!(!is_packed(&ada, path, accept).await, "{path} as {accept}");
            }
        }
        assert!(!is_packed(&app.stranger(), "/login?next=%2Frooms%2Fgeneral", "text/html").await);
        let forms = [("/preview", "body", "quarterly-layoffs"), ("/rooms", "name", ""), ("/settings", "time_zone", "quarterly-layoffs")];
        for (path, field, value) in forms {
            let answer = packed(ada.form(path, &[(field, value)])).await;
            assert_eq!(answer.header("content-encoding"), "", "{path}: {answer:?}");
        }
    }

    async fn what_carries_none_is_compressed(app: &TestApp) {
        let ada = app.register("ada").await;
        ada.enter("general").await;
        for number in 0..20 {
            ada.write("general", &format!("some words, number {number}")).await.expect(303);
        }
        for path in ["/rooms", "/rooms/general", "/rooms/general?before=9&limit=5", "/rooms/general/3", "/settings?saved", "/search"] {
            assert!(is_packed(&ada, path, "text/html").await, "{path}");
        }
        assert!(is_packed(&ada, "/rooms/general?after=2", "application/json").await);
        assert!(is_packed(&app.stranger(), "/sw.js", "*/*").await);
    }

    /// Other people's words stand on a page beside the names of one's own rooms.
    async fn the_size_of_a_page_is_another_one_each_time(app: &TestApp) {
        let ada = app.register("ada").await;
        ada.get("/rooms/general").await.expect(200);
        let mut sizes = BTreeSet::new();
        for _ in 0..8 {
            let page = packed(ada.request(Method::GET, "/rooms").header(ACCEPT, "text/html")).await;
            sizes.insert(page.expect(200).body.len());
        }
        assert!(sizes.len() > 1, "{sizes:?}");
    }
}
