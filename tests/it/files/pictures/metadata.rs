//! What is removed from pictures, and what stays.

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat};

use super::fixtures::{
    CORNERS, PLACE, are_alike, bytes, chunk, corners, corners_of, decoder, exif, has, photo, preview, read, saved,
};
use crate::files::{send_one, somebody};
use crate::harness::{Database, Server, TestApp};
use crate::{both, once};

#[apply(both)]
async fn a_photo_is_upright_however_the_camera_was_held(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let shown = corners(1000, 600);
    for orientation in 1..=8 {
        let photo = photo(&shown, orientation, None);
        assert!(has(&photo, PLACE));
        let file = send_one(&ada, &room, "photo.jpg", &photo).await;
        assert_eq!((&file["type"], &file["width"], &file["height"]), (&"image/jpeg".into(), &1000.into(), &600.into()));
        let (status, media_type, original) = bytes(&ada, file["url"].as_str().unwrap()).await;
        assert_eq!((status, &*media_type), (200, "image/jpeg"));
        assert_eq!(file["bytes"], original.len());
        assert!(!has(&original, PLACE), "the place is in the original");
        // Browsers turn the original themselves.
        assert_eq!(decoder(&original).orientation().unwrap().to_exif(), orientation);
        for (query, width, height) in [
            ("", 400, 240),
            ("?size=small&density=2", 800, 480),
            ("?size=large", 1000, 600),
            ("?size=large&density=2", 1000, 600),
        ] {
            let (media_type, bytes) = preview(&ada, &file, query).await;
            let picture = read(&bytes);
            assert_eq!((&*media_type, picture.width(), picture.height()), ("image/jpeg", width, height), "{orientation} {query}");
            assert!(are_alike(corners_of(&picture), CORNERS), "{orientation} {query}: {:?}", corners_of(&picture));
            assert!(!has(&bytes, b"Exif"));
        }
        let blur = file["blur"].as_str().unwrap();
        assert!(blur.starts_with("data:image/png;base64,") && blur.len() < 500, "{blur}");
    }
}

/// A profile with the little that is checked of one.
fn profile() -> Vec<u8> {
    let mut profile = vec![7; 600];
    profile[16..20].copy_from_slice(b"RGB ");
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

#[apply(both)]
async fn colors_stay_what_they_are(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let file = send_one(&ada, &room, "photo.jpg", &photo(&corners(500, 400), 6, Some(profile()))).await;
    let (_, _, original) = bytes(&ada, file["url"].as_str().unwrap()).await;
    assert_eq!(decoder(&original).icc_profile().unwrap(), Some(profile()));
    for query in ["", "?size=large&density=2"] {
        let (_, small) = preview(&ada, &file, query).await;
        assert_eq!(decoder(&small).icc_profile().unwrap(), Some(profile()));
    }
    // What is transparent stays transparent.
    let mut glass = corners(500, 400).to_rgba8();
    glass.pixels_mut().take(100_000).for_each(|pixel| pixel.0[3] = 0);
    let file = send_one(&ada, &room, "glass.png", &saved(&glass.into(), ImageFormat::Png)).await;
    let (media_type, small) = preview(&ada, &file, "").await;
    let small = read(&small).to_rgba8();
    assert_eq!((&*media_type, small.get_pixel(10, 10).0[3], small.get_pixel(10, 280).0[3]), ("image/webp", 0, 255));
    assert_eq!(small.get_pixel(10, 280).0[..3], CORNERS[3]);
}

#[apply(both)]
async fn what_people_did_not_mean_to_send_is_not_sent(app: &TestApp) {
    const PROGRAM: &[u8] = b"*/=1;alert(document.domain)//<script>alert(1)</script>PK\x03\x04";
    let (ada, room) = somebody(app).await;
    let shown = corners(300, 200);
    let png = saved(&shown, ImageFormat::Png);
    let text = [b"GPS\0", PLACE].concat();
    let png = [&png[..33], &chunk(b"tEXt", &text), &chunk(b"iTXt", &text), &chunk(b"eXIf", &exif(1)), &png[33..]].concat();
    let gif = saved(&shown, ImageFormat::Gif);
    let colors = if gif[10] & 0x80 == 0 { 0 } else { 3 << ((gif[10] & 7) + 1) };
    let comment = [b"\x21\xfe".as_slice(), &[PLACE.len() as u8], PLACE, &[0]].concat();
    let gif = [&gif[..13 + colors], &comment, &gif[13 + colors..]].concat();
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(exif(1)).unwrap();
    encoder.write_image(shown.as_bytes(), 300, 200, ExtendedColorType::Rgb8).unwrap();
    let jpeg = photo(&shown, 1, None);
    for (name, picture) in [("a.png", png), ("a.gif", gif), ("a.webp", webp), ("a.jpg", jpeg)] {
        assert!(has(&picture, PLACE), "{name}");
        // What follows the end of a picture could be a program or an archive.
        let file = send_one(&ada, &room, name, &[&picture, PROGRAM].concat()).await;
        assert_eq!((&file["width"], &file["height"]), (&300.into(), &200.into()), "{name}");
        let (status, media_type, original) = bytes(&ada, file["url"].as_str().unwrap()).await;
        assert!(status == 200 && media_type.starts_with("image/"), "{name}");
        assert!(!has(&original, PLACE) && !has(&original, b"alert") && !has(&original, b"PK\x03\x04"), "{name}");
        assert!(are_alike(corners_of(&read(&original)), CORNERS), "{name}");
        let (_, small) = preview(&ada, &file, "?size=large").await;
        assert!(!has(&small, PLACE) && are_alike(corners_of(&read(&small)), CORNERS), "{name}");
    }
}

#[apply(both)]
async fn what_cannot_be_cleaned_is_downloaded(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let jpeg = photo(&corners(30, 20), 1, None);
    let cut = &jpeg[..jpeg.len() / 3];
    for (name, broken) in
        [("a.jpg", cut), ("a.png", b"\x89PNG\r\n\x1a\n and no picture"), ("a.avif", b"\0\0\0\x10ftypavif\0\0\0\0 and none")]
    {
        let file = send_one(&ada, &room, name, broken).await;
        assert_eq!(file["type"], "application/octet-stream", "{name}");
        assert!(file["preview"].is_null() && file["width"].is_null(), "{name}");
        let answer = ada.get(file["url"].as_str().unwrap()).await;
        assert!(answer.expect(200).header("content-disposition").starts_with("attachment"), "{name}");
    }
}

#[apply(once)]
async fn originals_keep_their_metadata_where_the_server_is_told_so(database: &Database) {
    let mut server = Server::start(database.url(), &[("STRIP_METADATA", "off")]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let sent = photo(&corners(1000, 600), 6, None);
    let file = send_one(&ada, &room, "photo.jpg", &sent).await;
    let (_, _, original) = bytes(&ada, file["url"].as_str().unwrap()).await;
    assert!(original == sent && has(&original, PLACE));
    assert_eq!((&file["width"], &file["height"]), (&1000.into(), &600.into()));
    assert!(!has(&preview(&ada, &file, "").await.1, PLACE));
    assert!(!ada.get(&format!("/rooms/{room}")).await.expect(200).body.contains("metadata of pictures"));
    server.stop().await;
}
