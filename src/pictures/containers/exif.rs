//! The one thing of EXIF that is kept: how a picture is turned.

use image::metadata::Orientation;

/// EXIF with nothing but this orientation; `None` for a picture that is not turned.
pub fn turned(exif: &[u8]) -> Option<Vec<u8>> {
    let orientation = Orientation::from_exif_chunk(exif)?;
    if orientation == Orientation::NoTransforms {
        return None;
    }
    // A header, and one entry: tag, a short, once, its value; and no further directory.
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0, 0]);
    Some(tiff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_orientation_is_kept() {
        // Big-endian, with another entry before it.
        let exif = b"MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x04Cam\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let kept = turned(exif).unwrap();
        assert_eq!(Orientation::from_exif_chunk(&kept), Some(Orientation::Rotate90));
        assert_eq!(kept.len(), 26);
        assert_eq!(turned(&kept), Some(kept.clone()));
        assert_eq!(turned(b"II*\0"), None);
        assert_eq!(turned(b""), None);
    }
}
