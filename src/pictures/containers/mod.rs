//! How metadata is removed from the files of pictures.
//!
//! Owns the parts of each format that are kept: those that a picture needs to look as it does, its color profile, and how it is turned. Where
//! a picture was taken, by whom, with what and what else somebody has written into it goes; so does whatever follows the end of the picture,
//! which may be a program or a page. Pixels are not touched. It must not decode anything.

mod exif;
mod gif;
mod heif;
mod jpeg;
mod png;
mod webp;

use std::borrow::Cow;

/// The pieces of a file without its metadata; `None` if it is malformed or of another kind.
pub fn cleaned<'a>(source: &'a [u8], media_type: &str) -> Option<Vec<Cow<'a, [u8]>>> {
    match media_type {
        "image/jpeg" => jpeg::cleaned(source),
        "image/png" => png::cleaned(source),
        "image/gif" => gif::cleaned(source),
        "image/webp" => webp::cleaned(source),
        "image/avif" | "image/heif" | "image/heic" => heif::cleaned(source),
        _ => None,
    }
}

/// A number of two or more bytes, the most significant first.
fn big(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The next `count` bytes, which `rest` then begins behind.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests;
