//! The numbered lines of a text, compressed by gzip or not.

use std::io::{self, BufRead, BufReader, Read as _};

use super::inflate::Inflate;

/// Why a line cannot be read.
#[derive(Debug)]
pub(super) enum UnreadableLine {
    /// The system refused, or compressed data is broken.
    Read(io::Error),
    /// Longer than the limit.
    TooLong,
    /// The first byte that is no UTF-8, from 1.
    NotUtf8(usize),
}

/// Reads lines of UTF-8 of at most `longest` bytes and counts them.
pub(super) struct Numbered<R> {
    reader: R,
    longest: usize,
    pub(super) number: u64,
    buffer: Vec<u8>,
}

/// Undoes gzip where the first bytes tell of it.
pub(super) fn decompressed<R: BufRead + 'static>(mut reader: R) -> io::Result<Box<dyn BufRead>> {
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, Inflate::new(reader))));
    }
    Ok(Box::new(reader))
}

impl<R: BufRead> Numbered<R> {
    pub(super) fn new(reader: R, longest: usize) -> Self {
        Self { reader, longest, number: 0, buffer: Vec::new() }
    }

    /// The next line and its number, without its end. A byte order mark is no part of the first line.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, &str)>, UnreadableLine> {
        self.buffer.clear();
        let limit = self.longest as u64 + 2;
        let read = (&mut self.reader).take(limit).read_until(b'\n', &mut self.buffer);
        if read.map_err(UnreadableLine::Read)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.longest {
            return Err(UnreadableLine::TooLong);
        }
        match std::str::from_utf8(line) {
            Ok(text) if self.number == 1 => Ok(Some((1, text.strip_prefix('\u{feff}').unwrap_or(text)))),
            Ok(text) => Ok(Some((self.number, text))),
            Err(error) => Err(UnreadableLine::NotUtf8(error.valid_up_to() + 1)),
        }
    }
}
