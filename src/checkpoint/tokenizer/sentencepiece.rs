//! Reads the pieces of a sentencepiece model.
//!
//! The file is a protocol buffer. Each field 1 is a piece, itself a message with its text as field 1 and its type as field
//! 3. All other fields are skipped.

/// The type of ordinary pieces, which is the default.
const NORMAL: u64 = 1;

/// The ordinary pieces of a model, each with its position; `None` if the bytes are not such a model.
pub(super) fn pieces(bytes: &[u8]) -> Option<Vec<(u64, &str)>> {
    let mut pieces = Vec::new();
    let mut place = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, value) = field(&mut rest)?;
        if let (1, Value::Bytes(piece)) = (number, value) {
            let (text, kind) = read_piece(piece)?;
            if kind == NORMAL {
                pieces.push((place, text));
            }
            place += 1;
        }
    }
    (place > 0).then_some(pieces)
}

fn read_piece(mut rest: &[u8]) -> Option<(&str, u64)> {
    let (mut text, mut kind) = ("", NORMAL);
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Value::Bytes(bytes)) => text = std::str::from_utf8(bytes).ok()?,
            (3, Value::Number(number)) => kind = number,
            _ => {}
        }
    }
    Some((text, kind))
}

/// The value of a field.
enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// Reads the next field.
fn field<'b>(rest: &mut &'b [u8]) -> Option<(u64, Value<'b>)> {
    let key = number(rest)?;
    let value = match key & 7 {
        0 => Value::Number(number(rest)?),
        1 => Value::Bytes(take(rest, 8)?),
        2 => {
            let length = usize::try_from(number(rest)?).ok()?;
            Value::Bytes(take(rest, length)?)
        }
        5 => Value::Bytes(take(rest, 4)?),
        _ => return None,
    };
    Some((key >> 3, value))
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// Reads a variable-length integer: up to ten bytes of seven bits each, lowest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece of a model, with its score and type.
    fn piece(text: &str, kind: Option<u8>) -> Vec<u8> {
        let mut inner = vec![0x0a, text.len() as u8];
        inner.extend(text.as_bytes());
        inner.extend([0x15, 0, 0, 0x80, 0x3f]);
        inner.extend(kind.iter().flat_map(|kind| [0x18, *kind]));
        let mut outer = vec![0x0a, inner.len() as u8];
        outer.extend(inner);
        outer
    }

    #[test]
    fn pieces_have_their_places() {
        let mut bytes =
            [piece("<unk>", Some(2)), piece("<s>", Some(3)), piece("▁a", None), piece("b", Some(1))].concat();
        // The trainer's settings, and a field of eight bytes.
        bytes.extend([0x12, 2, 1, 2, 0x19, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(pieces(&bytes), Some(vec![(2, "▁a"), (3, "b")]));
        for end in 1..bytes.len() - 15 {
            let _ = pieces(&bytes[..end]);
        }
    }

    #[test]
    fn other_bytes_are_no_model() {
        for bytes in [
            &b""[..],
            b"{}",
            b"\x0a\xff",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0b",
            b"\x0a\x02\x0a\x07",
        ] {
            assert_eq!(pieces(bytes), None, "{bytes:?}");
        }
    }
}
