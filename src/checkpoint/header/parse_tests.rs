#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use safetensors::SafeTensors;

use super::*;

/// A file with that header and that many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn entry(name: &str, dtype: &str, shape: &str, start: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}"#)
}

fn refusal(entries: &[String], data: usize) -> HeaderError {
    parse_header(&file(&format!("{{{}}}", entries.join(",")), data)).unwrap_err()
}

#[test]
fn a_sound_header_gives_every_tensor_in_order() {
    let header = format!(
        r#"{{"__metadata__":{{"format":"pt"}},{},{},{}}}   "#,
        entry("b", "F16", "[2,3]", 8, 20),
        entry("a", "I64", "[]", 0, 8),
        entry("empty", "F32", "[0,7]", 20, 20)
    );
    let bytes = file(&header, 20);
    let tensors = parse_header(&bytes).unwrap();
    let start = bytes.len() - 20;
    let found: Vec<_> = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.range.clone())).collect();
    assert_eq!(found, [("a", start..start + 8), ("b", start + 8..start + 20), ("empty", start + 20..start + 20)]);
}

#[test]
fn every_damage_of_the_frame_has_its_own_message() {
    let mut long = u64::MAX.to_le_bytes().to_vec();
    long.push(b'{');
    let mut cut = file("{}", 0);
    cut.pop();
    let mut text = file("{\"a\":1}", 0);
    text[10] = 0xff;
    let cases: [(&[u8], &str); 7] = [
        (b"", "the file is empty"),
        (b"1234567", "the file has 7 bytes, fewer than the 8 of a safetensors length field"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "the file is a git-lfs pointer, not the weights it stands for",
        ),
        (&long, "the header claims 18446744073709551615 bytes, more than the 100000000 the format allows"),
        (&cut, "the header claims 2 bytes, but only 1 follow the length field: the file is cut short"),
        (&text, "the header is not UTF-8 at byte 10 of the file"),
        (&file("{} x", 0), "the header is not valid: trailing characters at line 1 column 4"),
    ];
    for (bytes, message) in cases {
        assert_eq!(parse_header(bytes).unwrap_err().to_string(), message);
    }
    assert!(matches!(parse_header(&file("[]", 0)), Err(HeaderError::Json { .. })));
    assert!(matches!(parse_header(&file(r#"{"__metadata__":{"a":1}}"#, 0)), Err(HeaderError::Json { .. })));
}

#[test]
fn every_damage_of_an_entry_names_the_tensor() {
    let far = u64::MAX;
    let cases = [
        (vec![entry("w", "F32", "[1]", 4, 0)], 4, "tensor `w` ends at byte 0, before its start at 4"),
        (vec![entry("w", "F32", "[1]", 0, 4)], 2, "tensor `w` ends at byte 4 of the data, but only 2 are there"),
        (
            vec![entry("w", "U8", "[18446744073709551615]", 0, far)],
            2,
            "tensor `w` ends at byte 18446744073709551615 of the data, but only 2 are there",
        ),
        (
            vec![entry("a", "F32", "[1]", 0, 4), entry("b", "F32", "[1]", 2, 6)],
            6,
            "tensors `a` and `b` overlap: one ends at byte 4, the other starts at 2",
        ),
        (
            vec![entry("a", "F32", "[1]", 0, 4), entry("b", "F32", "[1]", 6, 10)],
            10,
            "2 bytes in front of tensor `b` belong to no tensor",
        ),
        (vec![entry("a", "F32", "[1]", 0, 4)], 7, "3 bytes behind the last tensor belong to no tensor"),
        (vec![], 1, "1 bytes behind the last tensor belong to no tensor"),
        (
            vec![entry("w", "F32", "[4294967296,4294967296]", 0, 4)],
            4,
            "the shape [4294967296, 4294967296] of tensor `w` has more bytes than can be counted",
        ),
        (
            vec![entry("w", "F32", "[2,3]", 0, 20)],
            20,
            "tensor `w` of shape [2, 3] and dtype F32 needs 24 bytes, but has 20",
        ),
        (vec![entry("w", "F4", "[3]", 0, 1)], 1, "tensor `w` has 12 bits of F4, not a whole number of bytes"),
        (vec![entry("w", "F33", "[1]", 0, 4)], 4, "tensor `w` has dtype `F33`, which is none of the format's"),
        (
            vec![entry("w", "F32", "[1]", 0, 4), entry("w", "F32", "[1]", 4, 8)],
            8,
            "tensor `w` occurs twice in the header",
        ),
        (
            vec![r#""w":{"dtype":"F32","shape":[1]}"#.to_owned()],
            4,
            "the entry of tensor `w` is not valid: missing field `data_offsets` at line 1 column 32",
        ),
    ];
    for (entries, data, message) in cases {
        assert_eq!(refusal(&entries, data).to_string(), message);
    }
    assert!(matches!(refusal(&[entry("w", "F32", "[-1]", 0, 4)], 4), HeaderError::Entry { .. }));
    assert!(matches!(refusal(&[entry("w", "F32", "[1.5]", 0, 4)], 4), HeaderError::Entry { .. }));
}

/// Name, dtype, shape and place of a tensor.
type Found = (String, Dtype, Vec<usize>, Range<usize>);

/// What the format's own reader finds; nothing where it refuses.
fn oracle(bytes: &[u8]) -> Option<Vec<Found>> {
    let (header, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    let start = header + LENGTH_FIELD;
    let mut tensors: Vec<_> = metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| {
            let range = start + info.data_offsets.0..start + info.data_offsets.1;
            (name, info.dtype, info.shape.clone(), range)
        })
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Some(tensors)
}

fn ours(bytes: &[u8]) -> Option<Vec<Found>> {
    let entries = parse_header(bytes).ok()?;
    let mut tensors: Vec<_> =
        entries.into_iter().map(|entry| (entry.name, entry.dtype, entry.shape, entry.range)).collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Some(tensors)
}

/// Headers that are sound or nearly so: consecutive tensors, with some numbers moved.
fn near_headers() -> impl Strategy<Value = Vec<u8>> {
    let dtype =
        prop_oneof![Just(("F32", 32)), Just(("BF16", 16)), Just(("F4", 4)), Just(("BOOL", 8)), Just(("I64", 64))];
    let tensor = (dtype, prop::collection::vec(0_usize..5, 0..4));
    let moved = prop::option::weighted(0.3, (0_usize..5, any::<bool>(), -2_i64..9));
    (prop::collection::vec(tensor, 0..5), moved, -1_i64..3, any::<bool>()).prop_map(|(tensors, moved, extra, exact)| {
        let (mut entries, mut end) = (Vec::new(), 0_i64);
        for (index, ((dtype, bits), shape)) in tensors.into_iter().enumerate() {
            let start = end;
            end += i64::try_from(shape.iter().product::<usize>() * bits / 8).unwrap();
            let shift = |is_end| match moved {
                Some((which, on_end, by)) if which == index && on_end == is_end => by,
                _ => 0,
            };
            let (start, end) = (start + shift(false), end + shift(true));
            entries
                .push(format!(r#""t{index}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#));
        }
        let data = if exact { end } else { end + extra };
        file(&format!("{{{}}}", entries.join(",")), usize::try_from(data).unwrap_or(0))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_formats_own_reader_agrees(bytes in near_headers()) {
        prop_assert_eq!(ours(&bytes), oracle(&bytes));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        drop(parse_header(&bytes));
    }

    #[test]
    fn no_change_of_a_byte_panics_or_leads_out_of_the_file(
        mut bytes in near_headers(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), b'0'..=b'9', Just(b','), Just(b'"')],
    ) {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(entries) = parse_header(&bytes) {
            let mut covered: Vec<Range<usize>> = entries.into_iter().map(|entry| entry.range).collect();
            covered.sort_by_key(|range| (range.start, range.end));
            prop_assert!(covered.iter().all(|range| bytes.get(range.clone()).is_some()));
            prop_assert!(covered.iter().zip(covered.iter().skip(1)).all(|(one, other)| one.end == other.start));
        }
    }
}
