//! What this process has seen of files that others keep changing.
//!
//! No two machines agree on the time. A file counts as given up when this process has seen it unchanged for long enough by
//! its own clock, which nobody sets; dates of files are only told apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// What tells a file from itself after a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    modified: Option<SystemTime>,
    bytes: u64,
    number: u64,
}

impl FileStamp {
    /// The stamp of a file; `None` where there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self { modified: metadata.modified().ok(), bytes: metadata.len(), number })
    }
}

/// How a file was first seen with the stamp that it still has.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstSeen {
    stamp: FileStamp,
    since: Instant,
    /// Its age then, by the clock of whoever keeps the files; `None` for a date in the future.
    age: Option<Duration>,
}

impl FirstSeen {
    /// How long this process has seen the file unchanged.
    pub(super) fn unchanged(&self) -> Duration {
        self.since.elapsed()
    }

    /// The time since its last change, to be shown; `None` for a date in the future.
    pub(super) fn age(&self) -> Option<Duration> {
        self.age.map(|age| age + self.unchanged())
    }
}

/// A date that is further ahead is one in the future.
const AHEAD: Duration = Duration::from_secs(2);

/// What this process has seen of files that others keep changing.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    seen: BTreeMap<PathBuf, FirstSeen>,
}

impl Watch {
    /// Looks at a file that has this stamp. `now` is the time on the clock of whoever keeps the files.
    pub(super) fn look(&mut self, path: &Path, stamp: FileStamp, now: impl FnOnce() -> SystemTime) -> FirstSeen {
        if let Some(sight) = self.seen.get(path).filter(|sight| sight.stamp == stamp) {
            return *sight;
        }
        let age = stamp.modified.map_or(Some(Duration::ZERO), |modified| match now().duration_since(modified) {
            Ok(age) => Some(age),
            Err(ahead) => (ahead.duration() <= AHEAD).then_some(Duration::ZERO),
        });
        let sight = FirstSeen { stamp, since: Instant::now(), age };
        self.seen.insert(path.to_owned(), sight);
        sight
    }

    /// Forgets a file that is gone.
    pub(super) fn forget(&mut self, path: &Path) {
        self.seen.remove(path);
    }
}
