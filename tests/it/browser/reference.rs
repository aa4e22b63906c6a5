//! The reference of the API: who is logged in tries operations on its page.

use super::axe::is_open_to_all;
use super::reads;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

/// Where an operation says what its answer was.
fn answered(operation: &str) -> String {
    format!("#{operation} .answered")
}

#[test]
fn a_message_is_posted_and_deleted_from_the_page() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.visit(app, "/api").await;
        ada.sees("a[href='/login?next=/api']").await;
        assert_eq!(ada.counts(".attempt").await, 0, "strangers can try nothing");
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        ada.visit(app, "/api").await;
        ada.press("#post_message > summary").await;
        ada.fill("#post_message [name=slug]", "general").await;
        assert!(ada.value("#post_message textarea").await.contains("\"body\": \"Hello from the API\""));
        ada.clear("#post_message textarea").await;
        ada.fill("#post_message textarea", "{\"body\": ").await;
        ada.press("#post_message .button").await;
        ada.sees("#post_message textarea:invalid:focus").await;
        assert_eq!(ada.texts(&answered("post_message")).await, [""], "no object, so nothing was sent");
        ada.fill("#post_message textarea", "\"Tried on the page\"}").await;
        ada.press("#post_message .button").await;
        ada.waits_for(async || ada.texts(&answered("post_message")).await == ["Answer: 201 Created"]).await;
        assert!(ada.texts("#post_message .answer").await[0].contains("Tried on the page"));
        assert_eq!(app.database.query("select seq from messages where kind = 'text'").await.len(), 1);

        let mut faults = Vec::new();
        is_open_to_all(&ada, "an operation that was tried", &mut faults).await;
        ada.looks("light", 1100).await;
        ada.visit(app, "/rooms/general").await;
        reads(&ada, &["Tried on the page"]).await;

        // A deletion is named before it is sent.
        let seq = app.database.query("select seq from messages where kind = 'text'").await[0]["seq"].clone();
        ada.visit(app, "/api").await;
        ada.press("#delete_message > summary").await;
        ada.fill("#delete_message [name=slug]", "general").await;
        ada.fill("#delete_message [name=seq]", &seq.to_string()).await;
        ada.press("#delete_message .button").await;
        ada.sees("#ask[open]").await;
        assert_eq!(ada.texts("#ask h2").await, ["Try delete_message?"]);
        assert_eq!(ada.texts("#ask blockquote").await, [format!("DELETE /api/v1/rooms/general/messages/{seq}")]);
        is_open_to_all(&ada, "the question before a deletion", &mut faults).await;
        ada.looks("light", 1100).await;
        ada.press("#ask .quiet").await;
        ada.sees("#ask:not([open])").await;
        assert_eq!(ada.texts(&answered("delete_message")).await, [""], "it was not meant");
        ada.press("#delete_message .button").await;
        ada.press("#ask[open] .button").await;
        ada.waits_for(async || ada.texts(&answered("delete_message")).await == ["Answer: 200 OK"]).await;
        ada.visit(app, "/rooms/general").await;
        ada.sees(&format!("#m{seq}")).await;
        assert!(!ada.page().await.contains("Tried on the page"));
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn without_scripts_one_tries_what_reads() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/api").await;
        assert_eq!(ada.counts("form.attempt[data-method]:not([hidden])").await, 0, "they would not be sent");
        ada.press("#get_room > summary").await;
        ada.fill("#get_room [name=slug]", "general").await;
        ada.press("#get_room .button").await;
        ada.waits_until(|path| path == "/api/v1/rooms/general").await;
        ada.close().await;
    });
}
