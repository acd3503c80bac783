//! A part of a study's folder that appears whole: it is filled under a hidden name and then renamed.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::folder::Store;
use super::write_once::Written;
use super::{owner, sealed};
use crate::sweep::Error;
use crate::sweep::study::layout::Layout;

/// A record, by its name in the part.
pub(crate) type Record<'a> = (&'a str, serde_json::Value);

impl Store {
    /// Puts a part with these records, which name their study so, where none is.
    ///
    /// # Errors
    /// What the system said. Nothing is left then.
    pub(crate) fn write_part(&self, part: &str, study: &str, records: &[Record<'_>]) -> Result<Written, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        self.tidy_parts();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let (path, hidden) = (self.root().join(part), self.root().join(format!(".{part}.{}-{count}", owner::tag())));
        if fs::symlink_metadata(&path).is_ok() {
            return Ok(Written::Present);
        }
        let put = self.fill(&hidden, study, records).and_then(|()| match fs::rename(&hidden, &path) {
            Ok(()) => sync(self.root()).map(|()| Written::New).map_err(Error::io("write in", self.root())),
            // A folder that holds something is not replaced.
            Err(_) if path.is_dir() => Ok(Written::Present),
            Err(error) => Err(Error::io("write", &path)(error)),
        });
        let _ = fs::remove_dir_all(&hidden);
        put
    }

    fn fill(&self, hidden: &Path, study: &str, records: &[Record<'_>]) -> Result<(), Error> {
        for folder in Layout::FOLDERS {
            let path = hidden.join(folder);
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        }
        for (name, value) in records {
            let path = hidden.join(name);
            let text = sealed::seal(value, study, name).map_err(|error| self.damaged(name, error.to_string()))?;
            let written = fs::write(&path, text).and_then(|()| File::open(&path)?.sync_all());
            written.map_err(Error::io("write", &path))?;
        }
        let synced = sync(&hidden.join(Layout::PLAN)).and_then(|()| sync(hidden));
        synced.map_err(Error::io("write", hidden))
    }

    /// Removes parts that killed processes have not finished.
    fn tidy_parts(&self) {
        for entry in fs::read_dir(self.root()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&format!(".{}", Layout::REVISION)) && owner::is_of_dead(&name) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Some file systems do not sync folders.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all().or_else(|error| match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP) => Ok(()),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_part_appears_whole_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path()).unwrap();
        let dead = folder.path().join(format!(".revision-1.{}", owner::tag_of_dead()));
        fs::create_dir(&dead).unwrap();
        let put = |study: &str| store.write_part("revision-1", study, &[("study.json", serde_json::json!({"a": 1}))]);
        assert_eq!(put("one").unwrap(), Written::New);
        assert_eq!(put("two").unwrap(), Written::Present);
        let part = store.clone().of_part("revision-1").of_study("one");
        assert_eq!(part.read_json::<serde_json::Value>("study.json").unwrap().unwrap()["a"], 1);
        assert_eq!(part.place_of("done/x.json"), "revision-1/done/x.json");
        assert_eq!(part.name_of(&part.path("done/x.json")), "done/x.json");
        if cfg!(target_os = "linux") {
            let hidden = fs::read_dir(folder.path()).unwrap().flatten();
            assert!(hidden.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
        }
    }
}
