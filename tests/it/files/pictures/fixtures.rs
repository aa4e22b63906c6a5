//! Pictures that tests make themselves.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Rgb, RgbImage};
use reqwest::Method;
use serde_json::Value;

use crate::harness::{DEADLINE, Person};

/// What nobody is to learn.
pub const PLACE: &[u8] = b"48.8584 N, 2.2945 E";

/// The colors of the corners, from the upper left one clockwise.
pub const CORNERS: [[u8; 3]; 4] = [[200, 30, 30], [30, 200, 30], [30, 30, 200], [200, 200, 30]];

/// A picture whose corners have different colors.
pub fn corners(width: u32, height: u32) -> DynamicImage {
    let corner = |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => CORNERS[0],
        (false, true) => CORNERS[1],
        (false, false) => CORNERS[2],
        (true, false) => CORNERS[3],
    };
    RgbImage::from_fn(width, height, |x, y| Rgb(corner(x, y))).into()
}

/// The colors of a picture's corners, as [`CORNERS`].
pub fn corners_of(picture: &DynamicImage) -> [[u8; 3]; 4] {
    let picture = picture.to_rgb8();
    let (right, bottom) = (picture.width() - 3, picture.height() - 3);
    [(2, 2), (right, 2), (right, bottom), (2, bottom)].map(|(x, y)| picture.get_pixel(x, y).0)
}

/// Whether colors are about the same: a JPEG's are not exact.
pub fn are_alike(some: [[u8; 3]; 4], others: [[u8; 3]; 4]) -> bool {
    some.iter().flatten().zip(others.iter().flatten()).all(|(one, other)| one.abs_diff(*other) < 25)
}

pub fn saved(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn decoder(bytes: &[u8]) -> impl ImageDecoder {
    ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap().into_decoder().unwrap()
}

pub fn read(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).expect("a picture")
}

/// EXIF with a place and an orientation.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0\x0e\x01\x02\0\x13\0\0\0\x26\0\0\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff.extend(PLACE);
    tiff
}

/// A photo as a camera stores it that was held in one of eight ways: it looks like `shown`, and says where it was taken.
pub fn photo(shown: &DynamicImage, orientation: u8, profile: Option<Vec<u8>>) -> Vec<u8> {
    let mut stored = shown.clone();
    let turned = Orientation::from_exif(orientation).unwrap();
    stored.apply_orientation(match turned {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        its_own_opposite => its_own_opposite,
    });
    let mut plain = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut plain, 95);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile).unwrap();
    }
    encoder.write_image(stored.as_bytes(), stored.width(), stored.height(), ExtendedColorType::Rgb8).unwrap();
    let exif = [b"Exif\0\0".as_slice(), &exif(orientation)].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&plain[..2], b"\xff\xe1", &length, &exif, &plain[2..]].concat()
}

pub fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A chunk of PNG.
pub fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), content].concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [length.as_slice(), &named, &crc32fast::hash(&named).to_be_bytes()].concat()
}

/// A PDF with one page of 400 by 200 points, of which the left half is red.
pub fn pdf() -> Vec<u8> {
    let drawing = "1 0 0 rg 0 0 200 200 re f";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 200] /Contents 4 0 R >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{drawing}\nendstream", drawing.len()),
    ];
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (nth, object) in (1..).zip(&objects) {
        places.push(pdf.len());
        pdf.push_str(&format!("{nth} 0 obj\n{object}\nendobj\n"));
    }
    let table = pdf.len();
    pdf.push_str("xref\n0 5\n0000000000 65535 f \n");
    for place in places {
        pdf.push_str(&format!("{place:010} 00000 n \n"));
    }
    pdf.push_str(&format!("trailer << /Size 5 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    pdf.into_bytes()
}

/// The bytes of an answer.
pub async fn bytes(person: &Person, path: &str) -> (u16, String, Vec<u8>) {
    let answer = person.request(Method::GET, path).send().await.expect("the server runs");
    let media_type = answer.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), media_type, answer.bytes().await.expect("a body").to_vec())
}

/// A preview of an attachment, once it is made.
pub async fn preview(person: &Person, attachment: &Value, query: &str) -> (String, Vec<u8>) {
    let path = format!("{}{query}", attachment["preview"].as_str().expect("it has a preview"));
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let (status, media_type, bytes) = self::bytes(person, &path).await;
        if status == 200 {
            return (media_type, bytes);
        }
        assert!(status == 404 && tokio::time::Instant::now() < deadline, "{path}: {status}");
    }
}
