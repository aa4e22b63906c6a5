//! What of each format stays, and that the picture stays the same.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Rgb, RgbImage};

use super::cleaned;

const PLACE: &[u8] = b"48.8584 N, 2.2945 E";

fn picture() -> DynamicImage {
    RgbImage::from_fn(20, 10, |x, y| Rgb([x as u8 * 12, y as u8 * 25, 128])).into()
}

fn saved(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// EXIF with a place and an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0\x0e\x01\x02\0\x13\0\0\0\x26\0\0\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff.extend(PLACE);
    tiff
}

fn clean(source: &[u8], media_type: &str) -> Vec<u8> {
    cleaned(source, media_type).expect("it is well-formed").concat()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn decoder(bytes: &[u8]) -> impl ImageDecoder {
    ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap().into_decoder().unwrap()
}

fn pixels(bytes: &[u8]) -> DynamicImage {
    DynamicImage::from_decoder(decoder(bytes)).unwrap()
}

/// What is hidden is gone, what shows is the same, and cleaning again changes nothing.
fn check(source: &[u8], media_type: &str, orientation: u8) -> Vec<u8> {
    let clean = clean(source, media_type);
    assert!(has(source, PLACE) && !has(&clean, PLACE), "{media_type}");
    assert_eq!(pixels(source), pixels(&clean), "{media_type}");
    assert_eq!(decoder(&clean).orientation().unwrap().to_exif(), orientation, "{media_type}");
    assert_eq!(self::clean(&clean, media_type), clean, "{media_type}");
    clean
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), content].concat()
}

/// A profile with the little that is checked of one.
fn profile() -> Vec<u8> {
    let mut profile = vec![7; 300];
    profile[16..20].copy_from_slice(b"RGB ");
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

#[test]
fn jpeg_keeps_its_colors_and_how_it_is_turned() {
    for orientation in 1..=8 {
        let mut plain = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut plain);
        encoder.set_icc_profile(profile()).unwrap();
        encoder.write_image(picture().as_bytes(), 20, 10, image::ExtendedColorType::Rgb8).unwrap();
        let exif = segment(0xe1, &[b"Exif\0\0".as_slice(), &exif(orientation)].concat());
        let others = [0xe1, 0xed, 0xe5, 0xfe].map(|marker| segment(marker, PLACE)).concat();
        let source = [&plain[..2], &exif, &others, &plain[2..], PLACE].concat();
        let clean = check(&source, "image/jpeg", orientation);
        assert_eq!(decoder(&clean).icc_profile().unwrap(), Some(profile()));
        assert!(clean.ends_with(b"\xff\xd9"));
    }
}

#[test]
fn png_keeps_its_colors_and_nothing_written() {
    let plain = saved(ImageFormat::Png);
    let chunk = |name: &[u8], content: &[u8]| {
        let named = [name, content].concat();
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [length.as_slice(), &named, &crc32fast::hash(&named).to_be_bytes()].concat()
    };
    let texts = [b"tEXt", b"iTXt", b"zTXt", b"tIME", b"prVt"].map(|name| chunk(name, &[b"a\0", PLACE].concat())).concat();
    let source =
        [&plain[..33], &texts, &chunk(b"eXIf", &exif(6)), &chunk(b"gAMA", &[0, 0, 177, 143]), &plain[33..], PLACE].concat();
    let clean = check(&source, "image/png", 6);
    assert!(has(&clean, b"gAMA") && !has(&clean, b"tEXt") && !has(&clean, b"prVt"));
    let needed = [&plain[..33], &chunk(b"EViL", PLACE), &plain[33..]].concat();
    assert!(cleaned(&needed, "image/png").is_none(), "a part that is needed and unknown");
}

#[test]
fn webp_keeps_its_colors_and_how_it_is_turned() {
    let mut plain = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut plain);
    encoder.set_icc_profile(profile()).unwrap();
    encoder.set_exif_metadata(exif(8)).unwrap();
    encoder.write_image(picture().as_bytes(), 20, 10, image::ExtendedColorType::Rgb8).unwrap();
    let more = [b"XMP ".as_slice(), &[20, 0, 0, 0], PLACE, &[0], b"evil\x02\0\0\0hi"].concat();
    let length = u32::try_from(plain.len() + more.len() - 8).unwrap().to_le_bytes();
    let source = [b"RIFF".as_slice(), &length, &plain[8..], &more, PLACE].concat();
    let clean = check(&source, "image/webp", 8);
    assert_eq!(decoder(&clean).icc_profile().unwrap(), Some(profile()));
    assert!(!has(&clean, b"XMP ") && !has(&clean, b"evil"));
}

#[test]
fn gif_keeps_its_pictures_and_how_often_they_are_repeated() {
    let plain = saved(ImageFormat::Gif);
    let colors = if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let (head, rest) = plain.split_at(13 + colors);
    let text = [&[PLACE.len() as u8], PLACE, &[0]].concat();
    let comment = [b"\x21\xfe".as_slice(), &text].concat();
    let repeated = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x05\x00\x00";
    let xmp = [b"\x21\xff\x0bXMP DataXMP".as_slice(), &text].concat();
    let source = [head, repeated, &comment, &xmp, rest, PLACE].concat();
    let clean = check(&source, "image/gif", 1);
    assert!(has(&clean, repeated) && clean.ends_with(b"\x3b"));
}

/// A box of AVIF.
fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
    [length.as_slice(), name, content].concat()
}

#[test]
fn avif_keeps_its_items_in_their_places() {
    let item = |id: u8, kind: &[u8; 4]| boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], kind.as_slice(), b"\0"].concat());
    let infos = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 3], &*item(1, b"av01"), &item(2, b"Exif"), &item(3, b"mime")].concat());
    let build = |offset: u8| {
        let place = |id: u8, start: u8, length: u8| [0, id, 0, 0, 0, 1, 0, 0, 0, start, 0, 0, 0, length];
        let length = PLACE.len() as u8;
        let places = [place(1, offset, 6), place(2, offset + 6, length), place(3, offset + 6 + length, length)].concat();
        let places = boxed(b"iloc", &[&[0, 0, 0, 0, 0x44, 0, 0, 3], &*places].concat());
        let meta = boxed(b"meta", &[&[0, 0, 0, 0], &*infos, &places].concat());
        let data = boxed(b"mdat", &[b"pixels", PLACE, PLACE].concat());
        let begin = [boxed(b"ftyp", b"avif\0\0\0\0avif"), meta].concat();
        (begin.len() + 8, [begin, data, boxed(b"free", PLACE), PLACE.to_vec()].concat())
    };
    let (offset, _) = build(0);
    let (_, source) = build(u8::try_from(offset).unwrap());
    let clean = clean(&source[..source.len() - PLACE.len()], "image/avif");
    assert!(has(&source, PLACE) && !has(&clean, PLACE) && has(&clean, b"pixels"));
    assert_eq!(clean.len(), source.len() - PLACE.len());
    assert!(cleaned(&boxed(b"ftyp", b"avif"), "image/avif").is_none(), "without a list of items nobody knows where they are");
}

#[test]
fn what_is_malformed_is_refused() {
    let sound = [
        ("image/jpeg", saved(ImageFormat::Jpeg)),
        ("image/png", saved(ImageFormat::Png)),
        ("image/gif", saved(ImageFormat::Gif)),
        ("image/webp", saved(ImageFormat::WebP)),
    ];
    for (media_type, sound) in &sound {
        assert!(cleaned(sound, media_type).is_some());
        // None of its beginnings, and none with a byte that is different, makes it panic.
        for end in 0..sound.len() {
            cleaned(&sound[..end], media_type);
        }
        assert!(cleaned(&sound[..12], media_type).is_none(), "{media_type}");
        for at in 0..sound.len() {
            let mut broken = sound.clone();
            broken[at] ^= 0xff;
            cleaned(&broken, media_type);
        }
        let others = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"];
        for other in others.into_iter().filter(|other| other != media_type) {
            assert!(cleaned(sound, other).is_none(), "{media_type} as {other}");
        }
    }
    assert!(cleaned(b"", "image/avif").is_none() && cleaned(b"II*\0", "image/tiff").is_none());
}
