//! A backup that is made while people write is a prefix of each room's log.

use super::{empty, restore, text, verify};
use crate::both;
use crate::harness::process::{self, run};
use crate::harness::{Database, Kind, Load, history};

#[apply(both)]
async fn a_backup_under_load_is_a_prefix(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let mut load = Load::gather(&server, 3).await;
    let (witness, room) = load.witness();
    let settings = [("DATABASE_URL", database.url())];
    for number in 0..3 {
        let before = history(&witness, &room).await.len() as i64;
        let archive = database.folder().join(format!("under-load-{number}.tar.gz"));
        let made = load
            .during(async {
                witness.join(&room).await.0.first(10, "message").await;
                run(database.folder(), &["backup", text(&archive)], &settings, "").await
            })
            .await;
        assert_eq!(made.status, Some(0), "{made:?}");
        let verified = verify(&archive, database.folder()).await;
        assert_eq!(verified.status, Some(0), "{verified:?}");
        let copy = empty(Kind::Sqlite).await;
        let (restored, _) = restore(&archive, &copy).await;
        assert_eq!(restored.status, Some(0), "{restored:?}");
        // Each seq up to the last one, each rev once.
        copy.check_rooms().await;
        let of_room = format!(
            "select seq, rev, body, nonce from messages
             where room_id = (select id from rooms where slug = '{room}') order by seq"
        );
        let (old, all) = (copy.query(&of_room).await, database.query(&of_room).await);
        // All that was acknowledged before is there, and nothing that is not in the log.
        assert!(old.len() as i64 > before && old.len() <= all.len(), "{before}, {}, {}", old.len(), all.len());
        let last = old.iter().filter_map(|message| message["rev"].as_i64()).max().expect("somebody wrote");
        for (then, now) in old.iter().zip(&all) {
            assert_eq!((&then["seq"], &then["nonce"]), (&now["seq"], &now["nonce"]));
            // What has changed since has a later rev.
            assert!(then == now || now["rev"].as_i64() > Some(last), "{then} {now}");
        }
        copy.discard().await;
    }
    database.check(&mut load).await;
}
