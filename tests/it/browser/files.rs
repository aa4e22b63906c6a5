//! Files: choosing, pasting and dropping them, and what is told while they are uploaded. Pictures are in `pictures`.

use serde_json::{Value, json};

use super::{COMPOSER, SEND, WORDS, reads, say};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{Site, Socket, TestApp, in_browser};

const LEFT: &str = "\u{e012}";
const SHIFT: &str = "\u{e008}";

/// What a person has on their machine: a picture of this size, or so many bytes.
pub(super) const MAKES: &str = "const picture = async (name, width, height) => { \
        const canvas = new OffscreenCanvas(width, height); const brush = canvas.getContext('2d'); \
        brush.fillStyle = 'teal'; brush.fillRect(0, 0, width, height); brush.fillStyle = 'gold'; brush.fillRect(0, 0, width / 2, height / 2); \
        return new File([await canvas.convertToBlob({ type: 'image/jpeg' })], name, { type: 'image/jpeg' }); }; \
    const bytes = (name, size) => new File([new Uint8Array(size)], name, { type: 'application/octet-stream' }); \
    const parcel = (...files) => { const parcel = new DataTransfer(); for (const file of files) parcel.items.add(file); return parcel; }; \
    const choose = (...files) => { const field = document.querySelector('#attach-files'); field.files = parcel(...files).files; \
        field.dispatchEvent(new Event('change')); }; ";

pub(super) async fn enter(site: &Site, username: &str) -> Browser {
    let browser = Browser::open(Scripts::On).await;
    browser.register(site, username).await;
    browser.join(site, "general").await;
    browser.sees(".attach").await;
    browser
}

pub(super) async fn does(browser: &Browser, script: &str) {
    let done = browser.promised(&format!("{MAKES}{script}; return true;")).await;
    assert_eq!(done, json!(true), "{script}");
}

/// The files in the tray, each with its state.
async fn tray(browser: &Browser) -> Vec<(String, String)> {
    let script = "return [...document.querySelectorAll('.tray-item')].map((item) => [item.querySelector('.tray-name').textContent, item.dataset.state])";
    let found = browser.execute(script, vec![]).await.expect("our own script runs");
    serde_json::from_value(found).expect("pairs of texts")
}

pub(super) async fn tray_is(browser: &Browser, expected: &[(&str, &str)]) {
    let is_so = async || {
        let found = tray(browser).await;
        found.iter().map(|(name, state)| (&**name, &**state)).eq(expected.iter().copied())
    };
    browser.waits_for(is_so).await;
}

/// The files of the next message with some.
async fn hears_files(socket: &Socket, body: &str) -> Vec<Value> {
    let message = socket.hears(body).await;
    message["attachments"].as_array().cloned().unwrap_or_default()
}

fn names(files: &[Value]) -> Vec<&str> {
    files.iter().map(|file| file["name"].as_str().expect("a file has a name")).collect()
}

#[test]
fn files_are_chosen_pasted_and_dropped_put_in_order_described_and_sent() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        let (grace, _) = app.register("grace").await.join("general").await;
        does(&ada, "choose(await picture('first.jpg', 1200, 800), bytes('second.bin', 3000))").await;
        tray_is(&ada, &[("first.jpg", "done"), ("second.bin", "done")]).await;
        does(
            &ada,
            "const parcel_ = parcel(await picture('image.png', 40, 30)); document.querySelector('#composer textarea').dispatchEvent( \
             new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: parcel_ }))",
        )
        .await;
        ada.waits_for(async || {
            tray(&ada).await.get(2).is_some_and(|(name, state)| name.starts_with("pasted-") && state == "done")
        })
        .await;
        // Anywhere in the room, and it says so.
        let drag = |kind: &str| {
            format!(
                "document.querySelector('#log').dispatchEvent(new DragEvent('{kind}', {{ bubbles: true, cancelable: true, \
                 dataTransfer: parcel(bytes('dropped.bin', 10)) }}))"
            )
        };
        does(&ada, &drag("dragover")).await;
        ada.sees(".drop-here").await;
        does(&ada, &drag("drop")).await;
        ada.waits_for(async || tray(&ada).await.len() == 4 && ada.counts(".drop-here").await == 0).await;
        // The last one becomes the first, by keyboard alone.
        ada.focus(".tray-item:last-child .tray-face").await;
        ada.type_keys(&format!("{SHIFT}{LEFT}{LEFT}{LEFT}")).await;
        ada.waits_for(async || tray(&ada).await[0].0 == "dropped.bin").await;
        // One is not wanted after all.
        ada.press(".tray-item:last-child .tray-close").await;
        ada.waits_for(async || tray(&ada).await.len() == 3).await;
        // And what the picture shows.
        ada.press(".tray-item:nth-child(2) .tray-face").await;
        ada.fill(".tray-details textarea", "A teal field\n").await;
        ada.waits_for(async || ada.counts(".tray-details").await == 0).await;
        ada.fill(COMPOSER, "all of it").await;
        ada.press(SEND).await;
        let files = hears_files(&grace, "all of it").await;
        assert_eq!(names(&files), ["dropped.bin", "first.jpg", "second.bin"]);
        assert_eq!(files[1]["alt"], "A teal field");
        ada.waits_for(async || tray(&ada).await.is_empty()).await;
        // The script shows what the server shows.
        ada.sees("#m3 .files").await;
        let shown = "const copy = document.querySelector('#m3 .files').cloneNode(true); \
                     for (const thumb of copy.querySelectorAll('.is-loaded')) thumb.classList.remove('is-loaded'); return copy.outerHTML";
        let live = ada.execute(shown, vec![]).await.expect("our own script runs");
        ada.refresh().await.expect("the page can be reloaded");
        ada.sees("#m3 .files").await;
        assert_eq!(ada.execute(shown, vec![]).await.expect("our own script runs"), live);
        // Its words can be taken away; the files stay.
        ada.focus("#m3").await;
        ada.type_keys("e").await;
        ada.sees("#edit-composer textarea").await;
        ada.clear("#edit-composer textarea").await;
        ada.press("#edit-composer .button--small").await;
        ada.waits_for(async || ada.texts("#m3 .body").await == [""] && ada.counts("#m3 [data-file]").await == 3).await;
        // A message of files alone, answered: the answer says which file it was.
        does(&ada, "choose(bytes('alone.bin', 5))").await;
        tray_is(&ada, &[("alone.bin", "done")]).await;
        ada.press(SEND).await;
        ada.sees("#m4 .file-name").await;
        grace.ok("message", json!({ "room": "general", "body": "thanks", "nonce": "t", "reply_to": 4 })).await;
        ada.waits_for(async || ada.texts("#m5 .answers-words").await == ["alone.bin"]).await;
        ada.refresh().await.expect("the page can be reloaded");
        ada.waits_for(async || ada.texts("#m5 .answers-words").await == ["alone.bin"]).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn an_upload_shows_how_far_it_is_goes_on_after_a_lost_connection_and_can_be_given_up() {
    in_browser(module_path!(), async |app: &TestApp| {
        let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
        let ada = enter(&proxy, "ada").await;
        let (grace, _) = app.register("grace").await.join("general").await;
        ada.slow_network(5, 400_000).await;
        does(&ada, "choose(bytes('large.bin', 3_000_000), bytes('unwanted.bin', 2_000_000))").await;
        let progress = "return Math.min(...[...document.querySelectorAll('.tray-progress')].map(({ value }) => value))";
        let is_on_its_way = async || {
            let value = ada.execute(progress, vec![]).await.expect("our own script runs").as_f64().unwrap_or_default();
            value > 0. && value < 1.
        };
        ada.waits_for(is_on_its_way).await;
        assert_eq!(app.database.rows("files").await.len(), 2);
        // One is given up: the server forgets it.
        ada.press(".tray-item:last-child .tray-close").await;
        ada.waits_for(async || app.database.rows("files").await.len() == 1).await;
        // The other one is sent with words before it is there; what is said after it comes after it.
        ada.fill(COMPOSER, "here it is").await;
        ada.press(SEND).await;
        ada.sees(".message--pending progress").await;
        say(&ada, "and a word").await;
        proxy.cut();
        ada.waits_for(async || ada.texts("#connection").await.iter().any(|line| !line.is_empty())).await;
        ada.slow_network(0, 100_000_000).await;
        proxy.restore();
        let files = hears_files(&grace, "here it is").await;
        assert_eq!(names(&files), ["large.bin"]);
        assert_eq!(files[0]["bytes"], 3_000_000);
        grace.hears("and a word").await;
        reads(&ada, &["here it is", "and a word"]).await;
        ada.close().await;
    });
}

#[test]
fn what_cannot_be_sent_is_explained() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        // Before a byte of it is sent.
        does(&ada, "choose(bytes('huge.bin', 1 + Number(document.querySelector('#composer').dataset.largest)))").await;
        tray_is(&ada, &[("huge.bin", "failed")]).await;
        let told = ada.texts(".tray-problem").await;
        assert!(told[0].starts_with("Too large: files can have up to "), "{told:?}");
        // It is not sent without it, either.
        ada.fill(COMPOSER, "with it").await;
        ada.press(SEND).await;
        ada.waits_for(async || ada.texts("#refusal").await == ["huge.bin wasn’t uploaded. Retry or remove it, then send."]).await;
        ada.press(".tray-close").await;
        // A proxy that lets nothing through, and does not say why.
        let proxied = "const send = XMLHttpRequest.prototype.send; XMLHttpRequest.prototype.send = function (body) { \
                       if (!body) return send.call(this, body); this.abort(); \
                       Object.defineProperties(this, { status: { value: 413 }, responseText: { value: '<h1>Too large</h1>' }, readyState: { value: 4 } }); \
                       setTimeout(() => this.onload?.()); };";
        does(&ada, &format!("{proxied} choose(bytes('some.bin', 900 * 1024))")).await;
        tray_is(&ada, &[("some.bin", "failed")]).await;
        let told = ada.texts(".tray-problem").await;
        assert!(told[0].starts_with("A proxy in front of this server doesn’t let 900 KB through."), "{told:?}");
        ada.close().await;
    });
}

#[test]
fn without_scripts_files_are_sent_by_the_form() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.join(app, "general").await;
        let file = app.database.folder().join("notes.txt");
        std::fs::write(&file, "first line\nsecond line\n").expect("the folder of the test can be written to");
        ada.fill(".plain-files input", file.to_str().expect("a path of letters")).await;
        ada.press(SEND).await;
        ada.waits_for(async || ada.texts("#m2 .file-name").await == ["notes.txt"]).await;
        // Without a file it is a message like any other.
        say(&ada, "just words").await;
        ada.waits_for(async || ada.texts(WORDS).await.last().is_some_and(|words| words == "just words")).await;
        ada.close().await;
    });
}
