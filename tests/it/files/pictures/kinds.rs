//! Files that are no pictures and have one: PDFs, videos, texts.

use std::process::Stdio;

use serde_json::{Value, json};

use super::fixtures::{pdf, preview, read};
use crate::both;
use crate::files::{send_one, somebody, tus};
use crate::harness::programs::Program;
use crate::harness::{DEADLINE, Person, TestApp};

/// The message of a file, once it has a preview.
async fn previewed(person: &Person, room: &str, id: &str) -> Value {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let messages = person.get_json(&format!("/rooms/{room}")).await.json()["messages"].clone();
        let all = messages.as_array().unwrap();
        let message = all.iter().find(|message| message["attachments"][0]["id"] == id).expect("its message");
        if message["attachments"][0]["preview"].is_string() {
            return message.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{message}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[apply(both)]
async fn the_first_page_of_a_pdf_comes_after_its_message(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let (socket, _) = ada.join(&room).await;
    let file = send_one(&ada, &room, "paper.pdf", &pdf()).await;
    let message = previewed(&ada, &room, file["id"].as_str().unwrap()).await;
    let shown = &message["attachments"][0];
    assert_eq!((&shown["width"], &shown["height"], &shown["type"]), (&1200.into(), &600.into(), &"application/pdf".into()));
    let (_, small) = preview(&ada, shown, "").await;
    let page = read(&small).to_rgb8();
    assert_eq!((page.width(), page.height()), (400, 200));
    let (left, right) = (page.get_pixel(20, 100).0, page.get_pixel(380, 100).0);
    assert!(left[0] > 240 && left[1] < 20 && right.iter().all(|color| *color > 240), "{left:?} {right:?}");
    // It was told under a new rev, and is replayed.
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let last = loop {
        let told = socket.ask("sync", json!({ "room": room, "after": 0 })).await;
        let last = told["messages"].as_array().unwrap().last().unwrap().clone();
        if last["attachments"][0]["preview"].is_string() {
            break last;
        }
        assert!(tokio::time::Instant::now() < deadline, "{last}");
    };
    assert!(last["rev"].as_i64() > last["seq"].as_i64());
    // Taken after the preview was made, it has it from the start.
    let id = tus::upload(&ada, &[pdf(), b"\n".to_vec()].concat()).await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while ada.get(&format!("/files/{id}/preview")).await.status != 200 {
        assert!(tokio::time::Instant::now() < deadline, "no preview");
    }
    let posted = crate::files::post(&ada, &room, &[&id]).await;
    assert_eq!(posted["message"]["attachments"][0]["width"], 1200, "{posted}");
    assert!(posted["message"]["attachments"][0]["preview"].is_string());
}

#[apply(both)]
async fn a_video_has_a_poster_where_ffmpeg_is(app: &TestApp) {
    if !Program::Ffmpeg.is_here_or_may_be_missing() {
        println!("left out: ffmpeg is not on this machine");
        return;
    }
    let made = tokio::process::Command::new("ffmpeg")
        .args(["-v", "quiet", "-f", "lavfi", "-i", "color=c=red:s=320x180:d=1", "-f", "matroska", "-c:v", "libvpx", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let (ada, room) = somebody(app).await;
    let file = send_one(&ada, &room, "film.webm", &made.stdout).await;
    let message = previewed(&ada, &room, file["id"].as_str().unwrap()).await;
    let shown = &message["attachments"][0];
    assert_eq!((&shown["width"], &shown["height"]), (&320.into(), &180.into()), "{shown}");
    let (_, poster) = preview(&ada, shown, "").await;
    let red = read(&poster).to_rgb8().get_pixel(100, 100).0;
    assert!(red[0] > 200 && red[1] < 60, "{red:?}");
    let page = ada.get(&format!("/rooms/{room}")).await.expect(200).body.clone();
    assert!(page.contains(&format!("poster=\"/files/{}/preview", file["id"].as_str().unwrap())), "{page}");
}

#[apply(both)]
async fn the_first_lines_of_texts_are_shown(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let code = format!("fn main() {{\n    print!(\"<b>\");\n}}\n{}", "// more\n".repeat(40));
    let file = send_one(&ada, &room, "main.rs", code.as_bytes()).await;
    let excerpt = file["excerpt"].as_str().unwrap();
    assert!(excerpt.contains("<span class=\"hl-k\">fn</span>") && excerpt.contains("&lt;b&gt;"), "{excerpt}");
    assert_eq!(excerpt.lines().count(), 12);
    let page = ada.get(&format!("/rooms/{room}")).await.expect(200).body.clone();
    assert!(page.contains(excerpt));
    let file = send_one(&ada, &room, "page.html", b"<!doctype html><script>alert(1)</script>").await;
    let excerpt = file["excerpt"].as_str().unwrap();
    assert!(!excerpt.contains("<script") && excerpt.contains("script"), "{excerpt}");
    assert!(send_one(&ada, &room, "a.bin", b"\0\x01").await["excerpt"].is_null());
}
