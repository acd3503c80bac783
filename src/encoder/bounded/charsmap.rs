//! Checks the table of a `Precompiled` normalizer: a double-array trie and the replacement texts.

/// The most bytes that replace one character.
const LONGEST: usize = 128;

/// Checks that looking up any text stays inside of the table.
pub(super) fn check(encoded: &str) -> Result<(), String> {
    let bytes = base64(encoded).ok_or("`precompiled_charsmap` is no base64")?;
    let (size, rest) = bytes.split_first_chunk().ok_or("`precompiled_charsmap` is cut short")?;
    let size = u32::from_le_bytes(*size) as usize;
    if size > rest.len() || !size.is_multiple_of(4) || size == 0 {
        return Err(format!("`precompiled_charsmap` says {size} bytes of units, but {} follow", rest.len()));
    }
    let (units, texts) = rest.split_at(size);
    let texts = std::str::from_utf8(texts).map_err(|_| "the texts of `precompiled_charsmap` are not UTF-8")?;
    if let Some(long) = texts.split('\0').map(str::len).find(|length| *length > LONGEST) {
        return Err(format!("`precompiled_charsmap` has a text of {long} bytes, expected at most {LONGEST}"));
    }
    let units: Vec<u32> =
        units.chunks_exact(4).map(|unit| unit.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte))).collect();
    walk(&units, texts)
}

/// Follows every path that a text can take.
fn walk(units: &[u32], texts: &str) -> Result<(), String> {
    let outside = || "`precompiled_charsmap` leads out of its table".to_owned();
    let mut seen = vec![false; units.len()];
    // The start of the units below the root, or below another unit.
    let mut open = vec![offset(units[0])];
    while let Some(base) = open.pop() {
        for byte in 1..=255_usize {
            let at = base ^ byte;
            let unit = *units.get(at).ok_or_else(outside)?;
            if unit & (1 << 31 | 0xff) != byte as u32 {
                continue;
            }
            let below = at ^ offset(unit);
            if unit >> 8 & 1 == 1 {
                let value = (units.get(below).ok_or_else(outside)? & !(1 << 31)) as usize;
                if !texts.is_char_boundary(value) {
                    return Err("`precompiled_charsmap` leads out of its texts, or into a character".to_owned());
                }
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.push(below);
            }
        }
    }
    Ok(())
}

fn offset(unit: u32) -> usize {
    (unit as usize >> 10) << ((unit & (1 << 9)) >> 6)
}

/// Decodes base64 with or without padding; `None` if it is invalid.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for chunk in text.chunks(4) {
        let mut bits = 0_u32;
        for &letter in chunk {
            let digit = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        let whole = chunk.len() * 6 / 8;
        bits <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(bits.to_be_bytes().get(1..=whole)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn base64_is_read() {
        for (text, bytes) in [("", &b""[..]), ("YQ==", b"a"), ("YWI=", b"ab"), ("YWJj", b"abc"), ("YWJjZA", b"abcd")] {
            assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(base64("Y Q="), None);
    }

    #[test]
    fn tables_that_lead_out_are_refused() {
        for (text, problem) in
            [("", "cut short"), ("/////w==", "4294967295 bytes of units"), ("BAAAAAAAAAA=", "leads out of its table")]
        {
            let error = check(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
