//! Who may make an account: everybody, whoever was invited, or nobody.

use crate::both;
use crate::harness::Database;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;

both! {
    async fn where_registration_is_closed_nobody_gets_in(database: &Database) {
        let server = Server::start(database.url(), &[("REGISTRATION", "closed")]).await;
        let stranger = server.stranger();
        let status = stranger.post("/register", &[("username", "ada"), ("password", PASSWORD)]).await.status;
        assert!((400..500).contains(&status), "{status}");
        stranger.get("/rooms").await.expect(303);
        stranger.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(401);
    }

    async fn where_it_takes_an_invitation_nobody_gets_in_without_one(database: &Database) {
        let server = Server::start(database.url(), &[("REGISTRATION", "invite")]).await;
        for invite in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let fields = [("username", "ada"), ("password", PASSWORD), ("invite", invite)];
            let stranger = server.stranger();
            let status = stranger.post("/register", &fields).await.status;
            assert!((400..500).contains(&status), "{invite:?}: {status}");
            stranger.get("/rooms").await.expect(303);
        }
    }

    async fn a_wrong_setup_token_makes_no_administrator(database: &Database) {
        let server = Server::start(database.url(), &[("REGISTRATION", "closed")]).await;
        for setup in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let stranger = server.stranger();
            let fields = [("username", "ada"), ("password", PASSWORD), ("setup", setup)];
            let status = stranger.post("/register", &fields).await.status;
            assert!((400..500).contains(&status), "{setup:?}: {status}");
        }
    }
}
