//! Parses the header of a safetensors file as untrusted input.
//!
//! The format and its rules are those of the `safetensors` crate, with two differences: every error names its tensor, and a
//! duplicate name is an error.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use safetensors::Dtype;
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::error::{HeaderError, LONGEST_HEADER};

/// The length field in front of the JSON.
const LENGTH_FIELD: usize = 8;
/// The start of a file that git downloaded without its large-file extension.
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// One tensor as a header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// The name in the file.
    pub name: String,
    /// The element type.
    pub dtype: Dtype,
    /// The dimensions, outermost first.
    pub shape: Vec<usize>,
    /// The bytes of the tensor, counted from the start of the file.
    pub range: Range<usize>,
}

/// Reads the header of a safetensors file with the content `bytes`. Returns the tensors in the order of their data.
///
/// Only the header's bytes are read. Every range is inside `bytes`, and no two overlap.
pub fn parse_header(bytes: &[u8]) -> Result<Vec<TensorEntry>, HeaderError> {
    let (text, data_start) = header_text(bytes)?;
    let mut entries = read_entries(text)?;
    entries.sort_by(|a, b| (a.info.data_offsets, &a.name).cmp(&(b.info.data_offsets, &b.name)));
    let available = bytes.len() - data_start;
    for entry in &entries {
        entry.check_bounds(available)?;
    }
    check_tiling(&entries, available)?;
    entries.into_iter().map(|entry| entry.finish(data_start)).collect()
}

/// The header as text, and where the data begins.
fn header_text(bytes: &[u8]) -> Result<(&str, usize), HeaderError> {
    if bytes.is_empty() {
        return Err(HeaderError::Empty);
    }
    if bytes.starts_with(LFS_POINTER) {
        return Err(HeaderError::LfsPointer);
    }
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_FIELD>() else {
        return Err(HeaderError::Short { bytes: bytes.len() });
    };
    let header = u64::from_le_bytes(*length);
    if header > LONGEST_HEADER {
        return Err(HeaderError::Long { header });
    }
    let text = rest.get(..header as usize).ok_or(HeaderError::Cut { header, available: rest.len() })?;
    let text = std::str::from_utf8(text)
        .map_err(|error| HeaderError::Utf8 { position: LENGTH_FIELD + error.valid_up_to() })?;
    Ok((text, LENGTH_FIELD + text.len()))
}

/// An entry as written.
#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

struct RawEntry {
    name: String,
    info: Info,
}

impl RawEntry {
    fn check_bounds(&self, available: usize) -> Result<(), HeaderError> {
        let (start, end) = self.info.data_offsets;
        if end < start {
            return Err(HeaderError::Reversed { tensor: self.name.clone(), start, end });
        }
        if end > available {
            return Err(HeaderError::OutOfRange { tensor: self.name.clone(), end, available });
        }
        Ok(())
    }

    /// Checks the size and counts the offsets from the start of the file. The bounds have been checked.
    fn finish(self, data_start: usize) -> Result<TensorEntry, HeaderError> {
        let Self { name, info: Info { dtype, shape, data_offsets: (start, end) } } = self;
        let reader: StrDeserializer<'_, NameError> = dtype.as_str().into_deserializer();
        let Ok(dtype) = Dtype::deserialize(reader) else {
            return Err(HeaderError::UnknownDtype { tensor: name, dtype });
        };
        let elements = shape.iter().try_fold(1_usize, |product, &dimension| product.checked_mul(dimension));
        let Some(bits) = elements.and_then(|elements| elements.checked_mul(dtype.bitsize())) else {
            return Err(HeaderError::ShapeOverflow { tensor: name, shape });
        };
        if bits % 8 != 0 {
            return Err(HeaderError::PartialByte { tensor: name, dtype, bits });
        }
        let (needed, found) = (bits / 8, end - start);
        if needed != found {
            return Err(HeaderError::Length { tensor: name, shape, dtype, needed, found });
        }
        Ok(TensorEntry { name, dtype, shape, range: data_start + start..data_start + end })
    }
}

/// Checks that the entries, sorted by offset, cover the data once.
fn check_tiling(entries: &[RawEntry], available: usize) -> Result<(), HeaderError> {
    let mut covered = 0;
    let mut previous = "";
    for entry in entries {
        let (start, end) = entry.info.data_offsets;
        if start < covered {
            let (first, second) = (previous.to_owned(), entry.name.clone());
            return Err(HeaderError::Overlap { first, second, end: covered, start });
        }
        if start > covered {
            return Err(HeaderError::Gap { tensor: entry.name.clone(), bytes: start - covered });
        }
        covered = end;
        previous = &entry.name;
    }
    if covered < available {
        return Err(HeaderError::Trailing { bytes: available - covered });
    }
    Ok(())
}

fn read_entries(text: &str) -> Result<Vec<RawEntry>, HeaderError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut state = State::default();
    let entries = state.deserialize(&mut reader).and_then(|entries| reader.end().map(|()| entries));
    if let Some(tensor) = state.duplicate {
        return Err(HeaderError::Duplicate { tensor });
    }
    entries.map_err(|error| match state.current {
        Some(tensor) => HeaderError::Entry { tensor, message: error.to_string() },
        None => HeaderError::Json { message: error.to_string() },
    })
}

/// State of the parser for error messages.
#[derive(Default)]
struct State {
    current: Option<String>,
    duplicate: Option<String>,
}

impl<'de> DeserializeSeed<'de> for &mut State {
    type Value = Vec<RawEntry>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut State {
    type Value = Vec<RawEntry>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                self.duplicate = Some(name);
                return Err(de::Error::custom("duplicate"));
            }
            if name == "__metadata__" {
                map.next_value::<Option<HashMap<String, String>>>()?;
                continue;
            }
            self.current = Some(name.clone());
            let info = map.next_value()?;
            self.current = None;
            entries.push(RawEntry { name, info });
        }
        Ok(entries)
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
