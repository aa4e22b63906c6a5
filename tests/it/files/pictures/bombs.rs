//! Files that are made to harm whoever reads them: they end the process that does, and nothing else.

use std::path::Path;

use image::ImageFormat;
use parlor::pictures::Pictures;
use proof::infra::watch::peak_during;

use super::fixtures::{chunk, corners, pdf, preview, saved};
use crate::files::{form, send, send_one};
use crate::harness::{Database, process, watchdog};
use crate::once;

/// A PNG that says it is so large, with a row of pixels or two.
fn png(width: u32, height: u32) -> Vec<u8> {
    let sound = saved(&corners(8, 8), ImageFormat::Png);
    let about = [&width.to_be_bytes(), &height.to_be_bytes(), [8, 2, 0, 0].as_slice(), &[0]].concat();
    [&sound[..8], &chunk(b"IHDR", &about), &sound[33..]].concat()
}

/// A GIF whose one frame says that it is so large.
fn gif(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a", &*size, b"\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0", &size, b"\0\x02\x02\x4c\x01\0\x3b"].concat()
}

/// A PDF whose page is in so many arrays that whoever reads it by recursion runs out of stack.
fn deep_pdf() -> Vec<u8> {
    let text = String::from_utf8(pdf()).unwrap();
    let deep = format!("/MediaBox {}0 0 400 200{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    text.replace("/MediaBox [0 0 400 200]", &deep).into_bytes()
}

#[apply(once)]
async fn bombs_harm_nobody(database: &Database) {
    /// What they may add to the server's memory, in bytes: the files themselves pass through it in pieces.
    const MOST: u64 = 24 << 20;
    let server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let sound = saved(&corners(40, 30), ImageFormat::Png);
    send_one(&ada, &room, "first.png", &sound).await;
    let before = server.stats();
    let bombs = [
        ("wide.png", png(50_000, 50_000)),
        ("longest.png", png(0x7fff_ffff, 0x7fff_ffff)),
        ("huge.gif", gif(65_535, 65_535)),
        ("deep.pdf", deep_pdf()),
    ];
    let ((), peak) = peak_during(&server, async {
        let files: Vec<_> = bombs.iter().map(|(name, bytes)| (*name, &**bytes)).collect();
        let answer = send(&ada, &room, form(&files)).await;
        let message = answer.expect(201).json()["message"].clone();
        for file in message["attachments"].as_array().unwrap() {
            assert!(file["width"].is_null() && file["preview"].is_null(), "{file}");
            // They are files as others are.
            ada.get(file["url"].as_str().unwrap()).await.expect(200);
        }
        ada.write(&room, "only words").await.expect(303);
        let after = send_one(&ada, &room, "after.png", &sound).await;
        preview(&ada, &after, "").await;
    })
    .await;
    let growth = peak.memory.saturating_sub(before.memory);
    assert!(growth < MOST, "{} KiB more memory", growth >> 10);
}

#[tokio::test]
async fn a_process_that_fails_leaves_a_download() {
    let folder = watchdog::folder();
    let source = folder.path().join("source");
    std::fs::write(&source, saved(&corners(40, 30), ImageFormat::Png)).unwrap();
    let clean = folder.path().join("clean");
    std::fs::write(&clean, "").unwrap();
    // One that fails, and one that says what nobody understands.
    for program in ["/bin/false", "/bin/echo"] {
        let pictures = Pictures::new(Some(Path::new(program)));
        let found = pictures.inspect(&source, "image/png", &clean).await.unwrap();
        assert!(!found.is_cleaned && found.shown.is_none(), "{program}");
        assert!(pictures.preview(&source, "image/png", folder.path()).await.unwrap().made.is_empty(), "{program}");
    }
    let none = Pictures::new(Some(Path::new("/no/such/program")));
    assert!(none.inspect(&source, "image/png", &clean).await.is_err());
}
