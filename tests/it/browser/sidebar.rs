//! The list of rooms beside every page, as it changes without a reload.

use super::{COMPOSER, TwoPeople};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
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
        assert_eq!(ada.counts(entries).await, 50);
        // One that is not listed is, as soon as somebody writes there.
        let edsger = app.register("edsger").await;
        assert_eq!(ada.counts(".sidebar a[data-room=many-0999]").await, 0);
        edsger.enter("many-0999").await;
        edsger.write("many-0999", "anybody here?").await.expect(303);
        ada.sees(".sidebar a[data-room=many-0999].unread").await;
        assert_eq!(ada.counts(entries).await, 51);
        // The others come fifty at a time, by name, without leaving the page; and they live on.
        assert_eq!(ada.counts(".sidebar a[data-room=many-0060]").await, 0);
        ada.press(".sidebar .more a").await;
        ada.waits_for(async || ada.counts(entries).await == 101).await;
        ada.sees(".sidebar li:has(a[data-room=many-0059]) + li a[data-room=many-0060]").await;
        ada.press(".sidebar .more a").await;
        ada.waits_for(async || ada.counts(entries).await == 151).await;
        assert_eq!(ada.path().await, "/rooms/general");
        edsger.enter("many-0060").await;
        edsger.write("many-0060", "and here?").await.expect(303);
        ada.sees(".sidebar a[data-room=many-0060].unread").await;
        // All of them, page by page.
        ada.visit(app, "/rooms?mine=yes").await;
        ada.waits_for(async || ada.counts(".rows--ticked > li").await == 50).await;
        ada.press("a[rel=next]").await;
        ada.waits_for(async || ada.texts(".rows--ticked > li div > a").await.first().is_some_and(|name| name == "Many 0050"))
            .await;
        // And the palette finds what is on neither.
        ada.type_keys("\u{e009}k\u{e000}").await;
        ada.fill("#palette input", "many 0777").await;
        ada.waits_for(async || ada.texts("#palette .found-label").await.first().is_some_and(|name| name == "Many 0777")).await;
        ada.type_keys("\u{e007}").await;
        ada.waits_until(|path| path == "/rooms/many-0777").await;
        ada.sees(".sidebar a[data-room=many-0777][aria-current=page]").await;
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

#[test]
fn what_one_arranges_in_one_window_is_so_in_the_others() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        let other = Browser::open(Scripts::On).await;
        other.visit(app, "/login").await;
        other.fill("[name=username]", "ada").await;
        other.fill("[name=password]", PASSWORD).await;
        other.press("form[action='/login'] .button").await;
        other.waits_until(|path| path == "/rooms/general").await;
        other.sees(".people").await;
        other.waits_for(async || other.texts(".people").await == ["1 member · 1 online"]).await;
        // A favorite, with its star; and no more.
        ada.press(".head .favorite button").await;
        other.sees("[data-section=favorites]:not([hidden]) [data-list=favorites] a[data-room=general]").await;
        other.sees(".head .favorite button[aria-pressed=true]").await;
        other.press(".head .favorite button").await;
        ada.sees("[data-list=rooms] a[data-room=general]").await;
        ada.sees(".head .favorite button[aria-pressed=false]").await;
        // A section.
        other.press("[data-section=directs] h2 button").await;
        ada.sees("[data-section=directs][data-closed] h2 button[aria-expanded=false]").await;
        ada.press("[data-section=directs] h2 button").await;
        other.sees("[data-section=directs]:not([data-closed]) h2 button[aria-expanded=true]").await;
        for browser in [ada, other] {
            assert_eq!(browser.complaints().await, Vec::<String>::new());
            browser.close().await;
        }
    });
}

#[test]
fn rooms_are_found_sorted_and_joined_in_the_directory() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        for name in ["Tea", "Observatory", "Garden"] {
            grace.create_room(name, "public").await;
        }
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/rooms").await;
        ada.press(".orders a:nth-of-type(2)").await;
        ada.sees(".orders a[aria-current][href='/rooms?sort=members']").await;
        // One joins where one stands.
        ada.press("form[action='/rooms/tea/join'] button").await;
        ada.sees(".rows a.door-to[href$='/rooms/tea']").await;
        ada.sees(".sidebar a[data-room=tea]").await;
        ada.waits_for(async || ada.texts(".rows li:has(a[href='/rooms/tea']) [data-members]").await == ["2 members"]).await;
        assert_eq!(ada.path().await, "/rooms");
        ada.press(".tabs a[href*='joined=no']").await;
        ada.waits_for(async || ada.texts(".rows > li div > a").await == ["Garden", "Observatory", "general"]).await;
        // What there is not can be made.
        ada.press(".tabs a[href='/rooms?sort=members']").await;
        ada.sees(".rows a[href='/rooms/tea']").await;
        ada.fill("[role=search] [name=q]", "Zoo").await;
        ada.press("[role=search] button").await;
        ada.sees(".empty a[href='#create']").await;
        assert_eq!(ada.value("#create [name=name]").await, "Zoo");
        ada.press("#create .button").await;
        ada.waits_until(|path| path == "/rooms/zoo").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}
