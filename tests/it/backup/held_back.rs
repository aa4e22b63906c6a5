//! What a restored server does not do by itself: tell others what was news then, and take messages at addresses of then.

use proof::infra::receiver::{Receiver, Reply};
use serde_json::json;

use super::{Origin, empty, kinds, restore};
use crate::both;
use crate::harness::{Database, Server};
use crate::hooks;
use crate::retention::until;
use crate::webhooks::{add, texts};

#[apply(both)]
async fn a_restored_server_sends_nothing_old_and_takes_nothing_at_old_addresses(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ruth = origin.server.register("ruth").await;
    database.make_admin("ruth").await;
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Status(500, ""));
    let (id, _) = add(&ruth, &receiver, "/", &["message.posted"], &["general"]).await;
    ruth.enter("general").await;
    let hook = hooks::make(&origin.server, &ruth, "general", "Grafana").await;
    assert_eq!(hooks::post(&origin.server, &hook, &json!({ "text": "old" })).await.0, 200);
    receiver.wait_for(1).await;
    origin.server.stop().await;
    // A mail that somebody is to get about what they missed.
    database
        .run(
            "insert into receivers (kind, id) values ('mail', 1);
             insert into outbox (kind, receiver, event, room_id, seq, rev, created_at, due_at)
             values ('mail', 1, 'message.posted', 1, 1, 1, 1, 1)",
        )
        .await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    for kind in kinds() {
        let copy = empty(kind).await;
        let (restored, _) = restore(&archive, &copy).await;
        assert_eq!(restored.status, Some(0), "{restored:?}");
        assert!(copy.query("select id from outbox where kind <> 'webhook'").await.is_empty());
        let before = receiver.count();
        receiver.reply(Reply::Status(200, ""));
        let mut server = Server::start(copy.url(), &[]).await;
        let ruth = server.log_in("ruth").await;
        // What happens now is told, and nothing before it.
        ruth.write("general", "new").await.expect(303);
        assert_eq!(texts(&receiver.wait_for(before + 1).await[before..]), ["new"]);
        assert_eq!(hooks::post(&server, &hook, &json!({ "text": "leaked" })).await, (404, "no_service".into()));
        let path = "/rooms/general/hooks";
        let listed = ruth.get_json(path).await.expect(200).json()["hooks"][0].clone();
        assert_eq!((&listed["name"], &listed["restored"]), (&json!("Grafana"), &json!(true)));
        assert!(ruth.get(path).await.expect(200).body.contains("restored from a backup"));
        // Somebody can decide otherwise.
        let deliveries = format!("/admin/deliveries/webhook-{id}");
        let given_up = ruth.get_json(&deliveries).await.expect(200).json()["deliveries"].clone();
        assert_eq!((given_up.as_array().unwrap().len(), &given_up[0]["error"]), (1, &json!("restored from a backup")));
        assert!(given_up[0]["dead_at"].is_string());
        ruth.post(&format!("{deliveries}/redeliver"), &[]).await.expect(303);
        assert_eq!(texts(&receiver.wait_for(before + 2).await[before..]), ["new", "old"]);
        // The hook is revoked as every other one, with its bot; a new one works.
        ruth.post(&format!("{path}/{}/revoke", listed["id"].as_str().unwrap()), &[]).await.expect(303);
        until("its bot is closed", async || {
            copy.query("select id from users where is_bot and banned_at is null").await.is_empty()
        })
        .await;
        let other = hooks::make(&server, &ruth, "general", "Grafana").await;
        assert_eq!(hooks::post(&server, &other, &json!({ "text": "works" })).await.0, 200);
        server.stop().await;
        copy.discard().await;
        receiver.reply(Reply::Status(500, ""));
    }
}
