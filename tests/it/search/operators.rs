//! `from:`, `in:`, `before:`, `after:`, `on:`, `has:link`, `mentions:`.

use std::time::Duration;

use super::{ask, find, say};
use crate::both;
use crate::harness::TestApp;
use crate::harness::site::PASSWORD;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

both! {
    async fn authors_and_rooms_narrow_a_search(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace.h").await);
        let room = ada.create_room("The Observatory", "public").await;
        let (of_ada, _) = ada.join("general").await;
        let (of_grace, _) = grace.join("general").await;
        of_ada.ok("join", serde_json::json!({ "room": room })).await;
        say(&of_ada, "general", &["stars by ada"]).await;
        say(&of_grace, "general", &["stars by grace"]).await;
        say(&of_ada, &room, &["stars by ada in the dome"]).await;
        for (asked, found) in [
            ("stars from:ada", vec!["stars by ada in the dome", "stars by ada"]),
            ("stars from:@Ada", vec!["stars by ada in the dome", "stars by ada"]),
            ("from:me stars", vec!["stars by ada in the dome", "stars by ada"]),
            ("stars -from:ada", vec!["stars by grace"]),
            ("from:grace.h", vec!["stars by grace"]),
            ("from:grace.h from:ada stars", vec!["stars by ada in the dome", "stars by grace", "stars by ada"]),
            ("stars in:the-observatory", vec!["stars by ada in the dome"]),
            ("stars in:#the-observatory", vec!["stars by ada in the dome"]),
            ("stars in:\"the observatory\"", vec!["stars by ada in the dome"]),
            ("stars -in:general", vec!["stars by ada in the dome"]),
            ("in:general from:me", vec!["stars by ada"]),
            ("in:general in:the-observatory ada", vec!["stars by ada in the dome", "stars by ada"]),
            ("stars from:nobody", vec![]),
            ("stars in:nowhere", vec![]),
            ("stars from:'", vec![]),
            ("-from:nobody -in:nowhere grace", vec!["stars by grace"]),
        ] {
            assert_eq!(find(&ada, asked).await, found, "{asked}");
        }
    }

    async fn links_and_unknown_operators(app: &TestApp) {
        let ada = app.register("ada").await;
        let (socket, _) = ada.join("general").await;
        say(&socket, "general", &["see https://example.com now", "see [this](http://example.org) now", "see nothing now", "has wings now"]).await;
        assert_eq!(find(&ada, "now has:link").await, ["see [this](http://example.org) now", "see https://example.com now"]);
        assert_eq!(find(&ada, "has:link").await.len(), 2);
        assert_eq!(find(&ada, "now -has:link").await, ["has wings now", "see nothing now"]);
        assert_eq!(find(&ada, "has:wings").await, ["has wings now"]);
        assert_eq!(find(&ada, "see:nothing").await, ["see nothing now"]);
    }

    async fn days_narrow_a_search_where_the_reader_is(app: &TestApp) {
        let ada = app.register("ada").await;
        let mut days = Vec::new();
        for number in 0..4 {
            let (socket, _) = ada.join("general").await;
            let message = socket.post("general", &format!("day {number}"), &format!("d{number}")).await;
            days.push(message["created_at"].as_str().expect("a time")[..10].to_owned());
            app.pass(DAY * 2);
            ada.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
        }
        let found = async |q: &str| find(&ada, &q.replace("D1", &days[1]).replace("D2", &days[2])).await;
        assert_eq!(found("day on:D1").await, ["day 1"]);
        assert_eq!(found("day before:D1").await, ["day 0"]);
        assert_eq!(found("day after:D1").await, ["day 3", "day 2"]);
        assert_eq!(found("day after:D1 before:D2").await, Vec::<String>::new());
        assert_eq!(found("after:D1").await, ["day 3", "day 2"]);
        assert_eq!(found("-before:D2 -after:D2").await, ["day 2"]);
        assert_eq!(found("on:today").await, Vec::<String>::new());
        assert_eq!(found("day before:yesterday").await.len(), 4);
        for wrong in ["on:soon", "before:2026-02-30", "after:20261122", "day on:2026-1-1", "-on:today", "before:+999999-01-01", "after:9999-12-31"] {
            let error = ask(&ada, wrong, "").await.expect(422).json();
            assert_eq!((&error["error"]["code"], &error["error"]["field"]), (&"invalid".into(), &"q".into()), "{wrong}");
        }
    }

    async fn mentions_of_me_are_what_addresses_me(app: &TestApp) {
        let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
        let (of_grace, _) = grace.join("general").await;
        say(&of_grace, "general", &["@room before ada came"]).await;
        let (_of_ada, _) = ada.join("general").await;
        say(&of_grace, "general", &["@ada come and see", "ada without a sign", "@eve you too", "@room everybody"]).await;
        assert_eq!(find(&ada, "mentions:me").await, ["@room everybody", "@ada come and see"]);
        assert_eq!(find(&ada, "mentions:me come").await, ["@ada come and see"]);
        assert_eq!(find(&ada, "-mentions:me -from:ada").await, ["@eve you too", "ada without a sign", "@room before ada came"]);
        assert_eq!(find(&ada, "mentions:@eve").await, ["@eve you too"]);
        assert_eq!(find(&eve, "mentions:me").await, ["@eve you too"]);
        assert_eq!(find(&grace, "mentions:me").await, Vec::<String>::new());
        assert_eq!(find(&grace, "mentions:room").await, ["@room everybody", "@room before ada came"]);
    }
}
