//! How often one may fail to log in.

use std::time::Duration;

use crate::both;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person};

async fn fails(person: &Person, username: &str) -> Answer {
    person.post("/login", &[("username", username), ("password", "wrong password")]).await
}

both! {
    async fn who_fails_too_often_is_told_when_to_come_back(database: &Database) {
        let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
        server.register("ada").await;
        for _ in 0..3 {
            fails(&server.stranger(), "ada").await.expect(401);
        }
        let answer = fails(&server.stranger(), "ada").await;
        let wait: u64 = answer.expect(429).header("retry-after").parse().expect("a number of seconds");
        assert!((1..=60).contains(&wait), "{wait}");
        // The right password does not help: whoever guesses must not learn that they guessed right.
        let fields = [("username", "ada"), ("password", PASSWORD)];
        server.stranger().post("/login", &fields).await.expect(429);
        server.pass(Duration::from_secs(61));
        server.stranger().post("/login", &fields).await.expect(303);
    }

    async fn an_account_is_guarded_from_all_addresses_together(database: &Database) {
        let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
        server.register("ada").await;
        let mut last = 0;
        for host in 2..8 {
            let address = std::net::IpAddr::from([127, 0, 0, host]);
            let person = Person::from_address(server.site.clone(), "", Some(address));
            last = fails(&person, "ada").await.status;
        }
        assert_eq!(last, 429);
        // Others are not held up by it.
        server.register("grace").await;
        let elsewhere = Person::from_address(server.site.clone(), "", Some([127, 0, 0, 99].into()));
        elsewhere.post("/login", &[("username", "grace"), ("password", PASSWORD)]).await.expect(303);
    }

    async fn an_address_cannot_try_many_accounts(database: &Database) {
        let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
        let mut statuses = Vec::new();
        for number in 0..6 {
            statuses.push(fails(&server.stranger(), &format!("user{number}")).await.status);
        }
        assert_eq!(statuses, [401, 401, 401, 429, 429, 429]);
    }

    async fn the_forwarded_address_counts_only_behind_a_trusted_proxy(database: &Database) {
        for (proxies, expected) in [("127.0.0.1", 401), ("10.0.0.0/8", 429)] {
            let mut server = Server::start(database.url(), &[("LOGIN_RATE", "2/min"), ("TRUSTED_PROXIES", proxies)]).await;
            let mut last = 0;
            for number in 0..5 {
                let username = format!("user{number}");
                let fields = [("username", &*username), ("password", "wrong password")];
                let request = server.stranger().form("/login", &fields).header("x-forwarded-for", format!("203.0.113.{number}"));
                last = Answer::of(request).await.status;
            }
            assert_eq!(last, expected, "TRUSTED_PROXIES={proxies}");
            server.stop().await;
        }
    }

    async fn successes_do_not_count(database: &Database) {
        let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
        server.register("ada").await;
        for _ in 0..6 {
            server.log_in("ada").await;
        }
    }

    async fn the_limit_can_be_lifted(database: &Database) {
        let server = Server::start(database.url(), &[("LOGIN_RATE", "off")]).await;
        for _ in 0..12 {
            fails(&server.stranger(), "ada").await.expect(401);
        }
    }
}
