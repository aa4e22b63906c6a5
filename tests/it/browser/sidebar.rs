//! The list of rooms beside every page, as it changes without a reload.

use super::{COMPOSER, TwoPeople};
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
        ada.waits_for(async || ada.texts(".sidebar a[data-room] .name").await == ["general", "The observatory"]).await;
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
fn the_notification_level_of_a_room_is_set_in_its_head() {
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

#[test]
fn of_thousands_of_rooms_the_sidebar_shows_some_and_all_are_heard_from() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        app.database.fill_rooms("ada", "grace", 1_000).await;
        let entries = ".sidebar [data-list=rooms] a[data-room]";
        ada.visit(app, "/rooms/general").await;
        ada.sees(COMPOSER).await;
        ada.sees(".sidebar a[data-room=general][aria-current=page]").await;
        // In ten rooms a line waits; the title counts them all.
        ada.waits_for(async || ada.title().await.is_ok_and(|title| title.starts_with("(10)"))).await;
        assert_eq!(ada.counts(entries).await, 100);
        // One that is not listed is, as soon as somebody writes there.
        let edsger = app.register("edsger").await;
        assert_eq!(ada.counts(".sidebar a[data-room=many-0999]").await, 0);
        edsger.enter("many-0999").await;
        edsger.write("many-0999", "anybody here?").await.expect(303);
        ada.sees(".sidebar a[data-room=many-0999].unread").await;
        assert_eq!(ada.counts(entries).await, 101);
        // The others are a link away, page by page.
        ada.press(".sidebar a[href='/rooms?mine=yes']").await;
        ada.waits_for(async || ada.counts(".rows--ticked > li").await == 50).await;
        ada.press("a[rel=next]").await;
        ada.waits_for(async || ada.texts(".rows--ticked > li div > a").await.first().is_some_and(|name| name == "Many 0050"))
            .await;
        // And the palette finds what is on neither.
        ada.type_keys("\u{e009}k\u{e000}").await;
        ada.fill("#palette input", "many 0777").await;
        ada.waits_for(async || ada.texts("#palette .found-label").await.first().is_some_and(|name| name == "Many 0777")).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn a_room_that_becomes_private_has_its_lock_at_once() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let owner = app.log_in("ada").await;
        let room = owner.create_room("Attic", "public").await;
        ada.visit(app, &format!("/rooms/{room}")).await;
        ada.sees(COMPOSER).await;
        ada.waits_for(async || ada.texts(".people").await == ["1 member · 1 online"]).await;
        owner.post(&format!("/rooms/{room}/settings"), &[("visibility", "private")]).await.expect(303);
        ada.waits_for(async || ada.texts(".notice .text").await.last().is_some_and(|words| words == "ada made the room private"))
            .await;
        ada.sees(&format!(".sidebar a[data-room='{room}'] .private")).await;
        ada.sees(&format!(".sidebar a[data-room='{room}'] use[href='#i-lock']")).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}
