//! What makes Parlor an app of its own: the manifest, the worker, the page for no network, the list of keys.

use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use crate::harness::{Answer, TestApp};
use crate::once;

/// A PNG's width and height: two numbers at the same place in each.
fn size_of_png(bytes: &[u8]) -> (u32, u32) {
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

#[apply(once)]
async fn the_manifest_names_pictures_that_are_there_and_as_large_as_it_says(app: &TestApp) {
    let stranger = app.stranger();
    let answer = stranger.get("/manifest.webmanifest").await;
    assert!(answer.header("content-type").starts_with("application/manifest+json"));
    let manifest: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&manifest["start_url"], &manifest["scope"], &manifest["id"]), (&"/".into(), &"/".into(), &"/".into()));
    assert_eq!(manifest["display"], "standalone");
    let icons = manifest["icons"].as_array().expect("icons");
    assert!(icons.iter().any(|icon| icon["purpose"] == "maskable"));
    for icon in icons {
        let picture =
            stranger.request(reqwest::Method::GET, icon["src"].as_str().expect("an address")).send().await.expect("an answer");
        assert_eq!(picture.status(), 200, "{icon}");
        assert_eq!(picture.headers()[CONTENT_TYPE], icon["type"].as_str().expect("a type"), "{icon}");
        if icon["type"] == "image/png" {
            let (width, height) = size_of_png(&picture.bytes().await.expect("a body"));
            assert_eq!(format!("{width}x{height}"), icon["sizes"].as_str().expect("sizes"));
        }
    }
}

#[apply(once)]
async fn the_worker_reaches_everything_is_asked_for_anew_and_keeps_what_is_there(app: &TestApp) {
    let stranger = app.stranger();
    let answer = stranger.get("/sw.js").await;
    answer.expect(200);
    assert!(answer.header("content-type").starts_with("text/javascript"));
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("service-worker-allowed"), "/");
    assert!(answer.header("content-security-policy").contains("worker-src 'self'"));
    let list = answer.body.lines().next().and_then(|line| line.strip_prefix("const SHELL = ")?.strip_suffix(';'));
    let shell: Value = serde_json::from_str(list.expect("the list comes first")).expect("JSON");
    let files = shell["files"].as_array().expect("files");
    for part in ["css/parlor.css", "js/app.js", "js/auth.js", "js/offline.js", "socket.io.esm.min.js"] {
        assert!(files.iter().any(|file| file.as_str().is_some_and(|file| file.ends_with(part))), "{part}: {files:?}");
    }
    for file in files {
        let answer = stranger.get(file.as_str().expect("a path")).await;
        answer.expect(200);
        assert!(answer.header("cache-control").contains("immutable"), "{file}");
    }
    // Nobody is told to load it as a module.
    assert!(!stranger.get("/login").await.body.contains("sw.js"));
    let tag = answer.header("etag").to_owned();
    let again = stranger.request(reqwest::Method::GET, "/sw.js").header("if-none-match", tag).send().await.expect("an answer");
    assert_eq!(again.status(), 304);
}

#[apply(once)]
async fn the_page_for_no_network_is_the_same_for_everybody(app: &TestApp) {
    let zenobia = app.register("zenobia").await;
    // But for what makes its length random, at its end.
    let shown = |answer: &Answer| answer.body.split("</html>").next().map(str::to_owned).expect("there is something");
    let hers = shown(&zenobia.get("/offline").await);
    assert_eq!(hers, shown(app.stranger().get("/offline").await.expect(200)));
    assert!(!hers.contains("zenobia"));
}

#[apply(once)]
async fn the_list_of_keys_is_a_page_for_who_is_signed_in(app: &TestApp) {
    app.stranger().get("/keys").await.expect(303);
    assert!(app.register("ada").await.get("/keys").await.expect(200).body.contains("Ctrl K"));
}

#[apply(once)]
async fn a_renewal_by_the_worker_is_no_visit_and_a_page_that_it_passes_on_is(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let through =
        |path: &str| ada.request(reqwest::Method::GET, path).header("sec-fetch-dest", "empty").header("accept", "text/html");
    let room = grace.create_room("Open", "public").await;
    let renewed = through(&format!("/rooms/{room}")).header("purpose", "prefetch").send().await.expect("an answer");
    assert_eq!(renewed.status(), 200);
    assert_eq!(ada.get("/").await.expect(303).location(), "/rooms");
    assert_eq!(through(&format!("/rooms/{room}")).send().await.expect("an answer").status(), 200);
    assert_eq!(ada.get("/").await.expect(303).location(), format!("/rooms/{room}"));
    let members = grace.get_json(&format!("/rooms/{room}/members")).await.body;
    assert!(!members.contains("\"ada\""), "{members}");
}
