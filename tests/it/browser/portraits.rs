//! Photos and icons: the square is chosen in the page, and what it shows is seen at once by everybody.

use serde_json::{Value, json};

use super::files::{does, enter};
use super::say;
use crate::files::portraits::give_icon;
use crate::harness::browser::{Browser, Scripts};
use crate::harness::{TestApp, in_browser};

/// Chooses a picture of three stripes in the form of the page.
const CHOOSES: &str = "const stripes = async () => { const canvas = new OffscreenCanvas(900, 300); const brush = canvas.getContext('2d'); \
        ['red', 'lime', 'blue'].forEach((color, at) => { brush.fillStyle = color; brush.fillRect(at * 300, 0, 300, 300); }); \
        return new File([await canvas.convertToBlob({ type: 'image/png' })], 'stripes.png', { type: 'image/png' }); }; \
    const field = document.querySelector('.photo-form input[type=file]'); field.files = parcel(await stripes()).files; \
    field.dispatchEvent(new Event('change', { bubbles: true }))";

/// The color in the middle of a picture on the page, once it is loaded: red, green and blue.
async fn color(browser: &Browser, css: &str) -> Value {
    let is_loaded = format!("const image = document.querySelector(`{css}`); return !!image?.complete && image.naturalWidth > 0");
    browser.waits_for(async || browser.execute(&is_loaded, vec![]).await.expect("our own script runs") == json!(true)).await;
    let script = format!(
        "const image = document.querySelector(`{css}`); const canvas = new OffscreenCanvas(1, 1); const brush = canvas.getContext('2d'); \
         brush.drawImage(image, image.naturalWidth / 2, image.naturalHeight / 2, 1, 1, 0, 0, 1, 1); \
         return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => (part > 127 ? 255 : 0))"
    );
    browser.execute(&script, vec![]).await.expect("our own script runs")
}

async fn box_of(browser: &Browser, css: &str) -> Value {
    let script = format!(
        "const {{ left, top, width, height }} = document.querySelector(`{css}`).getBoundingClientRect(); return [left, top, width, height]"
    );
    browser.execute(&script, vec![]).await.expect("our own script runs")
}

const FACE: &str = ".message[data-author=ada] > .avatar";

#[test]
fn a_photo_is_cut_in_the_page_and_seen_by_others_at_once_without_moving_anything() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        say(&ada, "Hello").await;
        ada.sees(FACE).await;
        let grace = enter(app, "grace").await;
        grace.sees(FACE).await;
        assert_eq!(grace.texts(FACE).await, ["A"]);
        let before = box_of(&grace, FACE).await;
        ada.visit(app, "/settings").await;
        does(&ada, CHOOSES).await;
        ada.sees(".photo-crop canvas").await;
        // The middle at first; by keyboard to the left end.
        assert_eq!(ada.value(".photo-crop [name=x]").await, "300");
        ada.focus(".photo-crop canvas").await;
        ada.type_keys(&LEFT.repeat(40)).await;
        ada.waits_for(async || ada.value(".photo-crop [name=x]").await == "0").await;
        assert_eq!(ada.value(".photo-crop [name=size]").await, "300");
        ada.press("form[action='/settings/photo'] .button").await;
        assert_eq!(color(&ada, ".picture-now img").await, json!([255, 0, 0]));
        assert_eq!(color(&ada, ".me summary img").await, json!([255, 0, 0]), "one's own frame");
        assert_eq!(color(&grace, &format!("{FACE} > img")).await, json!([255, 0, 0]));
        assert_eq!(box_of(&grace, FACE).await, before, "nothing has moved");
        // The script shows what the server shows.
        let shown = format!("return document.querySelector(`{FACE}`).outerHTML");
        let live = grace.execute(&shown, vec![]).await.expect("our own script runs");
        grace.refresh().await.expect("the page can be reloaded");
        grace.sees(FACE).await;
        assert_eq!(grace.execute(&shown, vec![]).await.expect("our own script runs"), live);
        assert_eq!(box_of(&grace, FACE).await, before);
        ada.press("form[action='/settings/photo/remove'] button").await;
        ada.waits_for(async || ada.counts(".picture-now img").await == 0).await;
        grace.waits_for(async || grace.texts(FACE).await == ["A"]).await;
        assert_eq!(box_of(&grace, FACE).await, before);
        // What is no picture is told at once.
        does(
            &ada,
            "const field = document.querySelector('.photo-form input[type=file]'); field.files = parcel(bytes('a.png', 20)).files; \
             field.dispatchEvent(new Event('change', { bubbles: true }))",
        )
        .await;
        ada.waits_for(async || ada.texts(".photo-form .wrong").await.join("").contains("isn’t a picture")).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
        grace.close().await;
    });
}

const LEFT: &str = "\u{e012}";

#[test]
fn a_rooms_icon_comes_and_goes_in_the_sidebar_and_in_the_head() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = enter(app, "ada").await;
        let grace = app.register("grace").await;
        let room = grace.create_room("Tea", "public").await;
        ada.join(app, &room).await;
        let row = format!(".sidebar a[data-room='{room}'] img");
        assert_eq!(ada.counts(&row).await, 0);
        give_icon(&grace, &room).await.expect(200);
        color(&ada, &row).await;
        color(&ada, ".head .room-icon img").await;
        let shown = "return document.querySelector('.head .room-icon').outerHTML";
        let live = ada.execute(shown, vec![]).await.expect("our own script runs");
        ada.refresh().await.expect("the page can be reloaded");
        ada.sees(".head .room-icon").await;
        assert_eq!(ada.execute(shown, vec![]).await.expect("our own script runs"), live);
        color(&ada, &row).await;
        grace.post(&format!("/rooms/{room}/icon/remove"), &[]).await.expect(303);
        ada.waits_for(async || ada.counts(&row).await == 0 && ada.counts(".head .room-icon").await == 0).await;
        ada.sees(&format!(".sidebar a[data-room='{room}'] svg.hash")).await;
        assert_eq!(ada.complaints().await, Vec::<String>::new());
        ada.close().await;
    });
}

#[test]
fn without_scripts_the_middle_of_the_picture_is_the_photo() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::Off).await;
        ada.register(app, "ada").await;
        ada.visit(app, "/settings").await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("me.png");
        std::fs::write(&path, crate::files::portraits::stripes()).expect("a file");
        let field = ada.sees("form[action='/settings/photo'] [type=file]").await;
        field.send_keys(path.to_str().expect("a path")).await.expect("the browser takes a file");
        ada.press("form[action='/settings/photo'] .button").await;
        ada.sees(".picture-now img").await;
        ada.sees(".saved").await;
        ada.close().await;
    });
}
