//! Reads the archive that torch writes, a zip file without compression, as untrusted input.
//!
//! Everything that torch never writes is refused: compressed or encrypted entries, several disks, names that lead out,
//! overlapping entries. Every returned range is inside the file.

use std::collections::HashSet;
use std::ops::Range;

use super::super::hub_model::stays_inside;
use crate::diagnose::{Diagnose, ExitClass};
use crate::escape::escaped;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const END64_LOCATOR: &[u8] = b"PK\x06\x07";
const END64_LOCATOR_LENGTH: usize = 20;
const END64: &[u8] = b"PK\x06\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const CENTRAL_LENGTH: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: usize = 30;
/// The longest comment after the end record.
const LONGEST_COMMENT: usize = 0xffff;
/// The extra field with sizes of 64 bits.
const EXTRA64: u16 = 1;

/// A file in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The range of its bytes in the archive.
    pub(crate) range: Range<usize>,
    /// The checksum of its bytes; 0 if torch was told to write none.
    pub(crate) crc: u32,
}

/// Why an archive is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZipError {
    /// No end record.
    #[error("the archive has no end record: the file is cut short or no zip archive")]
    NoEnd,
    /// A record that is not where another one says.
    #[error("the archive has no {what} at byte {at}: the file is cut short or damaged")]
    NoRecord {
        /// Which record.
        what: &'static str,
        /// Where it should be.
        at: u64,
    },
    /// An archive that is split over several files.
    #[error("the archive is in several parts")]
    Parts,
    /// A compressed or encrypted entry.
    #[error("`{name}` in the archive is {how}, and torch stores its files as they are")]
    Method {
        /// The entry.
        name: String,
        /// What it is.
        how: &'static str,
    },
    /// A name that is not text.
    #[error("the name of entry {index} of the archive is not text")]
    Name {
        /// The entry, counted from 0.
        index: usize,
    },
    /// A name that leads out of the archive.
    #[error("the archive holds `{name}`, which is not a plain path")]
    Path {
        /// The name.
        name: String,
    },
    /// Two entries of one name.
    #[error("the archive holds `{name}` twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// An entry beyond the end of the data.
    #[error("`{name}` in the archive claims {claimed} bytes from byte {start} on, past the end of the data at {end}")]
    OutOfRange {
        /// The entry.
        name: String,
        /// Its size.
        claimed: u64,
        /// Where it begins.
        start: u64,
        /// Where the data ends.
        end: usize,
    },
    /// Two entries that share bytes.
    #[error("`{first}` and `{second}` overlap in the archive")]
    Overlap {
        /// The first entry.
        first: String,
        /// The other.
        second: String,
    },
    /// An entry whose two headers differ.
    #[error("the two headers of `{name}` in the archive differ")]
    Differ {
        /// The entry.
        name: String,
    },
}

impl Diagnose for ZipError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoEnd
            | Self::NoRecord { .. }
            | Self::Parts
            | Self::Method { .. }
            | Self::Name { .. }
            | Self::Path { .. }
            | Self::Twice { .. }
            | Self::OutOfRange { .. }
            | Self::Overlap { .. }
            | Self::Differ { .. } => Some("the download may be incomplete; download the model again".to_owned()),
        }
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Refused
    }
}

/// The entries of the archive, in the order of their bytes.
pub(crate) fn entries(file: &[u8]) -> Result<Vec<Entry>, ZipError> {
    let directory = directory(file)?;
    let mut bytes = file.get(directory.range.clone()).unwrap_or_default();
    let mut found: Vec<(usize, Entry)> = Vec::new();
    let mut names = HashSet::new();
    for index in 0..directory.count {
        let at = (directory.range.end - bytes.len()) as u64;
        let (central, rest) = central(bytes, index).ok_or(ZipError::NoRecord { what: "entry", at })?;
        bytes = rest;
        let central = central?;
        if !names.insert(central.name.clone()) {
            return Err(ZipError::Twice { name: central.name });
        }
        let start = usize::try_from(central.offset).unwrap_or(usize::MAX);
        found.push((start, locate(file, directory.range.start, central)?));
    }
    found.sort_by_key(|(start, entry)| (*start, entry.range.end));
    for ((_, one), (start, other)) in found.iter().zip(found.iter().skip(1)) {
        if *start < one.range.end {
            return Err(ZipError::Overlap { first: one.name.clone(), second: other.name.clone() });
        }
    }
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

/// The list of entries.
struct Directory {
    range: Range<usize>,
    count: u64,
}

fn directory(file: &[u8]) -> Result<Directory, ZipError> {
    let earliest = file.len().saturating_sub(END_LENGTH + LONGEST_COMMENT);
    let latest = file.len().checked_sub(END_LENGTH).ok_or(ZipError::NoEnd)?;
    let is_end = |at: &usize| {
        let record = file.get(*at..).unwrap_or_default();
        record.starts_with(END)
            && u16_at(record, 20).is_some_and(|comment| END_LENGTH + usize::from(comment) == record.len())
    };
    let end = (earliest..=latest).rev().find(is_end).ok_or(ZipError::NoEnd)?;
    let record = file.get(end..).unwrap_or_default();
    let short = |at| u16_at(record, at).unwrap_or_default();
    let long = |at| u64::from(u32_at(record, at).unwrap_or_default());
    let (mut parts, mut count, mut size, mut start) = (short(4) | short(6), u64::from(short(10)), long(12), long(16));
    let mut limit = end;
    let locator = end.checked_sub(END64_LOCATOR_LENGTH).and_then(|at| file.get(at..end));
    if let Some(locator) = locator.filter(|locator| locator.starts_with(END64_LOCATOR)) {
        let at = u64_at(locator, 8).unwrap_or_default();
        let record = usize::try_from(at).ok().and_then(|at| file.get(at..end)).unwrap_or_default();
        let value = |at| u64_at(record, at).filter(|_| record.starts_with(END64));
        let (Some(all), Some(bytes), Some(first)) = (value(32), value(40), value(48)) else {
            return Err(ZipError::NoRecord { what: "end record of 64 bits", at });
        };
        parts = u16::from(u32_at(record, 16) != Some(0) || u32_at(record, 20) != Some(0));
        (count, size, start, limit) = (all, bytes, first, at as usize);
    }
    if parts != 0 {
        return Err(ZipError::Parts);
    }
    let range = start.checked_add(size).filter(|end| *end <= limit as u64).map(|end| start as usize..end as usize);
    // Every entry takes some bytes, which limits the plausible count.
    let range = range.filter(|range| count <= (range.len() / CENTRAL_LENGTH) as u64);
    Ok(Directory { range: range.ok_or(ZipError::NoRecord { what: "list of entries", at: start })?, count })
}

/// An entry as the list has it.
struct Central {
    name: String,
    size: u64,
    crc: u32,
    offset: u64,
}

/// The first entry of a list, and the rest of the list; `None` if there are too few bytes.
fn central(bytes: &[u8], index: u64) -> Option<(Result<Central, ZipError>, &[u8])> {
    let fixed = bytes.get(..CENTRAL_LENGTH).filter(|fixed| fixed.starts_with(CENTRAL))?;
    let length = |at| u16_at(fixed, at).map(usize::from);
    let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
    let rest = bytes.get(CENTRAL_LENGTH + name + extra + comment..)?;
    let extra = bytes.get(CENTRAL_LENGTH + name..CENTRAL_LENGTH + name + extra)?;
    let name = str::from_utf8(bytes.get(CENTRAL_LENGTH..CENTRAL_LENGTH + name)?);
    let Ok(name) = name else { return Some((Err(ZipError::Name { index: index as usize }), rest)) };
    let name = name.to_owned();
    if !stays_inside(&name) || name.contains(char::is_control) {
        return Some((Err(ZipError::Path { name: escaped(&name) }), rest));
    }
    let (flags, method) = (u16_at(fixed, 8)?, u16_at(fixed, 10)?);
    let how = match method {
        _ if flags & 1 != 0 => Some("encrypted"),
        0 => None,
        _ => Some("compressed"),
    };
    if let Some(how) = how {
        return Some((Err(ZipError::Method { name, how }), rest));
    }
    let crc = u32_at(fixed, 16)?;
    let narrow = [24, 20, 42].map(|at| u32_at(fixed, at));
    let mut wide = extra64(extra).unwrap_or_default();
    // Each value that does not fit in 32 bits is in the extra field, in this order.
    let mut value = |narrow: Option<u32>| match narrow? {
        u32::MAX => {
            let value = u64_at(wide, 0)?;
            wide = wide.get(8..).unwrap_or_default();
            Some(value)
        }
        narrow => Some(u64::from(narrow)),
    };
    let (size, packed, offset) = (value(narrow[0])?, value(narrow[1])?, value(narrow[2])?);
    if size != packed {
        return Some((Err(ZipError::Method { name, how: "compressed" }), rest));
    }
    Some((Ok(Central { name, size, crc, offset }), rest))
}

/// The extra field with values of 64 bits.
fn extra64(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let (kind, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let content = extra.get(4..4 + length)?;
        if kind == EXTRA64 {
            return Some(content);
        }
        extra = extra.get(4 + length..)?;
    }
}

/// Finds the bytes of an entry after its own header. Data ends where the list of entries begins.
fn locate(file: &[u8], end: usize, central: Central) -> Result<Entry, ZipError> {
    let Central { name, size, crc, offset } = central;
    let absent = ZipError::NoRecord { what: "header of a file", at: offset };
    let local = usize::try_from(offset).ok().and_then(|at| file.get(..end)?.get(at..)).unwrap_or_default();
    if !local.starts_with(LOCAL) {
        return Err(absent);
    }
    let (Some(method), Some(name_length), Some(extra)) = (u16_at(local, 8), u16_at(local, 26), u16_at(local, 28))
    else {
        return Err(absent);
    };
    let (name_length, extra) = (usize::from(name_length), usize::from(extra));
    let own = local.get(LOCAL_LENGTH..LOCAL_LENGTH + name_length);
    if own != Some(name.as_bytes()) || method != 0 {
        return Err(ZipError::Differ { name });
    }
    let start = offset + (LOCAL_LENGTH + name_length + extra) as u64;
    match start.checked_add(size).filter(|last| *last <= end as u64) {
        Some(last) => Ok(Entry { name, range: start as usize..last as usize, crc }),
        None => Err(ZipError::OutOfRange { name, claimed: size, start, end }),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
