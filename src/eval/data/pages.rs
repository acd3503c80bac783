//! Checks the sizes that pages of a parquet file claim, before the parquet reader allocates memory for them.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

use crate::budget::Budget;

/// Number of bytes in which a page's header is looked for, at first and at most.
const HEADER: [usize; 2] = [1 << 13, 1 << 20];
/// How deep structures of a header may be nested.
const DEEPEST: u8 = 16;
/// The number of values that lists of any file may have, in addition to one for each byte of it, because a row is held in
/// memory as a whole.
const VALUES: u64 = 1 << 20;

/// Checks the pages of the columns that `is_read` names.
pub(super) fn check(file: &File, metadata: &ParquetMetaData, is_read: impl Fn(&str) -> bool) -> Result<(), String> {
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let mut budget = Budget::of(length);
    let mut listed = 0_u64;
    for column in metadata.row_groups().iter().flat_map(parquet::file::metadata::RowGroupMetaData::columns) {
        let descriptor = column.column_descr();
        if !descriptor.path().parts().first().is_some_and(|name| is_read(name)) {
            continue;
        }
        let first = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let start = u64::try_from(first).map_err(|_| DAMAGED)?;
        let size = u64::try_from(column.compressed_size()).map_err(|_| DAMAGED)?;
        let end = start.checked_add(size).filter(|end| *end <= length).ok_or(DAMAGED)?;
        let mut at = start;
        while at < end {
            let page = page(file, at, end)?;
            budget.take(page.uncompressed).map_err(|error| error.to_string())?;
            if matches!(column.compression(), Compression::GZIP(_)) && !page.is_plain {
                let levels = page.levels.min(page.compressed);
                let from = at.checked_add(page.header + levels).ok_or(DAMAGED)?;
                let packed = Part { file, at: from, left: page.compressed - levels };
                check_gzip(packed, page.uncompressed.saturating_sub(levels))?;
            }
            if descriptor.max_rep_level() > 0 {
                listed = listed.saturating_add(page.values);
                if listed > length.saturating_add(VALUES) {
                    return Err("its lists have more values than the file has bytes".to_owned());
                }
            }
            at = at.checked_add(page.header + page.compressed).ok_or(DAMAGED)?;
        }
    }
    Ok(())
}

const DAMAGED: &str = "the file is damaged";

/// Checks that a page decompresses to no more than its header says, because the reader would accept any size.
fn check_gzip(packed: Part<'_>, stated: u64) -> Result<(), String> {
    let mut unpacked = MultiGzDecoder::new(BufReader::new(packed)).take(stated.saturating_add(1));
    // The reader reports other damage.
    let becomes = io::copy(&mut unpacked, &mut io::sink()).unwrap_or_default();
    if becomes > stated { Err("a page becomes more than its header says".to_owned()) } else { Ok(()) }
}

/// A part of a file.
struct Part<'f> {
    file: &'f File,
    at: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        (self.at, self.left) = (self.at + read as u64, self.left - read as u64);
        Ok(read)
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    header: u64,
    uncompressed: u64,
    compressed: u64,
    values: u64,
    /// Number of bytes of levels before the values, which are not compressed.
    levels: u64,
    /// Whether the page is not compressed although its column is.
    is_plain: bool,
}

fn page(file: &File, at: u64, end: u64) -> Result<Page, String> {
    for most in HEADER {
        let most = usize::try_from(end - at).unwrap_or(most).min(most);
        let mut bytes = vec![0; most];
        file.read_exact_at(&mut bytes, at).map_err(|error| error.to_string())?;
        let mut reader = Thrift { bytes: &bytes, at: 0 };
        let mut page = Page::default();
        if reader
            .structure(
                DEEPEST,
                &mut |path, value| match path {
                    [2] => page.uncompressed = value,
                    [3] => page.compressed = value,
                    [5 | 7 | 8, 1] => page.values = value,
                    [8, 5 | 6] => page.levels = page.levels.saturating_add(value),
                    [8, 7] => page.is_plain = value == 0,
                    _ => {}
                },
                &mut Vec::new(),
            )
            .is_some()
        {
            page.header = reader.at as u64;
            // A negative size exceeds any limit.
            return Ok(page);
        }
    }
    Err("the header of a page is damaged".to_owned())
}

/// Thrift's compact protocol, as far as headers of pages need it.
struct Thrift<'b> {
    bytes: &'b [u8],
    at: usize,
}

type OnNumber<'n> = dyn FnMut(&[i64], u64) + 'n;

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(bytes).ok()?).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn structure(&mut self, depth: u8, on: &mut OnNumber<'_>, path: &mut Vec<i64>) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let mut field = 0_i64;
        loop {
            let head = self.byte()?;
            if head.trailing_zeros() >= 4 {
                return Some(());
            }
            field = if head >> 4 == 0 { self.zigzag()? } else { field + i64::from(head >> 4) };
            path.push(field);
            // The type of a boolean field is its value.
            match head & 0xf {
                kind @ (1 | 2) => on(path, u64::from(kind == 1)),
                kind => self.value(kind, depth, on, path)?,
            }
            path.pop();
        }
    }

    fn value(&mut self, kind: u8, depth: u8, on: &mut OnNumber<'_>, path: &mut Vec<i64>) -> Option<()> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => {
                let number = self.zigzag()?;
                on(path, u64::try_from(number).unwrap_or(u64::from(u32::MAX)));
                Some(())
            }
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                let depth = depth.checked_sub(1)?;
                // Every element takes at least a byte, even a structure without fields.
                (0..count).try_for_each(|_| {
                    path.push(-1);
                    let read = match head & 0xf {
                        12 => self.structure(depth, on, path),
                        kind => self.value(kind, depth, on, path),
                    };
                    path.pop();
                    read
                })
            }
            12 => self.structure(depth, on, path),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_header_is_read_past_what_is_not_needed() {
        // type 0, uncompressed 300, compressed 20, checksum, data page: 7 values, statistics.
        let bytes =
            [0x15, 0, 0x15, 0xd8, 4, 0x15, 40, 0x15, 1, 0x1c, 0x15, 14, 0x4c, 0x18, 2, b'a', b'b', 0, 0, 0, b'?'];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let file = File::open(file.path()).unwrap();
        let length = bytes.len() as u64;
        assert_eq!(
            page(&file, 0, length).unwrap(),
            Page { header: length - 1, uncompressed: 300, compressed: 20, values: 7, levels: 0, is_plain: false }
        );
        assert!(page(&file, 0, 10).is_err());
    }
}
