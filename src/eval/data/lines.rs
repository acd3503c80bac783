//! The numbered lines of a text file, compressed by gzip or not.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::Error;

/// The longest line that is read.
const LONGEST: u64 = 64 << 20;

/// Opens a regular file with something in it. Whether it is compressed, its first bytes say.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    check(path)?;
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable)?);
    let start = file.fill_buf().map_err(unreadable)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file))));
    }
    Ok(Box::new(file))
}

/// Refuses what is no regular file, or empty.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        // A link to nothing is there and is no file.
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
            return Err(Error::NotAFile { path: path.to_owned() });
        }
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    };
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    if metadata.len() == 0 {
        return Err(Error::EmptyFile { path: path.to_owned() });
    }
    Ok(())
}

/// Reads lines of UTF-8 and counts them.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    path: PathBuf,
    number: u64,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { reader: open(path)?, path: path.to_owned(), number: 0, buffer: Vec::new() })
    }

    /// The next line and its number, without its end. A byte order mark is no part of the first line.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, &str)>, Error> {
        self.buffer.clear();
        let read = (&mut self.reader).take(LONGEST + 2).read_until(b'\n', &mut self.buffer);
        if read.map_err(|source| Error::Read { path: self.path.clone(), source })? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() as u64 > LONGEST {
            return Err(line_error(&self.path, self.number, format!("longer than {} MiB", LONGEST >> 20)));
        }
        match std::str::from_utf8(line) {
            Ok(text) if self.number == 1 => Ok(Some((1, text.strip_prefix('\u{feff}').unwrap_or(text)))),
            Ok(text) => Ok(Some((self.number, text))),
            Err(error) => {
                let problem = format!("not UTF-8 at byte {} of the line", error.valid_up_to() + 1);
                Err(line_error(&self.path, self.number, problem))
            }
        }
    }
}

/// An error of a line.
pub(super) fn line_error(path: &Path, line: u64, problem: impl Into<String>) -> Error {
    Error::Line { path: path.to_owned(), unit: "line", line, problem: problem.into() }
}

/// A text from a file, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use super::*;

    fn all(path: &Path) -> Result<Vec<(u64, String)>, Error> {
        let mut lines = Lines::open(path)?;
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line()? {
            found.push((number, line.to_owned()));
        }
        Ok(found)
    }

    #[test]
    fn ends_and_marks_are_no_part_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"\xef\xbb\xbfa\r\n\nb\rc").unwrap();
        let expected: Vec<(u64, String)> = [(1, "a"), (2, ""), (3, "b\rc")].map(|(n, t)| (n, t.to_owned())).into();
        assert_eq!(all(&path).unwrap(), expected);
    }

    #[test]
    fn bad_bytes_and_endless_lines_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"a\nb\xff").unwrap();
        assert!(all(&path).unwrap_err().to_string().ends_with("line 2: not UTF-8 at byte 2 of the line"));
        let mut file = File::create(&path).unwrap();
        file.write_all(b"a\n").unwrap();
        file.set_len(LONGEST + 3).unwrap();
        assert!(all(&path).unwrap_err().to_string().ends_with("line 2: longer than 64 MiB"));
        fs::write(&path, b"").unwrap();
        assert!(matches!(all(&path), Err(Error::EmptyFile { .. })));
        assert!(matches!(all(folder.path()), Err(Error::NotAFile { .. })));
    }

    #[test]
    fn compressed_files_are_known_by_their_bytes_and_must_be_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.txt");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"a b\nc").unwrap();
        let bytes = encoder.finish().unwrap();
        fs::write(&path, &bytes).unwrap();
        assert_eq!(all(&path).unwrap(), [(1, "a b".to_owned()), (2, "c".to_owned())]);
        fs::write(&path, &bytes[..bytes.len() - 6]).unwrap();
        assert!(all(&path).unwrap_err().to_string().starts_with("cannot read `"));
    }
}
