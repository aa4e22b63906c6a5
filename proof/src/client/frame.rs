//! WebSocket frames (RFC 6455, section 5.2).

/// The lengths of a frame's head and of its payload, once enough of the head is there.
pub fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    let second = *bytes.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    match (second & 0x7f, bytes) {
        (126, [_, _, a, b, ..]) => Some((4 + mask, usize::from(u16::from_be_bytes([*a, *b])))),
        (127, [_, _, long @ ..]) => Some((10 + mask, usize::try_from(u64::from_be_bytes(*long.first_chunk()?)).ok()?)),
        (126, _) => None,
        (short, _) => Some((2 + mask, usize::from(short))),
    }
}

/// Appends a frame's head for a payload of that length. `first` is the first byte: the final flag and the opcode. A client's frame
/// must be masked; the mask is zero.
pub fn push_head(bytes: &mut Vec<u8>, first: u8, length: usize, masked: bool) {
    let mask = if masked { 0x80 } else { 0 };
    bytes.push(first);
    match u16::try_from(length) {
        Ok(short @ 0..126) => bytes.push(mask | short as u8),
        Ok(middle) => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&middle.to_be_bytes());
        }
        Err(_) => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if masked {
        bytes.extend_from_slice(&[0; 4]);
    }
}

/// Appends a whole frame.
pub fn push(bytes: &mut Vec<u8>, first: u8, payload: &[u8], masked: bool) {
    push_head(bytes, first, payload.len(), masked);
    bytes.extend_from_slice(payload);
}

#[test]
fn a_head_is_read_as_it_was_written_and_not_before_it_is_whole() {
    for (length, masked) in [0, 125, 126, 65_535, 65_536].into_iter().flat_map(|length| [(length, false), (length, true)]) {
        let mut bytes = Vec::new();
        push_head(&mut bytes, 0x81, length, masked);
        assert_eq!(head(&bytes), Some((bytes.len(), length)));
        let known = bytes.len() - if masked { 4 } else { 0 };
        assert_eq!(head(&bytes[..known - 1]), None);
    }
}
