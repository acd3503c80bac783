//! Files that appear whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::render::Usage;
use crate::files;

/// Writes `path` through a file beside it that is renamed when it is complete. `replace` says whether a file that is there
/// may go. Anything but a regular file (`/dev/null`, a pipe) is written into and stays as it is.
pub(super) fn write(
    path: &Path,
    replace: bool,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    if is_special(path) {
        let file = into(path).with_context(cannot)?;
        return filled(file, fill, &cannot).map(drop);
    }
    // Behind a link is the file that is meant.
    let target =
        if path.is_symlink() { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() };
    remove_left_over(&target);
    let (temporary, file) = create(&target).with_context(cannot)?;
    let placed = filled(file, fill, &cannot).and_then(|file| {
        file.sync_all().with_context(cannot)?;
        // Asked again: the work before may have taken hours.
        if !replace && is_taken(path) {
            return Err(exists(path));
        }
        fs::rename(&temporary, &target).with_context(cannot)
    });
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed
}

/// The file with everything in it.
fn filled(
    file: File,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    cannot: &dyn Fn() -> String,
) -> anyhow::Result<File> {
    let mut file = BufWriter::new(file);
    // What the system says names no file.
    fill(&mut file).map_err(|error| if error.is::<io::Error>() { error.context(cannot()) } else { error })?;
    file.into_inner().map_err(io::IntoInnerError::into_error).with_context(cannot)
}

/// Opens a device or a pipe to write into it. A pipe that nobody reads is an error and keeps nobody waiting.
fn into(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true);
    files::at_once(&mut options);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    }
    Ok(file)
}

/// How often a name is tried.
const ATTEMPTS: u32 = 100;

/// Creates the file beside `path`, with a lock on it for as long as it is open.
fn create(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut name = before(path);
    name.push(format!("{}{AFTER}", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut attempt = 0;
    loop {
        let file = File::create_new(&temporary)?;
        // Until it is locked another run may take it for a left-over.
        let _ = file.try_lock();
        attempt += 1;
        if temporary.exists() || attempt == ATTEMPTS {
            return Ok((temporary, file));
        }
    }
}

/// The name of an unfinished file up to the process number.
fn before(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name
}

/// The end of the name of an unfinished file.
const AFTER: &str = ".tmp";

/// Removes what killed runs have left beside `path`: unfinished files of its name whose process is gone.
pub(super) fn remove_left_over(path: &Path) {
    let before = before(path).to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(&before).and_then(|rest| rest.strip_suffix(AFTER));
        let Some(process) = number.and_then(|number| number.parse().ok()) else { continue };
        // A number is given again; a process of another machine, or this one, holds the lock on its file.
        if (is_gone(process) || u32::try_from(process) == Ok(std::process::id()))
            && files::open(&entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether this machine has no process of that number.
#[cfg(unix)]
fn is_gone(process: i32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    Pid::from_raw(process).is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

#[cfg(not(unix))]
fn is_gone(_: i32) -> bool {
    false
}

/// Whether there is something that writing would replace.
pub(super) fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok() && !is_special(path)
}

/// The first of `name`, `name-2`, `name-3`, … that is not there yet, for a command that is proposed.
#[cfg(feature = "eval")]
pub(super) fn free_name(stem: &str, extension: &str) -> String {
    let numbers = std::iter::once(String::new()).chain((2..1000).map(|number| format!("-{number}")));
    let mut names = numbers.map(|number| format!("{stem}{number}{extension}"));
    names.find(|name| !is_taken(Path::new(name))).unwrap_or_else(|| format!("{stem}{extension}"))
}

/// Whether it is a device, a pipe or an open descriptor, into which one writes.
pub(super) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) || files::is_descriptor(path)
}

/// The error for a file that is there and may not be replaced.
pub(super) fn exists(path: &Path) -> anyhow::Error {
    Usage::with_hint(format!("`{}` exists", path.display()), "`--force` replaces it").into()
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::FileTypeExt as _;
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn put(path: &Path, text: &str) -> anyhow::Result<()> {
        write(path, true, |out| Ok(out.write_all(text.as_bytes())?))
    }

    #[test]
    fn devices_pipes_and_links_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("/dev/null", path("null")).unwrap();
        put(&path("null"), "x").unwrap();
        assert!(path("null").is_symlink() && fs::metadata("/dev/null").unwrap().file_type().is_char_device());

        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        assert!(put(&path("pipe"), "x").unwrap_err().to_string().starts_with("cannot write `"));
        let reader =
            std::process::Command::new("cat").arg(path("pipe")).stdout(std::process::Stdio::piped()).spawn().unwrap();
        while put(&path("pipe"), "through").is_err() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(reader.wait_with_output().unwrap().stdout, b"through");
        assert!(fs::metadata(path("pipe")).unwrap().file_type().is_fifo());

        fs::write(path("file"), "old").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        put(&path("link"), "new").unwrap();
        assert!(path("link").is_symlink());
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "new");
    }

    #[test]
    fn unfinished_files_of_processes_that_are_gone_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        assert_eq!(ended.wait().unwrap().signal(), None);
        let (gone, mine) = (ended.id(), std::process::id());
        let left = format!(".a.{gone}.tmp");
        let stay =
            [format!(".a.{}.tmp", std::os::unix::process::parent_id()), format!(".b.{gone}.tmp"), ".a.x.tmp".into()];
        for name in stay.iter().chain([&left, &format!(".a.{mine}.tmp")]) {
            fs::write(path(name), "").unwrap();
        }
        put(&path("a"), "whole").unwrap();
        let mut found: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let mut expected = stay.to_vec();
        expected.push("a".into());
        expected.sort();
        assert_eq!(found, expected);
    }
}
