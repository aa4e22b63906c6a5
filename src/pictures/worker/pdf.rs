//! The first page of a PDF.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use image::metadata::Orientation;
use image::{DynamicImage, RgbaImage};

use super::Unreadable;
use super::decode::Picture;

/// The longer side of the picture, in pixels: that of the largest preview.
const LONGER: f32 = 2560.0;
/// How many pixels a point has at most: three are sharp on any screen.
const SHARPEST: f32 = 3.0;

/// Draws it.
pub fn first_page(source: Vec<u8>) -> Result<Picture, Unreadable> {
    let pdf = Pdf::new(source).map_err(|_| Unreadable::Malformed)?;
    let page = pdf.pages().first().ok_or(Unreadable::Malformed)?;
    let (width, height) = page.render_dimensions();
    let longer = width.max(height);
    let scale = (LONGER / longer).min(SHARPEST);
    // A page without a size, or so narrow that nothing is left of it.
    if !(scale.is_finite() && width * scale >= 1.0 && height * scale >= 1.0) {
        return Err(Unreadable::Malformed);
    }
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let pixels = render(page, &RenderCache::new(), &InterpreterSettings::default(), &RenderSettings::default(), &settings);
    let (width, height) = (pixels.width().into(), pixels.height().into());
    // The paper is white, so no pixel is transparent.
    let image = RgbaImage::from_raw(width, height, pixels.data_as_u8_slice().to_vec()).ok_or(Unreadable::Malformed)?;
    let image = DynamicImage::from(image).into_rgb8().into();
    Ok(Picture { image, orientation: Orientation::NoTransforms, profile: None, is_lossless: true })
}
