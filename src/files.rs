//! Opens files that users name. A pipe without a writer would block forever, and a device has no end.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Opens a regular file.
///
/// # Errors
/// Errors of the system, and anything that is not a regular file. That is not even opened, because opening some devices has
/// effects.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    check(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    at_once(&mut options);
    let file = options.open(path)?;
    // Detects that something else has replaced the file in the meantime.
    check(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file, or a pipe that a shell has opened for the program: `<(…)` and standard input.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_or_pipe(path: &Path) -> io::Result<File> {
    if is_descriptor(path) && fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return File::open(path);
    }
    open(path)
}

/// Whether a path is a descriptor that this process has open, so that its other end is or was open too.
pub(crate) fn is_descriptor(path: &Path) -> bool {
    let standard = ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|known| path == Path::new(known));
    standard || ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.starts_with(folder))
}

fn check(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{}, expected a regular file", kind(found))))
}

/// What it is, if it is not a regular file.
fn kind(found: &fs::Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = found.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    let _ = found;
    "no regular file"
}

/// A path of a file that people write, with their home folder in place of a leading `~`. A shell does so too, but not in files
/// and not behind `=`.
pub(crate) fn with_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) if !home.as_os_str().is_empty() => home.join(rest),
        _ => path.to_owned(),
    }
}

/// Makes opening a pipe return at once, without waiting for its other end.
pub(crate) fn at_once(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _ = options;
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_no_file_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        fs::write(path("file"), "x").unwrap();
        for (path, problem) in [
            (path("pipe"), "a named pipe, expected a regular file"),
            (path("socket"), "a socket, expected a regular file"),
            ("/dev/zero".into(), "a device, expected a regular file"),
            (folder.path().to_owned(), "is a directory"),
        ] {
            assert_eq!(open(&path).unwrap_err().to_string(), problem);
            assert_eq!(open_or_pipe(&path).unwrap_err().to_string(), problem);
        }
        let mut text = String::new();
        open_or_pipe(&path("file")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
        assert!(is_descriptor(Path::new("/dev/fd/63")) && !is_descriptor(Path::new("/dev/fdx")));
    }
}
