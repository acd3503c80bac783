//! A folder that takes its final name when it is complete.
//!
//! It is filled under a hidden name beside its final one. The process holds a lock on it, which the system releases however
//! the process ends. A hidden folder without a lock is therefore left over, and the next run removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::Error;
use super::folder_ops::{exchange, make_parents, remove_created, rename_new, sync_folder, sync_folders};
use super::record::RECORD;

/// Separates the output's name from a process number in the name of an unfinished folder.
const UNFINISHED: &str = ".admix-";

/// An unfinished output folder; removed when dropped before [`OutputFolder::commit`].
#[derive(Debug)]
pub(crate) struct OutputFolder {
    /// The hidden folder that is filled.
    temporary: PathBuf,
    /// Its name when it is complete.
    target: PathBuf,
    /// The earlier output that it replaces.
    earlier: Option<Identity>,
    force: bool,
    committed: bool,
    /// Parent folders that were created for it, outermost first.
    created: Vec<PathBuf>,
    /// The lock, held as long as this is open.
    _lock: File,
}

impl OutputFolder {
    /// Checks that `out` may be written and starts a folder for it.
    pub(crate) fn create<'a>(out: &Path, force: bool, inputs: impl Iterator<Item = &'a Path>) -> Result<Self, Error> {
        let name = out.file_name().ok_or_else(|| Error::NoName(out.to_path_buf()))?.to_owned();
        let parent = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        check_inputs(out, inputs)?;
        let earlier = Identity::of(out);
        if earlier.is_some() {
            if !force {
                return Err(Error::Exists(out.to_path_buf()));
            }
            if !is_replaceable(out) {
                return Err(Error::NotAMerge(out.to_path_buf()));
            }
        }
        let created = make_parents(parent)?;
        remove_left_over(parent, &name.to_string_lossy());
        let started = start(parent, &name.to_string_lossy());
        if started.is_err() {
            remove_created(&created);
        }
        let (temporary, lock) = started?;
        Ok(Self { temporary, target: parent.join(name), earlier, force, committed: false, created, _lock: lock })
    }

    /// Where files are written until the folder is complete.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Gives the folder its final name. With `sync` it and all folders in it are on disk afterwards.
    pub(crate) fn commit(mut self, sync: bool) -> Result<PathBuf, Error> {
        if sync {
            sync_folders(&self.temporary)?;
        }
        if let Some(known) = self.earlier.filter(|_| fs::symlink_metadata(&self.target).is_ok()) {
            self.replace(known)?;
        } else {
            rename_new(&self.temporary, &self.target).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty if self.force => {
                    Error::Rival(self.target.clone())
                }
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => Error::Exists(self.target.clone()),
                _ => Error::io("create", &self.target)(error),
            })?;
        }
        self.committed = true;
        if let (true, Some(parent)) = (sync, self.target.parent()) {
            sync_folder(parent)?;
        }
        Ok(self.target.clone())
    }

    /// Exchanges the new folder with the old one, which is then removed. If something else has taken the old one's place in
    /// the meantime, it is put back.
    fn replace(&self, known: Identity) -> Result<(), Error> {
        let old = match exchange(&self.temporary, &self.target) {
            Ok(()) => {
                if let Err(error) = self.check_old(&self.temporary, known) {
                    exchange(&self.temporary, &self.target).map_err(Error::io("put back", &self.target))?;
                    return Err(error);
                }
                self.temporary.clone()
            }
            Err(_) => self.replace_in_two_steps(known)?,
        };
        // The output is complete; an old folder that cannot be removed is left to the next run.
        let _ = fs::remove_dir_all(old);
        Ok(())
    }

    /// Where folders cannot be exchanged, the old one is renamed first, to a name that the next run would clean up. It
    /// stays locked as long as it is the only copy.
    fn replace_in_two_steps(&self, known: Identity) -> Result<PathBuf, Error> {
        let mut aside = self.temporary.clone().into_os_string();
        aside.push("-old");
        let aside = PathBuf::from(aside);
        let lock = File::open(&self.target).map_err(Error::io("open", &self.target))?;
        let _ = lock.try_lock();
        fs::rename(&self.target, &aside).map_err(Error::io("move", &self.target))?;
        let placed = self.check_old(&aside, known).and_then(|()| {
            rename_new(&self.temporary, &self.target).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => Error::Rival(self.target.clone()),
                _ => Error::io("create", &self.target)(error),
            })
        });
        match placed {
            Ok(()) => Ok(aside),
            Err(error) => {
                rename_new(&aside, &self.target).map_err(Error::io("put back", &aside))?;
                Err(error)
            }
        }
    }

    /// Checks that the folder to replace is the one that was there at the start, and still contains only an earlier merge.
    fn check_old(&self, old: &Path, known: Identity) -> Result<(), Error> {
        if !is_replaceable(old) {
            return Err(Error::NotAMerge(self.target.clone()));
        }
        if Identity::of(old).is_some_and(|found| found != known) {
            return Err(Error::Rival(self.target.clone()));
        }
        Ok(())
    }
}

/// Identifies a folder, even if another one takes its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    fn of(folder: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        fs::symlink_metadata(folder).ok().map(|found| Self(found.dev(), found.ino()))
    }

    #[cfg(not(unix))]
    fn of(folder: &Path) -> Option<Self> {
        fs::symlink_metadata(folder).ok().map(|_| Self(0, 0))
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_dir_all(&self.temporary);
            remove_created(&self.created);
        }
    }
}

/// Checks that the output is neither inside an input nor contains one.
fn check_inputs<'a>(out: &Path, inputs: impl Iterator<Item = &'a Path>) -> Result<(), Error> {
    let full_out = full_path(out);
    for input in inputs {
        let full_input = full_path(input);
        if full_input.starts_with(&full_out) {
            return Err(Error::HoldsInput { out: out.to_path_buf(), input: input.to_path_buf() });
        }
        if full_out.starts_with(&full_input) {
            return Err(Error::InsideInput { out: out.to_path_buf(), input: input.to_path_buf() });
        }
    }
    Ok(())
}

/// The absolute path without symbolic links, as far as it exists.
fn full_path(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    let mut here = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    loop {
        if let Ok(full) = fs::canonicalize(&here) {
            return rest.iter().rev().fold(full, |full: PathBuf, part: &std::ffi::OsString| full.join(part));
        }
        match (here.file_name().map(ToOwned::to_owned), here.parent().map(Path::to_path_buf)) {
            (Some(name), Some(parent)) => {
                rest.push(name);
                here = parent;
            }
            _ => return path.to_path_buf(),
        }
    }
}

/// Whether the folder contains only what a merge has written, so that a typing error costs neither a checkpoint nor a home
/// folder.
fn is_replaceable(out: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(out) else { return false };
    !out.is_symlink() && (entries.next().is_none() || out.join(RECORD).is_file())
}

/// Number of names that are tried for an unfinished folder.
const ATTEMPTS: u32 = 1000;

/// Creates and locks an unfinished folder for the output `name`.
fn start(parent: &Path, name: &str) -> Result<(PathBuf, File), Error> {
    let mut attempt = 0u32;
    loop {
        let path = parent.join(format!(".{name}{UNFINISHED}{}-{attempt}", std::process::id()));
        attempt += 1;
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => continue,
            // Another run that failed may have removed the parent that it had created.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
                continue;
            }
            made => made.map_err(Error::io("create", &path))?,
        }
        // Until the folder is locked, another run may take it for a left-over and remove it; then the next name is tried.
        let lock = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => continue,
            opened => opened.map_err(Error::io("open", &path))?,
        };
        match lock.try_lock() {
            Ok(()) if path.exists() => return Ok((path, lock)),
            Ok(()) | Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => {}
            // On a file system without locks nobody can take the lock, so nobody removes the folder either.
            _ => return Ok((path, lock)),
        }
    }
}

/// Removes what killed runs have left for the same output.
fn remove_left_over(parent: &Path, name: &str) {
    let prefix = format!(".{name}{UNFINISHED}");
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Ok(folder) = File::open(entry.path())
            && folder.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_dropped_folder_leaves_nothing_and_a_committed_one_has_its_name() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("deep/er/out");
        drop(OutputFolder::create(&out, false, std::iter::empty()).unwrap());
        assert!(names(root.path()).is_empty());
        let folder = OutputFolder::create(&out, false, std::iter::empty()).unwrap();
        fs::write(folder.path().join("config.json"), "{}").unwrap();
        folder.commit(true).unwrap();
        assert_eq!(names(&root.path().join("deep/er")), ["out"]);
        assert!(matches!(OutputFolder::create(&out, false, std::iter::empty()), Err(Error::Exists(_))));
    }

    #[test]
    fn left_overs_go_and_live_folders_stay() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let live = OutputFolder::create(&out, false, std::iter::empty()).unwrap();
        fs::create_dir(root.path().join(".out.admix-1-0")).unwrap();
        let second = OutputFolder::create(&out, false, std::iter::empty()).unwrap();
        assert_eq!(names(root.path()).len(), 2, "{:?}", names(root.path()));
        assert!(live.path().exists() && second.path().exists());
    }

    #[test]
    fn force_replaces_merges_only() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("diary.txt"), "dear").unwrap();
        assert!(matches!(OutputFolder::create(&out, true, std::iter::empty()), Err(Error::NotAMerge(_))));
        fs::write(out.join("config.json"), "{}").unwrap();
        assert!(matches!(OutputFolder::create(&out, true, std::iter::empty()), Err(Error::NotAMerge(_))));
        fs::write(out.join(RECORD), "{}").unwrap();
        let folder = OutputFolder::create(&out, true, std::iter::empty()).unwrap();
        fs::write(folder.path().join("config.json"), "new").unwrap();
        folder.commit(false).unwrap();
        assert_eq!(names(root.path()), ["out"]);
        assert_eq!(fs::read_to_string(out.join("config.json")).unwrap(), "new");
        assert!(!out.join("diary.txt").exists());
    }

    #[test]
    fn of_rivals_that_replace_one_output_the_first_wins_and_the_other_is_told() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let begin = |text: &str| {
            let folder = OutputFolder::create(&out, true, std::iter::empty()).unwrap();
            fs::write(folder.path().join(RECORD), text).unwrap();
            folder
        };
        let written = || fs::read_to_string(out.join(RECORD)).unwrap();
        // Where there is nothing yet, and where there is an earlier output.
        for _ in 0..2 {
            let (first, second) = (begin("first"), begin("second"));
            first.commit(false).unwrap();
            assert!(matches!(second.commit(false), Err(Error::Rival(path)) if path == out));
            assert_eq!((written().as_str(), names(root.path())), ("first", vec!["out".to_owned()]));
        }
        // What the user has put there meanwhile stays.
        let folder = begin("late");
        fs::remove_dir_all(&out).unwrap();
        fs::create_dir(&out).unwrap();
        fs::write(out.join("diary.txt"), "dear").unwrap();
        assert!(matches!(folder.commit(false), Err(Error::NotAMerge(_))));
        assert_eq!((names(&out), names(root.path())), (vec!["diary.txt".to_owned()], vec!["out".to_owned()]));
    }

    #[test]
    fn inputs_and_outputs_stay_apart() {
        let root = tempfile::tempdir().unwrap();
        let input = root.path().join("model");
        fs::create_dir(&input).unwrap();
        let create = |out: &Path, force| OutputFolder::create(out, force, std::iter::once(input.as_path()));
        assert!(matches!(create(&input.join("out"), false), Err(Error::InsideInput { .. })));
        assert!(matches!(create(&input, true), Err(Error::HoldsInput { .. })));
        assert!(matches!(create(root.path(), true), Err(Error::HoldsInput { .. })));
        assert!(create(&root.path().join("model-2"), false).is_ok());
    }
}
