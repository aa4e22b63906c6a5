//! Passkeys, with an authenticator that the browser pretends to have.

use std::time::Duration;

use serde_json::json;

use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{Site, TestApp, in_browser};

/// The server where passkeys work: browsers do not take an address for a name.
fn at_localhost(app: &TestApp) -> Site {
    let mut site = app.site.clone();
    site.origin = site.origin.replace("127.0.0.1", "localhost");
    site
}

/// Gives a browser an authenticator that asks for a PIN and finds it right.
async fn with_authenticator(browser: &Browser) -> String {
    browser.devtools("WebAuthn.enable", json!({ "enableUI": false })).await;
    let options = json!({ "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
                          "isUserVerified": true, "automaticPresenceSimulation": true });
    let added = browser.devtools("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
    added["authenticatorId"].as_str().expect("an authenticator").to_owned()
}

/// Opens a browser that has one, and that offers no passkeys among usernames: there is nobody who chooses one.
async fn open() -> (Browser, String) {
    let browser = Browser::open(Scripts::On).await;
    let source = "PublicKeyCredential.isConditionalMediationAvailable = async () => false;";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    let authenticator = with_authenticator(&browser).await;
    (browser, authenticator)
}

async fn leave(browser: &Browser) {
    browser.log_out().await;
    browser.waits_until(|path| path == "/login").await;
}

async fn add(browser: &Browser, site: &Site, name: &str) {
    browser.visit(site, "/settings/two-factor").await;
    browser.fill("[name=name]", name).await;
    browser.press("form[data-passkey=add] button").await;
}

/// A script that asks for a passkey at a path and sends the answer twice; it gives the statuses.
fn twice(path: &str) -> String {
    format!(
        "const options = await (await fetch('{path}/options', {{ method: 'POST', headers: {{ accept: 'application/json' }} }})).json();
         const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
         const credential = JSON.stringify(await navigator.credentials.get({{ publicKey }}));
         const send = async () => (await fetch('{path}',
             {{ method: 'POST', headers: {{ accept: 'application/json' }}, body: new URLSearchParams({{ credential }}) }})).status;
         return [await send(), await send()];"
    )
}

#[test]
fn with_a_passkey_one_logs_in_without_a_password_or_after_it_and_proves_who_one_is() {
    in_browser(module_path!(), async |app: &TestApp| {
        let site = at_localhost(app);
        let (ada, authenticator) = open().await;
        ada.register(&site, "ada").await;
        add(&ada, &site, "Laptop").await;
        ada.waits_for(async || ada.counts(".codes li").await == 10).await;
        let credentials = ada.devtools("WebAuthn.getCredentials", json!({ "authenticatorId": authenticator })).await;
        assert_eq!(credentials["credentials"].as_array().map(Vec::len), Some(1), "{credentials}");
        // A device has one for each account.
        add(&ada, &site, "The same again").await;
        ada.waits_for(async || {
            ada.texts("form[data-passkey=add] .wrong").await == ["This device already has a passkey for your account."]
        })
        .await;

        // Without a password.
        leave(&ada).await;
        ada.press("form[data-passkey=use] button").await;
        ada.sees(".app[data-me=ada]").await;
        // After the password.
        leave(&ada).await;
        ada.fill("[name=username]", "ada").await;
        ada.fill("[name=password]", PASSWORD).await;
        ada.press("form[action='/login'] .button").await;
        ada.waits_until(|path| path == "/login/second").await;
        ada.press("form[data-passkey=use] button").await;
        ada.sees(".app[data-me=ada]").await;
        let log_ins = app.database.query("select detail from audit where action = 'user.login' order by id").await;
        assert!(log_ins.iter().all(|row| row["detail"].to_string().contains("passkey")), "{log_ins:?}");

        // Before something sensitive, ten minutes later.
        app.pass(Duration::from_secs(601));
        ada.visit(&site, "/confirm?next=/settings/two-factor").await;
        ada.press("form[data-passkey=use] button").await;
        ada.waits_until(|path| path == "/settings/two-factor").await;
        assert!(ada.texts("[aria-labelledby=passkeys] h3").await == ["Laptop"]);
        // An answer works once.
        assert_eq!(ada.promised(&twice("/confirm/passkey")).await, json!([204, 401]));
        let failed = app.database.query("select target from audit where action = 'user.second_factor_failed'").await;
        assert_eq!(failed, [json!({ "target": "ada" })]);

        ada.press("[aria-labelledby=passkeys] summary").await;
        ada.fill("[aria-labelledby=passkeys] [name=password]", PASSWORD).await;
        ada.press("[aria-labelledby=passkeys] .button--danger").await;
        ada.waits_for(async || ada.counts("[aria-labelledby=passkeys] h3").await == 0).await;
        assert!(app.database.rows("recovery_codes").await.is_empty(), "they are of no use without a second factor");
        // The device still has it, and it lets nobody in.
        assert_eq!(ada.promised(&twice("/login/passkey")).await, json!([401, 401]));
    });
}

#[test]
fn one_that_nobody_verified_does_not_count() {
    in_browser(module_path!(), async |app: &TestApp| {
        let site = at_localhost(app);
        let (ada, authenticator) = open().await;
        ada.register(&site, "ada").await;
        add(&ada, &site, "Laptop").await;
        ada.waits_for(async || ada.counts(".codes li").await == 10).await;
        let verified = json!({ "authenticatorId": authenticator, "isUserVerified": false });
        ada.devtools("WebAuthn.setUserVerified", verified).await;
        leave(&ada).await;
        ada.press("form[data-passkey=use] button").await;
        ada.waits_for(async || !ada.texts("form[data-passkey=use] .wrong").await.concat().is_empty()).await;
        assert_eq!(ada.path().await, "/login");
    });
}

#[test]
fn where_the_browser_offers_passkeys_among_usernames_choosing_one_logs_in() {
    in_browser(module_path!(), async |app: &TestApp| {
        let site = at_localhost(app);
        let ada = Browser::open(Scripts::On).await;
        with_authenticator(&ada).await;
        ada.register(&site, "ada").await;
        add(&ada, &site, "Laptop").await;
        ada.waits_for(async || ada.counts(".codes li").await == 10).await;
        ada.log_out().await;
        // The authenticator takes what is offered for a choice.
        ada.waits_for(async || {
            let log_ins = app.database.query("select detail from audit where action = 'user.login'").await;
            log_ins.iter().any(|row| row["detail"].to_string().contains("passkey"))
        })
        .await;
        ada.sees(".app[data-me=ada]").await;
    });
}
