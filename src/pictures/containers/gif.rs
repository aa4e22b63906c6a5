//! GIF: blocks, of which some belong to applications.

use std::borrow::Cow;

use super::take;

/// See [`super::cleaned`].
pub fn cleaned(source: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let mut rest = source;
    let head = take(&mut rest, 13)?;
    if !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a") {
        return None;
    }
    take(&mut rest, colors(head[10]))?;
    let mut kept: Vec<Cow<'_, [u8]>> = vec![source[..source.len() - rest.len()].into()];
    let mut pictures = 0;
    loop {
        let from = rest;
        // Some programs forget the end, and some end in the midst of a picture.
        let Some(kind) = take(&mut rest, 1) else { break };
        let block = |rest: &[u8]| &from[..from.len() - rest.len()];
        match kind[0] {
            0x3b => break,
            0x2c => {
                let about = take(&mut rest, 9)?;
                take(&mut rest, colors(about[8]))?;
                take(&mut rest, 1)?;
                blocks(&mut rest)?;
                kept.push(block(rest).into());
                pictures += 1;
            }
            0x21 => {
                let label = take(&mut rest, 1)?[0];
                match label {
                    // How long a picture is shown, and what is transparent.
                    0xf9 => {
                        blocks(&mut rest)?;
                        kept.push(block(rest).into());
                    }
                    // How often it is repeated.
                    0xff => {
                        let application = rest.get(1..12)?;
                        let is_loop = application == b"NETSCAPE2.0" || application == b"ANIMEXTS1.0";
                        let count = rest.get(12..15).filter(|count| count[..2] == [3, 1]).and_then(|_| rest.get(12..16));
                        if let Some(count) = count.filter(|_| is_loop && rest[0] == 11) {
                            kept.push([b"\x21\xff\x0b".as_slice(), application, count, b"\0"].concat().into());
                        }
                        blocks(&mut rest)?;
                    }
                    // Comments, text, and whatever else there is.
                    _ => blocks(&mut rest)?,
                }
            }
            // Zeros between blocks.
            0 => {}
            _ => return None,
        }
    }
    kept.push(b"\x3b".as_slice().into());
    (pictures > 0).then_some(kept)
}

/// The size of a table of colors.
fn colors(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Goes past sub-blocks and the empty one at their end.
fn blocks(rest: &mut &[u8]) -> Option<()> {
    loop {
        let length = take(rest, 1)?[0];
        if length == 0 {
            return Some(());
        }
        take(rest, length.into())?;
    }
}
