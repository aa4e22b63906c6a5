//! How much memory a large file takes: little, whatever its size.

use std::time::Duration;

use reqwest::Method;

use super::tus;
use crate::harness::{Answer, Database, process};
use crate::once;
use proof::infra::watch::peak_during;

/// The size of the file, in bytes, unless `PARLOR_TESTS_FILE_BYTES` says another one.
const BYTES: usize = 128 << 20;
/// What it may take, and what a debug build of the program maps anew, in bytes.
const MOST: u64 = 16 << 20;

/// A body that is made as it is sent.
fn made_up(bytes: usize) -> reqwest::Body {
    const PIECE: usize = 64 << 10;
    let pieces = (0..bytes / PIECE).map(|nth| Ok::<_, std::io::Error>(vec![nth as u8; PIECE]));
    reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
}

#[apply(once)]
async fn a_large_file_takes_little_memory(database: &Database) {
    let bytes = std::env::var("PARLOR_TESTS_FILE_BYTES").map_or(BYTES, |text| text.parse().expect("a number of bytes"));
    let server = process::start(database.folder(), database.url(), &[("MAX_FILE_SIZE", "4GB")]).await;
    let ada = server.register("ada").await;
    // What is used for the first time counts once.
    let small = tus::upload(&ada, b"small").await;
    ada.get(&format!("/files/{small}/a")).await.expect(200);
    let before = server.stats();
    let ((), peak) = peak_during(&server, async {
        let path = tus::begin(&ada, bytes).await;
        let patch = ada.request(Method::PATCH, &path).header("tus-resumable", "1.0.0").header("upload-offset", 0);
        let patch = patch.header("content-type", "application/offset+octet-stream").timeout(Duration::from_secs(600));
        Answer::of(patch.body(made_up(bytes))).await.expect(204);
        let id = path.rsplit('/').next().unwrap();
        let mut read =
            ada.request(Method::GET, &format!("/files/{id}/a")).timeout(Duration::from_secs(600)).send().await.unwrap();
        let mut length = 0;
        while let Some(piece) = read.chunk().await.unwrap() {
            length += piece.len();
        }
        assert_eq!(length, bytes);
    })
    .await;
    let growth = peak.memory.saturating_sub(before.memory);
    assert!(growth < MOST, "{} KiB more memory", growth >> 10);
}
