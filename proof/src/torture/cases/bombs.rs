//! Pictures that are made to harm whoever reads them, and files that are two things at once.
//!
//! Owns how they are made. Each ends the process that reads it, if anything.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::files::message;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[Case::new("files-bombs", Db::BOTH, 5, 1, |fixture, rounds| Box::pin(bombs(fixture, rounds)))
    .about("decompression bombs, broken pictures and polyglots are sent beside people who talk: each is answered, memory bounded, and nothing but pictures is left of them")];

/// What could run, if a browser took it for something else.
const PROGRAM: &[u8] = b"*/=1;alert(document.domain)//<!doctype html><script>alert(1)</script>PK\x03\x04";
/// What they may add to the server's memory, in bytes. Their processes have their own.
const MOST: u64 = 64 << 20;

fn saved(format: ImageFormat, side: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(side, side, |x, y| Rgb([x as u8, y as u8, (x * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, format).expect("a picture can be made");
    bytes.into_inner()
}

/// A PNG of black pixels, as large as it says, in a few kilobytes for each megapixel.
fn black(side: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_luma8(side, side).write_to(&mut bytes, ImageFormat::Png).expect("a picture can be made");
    bytes.into_inner()
}

/// A GIF whose only frame says that it has four gigapixels.
fn huge_gif() -> Vec<u8> {
    const SIDE: &[u8] = b"\xff\xff\xff\xff";
    [b"GIF89a", SIDE, b"\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0", SIDE, b"\0\x02\x02\x4c\x01\0\x3b"].concat()
}

/// A PDF in so many brackets that reading it by recursion overflows a stack.
fn deep_pdf() -> Vec<u8> {
    let (open, close) = ("[".repeat(2_000_000), "]".repeat(2_000_000));
    format!(
        "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Count 1 /Kids [3 0 R] >>\nendobj\n\
         3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox {open}0 0 9 9{close} >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
    )
    .into_bytes()
}

/// Their names and bytes.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let sound = saved(ImageFormat::Png, 64);
    let mut lying = sound.clone();
    lying[16..24].copy_from_slice(&[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
    let jpeg = saved(ImageFormat::Jpeg, 64);
    let mut all = vec![
        ("a PNG of 400 megapixels", black(20_000)),
        ("a PNG of 100 megapixels", black(10_000)),
        ("a PNG with a wrong size", lying),
        ("a GIF of four gigapixels", huge_gif()),
        ("a deep PDF", deep_pdf()),
        ("half a JPEG", jpeg[..jpeg.len() / 2].to_vec()),
    ];
    for (name, format) in
        [("GIF", ImageFormat::Gif), ("JPEG", ImageFormat::Jpeg), ("PNG", ImageFormat::Png), ("WebP", ImageFormat::WebP)]
    {
        all.push((name, [saved(format, 64), PROGRAM.to_vec()].concat()));
    }
    all
}

async fn bombs(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Bombs", "private").await;
    let files = hostile();
    let mut outcome = Outcome::default();
    let mut worst = 0;
    for round in 1..=rounds {
        let before = server.stats().memory;
        let began = Instant::now();
        let sending = async {
            // Four at once, each several times: as one person might.
            let mut sent = Vec::new();
            for four in files.chunks(4) {
                let answers = join_all(four.iter().map(|(_, bytes)| Answer::of(message(&eve, &room, bytes)))).await;
                sent.extend(four.iter().map(|(name, _)| *name).zip(answers));
            }
            sent
        };
        let (sent, peak) = load.during(peak_during(&server, sending)).await;
        worst = worst.max(peak.memory.saturating_sub(before));
        for (name, answer) in sent {
            let file = answer.expect(201).json()["message"]["attachments"][0].clone();
            let url = file["url"].as_str().expect("a file has an address");
            let bytes = eve.request(Method::GET, url).send().await.expect("it runs").bytes().await.expect("a body");
            let is_program = bytes.windows(5).any(|part| part == b"alert");
            if is_program {
                fail(&mut outcome, format_args!("{name}: what followed the picture is served"));
            }
        }
        outcome.note(format_args!("round {round}: {} files answered in {:?}", files.len(), began.elapsed()));
    }
    if worst > MOST {
        fail(&mut outcome, format_args!("the server's memory grew by {} MiB", worst >> 20));
    }
    outcome.note(format_args!("at most {} MiB more memory", worst >> 20));
    // Their jobs end too.
    let deadline = Instant::now() + Duration::from_secs(180);
    let sound = message(&eve, &room, &saved(ImageFormat::Png, 600));
    let file = Answer::of(sound).await.expect(201).json()["message"]["attachments"][0].clone();
    let preview = file["preview"].as_str().expect("a picture has a preview").to_owned();
    while eve.get(&preview).await.status != 200 {
        assert!(Instant::now() < deadline, "no previews after bombs");
    }
    outcome.add(load.verdict().await);
    never_panicked(&server);
    Ok(outcome)
}
