//! JPEG: segments between markers.

use std::borrow::Cow;

use super::{big, exif, take};

const EXIF: &[u8] = b"Exif\0\0";
const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// See [`super::cleaned`].
pub fn cleaned(source: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let mut rest = source;
    let mut kept: Vec<Cow<'_, [u8]>> = vec![take(&mut rest, 2).filter(|begin| *begin == b"\xff\xd8")?.into()];
    let mut orientation = None;
    // Where it stands: behind the JFIF header, if there is one.
    let mut place = 1;
    let mut has_scan = false;
    loop {
        let from = rest;
        let marker = next_marker(&mut rest)?;
        match marker {
            // The end of the picture. What follows is not part of it.
            0xd9 => break,
            // Without content: they stand in scans only.
            0x00 | 0x01 | 0xd0..=0xd8 => return None,
            _ => {}
        }
        let length = usize::try_from(big(rest.get(..2)?)).ok()?;
        let content = take(&mut rest, length)?.get(2..)?;
        match marker {
            // JFIF without its small picture; extensions of it have nothing but one.
            0xe0 => {
                if let Some(about) = content.get(..12).filter(|content| content.starts_with(b"JFIF\0")) {
                    kept.push(Cow::Owned([b"\xff\xe0\x00\x10".as_slice(), about, b"\0\0"].concat()));
                    place = kept.len();
                }
            }
            0xe1 => {
                if let Some(exif) = content.strip_prefix(EXIF) {
                    orientation = orientation.or_else(|| exif::turned(exif));
                }
            }
            0xe2 if content.starts_with(PROFILE) => kept.push(segment(from, rest)),
            // How its colors are coded.
            0xee if content.starts_with(b"Adobe") && content.len() == 12 => kept.push(segment(from, rest)),
            // Other applications, comments.
            0xe0..=0xef | 0xfe => {}
            0xda => {
                kept.push(segment(from, rest));
                let length = scan_length(rest);
                let scan = take(&mut rest, length)?;
                kept.push(scan.into());
                has_scan = true;
            }
            // Tables and frames; nothing else is defined here.
            0xc0..=0xcf | 0xdb..=0xdf => kept.push(segment(from, rest)),
            _ => {}
        }
        if rest.is_empty() && has_scan {
            break;
        }
    }
    if let Some(tiff) = orientation {
        let length = u16::try_from(2 + EXIF.len() + tiff.len()).ok()?.to_be_bytes();
        kept.insert(place, Cow::Owned([b"\xff\xe1".as_slice(), &length, EXIF, &tiff].concat()));
    }
    kept.push(b"\xff\xd9".as_slice().into());
    has_scan.then_some(kept)
}

/// What is between two places, with one byte before its marker.
fn segment<'a>(from: &'a [u8], rest: &[u8]) -> Cow<'a, [u8]> {
    let whole = &from[..from.len() - rest.len()];
    // Without what fills the space before it.
    let begin = whole.iter().position(|byte| *byte != 0xff).unwrap_or(1).max(1);
    whole[begin - 1..].into()
}

/// The next marker. Some programs leave zeros or other bytes before one; they are dropped.
fn next_marker(rest: &mut &[u8]) -> Option<u8> {
    while *rest.first()? == 0xff && *rest.get(1)? == 0xff {
        take(rest, 1)?;
    }
    let marker = take(rest, 2)?;
    (marker[0] == 0xff).then_some(marker[1])
}

/// The length of a scan's data: up to a marker that is not part of it.
fn scan_length(rest: &[u8]) -> usize {
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
    rest.windows(2).position(is_end).unwrap_or(rest.len())
}
