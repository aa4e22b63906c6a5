//! WebP: RIFF chunks, of which one says which others there are.

use std::borrow::Cow;

use super::{exif, take};

/// Bits of the chunk `VP8X`: the picture moves, has XMP, has EXIF.
const XMP: u8 = 0b0000_0100;
const EXIF: u8 = 0b0000_1000;

/// See [`super::cleaned`].
pub fn cleaned(source: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let mut rest = source;
    let head = take(&mut rest, 12)?;
    if &head[..4] != b"RIFF" || &head[8..] != b"WEBP" {
        return None;
    }
    // What follows the end of the picture is not part of it.
    let mut rest = rest.get(..little(&head[4..8])?.checked_sub(4)?)?;
    let mut kept: Vec<Cow<'_, [u8]>> = Vec::new();
    let mut turned = None;
    let mut extended = None;
    while let Some(chunk) = Chunk::next(&mut rest) {
        match &chunk.name {
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ICCP" => kept.push(chunk.whole.into()),
            b"ANMF" => kept.push(frame(&chunk)?.into()),
            b"VP8X" => {
                extended = Some(kept.len());
                kept.push(chunk.whole.into());
            }
            // Some programs put the header of JPEG before it.
            b"EXIF" => turned = exif::turned(chunk.content.strip_prefix(b"Exif\0\0").unwrap_or(chunk.content)),
            _ => {}
        }
    }
    if !kept.iter().any(|chunk| chunk.starts_with(b"VP8 ") || chunk.starts_with(b"VP8L") || chunk.starts_with(b"ANMF")) {
        return None;
    }
    if let Some(place) = extended {
        let flags = kept[place].to_mut().get_mut(8)?;
        *flags &= !(XMP | EXIF);
        if let Some(tiff) = turned {
            *flags |= EXIF;
            kept.push(built(b"EXIF", &tiff)?.into());
        }
    }
    let length = 4 + kept.iter().map(|chunk| chunk.len()).sum::<usize>();
    let length = u32::try_from(length).ok()?.to_le_bytes();
    kept.insert(0, [b"RIFF".as_slice(), &length, b"WEBP"].concat().into());
    Some(kept)
}

struct Chunk<'a> {
    name: [u8; 4],
    content: &'a [u8],
    /// With its name, its length, and a zero that makes its length even.
    whole: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The next one, if it is whole.
    fn next(rest: &mut &'a [u8]) -> Option<Self> {
        let from = *rest;
        let name = take(rest, 4)?.try_into().ok()?;
        let length = little(take(rest, 4)?)?;
        let content = take(rest, length)?;
        // Some programs leave it out at the end.
        let padding = (length % 2).min(rest.len());
        take(rest, padding)?;
        Some(Self { name, content, whole: &from[..from.len() - rest.len()] })
    }
}

/// A picture of those that move, without what else is in it.
fn frame(chunk: &Chunk<'_>) -> Option<Vec<u8>> {
    let mut rest = chunk.content;
    let mut content = take(&mut rest, 16)?.to_vec();
    while let Some(part) = Chunk::next(&mut rest) {
        if matches!(&part.name, b"VP8 " | b"VP8L" | b"ALPH") {
            content.extend(built(&part.name, part.content)?);
        }
    }
    built(b"ANMF", &content)
}

fn built(name: &[u8; 4], content: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok()?.to_le_bytes();
    let padding = &[0u8][..content.len() % 2];
    Some([name.as_slice(), &length, content, padding].concat())
}

fn little(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}
