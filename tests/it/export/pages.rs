//! The pages of an export in a real browser, from a disk: they can be read and searched, and hostile text does nothing.

use std::fs;
use std::path::Path;

use super::{exported, live, names};
use crate::files::{form, send};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{Person, TestApp, in_browser};
use fantoccini::Locator;

/// A picture.
fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(320, 200, |x, y| image::Rgb([(x * 2 / 3) as u8, y as u8, 128]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("a picture can be written");
    bytes.into_inner()
}

/// Each would run, end a script or a line, or load something, if anything let it.
const HOSTILE: [&str; 8] = [
    "<script>ran=1</script>",
    "</script><script>ran=1</script>",
    "a\u{2028}b\u{2029}ran=1",
    "<img src=x onerror=ran=1>",
    "\"><svg onload=ran=1>",
    "[a](javascript:ran=1)",
    "![a](https://127.0.0.1:1/spy.png)",
    "`</script>` --> ]]> \\",
];

/// Opens a file of an export.
async fn open(browser: &Browser, folder: &Path, file: &str) {
    browser.goto(&format!("file://{}/{file}", folder.display())).await.expect("the page can be opened");
}

async fn is_quiet(browser: &Browser, what: &str) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{what}: {complaints:?}");
    assert_eq!(browser.run("return typeof ran").await, "undefined", "{what}");
}

/// Everything in an export that a page can show.
async fn hostile(ada: &Person, room: &str) {
    let (socket, _) = ada.join(room).await;
    for (number, text) in HOSTILE.iter().enumerate() {
        socket.post(room, text, &format!("h{number}")).await;
    }
    let picture = picture();
    let files = [
        ("../x.html", &b"<script>ran=1</script>"[..]),
        ("CON", b"1"),
        ("a/b", b"2"),
        ("<script>ran=1</script>.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='ran=1'/>"),
        ("one.png", &*picture),
    ];
    send(ada, room, form(&files)).await.expect(201);
    ada.post(
        "/settings",
        &[("name", "<b>Ada</b>"), ("status", "\"><script>ran=1</script>"), ("theme", "auto"), ("notify", "all")],
    )
    .await
    .expect(303);
    ada.post("/rooms", &[("name", "</title><script>ran=1</script>"), ("topic", HOSTILE[1]), ("visibility", "public")])
        .await
        .expect(303);
    // Enough for a second page.
    for number in 0..200 {
        socket.post(room, &format!("line {number} of many"), &format!("many {number}")).await;
    }
    socket.post(room, "Ein Wört mit Ümläuten, zuletzt", "last").await;
}

#[test]
fn pages_are_read_and_searched_from_a_disk() {
    in_browser(module_path!(), async |app: &TestApp| pages(app).await);
}

async fn pages(app: &TestApp) {
    let (ada, _, room) = live(app).await;
    hostile(&ada, &room).await;
    // As if a page said so of itself.
    let links = r#"[{"url": "https://example.com/", "title": "</a><script>ran=1</script>", "description": "<img src=x onerror=ran=1>"},
        {"url": "javascript:ran=1", "title": "never"}]"#;
    app.database.run(&format!("update messages set links = '{links}' where body = 'line 0 of many'")).await;
    let to = exported(app, &app.database, &["--all", "--html"], "pages").await;
    assert_eq!(names(&to), ["files", "index.html", "parlor.css", "people.html", "rooms", "search", "search.html"]);
    // No name is anybody's, and nothing has an ending that a browser runs.
    for name in names(&to.join("files")) {
        let (hash, ending) = name.split_once('.').expect("an ending");
        assert!(hash.len() == 64 && ["txt", "bin", "png"].contains(&ending), "{name}");
    }

    let browser = Browser::open(Scripts::On).await;
    open(&browser, &to, "index.html").await;
    assert_eq!(browser.texts(".title").await, ["Parlor"]);
    assert!(browser.texts(".card strong").await.contains(&"</title><script>ran=1</script>".to_owned()));
    is_quiet(&browser, "the index").await;
    let link = browser.find(Locator::XPath("//a[contains(@class,'card')][.//strong='Tea & Talk']")).await.expect("the room");
    link.click().await.expect("it can be followed");
    browser.sees(".about").await;
    assert!(browser.texts("section h2").await.contains(&"Pinned".to_owned()));
    assert_eq!(browser.counts("a.card--line").await, 2, "two pages");
    is_quiet(&browser, "the room").await;
    browser.press("a.card--line").await;
    browser.sees(".messages .message").await;
    let bodies = browser.texts(".message .body").await;
    assert!(bodies.iter().any(|body| body.contains("once more")) && bodies.contains(&"Message deleted".to_owned()), "{bodies:?}");
    assert!(bodies.iter().any(|body| body.contains(HOSTILE[0])), "it is shown as it was written: {bodies:?}");
    assert!(browser.counts(".hl-k").await > 0, "code has its colors");
    assert_eq!(browser.texts(".pinned").await, ["Pinned by <b>Ada</b>"]);
    assert_eq!(browser.counts(".reaction").await, 2);
    assert_eq!(browser.counts(".earlier").await, 1);
    // It is loaded once it is in sight.
    let loads =
        "const picture = document.querySelector('.picture img'); picture.scrollIntoView(); return picture.naturalWidth > 0";
    browser.waits_for_script(loads).await;
    let names = browser.texts(".file-name").await;
    assert!(
        names.contains(&"x.html".to_owned()) && names.contains(&"CON".to_owned()) && names.contains(&"b".to_owned()),
        "{names:?}"
    );
    assert_eq!(browser.texts(".link-title").await, ["</a><script>ran=1</script>"]);
    assert_eq!(browser.texts(".link-host").await, ["example.com"]);
    is_quiet(&browser, "the messages").await;
    // A reply leads to what it replies to, and a mention to its person.
    // The driver scrolls what is above to the very top, where the head is.
    browser.run("scrollTo(0, 0)").await;
    browser.press(".answers").await;
    browser.waits_for(async || browser.counts(".message:target").await == 1).await;
    assert!(browser.texts(".message:target .body").await[0].contains("once more"));
    browser.press(".mention").await;
    browser.sees("#u2:target").await;
    is_quiet(&browser, "the people").await;

    // The field on every page leads to the search.
    browser.fill(".seek input", "wort UMLAUTEN\n").await;
    browser.sees(".results mark").await;
    assert_eq!(browser.texts(".state").await, ["1 message found"]);
    is_quiet(&browser, "the search").await;
    browser.press(".results a").await;
    browser.sees(".message:target").await;
    assert_eq!(browser.texts(".message:target .body").await, ["Ein Wört mit Ümläuten, zuletzt"]);
    open(&browser, &to, "search.html?q=line&room=").await;
    browser.waits_for(async || browser.texts(".state").await == ["200 messages found"]).await;
    browser.clear(".search input").await;
    browser.fill(".search input", "<script>ran\n").await;
    browser.waits_for(async || browser.counts(".results li").await >= 2).await;
    assert!(browser.texts(".results p").await.iter().any(|text| text.contains(HOSTILE[1])));
    is_quiet(&browser, "what is found").await;
    browser.clear(".search input").await;
    browser.fill(".search input", "xyzzy\n").await;
    browser.waits_for(async || browser.texts(".state").await == ["No messages found"]).await;

    // Wherever it is, it asks for nothing outside.
    let asked = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)").await;
    let asked = asked.as_array().expect("a list").iter().filter_map(|name| name.as_str());
    assert!(asked.clone().all(|name| name.starts_with("file://")), "{:?}", asked.collect::<Vec<_>>());
    for page in ["index.html", "people.html", "search.html", "rooms/1/index.html", "rooms/2/1.html"] {
        let html = fs::read_to_string(to.join(page)).expect("it is there");
        assert!(html.contains("Content-Security-Policy") && !html.contains("<style"), "{page}");
        assert!(!html.contains("src=\"/") && !html.contains("href=\"/"), "{page} refers to a server");
    }
    browser.close().await;

    // Without scripts everything but the search is there.
    let plain = Browser::open(Scripts::Off).await;
    open(&plain, &to, "rooms/2/2.html").await;
    plain.sees(".message").await;
    open(&plain, &to, "search.html").await;
    assert!(plain.page().await.contains("Searching needs scripts"));
    plain.close().await;
}
