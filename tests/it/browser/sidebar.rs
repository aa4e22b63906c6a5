//! The list of rooms beside every page, as it changes without a reload.

use super::TwoPeople;
use crate::harness::{TestApp, in_browser};

#[test]
fn rooms_come_and_go_while_a_page_is_open() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let edsger = app.register("edsger").await;
        let room = edsger.create_room("The observatory", "private").await;
        let members = format!("/rooms/{room}/members");
        ada.visit(app, "/mentions").await;
        let entry = format!(".sidebar a[data-room='{room}']");
        // Brought in: the room is there, and counts.
        ada.sees(".sidebar a[data-room=general]").await;
        edsger.post(&members, &[("username", "ada")]).await.expect(303);
        ada.sees(&entry).await;
        ada.waits_for(async || ada.texts(".sidebar a[data-room]").await == ["#\ngeneral", "🔒\nThe observatory"]).await;
        edsger.write(&room, "welcome").await.expect(303);
        ada.waits_for(async || ada.texts(&format!("{entry} .count")).await == ["1"]).await;
        // Named otherwise, and muted.
        ada.post(&format!("/rooms/{room}/level"), "level", "muted").await;
        ada.sees(&format!("{entry}.muted:not(.unread)")).await;
        ada.post(&format!("/rooms/{room}/level"), "level", "").await;
        ada.sees(&format!("{entry}.unread:not(.muted)")).await;
        // Removed: it is gone, and nobody outside ever saw it.
        edsger.post(&format!("{members}/ada/remove"), &[]).await.expect(303);
        ada.waits_for(async || ada.counts(&entry).await == 0).await;
        assert_eq!(grace.counts(&entry).await, 0);
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn how_loud_a_room_is_is_set_in_its_head() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let level = "select level from memberships join users on users.id = user_id where username = 'ada'";
        ada.press("#level summary").await;
        ada.press("#level button[value=muted]").await;
        ada.sees("#level button[value=muted][aria-pressed=true]").await;
        ada.sees(".sidebar a[data-room=general].muted").await;
        assert_eq!(app.database.query(level).await[0]["level"], "muted");
        // It is hers alone.
        assert_eq!(grace.counts(".sidebar a.muted").await, 0);
        ada.press("#level summary").await;
        ada.press("#level button[value='']").await;
        ada.sees(".sidebar a[data-room=general]:not(.muted)").await;
        assert_eq!(app.database.query(level).await[0]["level"], serde_json::Value::Null);
        TwoPeople { ada, grace }.close().await;
    });
}
