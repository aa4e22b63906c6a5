//! The first five minutes with a new server.

use super::{COMPOSER, WORDS};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{TestApp, in_browser, process};

#[test]
fn whoever_has_the_token_becomes_the_administrator_and_lands_in_general() {
    in_browser(module_path!(), async |app: &TestApp| {
        for scripts in [Scripts::On, Scripts::Off] {
            let folder = app.database.folder();
            let url = format!("sqlite://{}", folder.join(format!("{}.db", matches!(scripts, Scripts::On))).display());
            let server = process::start(folder, &url, &[]).await;
            let said = server.stdout();
            let line = said.lines().find(|line| line.contains("/register?setup=")).expect("a link");
            let root = Browser::open(scripts).await;
            root.visit(&server.site, "/").await;
            root.waits_until(|path| path == "/setup").await;
            root.fill("[name=token]:focus", "guessed\u{e007}").await;
            root.sees("[name=token][aria-invalid]:focus + .wrong").await;
            assert_eq!(root.value("[name=token]").await, "guessed");
            root.clear("[name=token]").await;
            root.fill("[name=token]", &format!("{line}\u{e007}")).await;
            root.waits_until(|path| path == "/register").await;
            root.fill("[name=username]:focus", "ruth").await;
            root.fill("[name=password]", &format!("{PASSWORD}\u{e007}")).await;
            root.waits_until(|path| path == "/rooms/general").await;
            root.sees("#empty a[href='/invites']").await;
            root.fill(COMPOSER, "Here we are").await;
            root.press("#composer .button").await;
            root.waits_for(async || root.texts(WORDS).await == ["Here we are"]).await;
            root.close().await;
        }
    });
}
