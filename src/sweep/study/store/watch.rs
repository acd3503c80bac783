//! The observations of this process on files that others keep changing.
//!
//! The clocks of two machines never agree. A file counts as abandoned when this process has seen it unchanged for long
//! enough by its own monotonic clock; dates of files are only compared for equality.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The stamp of a file, which changes with every heartbeat.
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

/// The first observation of a file with its current stamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstSeen {
    stamp: FileStamp,
    since: Instant,
    /// Its age then, by the file server's clock; `None` for a date in the future.
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

/// A date that is further ahead counts as in the future.
const AHEAD: Duration = Duration::from_secs(2);

/// The observations of this process on files that others keep changing.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    seen: BTreeMap<PathBuf, FirstSeen>,
}

impl Watch {
    /// Records that a file has this stamp. `now` is the time on the file server's clock.
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

    /// Forgets a file that was removed.
    pub(super) fn forget(&mut self, path: &Path) {
        self.seen.remove(path);
    }
}
