//! Pictures: how many previews one processor makes, and how a room of pictures opens beside one of texts.

use std::io::Cursor;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::files::{ask, send_one_to};
use crate::bench::Result;
use crate::bench::http::{Http, get};
use crate::bench::people::{self, Person};
use crate::bench::results::Figure;
use crate::bench::server::Server;

/// A photo of a phone, and a screenshot.
const KINDS: [(&str, u32, u32, ImageFormat, usize); 2] =
    [("photo, 12 megapixels", 4000, 3000, ImageFormat::Jpeg, 12), ("screenshot, 2 megapixels", 1920, 1080, ImageFormat::Png, 12)];
/// How many messages each room has.
const MESSAGES: usize = 1000;
/// How long one waits for a preview.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something with edges, soft parts and noise, different each time.
fn picture(width: u32, height: u32, nth: u32) -> DynamicImage {
    let mut seed = nth.wrapping_mul(0x9e37_79b9) | 1;
    RgbImage::from_fn(width, height, |x, y| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        let edge = if (x / 64 + y / 48 + nth).is_multiple_of(7) { 90 } else { 0 };
        Rgb([(x * 255 / width) as u8, (y * 200 / height) as u8 + edge / 2, edge + (seed % 12) as u8])
    })
    .into()
}

fn saved(picture: &DynamicImage, format: ImageFormat) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90))?,
        format => picture.write_to(&mut bytes, format)?,
    }
    Ok(bytes.into_inner())
}

/// How many pictures are sent and previewed in a second.
pub fn previews(server: &Server, person: &Person, cores: usize) -> Result<Vec<Figure>> {
    const ROOM: &str = "previews";
    people::open_room(server.address, person, ROOM)?;
    let mut figures = Vec::new();
    for (kind, width, height, format, count) in KINDS {
        let pictures: Vec<_> = (0..count as u32).map(|nth| saved(&picture(width, height, nth), format)).collect::<Result<_>>()?;
        let began = Instant::now();
        let mut sent = Vec::new();
        for bytes in &pictures {
            sent.push(send_one_to(server, person, ROOM, bytes)?);
        }
        let stored = began.elapsed().as_secs_f64();
        for path in sent {
            until_previewed(server, person, &path)?;
        }
        let took = began.elapsed().as_secs_f64();
        figures.push(Figure::less(kind, "until it is sent, one after the other, ms", stored * 1000.0 / count as f64));
        figures.push(Figure::more(kind, "with all previews: pictures/s for each core", count as f64 / took / cores as f64));
    }
    Ok(figures)
}

fn until_previewed(server: &Server, person: &Person, path: &str) -> Result<()> {
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    let request = get(&format!("{folder}/preview"), &person.cookie, &[]);
    let until = Instant::now() + PATIENCE;
    while Http::connect(server.address)?.send(&request)?.status != 200 {
        if Instant::now() > until {
            return Err("a picture without a preview".into());
        }
    }
    Ok(())
}

/// The page of a room with a thousand pictures, and of one with as many texts.
pub fn rooms(server: &Server, person: &Person, stretch: Duration) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (room, setting) in [("album", "a room of 1,000 pictures"), ("texts", "a room of 1,000 texts")] {
        people::open_room(server.address, person, room)?;
        let mut sent = Vec::new();
        for nth in 0..MESSAGES {
            if room == "album" {
                let picture = saved(&picture(120, 90, nth as u32), ImageFormat::Jpeg)?;
                sent.push(send_one_to(server, person, room, &picture)?);
            } else {
                let body = format!("body=A+message+of+a+few+words+as+people+write+them,+{nth}");
                let request = format!(
                    "POST /rooms/{room}/messages HTTP/1.1\r\nhost: load\r\ncookie: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                     content-length: {}\r\n\r\n{body}",
                    person.cookie,
                    body.len()
                );
                let status = Http::connect(server.address)?.send(request.as_bytes())?.status;
                if status != 303 {
                    return Err(format!("a post was answered with {status}").into());
                }
            }
        }
        // While previews are made, other pages are slow too.
        for path in sent {
            until_previewed(server, person, &path)?;
        }
        let request = get(&format!("/rooms/{room}"), &person.cookie, &[("accept-encoding", "gzip")]);
        let length = Http::connect(server.address)?.send(&request)?.body.len();
        // Its length varies a little, with what it says of the time.
        let rate = ask(server.address, &request, 200, None, stretch)?;
        figures.push(Figure::more(setting, "pages/s", rate));
        figures.push(Figure::less(setting, "KB of its page", length as f64 / 1000.0));
    }
    Ok(figures)
}
