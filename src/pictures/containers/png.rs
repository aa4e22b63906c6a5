//! PNG: chunks with a name and a checksum.

use std::borrow::Cow;

use super::{big, exif, take};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// See [`super::cleaned`].
pub fn cleaned(source: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let mut rest = source;
    let mut kept: Vec<Cow<'_, [u8]>> = vec![take(&mut rest, 8).filter(|begin| *begin == SIGNATURE)?.into()];
    let mut is_first = true;
    loop {
        let from = rest;
        let length = usize::try_from(big(take(&mut rest, 4)?)).ok()?;
        let name: [u8; 4] = take(&mut rest, 4)?.try_into().ok()?;
        let content = take(&mut rest, length)?;
        take(&mut rest, 4)?;
        if is_first != (&name == b"IHDR") {
            return None;
        }
        is_first = false;
        let chunk = &from[..from.len() - rest.len()];
        match &name {
            // The picture, its transparency, its colors, and how it moves.
            b"IHDR" | b"PLTE" | b"IDAT" | b"tRNS" | b"cHRM" | b"gAMA" | b"sBIT" | b"sRGB" | b"cICP" | b"mDCV" | b"cLLI"
            | b"bKGD" | b"pHYs" | b"acTL" | b"fcTL" | b"fdAT" => kept.push(chunk.into()),
            // The profile’s name is free text.
            b"iCCP" => {
                let name = content.iter().position(|byte| *byte == 0)?;
                kept.push(built(b"iCCP", &[b"ICC".as_slice(), &content[name..]].concat())?.into());
            }
            b"eXIf" => kept.extend(exif::turned(content).and_then(|tiff| built(b"eXIf", &tiff)).map(Cow::Owned)),
            b"IEND" => {
                kept.push(built(b"IEND", b"")?.into());
                return Some(kept);
            }
            // What is not known but needed.
            [b'A'..=b'Z', ..] => return None,
            _ => {}
        }
    }
}

fn built(name: &[u8; 4], content: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok()?.to_be_bytes();
    let named = [name.as_slice(), content].concat();
    let checksum = crc32fast::hash(&named).to_be_bytes();
    Some([length.as_slice(), &named, &checksum].concat())
}
