//! `write_once`: the one primitive of a study's folder.
//!
//! A file is written under a temporary name in the same folder and hard-linked to its final name, which fails if the name
//! is taken. This works on shared file systems too, without locks.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

/// How a name is taken exclusively.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By a hard link.
    #[default]
    Link,
    /// By creating a marker file exclusively and renaming over it, where the file system has no links.
    Exclusive,
}

/// The result of `write_once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file was written.
    New,
    /// The name was taken already.
    Present,
}

/// Writes a file unless its name is taken.
///
/// # Errors
/// What the system said. Nothing is left then, and the name is free.
pub(super) fn write_once(mode: Mode, path: &Path, bytes: &[u8]) -> io::Result<Written> {
    // A broken link takes the name too.
    if fs::symlink_metadata(path).is_ok() {
        return Ok(Written::Present);
    }
    let temporary = write_beside(path, bytes)?;
    let put = match mode {
        Mode::Link => link(&temporary, path),
        Mode::Exclusive => exclusive(&temporary, path),
    };
    let removed = fs::remove_file(&temporary);
    let put = put?;
    if mode == Mode::Link {
        removed?;
    }
    if put == Written::New {
        sync_folder(path)?;
    }
    Ok(put)
}

/// Writes a file under a unique temporary name.
fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".{name}.{}-{count}", super::owner::tag()));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(temporary)
}

fn link(temporary: &Path, path: &Path) -> io::Result<Written> {
    match fs::hard_link(temporary, path) {
        Ok(()) => Ok(Written::New),
        Err(error) => {
            // Over NFS the reply may be lost although the link was created.
            if links(temporary) == Some(2) {
                return Ok(Written::New);
            }
            if error.kind() == io::ErrorKind::AlreadyExists { Ok(Written::Present) } else { Err(error) }
        }
    }
}

fn exclusive(temporary: &Path, path: &Path) -> io::Result<Written> {
    let mut marker = path.as_os_str().to_owned();
    marker.push(".taken");
    match File::create_new(&marker) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // The process that created the marker may have died before the rename. Any process writes the same content.
            if path.exists() {
                return Ok(Written::Present);
            }
        }
        Err(error) => return Err(error),
    }
    fs::rename(temporary, path)?;
    let _ = fs::remove_file(marker);
    Ok(Written::New)
}

#[cfg(unix)]
fn links(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|metadata| metadata.nlink())
}

#[cfg(not(unix))]
fn links(_: &Path) -> Option<u64> {
    None
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().map(File::open) {
        // Some file systems do not sync folders.
        Some(Ok(folder)) => folder.sync_all().or_else(|error| match Errno::from_io_error(&error) {
            Some(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            _ => Err(error),
        }),
        Some(Err(error)) => Err(error),
        None => Ok(()),
    }
}

/// Whether the folder's file system has hard links.
pub(super) fn probe(folder: &Path) -> io::Result<Mode> {
    let target = folder.join(format!(".probe-{}", super::owner::tag()));
    let put = write_once(Mode::Link, &target, b"");
    let _ = fs::remove_file(&target);
    match put {
        Ok(_) => Ok(Mode::Link),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK | Errno::XDEV) => Ok(Mode::Exclusive),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_first_writer_wins_and_no_other_file_is_left() {
        for mode in [Mode::Link, Mode::Exclusive] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("key");
            let new: usize = std::thread::scope(|scope| {
                let put = |index: u8| write_once(mode, &folder.path().join("key"), &[index; 1000]).unwrap();
                let threads: Vec<_> = (0..8).map(|index| scope.spawn(move || put(index))).collect();
                threads.into_iter().map(|thread| usize::from(thread.join().unwrap() == Written::New)).sum()
            });
            assert!(new >= 1, "{mode:?}");
            assert!(mode == Mode::Exclusive || new == 1, "{mode:?}: {new}");
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.len() == 1000 && bytes.iter().all(|byte| *byte == bytes[0]));
            assert_eq!(write_once(mode, &path, b"other").unwrap(), Written::Present);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{mode:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_once(Mode::Link, &folder.path().join("no/such/folder"), b"x").is_err());
        assert_eq!(probe(folder.path()).unwrap(), Mode::Link);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
