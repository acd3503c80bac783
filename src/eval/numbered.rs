//! Reads numbered lines of a text, compressed by gzip or not.

use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::inflate::Inflate;

/// A line that cannot be read.
#[derive(Debug)]
pub(super) struct UnreadableLine {
    /// The file.
    pub(super) path: PathBuf,
    /// The line, from 1.
    pub(super) line: u64,
    pub(super) reason: Unreadable,
}

/// Why a line cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The system refused, or compressed data is broken.
    Read(io::Error),
    /// It has more bytes than this limit.
    TooLong(usize),
    /// The first byte that is not UTF-8, from 1.
    NotUtf8(usize),
}

/// Reads lines of UTF-8 of at most `longest` bytes and counts them.
pub(super) struct Numbered<R> {
    reader: R,
    path: PathBuf,
    longest: usize,
    number: u64,
    buffer: Vec<u8>,
}

/// Decompresses gzip, which is recognised by its first bytes.
pub(super) fn decompressed<R: BufRead + 'static>(mut reader: R) -> io::Result<Box<dyn BufRead>> {
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, Inflate::new(reader))));
    }
    Ok(Box::new(reader))
}

impl<R: BufRead> Numbered<R> {
    /// The lines of `reader`, which errors call `path`.
    pub(super) fn new(reader: R, path: &Path, longest: usize) -> Self {
        Self { reader, path: path.to_owned(), longest, number: 0, buffer: Vec::new() }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last line that was read.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next line. Returns its number and its text, without the line end and without a byte order mark in the first
    /// line.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, &str)>, UnreadableLine> {
        let Self { reader, path, longest, number, buffer } = self;
        buffer.clear();
        let unreadable = |line, reason| UnreadableLine { path: path.clone(), line, reason };
        let read = reader.take(*longest as u64 + 2).read_until(b'\n', buffer);
        if read.map_err(|source| unreadable(*number + 1, Unreadable::Read(source)))? == 0 {
            return Ok(None);
        }
        *number += 1;
        let line = buffer.strip_suffix(b"\n").unwrap_or(buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > *longest {
            return Err(unreadable(*number, Unreadable::TooLong(*longest)));
        }
        match std::str::from_utf8(line) {
            Ok(text) if *number == 1 => Ok(Some((1, text.strip_prefix('\u{feff}').unwrap_or(text)))),
            Ok(text) => Ok(Some((*number, text))),
            Err(error) => Err(unreadable(*number, Unreadable::NotUtf8(error.valid_up_to() + 1))),
        }
    }
}
