//! The numbered lines of a text file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{Error, LineProblem};

/// The longest line that is read.
const LONGEST: usize = 1 << 20;

/// Opens a file, compressed by gzip or not; which of the two, its first bytes say.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(read)?);
    let start = file.fill_buf().map_err(read)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(file))));
    }
    Ok(Box::new(file))
}

/// Reads lines of UTF-8 and counts them.
pub struct Lines<'a> {
    reader: &'a mut dyn BufRead,
    path: PathBuf,
    number: u64,
    buffer: Vec<u8>,
}

impl<'a> Lines<'a> {
    /// The lines of `reader`, which messages call `path`.
    pub fn new(reader: &'a mut dyn BufRead, path: &Path) -> Self {
        Self { reader, path: path.to_owned(), number: 0, buffer: Vec::new() }
    }

    /// The next line and its number, without its end. A byte order mark is no part of the first line.
    pub fn next_line(&mut self) -> Result<Option<(u64, &str)>, Error> {
        self.buffer.clear();
        let limit = LONGEST as u64 + 2;
        let read = (&mut *self.reader).take(limit).read_until(b'\n', &mut self.buffer);
        if read.map_err(|source| self.io(source))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        if self.buffer.len() > LONGEST {
            return Err(self.error(self.number, LineProblem::TooLong(LONGEST)));
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(text) if self.number == 1 => Ok(Some((1, text.strip_prefix('\u{feff}').unwrap_or(text)))),
            Ok(text) => Ok(Some((self.number, text))),
            Err(error) => Err(self.error(self.number, LineProblem::NotUtf8(error.valid_up_to() + 1))),
        }
    }

    /// An error of a line of this file.
    pub fn error(&self, line: u64, problem: LineProblem) -> Error {
        Error::Line { path: self.path.clone(), line, problem }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn io(&self, source: io::Error) -> Error {
        Error::Read { path: self.path.clone(), source }
    }
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("path", &self.path).field("number", &self.number).finish_non_exhaustive()
    }
}

/// The fields of a line between white space, as C's `isspace` has it: ids may hold any other character, and the spaces
/// of other scripts are such.
pub(super) fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_ascii_whitespace() || c == '\u{b}').filter(|field| !field.is_empty())
}

/// Whether a line of a TREC file carries nothing: blank, or a comment as `trec_eval` 10 has them.
pub(super) fn is_blank(line: &str) -> bool {
    fields(line).next().is_none_or(|first| first.starts_with('#'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u64, String)>, Error> {
        let mut reader = bytes;
        let mut lines = Lines::new(&mut reader, Path::new("file"));
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line()? {
            found.push((number, line.to_owned()));
        }
        Ok(found)
    }

    #[test]
    fn ends_and_marks_are_no_part_of_a_line() {
        let expected: Vec<(u64, String)> = [(1, "a"), (2, ""), (3, "b\rc")].map(|(n, t)| (n, t.to_owned())).into();
        assert_eq!(all(b"\xef\xbb\xbfa\r\n\nb\rc").unwrap(), expected);
    }

    #[test]
    fn bad_bytes_and_endless_lines_are_named() {
        assert_eq!(all(b"a\nb\xff").unwrap_err().to_string(), "`file`, line 2: not UTF-8 at byte 2 of the line");
        let long = [b"a\n".to_vec(), vec![b'x'; LONGEST + 1]].concat();
        assert_eq!(all(&long).unwrap_err().to_string(), "`file`, line 2: longer than 1048576 bytes");
        assert!(all(&long[..long.len() - 1]).is_ok());
    }

    #[test]
    fn compressed_files_are_known_by_their_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.txt");
        let mut encoder = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        encoder.write_all(b"a b\n").unwrap();
        encoder.finish().unwrap();
        let mut reader = open(&path).unwrap();
        assert_eq!(Lines::new(&mut reader, &path).next_line().unwrap(), Some((1, "a b")));

        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 6]).unwrap();
        let mut reader = open(&path).unwrap();
        let mut lines = Lines::new(&mut reader, &path);
        let error = loop {
            match lines.next_line() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a broken file is read as if it were whole"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().starts_with("cannot read `"), "{error}");
    }
}
