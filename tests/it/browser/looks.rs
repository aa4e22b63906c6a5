//! How pages look, as far as it can be measured: what is in sight, what is in line, what a refusal looks like, what phones show.

use serde_json::{Value, json};

use super::{COMPOSER, SEND, TwoPeople, WORDS, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{TestApp, in_browser};

/// What a script finds on the page.
async fn found(browser: &Browser, script: &str) -> Value {
    browser.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// The text of the element that has the focus, or its name.
async fn focused(browser: &Browser) -> String {
    found(browser, "return document.activeElement.name ?? ''").await.as_str().unwrap_or_default().to_owned()
}

/// Whether all of an element is within the window.
async fn is_in_sight(browser: &Browser, css: &str) -> bool {
    let script = format!(
        "const box = document.querySelector(`{css}`).getBoundingClientRect(); \
         return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth"
    );
    found(browser, &script).await == json!(true)
}

#[test]
fn with_many_rooms_ones_own_row_and_the_way_to_others_stay_in_sight() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        app.register("grace").await;
        app.database.fill_rooms("ada", "grace", 120).await;
        let long = app.log_in("ada").await;
        long.create_room("Donaudampfschifffahrtsgesellschaftskapitän weekly planning", "private").await;
        for (width, opener) in [(1100, None), (360, Some(".menu"))] {
            ada.looks("light", width).await;
            ada.visit(app, "/rooms").await;
            ada.sees(".sidebar a[data-room]").await;
            if let Some(opener) = opener {
                ada.press(opener).await;
                ada.sees(".sidebar.is-open").await;
            }
            ada.sees(".go-to:not([hidden])").await;
            for part in [".go-to", ".wordmark", ".me summary"] {
                ada.waits_for(async || is_in_sight(&ada, part).await).await;
            }
            // Only what is between them scrolls, and each name has one line.
            let tall = "return ['.sidebar', '.sidebar-lists'].map((css) => { const of = document.querySelector(css); return of.scrollHeight > of.clientHeight + 1 })";
            assert_eq!(found(&ada, tall).await, json!([false, true]), "{width}");
            let heights =
                "return new Set([...document.querySelectorAll('.list li a[data-room]')].map((row) => row.offsetHeight)).size";
            assert_eq!(found(&ada, heights).await, json!(1), "{width}");
        }
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn messages_are_in_line_with_the_head_and_the_composer() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        let (socket, _) = grace.join("general").await;
        for number in 0..60 {
            socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        }
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        for width in [360, 900, 1100, 1920] {
            ada.looks("light", width).await;
            ada.visit(app, "/rooms/general").await;
            ada.sees(COMPOSER).await;
            let sides = "const side = (css) => document.querySelector(css).getBoundingClientRect(); \
                         return ['.head .measure', '.composer .measure', '#messages'].map((css) => [side(css).left, side(css).right])";
            let sides = found(&ada, sides).await;
            assert_eq!((&sides[0], &sides[0]), (&sides[1], &sides[2]), "{width}");
        }
        // The line under the head does not jump from page to page.
        let mut heights = Vec::new();
        for path in ["/rooms/general", "/rooms", "/people/grace", "/settings", "/mentions", "/search", "/nowhere"] {
            ada.visit(app, path).await;
            heights.push(found(&ada, "return document.querySelector('.head').offsetHeight").await);
        }
        assert!(heights.iter().all(|height| *height == heights[0]), "{heights:?}");
        ada.close().await;
    });
}

#[test]
fn a_refusal_keeps_the_sidebar_and_the_theme_and_leads_on() {
    in_browser(module_path!(), async |app: &TestApp| {
        for scripts in [Scripts::On, Scripts::Off] {
            let name = if scripts == Scripts::On { "ada" } else { "grace" };
            let browser = Browser::open(scripts).await;
            browser.register(app, name).await;
            browser.visit(app, "/settings").await;
            browser.press("[name=theme][value=dark]").await;
            browser.press("#settings .button").await;
            browser.sees(".saved").await;
            for path in ["/no-such-page", "/rooms/no-such-room", "/rooms?after=%00", "/rooms/general/999999"] {
                browser.visit(app, path).await;
                browser.sees("html[data-theme=dark] .sidebar .me").await;
                browser.sees(".refused .onward a[href]").await;
            }
            browser.press(".refused .onward a[href='/rooms']").await;
            browser.waits_until(|path| path == "/rooms").await;
            // Whoever is not signed in still has their theme.
            browser.log_out().await;
            browser.waits_until(|path| path == "/login").await;
            browser.sees("html[data-theme=dark] form[action='/login']").await;
            browser.close().await;
        }
    });
}

#[test]
fn what_is_wrong_with_a_form_stands_beside_its_field_and_nothing_typed_is_lost() {
    in_browser(module_path!(), async |app: &TestApp| {
        for scripts in [Scripts::On, Scripts::Off] {
            let name = if scripts == Scripts::On { "ada" } else { "grace" };
            let browser = Browser::open(scripts).await;
            browser.visit(app, "/register").await;
            browser.fill("[name=username]", "not a name").await;
            browser.fill("[name=name]", "Ada Lovelace").await;
            browser.fill("[name=password]", PASSWORD).await;
            browser.press("form[action='/register'] .button").await;
            browser.sees(".field:has([name=username]) > .wrong").await;
            assert_eq!(browser.value("[name=name]").await, "Ada Lovelace");
            if scripts == Scripts::On {
                assert_eq!(focused(&browser).await, "username");
                // The server never sends a password back: the page keeps it.
                assert_eq!(browser.value("[name=password]").await, PASSWORD);
            } else {
                browser.fill("[name=password]", PASSWORD).await;
            }
            browser.clear("[name=username]").await;
            browser.fill("[name=username]", name).await;
            browser.press("form[action='/register'] .button").await;
            browser.waits_until(|path| path.starts_with("/rooms")).await;

            browser.visit(app, "/settings").await;
            browser.fill("[name=status]", "At the engine").await;
            browser.fill("[name=time_zone]", "Mars/Olympus").await;
            browser.press("#settings > .row .button").await;
            browser.sees(".field:has([name=time_zone]) > .wrong").await;
            browser.sees("[name=time_zone][aria-invalid=true][aria-describedby=problem]").await;
            assert_eq!(browser.value("[name=status]").await, "At the engine");

            browser.visit(app, "/direct").await;
            let top = "return document.querySelector(\"form[action='/direct'] .button\").getBoundingClientRect().top";
            if scripts == Scripts::On {
                let is_ready = "return document.querySelector('form.to .finder .quiet').hidden";
                browser.waits_for(async || found(&browser, is_ready).await == json!(true)).await;
            }
            let before = found(&browser, top).await;
            browser.fill("form.to [name=q]", "nobody.by.that.name").await;
            if scripts == Scripts::On {
                // The answer does not move the button away from whoever is about to press it.
                browser.sees(".companions > .none").await;
                assert_eq!(found(&browser, top).await, before);
            }
            browser.press("form[action='/direct'] .button").await;
            browser.sees(".field > .wrong").await;
            assert_eq!(browser.value("form.to [name=q]").await, "nobody.by.that.name");
            browser.close().await;
        }
    });
}

#[test]
fn a_phone_shows_what_waits_and_answers_by_swiping() {
    in_browser(module_path!(), async |app: &TestApp| {
        let TwoPeople { ada, grace } = TwoPeople::in_general(app).await;
        let edsger = app.register("edsger").await;
        let room = edsger.create_room("Observatory", "public").await;
        ada.join(app, &room).await;
        say(&grace, "hello from a desk").await;
        ada.looks("light", 360).await;
        ada.visit(app, "/rooms/general").await;
        ada.waits_for(async || ada.texts(WORDS).await == ["hello from a desk"]).await;
        edsger.write(&room, "for @ada").await.expect(303);
        // The number on the button that opens the list, in the colour of what is addressed to one.
        ada.sees(":root[data-waiting=mine]").await;
        let shown = "return getComputedStyle(document.querySelector('.menu'), '::after').content";
        ada.waits_for(async || found(&ada, shown).await.as_str().is_some_and(|content| content.starts_with("\"1\""))).await;
        // The room's name has the room; of its members only the number is seen.
        assert!(is_in_sight(&ada, ".head h1").await);
        assert_eq!(
            found(&ada, "const of = document.querySelector('.head h1'); return of.scrollWidth <= of.clientWidth").await,
            json!(true)
        );
        // The usual emoji are at the top of the sheet.
        ada.execute("document.querySelector('#m3 .more').click()", vec![]).await.expect("our own script runs");
        ada.waits_for(async || ada.counts("#acts:popover-open > .quick:first-child .face").await == 6).await;
        ada.press("#acts .quick .face").await;
        ada.sees("#m3 .reaction--mine").await;
        // A finger that goes far enough along the line answers; one that goes down does not.
        let swipe = |x: i32, y: i32| {
            format!(
                "const node = document.querySelector('#m3 .body'); \
                 const at = (x, y) => [new Touch({{ identifier: 1, target: node, clientX: 100 + x, clientY: 100 + y }})]; \
                 const tell = (name, x, y) => node.dispatchEvent(new TouchEvent(name, {{ bubbles: true, cancelable: true, touches: name === 'touchend' ? [] : at(x, y) }})); \
                 tell('touchstart', 0, 0); tell('touchmove', {x} / 2, {y} / 2); tell('touchmove', {x}, {y}); tell('touchend')"
            )
        };
        ada.execute(&swipe(10, 90), vec![]).await.expect("our own script runs");
        assert_eq!(ada.counts("#composer-state:not([hidden])").await, 0);
        ada.execute(&swipe(90, 4), vec![]).await.expect("our own script runs");
        ada.sees("#composer-state:not([hidden])").await;
        ada.fill(COMPOSER, "and from a phone").await;
        ada.press(SEND).await;
        grace.sees(".message:has(> .answers[data-to='3'])").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        TwoPeople { ada, grace }.close().await;
    });
}

#[test]
fn on_a_phone_nothing_is_wider_than_the_window_and_what_one_writes_has_a_line_of_its_own() {
    in_browser(module_path!(), async |app: &TestApp| {
        let grace = app.register("grace").await;
        let long = grace.create_room("Donaudampfschifffahrtsgesellschaftskapitän weekly planning", "public").await;
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.looks("light", 360).await;
        ada.visit(app, &format!("/rooms/{long}")).await;
        ada.sees(".joining .button").await;
        assert!(is_in_sight(&ada, ".joining .button").await);
        ada.visit(app, "/rooms/general").await;
        ada.fill(COMPOSER, "Hello there, this is longer than one line on a telephone").await;
        let widths = "return ['.box textarea', '.box'].map((css) => document.querySelector(`#composer ${css}`).offsetWidth)";
        let widths = found(&ada, widths).await;
        assert!(widths[0].as_f64() > widths[1].as_f64().map(|box_width| box_width * 0.8), "{widths}");
        assert!(is_in_sight(&ada, SEND).await);
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn buttons_are_in_line_with_their_field_and_with_the_quiet_way_on() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        let room = app.log_in("ada").await.create_room("Observatory", "private").await;
        for (scheme, width) in [("light", 1100), ("forced", 1100), ("light", 360)] {
            ada.looks(scheme, width).await;
            // Whatever is said below the field.
            ada.visit(app, &format!("/rooms/{room}/members")).await;
            ada.fill("#add [name=username]", "nobody").await;
            ada.press("#add .button").await;
            ada.sees("#add .wrong").await;
            let tops =
                "return ['input', '.button'].map((css) => document.querySelector(`#add ${css}`).getBoundingClientRect().top)";
            let tops = found(&ada, tops).await;
            assert_eq!(tops[0], tops[1], "{scheme} {width}");
            for (path, row) in [("/settings", "#settings > .row"), ("/nowhere", ".onward")] {
                ada.visit(app, path).await;
                let middles = format!(
                    "return ['.button', 'a.quiet'].map((css) => {{ \
                     const words = document.createRange(); words.selectNodeContents(document.querySelector(`{row} ${{css}}`)); \
                     const box = words.getBoundingClientRect(); return (box.top + box.bottom) / 2 }})"
                );
                let middles = found(&ada, &middles).await;
                let apart = middles[0].as_f64().zip(middles[1].as_f64()).map(|(one, other)| (one - other).abs());
                assert!(apart.is_some_and(|apart| apart < 2.0), "{path} {scheme} {width}: {middles}");
            }
        }
        // Where backgrounds are gone, lines keep the rows of a list apart.
        ada.looks("forced", 1100).await;
        ada.visit(app, "/rooms").await;
        let line = "return getComputedStyle(document.querySelector('.rows > li + li')).borderTopWidth";
        assert_eq!(found(&ada, line).await, json!("1px"));
        ada.close().await;
    });
}

#[test]
fn who_joined_one_after_the_other_is_told_in_one_line() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.waits_for(async || ada.texts(".people").await == ["1 member · 1 online"]).await;
        let lines = async |browser: &Browser| browser.texts("#messages .notice:not([hidden]) > :is(.fold, .text)").await;
        for (name, expected) in [
            ("grace", "ada and grace joined"),
            ("linus", "ada, grace and linus joined"),
            ("mei", "ada, grace and 2 others joined"),
        ] {
            app.register(name).await.enter("general").await;
            ada.waits_for(async || lines(&ada).await.iter().any(|line| line.starts_with(expected))).await;
            assert_eq!(ada.counts("#messages .notice:not([hidden])").await, 1);
        }
        // What is said between keeps the notices apart.
        say(&ada, "welcome").await;
        app.register("zoe").await.enter("general").await;
        ada.waits_for(async || ada.counts("#messages .notice:not([hidden])").await == 2).await;
        let live = lines(&ada).await;
        // The server says the same, also to whoever has no scripts, and its line opens.
        ada.refresh().await.expect("the page can be reloaded");
        ada.waits_for(async || lines(&ada).await == live).await;
        let plain = Browser::open(Scripts::Off).await;
        plain.register(app, "barbara").await;
        plain.visit(app, "/rooms/general").await;
        plain.waits_for(async || lines(&plain).await == live).await;
        plain.press(".fold summary").await;
        plain.waits_for(async || plain.texts(".fold[open]").await.iter().any(|line| line.contains("linus, mei"))).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        plain.close().await;
        ada.close().await;
    });
}

#[test]
fn the_head_of_a_conversation_says_whether_the_other_is_there() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        let grace = app.register("grace").await;
        grace.post("/settings", &[("status", "At sea")]).await.expect(303);
        ada.visit(app, "/people/grace").await;
        ada.press("form[action='/people/grace/message'] button").await;
        ada.sees(COMPOSER).await;
        ada.waits_for(async || {
            ada.texts(".head [data-presence-of=grace]").await.iter().any(|line| line.starts_with("Last seen"))
        })
        .await;
        assert_eq!(ada.texts(".head .status").await, ["At sea"]);
        ada.sees(".head .portrait .avatar").await;
        let (socket, _) = grace.join("general").await;
        socket.ok("watch", json!({})).await;
        ada.waits_for(async || ada.texts(".head [data-presence-of=grace]").await == ["Online"]).await;
        drop(socket);
        ada.waits_for(async || ada.texts(".head [data-presence-of=grace]").await == ["Last seen just now"]).await;
        ada.close().await;
    });
}

#[test]
fn the_composer_shows_its_tools_when_they_are_wanted() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        let visible = "return getComputedStyle(document.querySelector('#preview-button')).visibility";
        assert_eq!(found(&ada, visible).await, json!("hidden"));
        ada.fill(COMPOSER, "*words*").await;
        assert_eq!(found(&ada, visible).await, json!("visible"));
        ada.press(SEND).await;
        ada.waits_for(async || ada.texts(WORDS).await == ["words"]).await;
        // The message under edit is marked, until it is saved.
        ada.fill(COMPOSER, "\u{e013}").await;
        ada.sees(".message--editing #edit-composer").await;
        ada.fill("#edit-composer textarea", "\u{e00c}").await;
        ada.waits_for(async || ada.counts(".message--editing").await == 0).await;
        // A day is chosen on the line of a day.
        ada.press(".day button").await;
        ada.sees("#to-date:popover-open input[type=date]").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn favorites_and_closed_sections_are_the_persons_own_wherever_they_log_in() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        let grace = app.register("grace").await;
        let room = grace.create_room("Observatory", "public").await;
        ada.join(app, &room).await;
        ada.press(".head .favorite button").await;
        ada.sees(&format!("[data-list=favorites] a[data-room='{room}'][aria-current=page]")).await;
        ada.sees(".head .favorite button[aria-pressed=true]").await;
        // A closed section shows what waits, and only that.
        ada.visit(app, &format!("/rooms/{room}")).await;
        ada.press("[data-section=rooms] h2 button").await;
        let is_shown = async |browser: &Browser| {
            let script = "return document.querySelector('.sidebar a[data-room=general]').offsetHeight > 0";
            found(browser, script).await == json!(true)
        };
        ada.waits_for(async || !is_shown(&ada).await).await;
        grace.enter("general").await;
        grace.write("general", "hello").await.expect(303);
        ada.waits_for(async || is_shown(&ada).await).await;
        let stored = "select sidebar from users where username = 'ada'";
        ada.waits_for(async || {
            app.database.query(stored).await[0]["sidebar"].as_str().is_some_and(|text| text.contains("\"rooms\""))
        })
        .await;
        // In another browser, and without scripts, it is the same, and can be undone.
        let plain = Browser::open(Scripts::Off).await;
        plain.visit(app, "/login").await;
        plain.fill("[name=username]", "ada").await;
        plain.fill("[name=password]", PASSWORD).await;
        plain.press("form[action='/login'] .button").await;
        plain.visit(app, &format!("/rooms/{room}")).await;
        plain.sees(&format!("[data-list=favorites] a[data-room='{room}']")).await;
        plain.sees("[data-section=rooms][data-closed]").await;
        plain.press("[data-section=rooms] h2 button").await;
        plain.sees("[data-section=rooms]:not([data-closed])").await;
        plain.visit(app, &format!("/rooms/{room}")).await;
        plain.press(".head .favorite button").await;
        plain.sees(&format!("[data-list=rooms] a[data-room='{room}']")).await;
        assert_eq!(app.database.query(stored).await[0]["sidebar"], "");
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        plain.close().await;
        ada.close().await;
    });
}
