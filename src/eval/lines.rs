//! Reads files of judgements and runs line by line.

use std::io::{BufRead, BufReader};
use std::path::Path;

use super::fields::white_space_separated;
use super::numbered::{Numbered, decompressed};
use super::{Error, LineError};
use crate::files;

/// The longest line in bytes.
const LONGEST: usize = 1 << 20;

/// Opens a file, which may be compressed by gzip.
///
/// # Errors
/// Errors of the system.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let opened = files::open_or_pipe(path).and_then(|file| decompressed(BufReader::with_capacity(1 << 16, file)));
    opened.map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Reads lines of UTF-8 and counts them.
pub struct Lines<'a>(Numbered<&'a mut dyn BufRead>);

impl<'a> Lines<'a> {
    /// The lines of `reader`, which errors call `path`.
    pub fn new(reader: &'a mut dyn BufRead, path: &Path) -> Self {
        Self(Numbered::new(reader, path, LONGEST))
    }

    /// Reads the next line. Returns its number and its text, without the line end and without a byte order mark in the first
    /// line.
    ///
    /// # Errors
    /// A line that is too long or not UTF-8; errors of the system.
    pub fn next_line(&mut self) -> Result<Option<(u64, &str)>, Error> {
        Ok(self.0.next_line()?)
    }

    /// An error about a line of this file.
    pub fn error(&self, line: u64, problem: LineError) -> Error {
        Error::Line { path: self.0.path().to_owned(), line, problem }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("path", &self.path()).field("number", &self.0.number()).finish_non_exhaustive()
    }
}

/// Whether a line of a TREC file is blank or a comment, as in `trec_eval` 10.
pub(super) fn is_blank(line: &str) -> bool {
    white_space_separated(line).next().is_none_or(|first| first.starts_with('#'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs::File;
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
