//! Writing with a keyboard: completion, drafts, editing, answering, the limit, the preview.

use proof::infra::receiver::Receiver;
use serde_json::json;

use super::{COMPOSER, EDITOR, SEND, WORDS, reads, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{TestApp, in_browser};
use crate::webhooks::{admin, post_json};

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const UP: &str = "\u{e013}";
const DOWN: &str = "\u{e015}";
const OPTIONS: &str = "#completions:not([hidden]) [role=option]";

async fn enter(app: &TestApp, username: &str) -> Browser {
    let browser = Browser::open(Scripts::On).await;
    browser.register(app, username).await;
    browser.join(app, "general").await;
    browser.sees(COMPOSER).await;
    browser
}

/// What stands in the composer.
async fn written(browser: &Browser) -> String {
    browser.sees(COMPOSER).await.prop("value").await.expect("a field has a value").unwrap_or_default()
}

async fn writes(browser: &Browser, expected: &str) {
    browser.waits_for(async || written(browser).await == expected).await;
}

async fn is_shown(browser: &Browser, css: &str) -> bool {
    browser.sees(css).await.is_displayed().await.unwrap_or(false)
}

#[test]
fn names_emoji_and_rooms_are_completed_by_keyboard() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (grace, _) = app.register("grace").await.join("general").await;
        let ada = enter(app, "ada").await;
        ada.fill(COMPOSER, "Hi @gr").await;
        ada.sees(OPTIONS).await;
        assert_eq!(
            ada.sees(COMPOSER).await.attr("aria-activedescendant").await.expect("an element").as_deref(),
            Some("completions-0")
        );
        ada.fill(COMPOSER, ENTER).await;
        writes(&ada, "Hi @grace ").await;
        // The arrows go through the list, and Tab takes from it.
        ada.fill(COMPOSER, "@").await;
        ada.waits_for(async || ada.texts(OPTIONS).await.len() == 4).await;
        ada.fill(COMPOSER, &format!("{DOWN}{DOWN}{UP}{TAB}")).await;
        writes(&ada, "Hi @grace @grace ").await;
        ada.fill(COMPOSER, ":tad").await;
        ada.sees(OPTIONS).await;
        ada.fill(COMPOSER, TAB).await;
        writes(&ada, "Hi @grace @grace 🎉 ").await;
        ada.fill(COMPOSER, "#gen").await;
        ada.sees(OPTIONS).await;
        // Escape closes it, and then Enter sends what is there.
        ada.fill(COMPOSER, ESCAPE).await;
        ada.waits_for(async || ada.texts(OPTIONS).await.is_empty()).await;
        ada.fill(COMPOSER, ENTER).await;
        let message = grace.hears("Hi @grace @grace 🎉 #gen").await;
        assert_eq!(message["mentions"], json!(["grace"]));
        // In code nothing is completed.
        ada.fill(COMPOSER, "`@gr").await;
        ada.fill(COMPOSER, ENTER).await;
        grace.hears("`@gr").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn a_draft_survives_a_reload_and_a_log_out_and_is_gone_when_it_is_sent() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        ada.fill(COMPOSER, "not done yet").await;
        ada.refresh().await.expect("the page can be reloaded");
        writes(&ada, "not done yet").await;
        ada.press(SEND).await;
        reads(&ada, &["not done yet"]).await;
        ada.refresh().await.expect("the page can be reloaded");
        reads(&ada, &["not done yet"]).await;
        writes(&ada, "").await;
        ada.fill(COMPOSER, "for tomorrow").await;
        // Nothing is asked: the server has it before one is gone.
        ada.log_out().await;
        ada.waits_until(|path| path == "/login").await;
        let left = ada.execute("return Object.keys(localStorage).filter((key) => key.startsWith('draft:')).length", vec![]).await;
        assert_eq!(left.expect("our own script runs"), json!(0));
        ada.close().await;
        // In another browser it is there, marked beside the room as well.
        let again = Browser::open(Scripts::On).await;
        again.visit(app, "/login").await;
        again.fill("[name=username]", "ada").await;
        again.fill("[name=password]", PASSWORD).await;
        again.press("form[action='/login'] button").await;
        again.sees(COMPOSER).await;
        writes(&again, "for tomorrow").await;
        again.visit(app, "/people").await;
        again.sees(".sidebar a[data-room=general] .draft").await;
        again.visit(app, "/rooms/general").await;
        writes(&again, "for tomorrow").await;
        again.press(SEND).await;
        reads(&again, &["not done yet", "for tomorrow"]).await;
        again.waits_for(async || app.database.rows("drafts").await.is_empty()).await;
        again.close().await;
    });
}

#[test]
fn a_page_that_comes_with_an_old_draft_does_not_bring_it_back() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        let phone = app.log_in("ada").await;
        let attic = phone.create_room("Attic", "public").await;
        // Begun elsewhere: the page has it before the scripts do, and they do not write it twice.
        phone.post("/rooms/general/draft", &[("body", "from the phone")]).await.expect(303);
        writes(&ada, "from the phone").await;
        ada.refresh().await.expect("the page can be reloaded");
        writes(&ada, "from the phone").await;
        assert!(ada.source_of("/rooms/general").await.contains("data-stored=\"words\""));
        // A page is asked for ahead with the draft in it, and the draft is sent meanwhile.
        ada.press(&format!(".sidebar a[data-room='{attic}']")).await;
        ada.waits_until(|path| path.ends_with(&attic)).await;
        ada.hover(".sidebar a[data-room=general]").await;
        let ahead =
            "return performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/rooms/general')).length";
        ada.waits_for(async || ada.execute(ahead, vec![]).await.is_ok_and(|count| count.as_u64() > Some(0))).await;
        let gone = "return !document.querySelector('.sidebar a[data-room=general] .draft')";
        phone.post("/rooms/general/messages", &[("body", "from the phone")]).await.expect(303);
        ada.waits_for(async || ada.execute(gone, vec![]).await.ok() == Some(json!(true))).await;
        ada.press(".sidebar a[data-room=general]").await;
        reads(&ada, &["from the phone"]).await;
        writes(&ada, "").await;
        // Words that only this browser has are newer than what the page comes with.
        phone.post("/rooms/general/draft", &[("body", "old")]).await.expect(303);
        writes(&ada, "old").await;
        ada.fill(COMPOSER, " and new").await;
        ada.refresh().await.expect("the page can be reloaded");
        writes(&ada, "old and new").await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn a_draft_that_cannot_be_stored_is_asked_about_before_one_logs_out() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        // Longer than a message may be: the server takes no such draft, and this browser has it.
        let long = format!("document.querySelector('{COMPOSER}').value = 'x'.repeat(8001)");
        ada.execute(&long, vec![]).await.expect("our own script runs");
        ada.fill(COMPOSER, "y").await;
        ada.log_out().await;
        ada.waits_for(async || ada.texts("#leaving[open] strong").await == ["1 draft couldn’t be saved."]).await;
        ada.press("#leaving [value='']").await;
        assert_eq!(ada.value(COMPOSER).await.len(), 8_002);
        ada.log_out().await;
        ada.sees("#leaving[open]").await;
        ada.press("#leaving [value=yes]").await;
        ada.waits_until(|path| path == "/login").await;
        ada.close().await;
    });
}

#[test]
fn the_last_message_is_edited_where_it_stands_with_the_arrow() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        say(&ada, "first").await;
        say(&ada, "secnd").await;
        reads(&ada, &["first", "secnd"]).await;
        let grace_in = app.register("grace").await;
        let (grace, _) = grace_in.join("general").await;
        grace.post("general", "mine is later", "1").await;
        ada.waits_for(async || ada.texts(WORDS).await.len() == 3).await;
        ada.fill(COMPOSER, UP).await;
        ada.sees("#m3.message--editing #edit-composer").await;
        ada.waits_for(async || ada.value(EDITOR).await == "secnd").await;
        // Escape leaves it as it was, and one is back where one was.
        ada.fill(EDITOR, &format!("!{ESCAPE}")).await;
        ada.waits_for(async || ada.counts(EDITOR).await == 0).await;
        let is_back = format!("return document.activeElement === document.querySelector('{COMPOSER}')");
        ada.waits_for(async || ada.execute(&is_back, vec![]).await.ok() == Some(json!(true))).await;
        ada.fill(COMPOSER, UP).await;
        ada.waits_for(async || ada.value(EDITOR).await == "secnd").await;
        // It completes as the composer does.
        ada.fill(EDITOR, " edited @gr").await;
        ada.sees("#edit-completions:not([hidden]) [role=option]").await;
        ada.fill(EDITOR, TAB).await;
        ada.waits_for(async || ada.value(EDITOR).await == "secnd edited @grace ").await;
        ada.fill(EDITOR, ENTER).await;
        assert_eq!(grace.hears("secnd edited @grace ").await["seq"], 3);
        ada.waits_for(async || ada.texts(WORDS).await.iter().any(|words| words.starts_with("secnd edited"))).await;
        // What happens to the message meanwhile is told, and no word is lost.
        ada.fill(COMPOSER, UP).await;
        ada.waits_for(async || ada.value(EDITOR).await.starts_with("secnd edited")).await;
        ada.clear(EDITOR).await;
        ada.fill(EDITOR, "much better").await;
        let (other, _) = app.log_in("ada").await.join("general").await;
        other.ok("edit", json!({ "room": "general", "seq": 3, "body": "from the phone" })).await;
        let told = async || ada.texts("#edit-refusal:not([hidden])").await.join("");
        ada.waits_for(async || told().await.starts_with("This message was edited elsewhere.")).await;
        other.ok("delete", json!({ "room": "general", "seq": 3 })).await;
        ada.waits_for(async || told().await.starts_with("This message was deleted. Your text is still here.")).await;
        ada.press("#edit-refusal button").await;
        writes(&ada, "much better").await;
        assert_eq!(ada.counts(EDITOR).await, 0);
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn words_are_formatted_by_buttons_and_keys_and_undone() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        let select = |from: usize, to: usize| {
            format!("const field = document.querySelector('{COMPOSER}'); field.focus(); field.setSelectionRange({from}, {to})")
        };
        for (text, from, to, name, keys, expected) in [
            ("one two", 4, 7, "bold", "\u{e009}b\u{e000}", "one **two**"),
            ("one two", 3, 7, "italic", "\u{e009}i\u{e000}", "one _two_"),
            ("one **two**", 6, 9, "bold", "\u{e009}b\u{e000}", "one two"),
            ("one two", 0, 3, "strike", "\u{e009}\u{e008}x\u{e000}", "~~one~~ two"),
            ("a `b` c", 0, 7, "code", "\u{e009}e\u{e000}", "`` a `b` c ``"),
            ("x\ny", 0, 3, "code", "\u{e009}e\u{e000}", "```\nx\ny\n```\n"),
            ("see docs", 4, 8, "link", "\u{e009}\u{e008}u\u{e000}", "see [docs](https://)"),
            ("a\nb", 0, 3, "numbers", "\u{e009}\u{e008}7\u{e000}", "1. a\n2. b"),
            ("a\nb", 0, 3, "bullets", "\u{e009}\u{e008}8\u{e000}", "- a\n- b"),
            ("> a\n> b", 0, 7, "quote", "\u{e009}\u{e008}9\u{e000}", "a\nb"),
        ] {
            for by_key in [false, true] {
                let put = format!("document.querySelector('{COMPOSER}').value = {}", json!(text));
                ada.execute(&put, vec![]).await.expect("our own script runs");
                ada.execute(&select(from, to), vec![]).await.expect("our own script runs");
                if by_key {
                    ada.type_keys(keys).await;
                } else {
                    ada.press(&format!("#composer [data-format={name}]")).await;
                }
                ada.waits_for(async || written(&ada).await == expected).await;
            }
        }
        // What a button did is undone as what was typed.
        ada.clear(COMPOSER).await;
        ada.fill(COMPOSER, "undo me").await;
        ada.execute(&select(0, 4), vec![]).await.expect("our own script runs");
        ada.press("#composer [data-format=bold]").await;
        writes(&ada, "**undo** me").await;
        ada.type_keys("\u{e009}z\u{e000}").await;
        writes(&ada, "undo me").await;
        // An emoji comes where one was writing, and then stands first.
        ada.execute(&select(4, 4), vec![]).await.expect("our own script runs");
        ada.press("#composer .emoji-opener").await;
        ada.fill("#picker input", "rocket").await;
        ada.waits_for(async || ada.attribute("#picker .emojis .face", "data-emoji").await == "🚀").await;
        ada.fill("#picker input", ENTER).await;
        writes(&ada, "undo🚀 me").await;
        ada.press("#composer .emoji-opener").await;
        ada.waits_for(async || ada.attribute("#picker:popover-open .usual .face", "data-emoji").await == "🚀").await;
        ada.type_keys(ESCAPE).await;
        let is_back = format!("return document.activeElement === document.querySelector('{COMPOSER}')");
        ada.waits_for(async || ada.execute(&is_back, vec![]).await.ok() == Some(json!(true))).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn emoji_that_people_mean_come_first() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        let first = async |typed: &str, expected: &str| {
            ada.clear(COMPOSER).await;
            ada.fill(COMPOSER, typed).await;
            let sign = format!("{OPTIONS}[aria-selected=true] .sign");
            ada.waits_for(async || ada.texts(&sign).await == [expected]).await;
        };
        for (typed, expected) in [
            (":ta", "🎉"),
            (":+1", "👍"),
            (":sm", "😄"),
            (":he", "❤️"),
            (":fire", "🔥"),
            (":th", "👍"),
            (":thi", "🤔"),
            (":ro", "🚀"),
            (":jo", "😂"),
            (":pr", "🙏"),
            (":ey", "👀"),
            (":party", "🥳"),
            (":-1", "👎"),
            (":cat", "🐱"),
        ] {
            first(typed, expected).await;
        }
        // What one uses oneself is before what others do.
        ada.clear(COMPOSER).await;
        ada.fill(COMPOSER, ":taco").await;
        ada.sees(OPTIONS).await;
        ada.fill(COMPOSER, TAB).await;
        writes(&ada, "🌮 ").await;
        first(":ta", "🌮").await;
        ada.close().await;
    });
}

#[test]
fn the_limit_is_told_before_it_bites() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        let set = |length: usize| {
            format!(
                "const field = document.querySelector('{COMPOSER}'); field.value = '🎉'.repeat({length}); field.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));"
            )
        };
        for (length, left, can_send) in
            [(7000, "", true), (7990, "10 left", true), (8000, "0 left", true), (8003, "3 characters too long", false)]
        {
            ada.execute(&set(length), vec![]).await.expect("our own script runs");
            ada.waits_for(async || ada.texts("#left").await == [left]).await;
            assert_eq!(ada.sees(SEND).await.is_enabled().await.expect("a button"), can_send, "{length}");
        }
        ada.fill(COMPOSER, ENTER).await;
        assert_eq!(written(&ada).await.chars().count(), 8003, "nothing is lost");
        ada.close().await;
    });
}

#[test]
fn a_preview_follows_what_is_written() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        ada.fill(COMPOSER, "**one**").await;
        ada.press("#preview-button").await;
        ada.sees("#preview strong").await;
        ada.fill(COMPOSER, " :tada:").await;
        ada.waits_for(async || ada.texts("#preview .body").await == ["one 🎉"]).await;
        ada.fill(COMPOSER, ESCAPE).await;
        ada.waits_for(async || !is_shown(&ada, "#preview").await).await;
        ada.fill(COMPOSER, ENTER).await;
        reads(&ada, &["one 🎉"]).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn an_answer_says_what_it_answers_and_escape_makes_it_a_message() {
    in_browser(module_path!(), async |app: &TestApp| {
        let (grace, _) = app.register("grace").await.join("general").await;
        let seq = grace.post("general", "a *question*", "1").await["seq"].clone();
        let ada = enter(app, "ada").await;
        ada.visit(app, &format!("/rooms/general?reply_to={seq}")).await;
        ada.waits_for(async || ada.texts("#composer-state .words").await == ["Replying to grace: a question"]).await;
        ada.fill(COMPOSER, "an answer").await;
        // It is part of the draft.
        ada.refresh().await.expect("the page can be reloaded");
        writes(&ada, "an answer").await;
        ada.waits_for(async || is_shown(&ada, "#composer-state").await).await;
        ada.fill(COMPOSER, ENTER).await;
        assert_eq!(grace.hears("an answer").await["reply_to"], seq);
        ada.waits_for(async || !is_shown(&ada, "#composer-state").await).await;
        ada.visit(app, &format!("/rooms/general?reply_to={seq}")).await;
        ada.fill(COMPOSER, &format!("no answer{ESCAPE}{ENTER}")).await;
        assert_eq!(grace.hears("no answer").await.get("reply_to"), None);
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn what_is_pasted_keeps_its_form_and_can_be_made_code() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        let paste = "const [field, text] = [document.activeElement, arguments[0]];
            const data = new DataTransfer(); data.setData('text/plain', text); data.setData('text/html', '<b>other</b>');
            // As a browser does: the event, and if nobody minds, the text.
            if (field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))) {
              field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
              field.dispatchEvent(new InputEvent('input', { inputType: 'insertFromPaste', bubbles: true }));
            }";
        let code = "if a {\n    b(\"```\");\n}";
        ada.fill(COMPOSER, "see ").await;
        ada.execute(paste, vec![json!(code)]).await.expect("our own script runs");
        writes(&ada, &format!("see {code}")).await;
        ada.press("#paste button").await;
        writes(&ada, &format!("see \n````\n{code}\n````\n")).await;
        // An address over selected words makes a link.
        ada.execute(
            &format!(
                "const field = document.querySelector('{COMPOSER}'); field.value = 'the docs'; field.setSelectionRange(4, 8);"
            ),
            vec![],
        )
        .await
        .expect("our own script runs");
        ada.execute(paste, vec![json!("https://example.com/a")]).await.expect("our own script runs");
        writes(&ada, "the [docs](https://example.com/a)").await;
        ada.close().await;
    });
}

#[test]
fn without_scripts_the_preview_button_shows_the_page_again() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.fill(COMPOSER, "**one**").await;
        ada.press("#preview-button").await;
        ada.sees("#preview strong").await;
        assert_eq!(written(&ada).await, "**one**");
        ada.press(SEND).await;
        reads(&ada, &["one"]).await;
        ada.close().await;
    });
}

#[test]
fn the_command_of_a_webhook_is_offered_with_its_hint() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ruth = admin(app).await;
        ruth.enter("general").await;
        let receiver = Receiver::start().await;
        let wanted = json!({
            "url": receiver.url("/"), "events": ["command.used"], "rooms": ["general"], "command": "deploy",
            "hint": "Deploys <what> you say",
        });
        post_json(&ruth, "/admin/webhooks", &wanted).await.expect(201);
        let ada = enter(app, "ada").await;
        ada.fill(COMPOSER, "/").await;
        ada.waits_for(async || ada.texts(OPTIONS).await.len() == 8).await;
        ada.fill(COMPOSER, "dep").await;
        ada.waits_for(async || {
            let offered = ada.texts(OPTIONS).await;
            offered.len() == 1 && offered[0].contains("/deploy") && offered[0].contains("Deploys <what> you say")
        })
        .await;
        ada.fill(COMPOSER, TAB).await;
        writes(&ada, "/deploy ").await;
        ada.fill(COMPOSER, &format!("now{ENTER}")).await;
        ada.waits_for(async || ada.texts("#command-notice:not([hidden])").await == ["Sent /deploy."]).await;
        assert_eq!(receiver.wait_for(1).await[0].body["data"]["text"], "now");
        ada.close().await;
    });
}

#[test]
fn commands_are_offered_done_and_told() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        ada.fill(COMPOSER, "/").await;
        ada.waits_for(async || ada.texts(OPTIONS).await.len() == 7).await;
        ada.fill(COMPOSER, "to").await;
        ada.waits_for(async || ada.texts(OPTIONS).await.len() == 1).await;
        ada.fill(COMPOSER, TAB).await;
        writes(&ada, "/topic ").await;
        ada.fill(COMPOSER, &format!("All about engines{ENTER}")).await;
        ada.waits_for(async || ada.texts("#command-notice:not([hidden])").await == ["The topic is now “All about engines”."])
            .await;
        writes(&ada, "").await;
        // Not within a text.
        ada.fill(COMPOSER, "either/").await;
        assert_eq!(ada.counts(OPTIONS).await, 0);
        ada.clear(COMPOSER).await;
        // One that is refused comes back, to be put right.
        ada.fill(COMPOSER, &format!("/deploy now{ENTER}")).await;
        ada.waits_for(async || {
            ada.texts("#refusal:not([hidden])").await.iter().any(|why| why.contains("There’s no command /deploy"))
        })
        .await;
        writes(&ada, "/deploy now").await;
        ada.clear(COMPOSER).await;
        ada.fill(COMPOSER, &format!("//deploy now{ENTER}")).await;
        reads(&ada, &["/deploy now"]).await;
        ada.waits_for(async || !is_shown(&ada, "#refusal").await).await;
        ada.close().await;
    });
}
