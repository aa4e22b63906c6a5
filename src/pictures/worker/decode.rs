//! From a file to pixels.
//!
//! Owns that a picture's size is checked before memory is taken for it, and how it is turned for being shown.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Square, Unreadable};

/// The most pixels of a picture that is read.
pub const PIXELS: u64 = 110_000_000;
/// The most bytes of its pixels.
const BYTES: u64 = 384 << 20;
/// The largest color profile that previews carry.
const PROFILE: usize = 64 * 1024;

/// A picture in memory, as it is stored: not turned yet.
#[derive(Debug)]
pub struct Picture {
    pub image: DynamicImage,
    pub orientation: Orientation,
    /// The ICC profile of its colors; none: sRGB.
    pub profile: Option<Vec<u8>>,
    /// Whether it came without loss, as screenshots do.
    pub is_lossless: bool,
}

/// Whether there is a decoder.
pub fn can_read(media_type: &str) -> bool {
    format(media_type).is_some()
}

fn format(media_type: &str) -> Option<ImageFormat> {
    Some(match media_type {
        "image/png" => ImageFormat::Png,
        "image/jpeg" => ImageFormat::Jpeg,
        "image/gif" => ImageFormat::Gif,
        "image/webp" => ImageFormat::WebP,
        _ => return None,
    })
}

/// Decodes a picture; of one that moves, the first.
pub fn decode(source: &[u8], media_type: &str) -> Result<Picture, Unreadable> {
    let format = format(media_type).ok_or(Unreadable::Malformed)?;
    let mut reader = ImageReader::with_format(Cursor::new(source), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(BYTES + (64 << 20));
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > PIXELS || decoder.total_bytes() > BYTES {
        return Err(Unreadable::TooLarge);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_rgb(profile) && profile.len() <= PROFILE);
    let image = DynamicImage::from_decoder(decoder)?;
    let profile = profile.filter(|_| image.color().has_color());
    let is_lossless = matches!(format, ImageFormat::Png | ImageFormat::Gif);
    Ok(Picture { image, orientation, profile, is_lossless })
}

/// Whether a profile is of red, green and blue: pixels of another kind were converted.
fn is_rgb(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ") && profile.get(36..40) == Some(b"acsp")
}

impl Picture {
    /// Its width and height as it is shown.
    pub fn shown(&self) -> (u32, u32) {
        let (width, height) = (self.image.width(), self.image.height());
        if self.is_on_its_side() { (height, width) } else { (width, height) }
    }

    fn is_on_its_side(&self) -> bool {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        matches!(self.orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
    }

    /// What a size as shown is before turning.
    pub fn stored_size(&self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.is_on_its_side() { (height, width) } else { (width, height) }
    }

    /// The upper left corner, before turning, of a square of the picture as it is shown.
    pub fn stored_corner(&self, Square { x, y, size }: Square) -> (u32, u32) {
        let (width, height) = (self.image.width(), self.image.height());
        let (from_right, from_bottom) = (|at: u32| width - at - size, |at: u32| height - at - size);
        match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (from_right(x), y),
            Orientation::Rotate180 => (from_right(x), from_bottom(y)),
            Orientation::FlipVertical => (x, from_bottom(y)),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate90 => (y, from_bottom(x)),
            Orientation::Rotate270FlipH => (from_right(y), from_bottom(x)),
            Orientation::Rotate270 => (from_right(y), x),
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{GenericImageView, Rgb, RgbImage};

    use super::*;

    #[test]
    fn a_square_is_found_however_the_picture_is_turned() {
        let stored = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8, y as u8, 0]));
        for orientation in (1..=8).filter_map(Orientation::from_exif) {
            let picture = Picture { image: stored.clone().into(), orientation, profile: None, is_lossless: true };
            let mut shown = picture.image.clone();
            shown.apply_orientation(orientation);
            assert_eq!(picture.shown(), shown.dimensions(), "{orientation:?}");
            let square = Square { x: 1, y: 2, size: 2 };
            let (x, y) = picture.stored_corner(square);
            let mut cut = picture.image.crop_imm(x, y, 2, 2);
            cut.apply_orientation(orientation);
            assert_eq!(cut, shown.crop_imm(1, 2, 2, 2), "{orientation:?}");
        }
    }
}
