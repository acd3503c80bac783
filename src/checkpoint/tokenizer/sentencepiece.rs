//! The pieces of a sentencepiece model.
//!
//! The file is a protocol buffer: fields of a number and a kind, of which field 1 is a piece each, itself a message with its text
//! as field 1, its score as field 2 and its type as field 3. Field 2 holds the trainer's settings, field 3 the normalizer. Everything
//! else is passed over.

/// The type of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An ordinary piece, which is meant where no type is given.
    Normal,
    /// What stands around texts.
    Control,
    /// A piece that is always taken whole.
    UserDefined,
    /// What is unknown, unused, or a byte.
    Other,
}

/// A piece of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece<'b> {
    pub(super) text: &'b str,
    pub(super) score: f32,
    pub(super) kind: Kind,
}

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model<'b> {
    pub(super) pieces: Vec<Piece<'b>>,
    /// Whether texts are cut into the pieces that are likeliest together.
    pub(super) is_unigram: bool,
    /// The piece that stands for what is unknown.
    pub(super) unknown: u64,
    /// What characters are replaced by; may be empty.
    pub(super) charsmap: &'b [u8],
}

/// The ordinary pieces of a model, each with its position; `None` if the bytes are not such a model.
pub(super) fn pieces(bytes: &[u8]) -> Option<Vec<(u64, &str)>> {
    let pieces = read(bytes)?.pieces.into_iter().zip(0..);
    Some(pieces.filter(|(piece, _)| piece.kind == Kind::Normal).map(|(piece, place)| (place, piece.text)).collect())
}

/// The model; `None` where the bytes are none.
pub(super) fn read(bytes: &[u8]) -> Option<Model<'_>> {
    let mut model = Model { pieces: Vec::new(), is_unigram: true, unknown: 0, charsmap: &[] };
    let mut rest = bytes;
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Value::Bytes(piece)) => model.pieces.push(read_piece(piece)?),
            (2, Value::Bytes(trainer)) => read_trainer(trainer, &mut model)?,
            (3, Value::Bytes(normalizer)) => model.charsmap = read_charsmap(normalizer)?,
            _ => {}
        }
    }
    (!model.pieces.is_empty()).then_some(model)
}

fn read_piece(mut rest: &[u8]) -> Option<Piece<'_>> {
    let mut piece = Piece { text: "", score: 0.0, kind: Kind::Normal };
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Value::Bytes(bytes)) => piece.text = std::str::from_utf8(bytes).ok()?,
            (2, Value::Bytes(bytes)) => piece.score = f32::from_le_bytes(bytes.try_into().ok()?),
            (3, Value::Number(1)) => piece.kind = Kind::Normal,
            (3, Value::Number(3)) => piece.kind = Kind::Control,
            (3, Value::Number(4)) => piece.kind = Kind::UserDefined,
            (3, _) => piece.kind = Kind::Other,
            _ => {}
        }
    }
    Some(piece)
}

fn read_trainer(mut rest: &[u8], model: &mut Model<'_>) -> Option<()> {
    while !rest.is_empty() {
        match field(&mut rest)? {
            (3, Value::Number(kind)) => model.is_unigram = kind == 1,
            (40, Value::Number(number)) => model.unknown = number,
            _ => {}
        }
    }
    Some(())
}

fn read_charsmap(mut rest: &[u8]) -> Option<&[u8]> {
    let mut charsmap = &[][..];
    while !rest.is_empty() {
        if let (2, Value::Bytes(bytes)) = field(&mut rest)? {
            charsmap = bytes;
        }
    }
    Some(charsmap)
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
        // The trainer's settings (a unigram model), and a field of eight bytes.
        bytes.extend([0x12, 2, 0x18, 1, 0x21, 0, 0, 0, 0, 0, 0, 0, 0]);
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
