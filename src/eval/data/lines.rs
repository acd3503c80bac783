//! Opens the files of a data set, compressed by gzip or not, and reads their lines.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::Error;
use crate::eval::numbered::{Numbered, decompressed};
use crate::files;

/// The longest line in bytes.
const LONGEST: usize = 64 << 20;

/// Opens a regular file that is not empty. Its first bytes show whether it is compressed.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    check(path)?;
    let opened = files::open(path).and_then(|file| decompressed(BufReader::with_capacity(1 << 16, file)));
    opened.map_err(unreadable)
}

/// Opens a file with one JSON value, and skips a byte order mark, which JSON does not allow.
pub(super) fn open_json(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let mut reader = open(path)?;
    let start = reader.fill_buf().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    if start.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    Ok(reader)
}

/// Refuses anything but a regular file, and an empty one.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        // A broken link exists but is not a file.
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

/// Opens a file to read its lines.
pub(super) fn lines(path: &Path) -> Result<Numbered<Box<dyn BufRead>>, Error> {
    Ok(Numbered::new(open(path)?, path, LONGEST))
}

/// An error of a line.
pub(super) fn line_error(path: &Path, line: u64, problem: impl Into<String>) -> Error {
    Error::Line { path: path.to_owned(), unit: "line", line, problem: problem.into() }
}

/// Converts an error of the JSON reader. `line` is the line of the file, because the JSON may be one of its lines.
pub(super) fn json_error(path: &Path, line: u64, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let problem = message.strip_suffix(&place).unwrap_or(&message).to_owned();
    Error::Json { path: path.to_owned(), line, column: error.column(), problem }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    fn all(path: &Path) -> Result<Vec<(u64, String)>, Error> {
        let mut lines = lines(path)?;
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
        file.set_len(LONGEST as u64 + 3).unwrap();
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
