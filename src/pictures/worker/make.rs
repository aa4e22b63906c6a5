//! From pixels to small pictures.
//!
//! Owns their sizes, their formats and their colors. None is larger than what it is made of.

use std::cmp::Reverse;
use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgba};

use super::decode::Picture;
use super::{MADE, Made, Output, Square, Unreadable, file_name};

/// The longer side of the tiny picture, in pixels.
const TINY: u32 = 8;
/// The quality of JPEGs.
const QUALITY: u8 = 82;
/// How much larger than a JPEG a preview without loss may be, in percent: it keeps the letters of screenshots sharp.
const FOR_SHARPNESS: usize = 125;
/// The most pixels of a preview that is tried without loss.
const SHARP: u64 = 1 << 20;

/// A tiny picture of a picture, as a data URL of a few hundred bytes.
pub fn blur(picture: &Picture) -> Result<String, Unreadable> {
    let size = picture.stored_size(fit(picture.shown(), (TINY, TINY)));
    let mut tiny = picture.image.thumbnail_exact(size.0, size.1);
    tiny.apply_orientation(picture.orientation);
    let mut png = Cursor::new(Vec::new());
    plain(tiny).write_to(&mut png, ImageFormat::Png)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png.into_inner())))
}

/// Makes the previews of a picture.
pub fn previews(picture: Picture, outputs: Vec<Output>) -> Result<Vec<Made>, Unreadable> {
    let shown = picture.shown();
    cascade(picture, outputs, |size, density| {
        let (widest, highest) = if size == "small" { (400, 300) } else { (1280, 1280) };
        fit(shown, (widest * density, highest * density))
    })
}

/// Makes the previews of a square of a picture.
pub fn crops(mut picture: Picture, square: Option<Square>, outputs: Vec<Output>) -> Result<Vec<Made>, Unreadable> {
    let (width, height) = picture.shown();
    let most = width.min(height);
    let square = square.unwrap_or(Square { x: (width - most) / 2, y: (height - most) / 2, size: most });
    // Whoever chose it may have rounded.
    let size = square.size.clamp(1, most);
    let square = Square { x: square.x.min(width - size), y: square.y.min(height - size), size };
    let (x, y) = picture.stored_corner(square);
    picture.image = picture.image.crop_imm(x, y, size, size);
    cascade(picture, outputs, |name, density| {
        let side = if name == "small" { 48 } else { 128 } * density;
        (side.min(size), side.min(size))
    })
}

/// Makes the largest preview of the picture, and each smaller one of the one before it. Equal ones are one file.
fn cascade(picture: Picture, outputs: Vec<Output>, fitted: impl Fn(&str, u32) -> (u32, u32)) -> Result<Vec<Made>, Unreadable> {
    let sized = outputs.into_iter().map(|output| {
        let size = fitted(output.size, u32::try_from(output.density).unwrap_or(1));
        (size, output)
    });
    let mut plan: Vec<_> = sized.collect();
    plan.sort_by_key(|((width, height), _)| Reverse(u64::from(*width) * u64::from(*height)));
    let Some((largest, _)) = plan.first() else { return Ok(Vec::new()) };
    let (width, height) = picture.stored_size(*largest);
    let Picture { image, orientation, profile, is_lossless } = picture;
    let mut image = resized(image, (width, height));
    image.apply_orientation(orientation);
    let mut made: Vec<Made> = Vec::with_capacity(plan.len());
    for ((width, height), Output { size, density, mut file }) in plan {
        let preview = match made.last() {
            Some(last) if (last.width, last.height) == (width, height) => last.clone(),
            _ => {
                image = resized(image, (width, height));
                let (media_type, bytes) = encoded(&image, profile.as_deref(), is_lossless)?;
                file.write_all(&bytes)?;
                let file = file_name(size, density);
                Made { file, media_type: media_type.to_owned(), width, height, ..Made::default() }
            }
        };
        made.push(Made { size: size.to_owned(), density, ..preview });
    }
    Ok(made)
}

/// The largest size within a box in the shape of a picture, which is not enlarged.
fn fit((width, height): (u32, u32), (widest, highest): (u32, u32)) -> (u32, u32) {
    if width <= widest && height <= highest {
        return (width, height);
    }
    let scaled = |side: u32, of: u32, to: u32| {
        let side = (u64::from(side) * u64::from(to) + u64::from(of) / 2) / u64::from(of);
        u32::try_from(side).unwrap_or(to).max(1)
    };
    if u64::from(width) * u64::from(highest) > u64::from(height) * u64::from(widest) {
        (widest, scaled(height, width, widest).min(highest))
    } else {
        (scaled(width, height, highest).min(widest), highest)
    }
}

/// A picture of exactly this size, with eight bits for each color.
fn resized(image: DynamicImage, size: (u32, u32)) -> DynamicImage {
    if !image.color().has_alpha() {
        return DynamicImage::ImageRgb8(shrunk(image, size).into_rgb8());
    }
    let mut image = image.into_rgba8();
    // The color of what is not seen must not leak into what is.
    for Rgba([r, g, b, a]) in image.pixels_mut() {
        for color in [r, g, b] {
            *color = u8::try_from((u16::from(*color) * u16::from(*a) + 127) / 255).unwrap_or(u8::MAX);
        }
    }
    let mut image = shrunk(image.into(), size).into_rgba8();
    for Rgba([r, g, b, a]) in image.pixels_mut().filter(|pixel| pixel[3] > 0) {
        for color in [r, g, b] {
            *color = u8::try_from((u16::from(*color) * 255 + u16::from(*a) / 2) / u16::from(*a)).unwrap_or(u8::MAX);
        }
    }
    image.into()
}

/// Averages down to twice the size, which is quick, and filters the rest, which is sharp.
fn shrunk(mut image: DynamicImage, (width, height): (u32, u32)) -> DynamicImage {
    if image.width() > 2 * width && image.height() > 2 * height {
        image = image.thumbnail_exact(2 * width, 2 * height);
    }
    if (image.width(), image.height()) == (width, height) {
        return image;
    }
    image.resize_exact(width, height, FilterType::CatmullRom)
}

/// With eight bits for each color, and with transparency only if there is some.
fn plain(image: DynamicImage) -> DynamicImage {
    if image.color().has_alpha() {
        let image = image.into_rgba8();
        if image.pixels().any(|pixel| pixel[3] < u8::MAX) {
            return image.into();
        }
        return DynamicImage::from(image).into_rgb8().into();
    }
    image.into_rgb8().into()
}

/// A JPEG; what is transparent, and what is about as small without loss, is a WebP.
fn encoded(image: &DynamicImage, profile: Option<&[u8]>, is_lossless: bool) -> Result<(&'static str, Vec<u8>), Unreadable> {
    let image = plain(image.clone());
    let (width, height) = (image.width(), image.height());
    let webp = || -> Result<Vec<u8>, Unreadable> {
        let mut bytes = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut bytes);
        set_profile(&mut encoder, profile);
        encoder.write_image(image.as_bytes(), width, height, image.color().into())?;
        Ok(bytes)
    };
    let [jpeg_type, webp_type] = MADE;
    if image.color().has_alpha() {
        return Ok((webp_type, webp()?));
    }
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    set_profile(&mut encoder, profile);
    encoder.write_image(image.as_bytes(), width, height, ExtendedColorType::Rgb8)?;
    if is_lossless && u64::from(width) * u64::from(height) <= SHARP {
        let webp = webp()?;
        if webp.len() * 100 <= jpeg.len() * FOR_SHARPNESS {
            return Ok((webp_type, webp));
        }
    }
    Ok((jpeg_type, jpeg))
}

fn set_profile(encoder: &mut impl ImageEncoder, profile: Option<&[u8]>) {
    if let Some(profile) = profile {
        // Each format that is made here can carry one.
        encoder.set_icc_profile(profile.to_vec()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_fits_and_keeps_its_shape() {
        for (size, most, expected) in [
            ((40, 30), (400, 300), (40, 30)),
            ((4000, 3000), (400, 300), (400, 300)),
            ((3000, 4000), (400, 300), (225, 300)),
            ((10_000, 1), (400, 300), (400, 1)),
            ((65_535, 65_535), (1280, 1280), (1280, 1280)),
            ((1281, 1), (1280, 1280), (1280, 1)),
        ] {
            assert_eq!(fit(size, most), expected);
        }
    }
}
