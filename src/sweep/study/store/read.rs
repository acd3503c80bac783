//! Reads the files of a study, which may be anything: a pipe would block a reader, and a device has no end.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use crate::files;

/// The largest record of a study in bytes.
const MOST: u64 = 1 << 30;

/// Why a file has no content.
#[derive(Debug)]
pub(super) enum ReadFailure {
    /// The system refused.
    Io(io::Error),
    /// It is not a file that this program writes.
    Odd(String),
}

/// The content of a plain file; `None` where there is none.
pub(super) fn plain(path: &Path) -> Result<Option<Vec<u8>>, ReadFailure> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let is_there = fs::symlink_metadata(path).is_ok();
            // The file may have been completed between the two looks.
            return if is_there && !path.exists() { Err(odd("it is a link to nothing")) } else { Ok(None) };
        }
        Err(_) if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) => {
            return Err(odd("it is no plain file"));
        }
        Err(error) => return Err(ReadFailure::Io(error)),
    };
    let metadata = file.metadata().map_err(ReadFailure::Io)?;
    if !metadata.is_file() {
        return Err(odd("it is no plain file"));
    }
    if metadata.len() > MOST {
        return Err(ReadFailure::Odd(format!("it has {} bytes, more than any record", metadata.len())));
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(ReadFailure::Io)?;
    Ok(Some(bytes))
}

fn odd(problem: &str) -> ReadFailure {
    ReadFailure::Odd(problem.to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn pipes_folders_and_links_to_nothing_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("file"), "x").unwrap();
        for (name, problem) in [("pipe", "no plain file"), ("link", "a link to nothing"), ("folder", "no plain file")] {
            assert!(matches!(plain(&path(name)), Err(ReadFailure::Odd(found)) if found.contains(problem)), "{name}");
        }
        assert!(matches!(plain(Path::new("/dev/zero")), Err(ReadFailure::Odd(_))));
        assert_eq!(plain(&path("file")).unwrap(), Some(b"x".to_vec()));
        assert!(plain(&path("none")).unwrap().is_none());
    }
}
