//! AVIF and HEIC: boxes, with a list of items, of which some are metadata.
//!
//! The items are at places in the file that other boxes name, so nothing is moved: the bytes of metadata become zeros. How a picture is
//! turned is said by properties here, and not by EXIF.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::{big, take};

/// See [`super::cleaned`].
pub fn cleaned(source: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let mut zeros: Vec<Range<usize>> = Vec::new();
    let mut has_items = false;
    let mut end = 0;
    for found in Boxes::of(source, 0..source.len()) {
        let found = found?;
        match &found.name {
            b"meta" => {
                zeros.extend(metadata(source, &found)?);
                has_items = true;
            }
            // The picture itself.
            b"ftyp" | b"mdat" => {}
            // Tracks of pictures that move; their metadata is in boxes.
            b"moov" => zeros.extend(user_data(source, &found.content)?),
            b"uuid" | b"free" | b"skip" => zeros.push(found.content.clone()),
            // What follows the end, and what nobody knows.
            name if name.iter().all(u8::is_ascii_graphic) => zeros.push(found.content.clone()),
            _ => break,
        }
        end = found.content.end;
    }
    if !has_items {
        return None;
    }
    let mut whole = source[..end].to_vec();
    for range in zeros {
        whole.get_mut(range)?.fill(0);
    }
    Some(vec![whole.into()])
}

struct Boxed {
    name: [u8; 4],
    content: Range<usize>,
}

/// The boxes in a part of the file.
struct Boxes<'a> {
    source: &'a [u8],
    left: Range<usize>,
}

impl<'a> Boxes<'a> {
    fn of(source: &'a [u8], left: Range<usize>) -> Self {
        Self { source, left }
    }

    fn read(&mut self) -> Option<Boxed> {
        let start = self.left.start;
        let mut rest = self.source.get(self.left.clone())?;
        let short = big(take(&mut rest, 4)?);
        let name = take(&mut rest, 4)?.try_into().ok()?;
        let (header, length) = match short {
            0 => (8, self.left.len()),
            1 => (16, usize::try_from(big(take(&mut rest, 8)?)).ok()?),
            length => (8, usize::try_from(length).ok()?),
        };
        if length < header || length > self.left.len() {
            return None;
        }
        self.left.start += length;
        Some(Boxed { name, content: start + header..start + length })
    }
}

impl Iterator for Boxes<'_> {
    /// `None` for a box that is not whole; none follow it.
    type Item = Option<Boxed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let found = self.read();
        if found.is_none() {
            self.left.start = self.left.end;
        }
        Some(found)
    }
}

/// Where the metadata is that a box `meta` lists.
fn metadata(source: &[u8], meta: &Boxed) -> Option<Vec<Range<usize>>> {
    // A version and flags come first.
    let inside = meta.content.start.checked_add(4)?..meta.content.end;
    let (mut items, mut places, mut data) = (None, None, None);
    let mut zeros = Vec::new();
    for found in Boxes::of(source, inside) {
        let found = found?;
        match &found.name {
            b"iinf" => items = Some(found.content),
            b"iloc" => places = Some(found.content),
            b"idat" => data = Some(found.content),
            b"uuid" | b"free" | b"skip" | b"udta" => zeros.push(found.content),
            _ => {}
        }
    }
    let private = private_items(source, items?)?;
    zeros.extend(locate(source.get(places?)?, &private, data)?);
    Some(zeros)
}

/// The items that are EXIF, XMP or another text.
fn private_items(source: &[u8], list: Range<usize>) -> Option<BTreeSet<u64>> {
    let version = *source.get(list.start)?;
    let header = if version == 0 { 6 } else { 8 };
    let mut private = BTreeSet::new();
    for found in Boxes::of(source, list.start.checked_add(header)?..list.end) {
        let found = found?;
        let mut rest = source.get(found.content)?;
        let version = take(&mut rest, 4)?[0];
        let id = big(take(&mut rest, if version < 3 { 2 } else { 4 })?);
        take(&mut rest, 2)?;
        // Older entries have a name instead of a kind: they can only be private.
        if version < 2 || matches!(take(&mut rest, 4)?, b"Exif" | b"mime" | b"uri ") {
            private.insert(id);
        }
    }
    Some(private)
}

/// The places of items, from a box `iloc`.
fn locate(mut rest: &[u8], wanted: &BTreeSet<u64>, data: Option<Range<usize>>) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let rest = &mut rest;
    let mut number = |count: usize| take(rest, count).map(big);
    let version = number(1)?;
    number(3)?;
    let (first, second) = (number(1)?, number(1)?);
    let (offset, length, base) = ((first >> 4) as usize, (first & 15) as usize, (second >> 4) as usize);
    let index = if version == 0 { 0 } else { (second & 15) as usize };
    let count = number(if version < 2 { 2 } else { 4 })?;
    for _ in 0..count {
        let id = number(if version < 2 { 2 } else { 4 })?;
        let method = if version == 0 { 0 } else { number(2)? & 15 };
        number(2)?;
        let from = number(base)?;
        for _ in 0..number(2)? {
            number(index)?;
            let start = from.checked_add(number(offset)?)?;
            let length = number(length)?;
            if !wanted.contains(&id) {
                continue;
            }
            let start = usize::try_from(start).ok()?;
            let length = usize::try_from(length).ok()?;
            found.push(match method {
                0 => start..start.checked_add(length)?,
                1 => {
                    let data = data.clone()?;
                    let start = data.start.checked_add(start)?;
                    start..start.checked_add(length).filter(|end| *end <= data.end)?
                }
                _ => return None,
            });
        }
    }
    Some(found)
}

/// Where boxes with what people wrote are, at any depth of tracks.
fn user_data(source: &[u8], inside: &Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut zeros = Vec::new();
    let mut open = vec![inside.clone()];
    while let Some(range) = open.pop() {
        for found in Boxes::of(source, range) {
            let found = found?;
            match &found.name {
                b"udta" | b"meta" | b"uuid" | b"free" | b"skip" => zeros.push(found.content),
                b"trak" | b"mdia" => open.push(found.content),
                _ => {}
            }
        }
    }
    Some(zeros)
}
