//! Writing with a keyboard: completion, drafts, editing, answering, the limit, the preview.

use serde_json::json;

use super::{COMPOSER, SEND, WORDS, reads, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

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
            Some("completion-0")
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
fn a_draft_survives_a_reload_and_is_gone_when_it_is_sent_or_one_logs_out() {
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
        ada.fill(COMPOSER, "nobody else's").await;
        ada.press("form[action='/logout'] button").await;
        ada.waits_for(async || ada.texts("#leaving[open] strong").await == ["You have 1 draft."]).await;
        ada.press("#leaving [value=yes]").await;
        ada.waits_until(|path| path == "/login").await;
        let left = ada.execute("return Object.keys(localStorage).filter((key) => key.startsWith('draft:')).length", vec![]).await;
        assert_eq!(left.expect("our own script runs"), json!(0));
        ada.close().await;
    });
}

#[test]
fn the_last_message_is_edited_with_the_arrow_and_the_draft_comes_back() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        say(&ada, "first").await;
        say(&ada, "secnd").await;
        reads(&ada, &["first", "secnd"]).await;
        let (grace, _) = app.register("grace").await.join("general").await;
        grace.post("general", "mine is later", "1").await;
        ada.waits_for(async || ada.texts(WORDS).await.len() == 3).await;
        ada.fill(COMPOSER, UP).await;
        writes(&ada, "secnd").await;
        assert!(is_shown(&ada, "#composer-state").await);
        // Escape leaves it as it was.
        ada.fill(COMPOSER, &format!("!{ESCAPE}")).await;
        writes(&ada, "").await;
        assert!(!is_shown(&ada, "#composer-state").await);
        ada.fill(COMPOSER, UP).await;
        writes(&ada, "secnd").await;
        ada.fill(COMPOSER, &format!(" edited{ENTER}")).await;
        assert_eq!(grace.hears("secnd edited").await["seq"], 3);
        writes(&ada, "").await;
        ada.waits_for(async || ada.texts(WORDS).await.iter().any(|words| words.starts_with("secnd edited"))).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
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
        ada.waits_for(async || ada.texts("#composer-state .words").await == ["Replying to grace: a *question*"]).await;
        ada.fill(COMPOSER, "an answer").await;
        // It is part of the draft.
        ada.refresh().await.expect("the page can be reloaded");
        writes(&ada, "an answer").await;
        assert!(is_shown(&ada, "#composer-state").await);
        ada.fill(COMPOSER, ENTER).await;
        assert_eq!(grace.hears("an answer").await["reply_to"], seq);
        assert!(!is_shown(&ada, "#composer-state").await);
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
