//! Claims on trials: a file whose time of change is the heartbeat of the worker that holds it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::folder::Store;
use super::owner::Owner;
use super::put::Put;
use crate::sweep::Error;

/// How long claims last.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The time between heartbeats.
    pub beat: Duration,
    /// The age of the last heartbeat after which a claim is another's to take.
    pub stale: Duration,
}

impl Default for Lease {
    fn default() -> Self {
        Self { beat: Duration::from_secs(15), stale: Duration::from_secs(120) }
    }
}

/// A claim of this process. It is given up when dropped.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    owner: Owner,
    stop: Option<Sender<()>>,
    beating: Option<JoinHandle<()>>,
}

/// A claim of another worker.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The trial and stage.
    pub key: String,
    /// Whose it is; `None` where the file cannot be read.
    pub owner: Option<Owner>,
    /// The time since its last heartbeat, by the clock of whoever keeps the files.
    pub age: Duration,
    /// Whether it may be taken over.
    pub is_stale: bool,
}

impl Store {
    /// Claims a trial. `None` when another worker has it.
    ///
    /// Two workers may take over a stale claim at once and both do the trial: results are recorded once all the same.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn claim(&self, key: &str, owner: &Owner, lease: Lease) -> Result<Option<Claim>, Error> {
        let name = format!("claim/{key}");
        let bytes = serde_json::to_vec(owner).unwrap_or_default();
        if self.put(&name, &bytes)? == Put::Present {
            if !self.taken(key, lease)?.is_some_and(|taken| taken.is_stale) {
                return Ok(None);
            }
            let path = self.path(&name);
            let aside = self.path(&format!("claim/.stale-{key}-{}", owner.worker));
            // Whoever comes second finds nothing to move, or moves a fresh claim and puts it back.
            if fs::rename(&path, &aside).is_err() {
                return Ok(None);
            }
            let fresh = self.age(&aside).is_some_and(|age| age < lease.stale) && !is_dead(&aside);
            if fresh {
                let _ = fs::hard_link(&aside, &path);
            }
            let _ = fs::remove_file(&aside);
            if fresh || self.put(&name, &bytes)? == Put::Present {
                return Ok(None);
            }
        }
        Ok(Some(Claim::begin(self.path(&name), owner.clone(), lease)))
    }

    /// The claim on a trial, if there is one.
    ///
    /// # Errors
    /// A folder that cannot be written: ages are taken against a file that is written.
    pub fn taken(&self, key: &str, lease: Lease) -> Result<Option<Taken>, Error> {
        let path = self.path(&format!("claim/{key}"));
        let Some(age) = self.age(&path) else { return Ok(None) };
        let owner: Option<Owner> = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let is_stale = age >= lease.stale || owner.as_ref().is_some_and(Owner::is_dead);
        Ok(Some(Taken { key: key.to_owned(), owner, age, is_stale }))
    }

    /// Every claim.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn claims(&self, lease: Lease) -> Result<Vec<Taken>, Error> {
        let keys = self.list("claim")?;
        Ok(keys.iter().filter_map(|key| self.taken(key, lease).ok().flatten()).collect())
    }

    /// The time since a file was changed.
    fn age(&self, path: &Path) -> Option<Duration> {
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
        Some(self.now().duration_since(changed).unwrap_or_default())
    }

    /// The time on the clock of whoever keeps the files; this machine's where the folder cannot be written.
    fn now(&self) -> SystemTime {
        let path = self.path(&format!("log/.clock-{}-{}", super::owner::host(), std::process::id()));
        let told = File::create(&path).and_then(|file| file.metadata()).and_then(|metadata| metadata.modified());
        let _ = fs::remove_file(&path);
        told.unwrap_or_else(|_| SystemTime::now())
    }
}

fn is_dead(path: &Path) -> bool {
    let owner: Option<Owner> = fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    owner.is_some_and(|owner| owner.is_dead())
}

impl Claim {
    fn begin(path: PathBuf, owner: Owner, lease: Lease) -> Self {
        let (stop, stopped) = mpsc::channel();
        let file = path.clone();
        let beat = move || {
            while stopped.recv_timeout(lease.beat) == Err(RecvTimeoutError::Timeout) {
                touch(&file);
            }
        };
        let beating = std::thread::Builder::new().name("heartbeat".into()).spawn(beat).ok();
        Self { path, owner, stop: Some(stop), beating }
    }

    /// Whether the claim is still this worker's: a machine that slept may have lost it.
    pub fn is_held(&self) -> bool {
        let found: Option<Owner> = fs::read(&self.path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        found.as_ref() == Some(&self.owner)
    }
}

/// Sets a file's time of change to now, by the clock of whoever keeps it.
fn touch(path: &Path) {
    use rustix::fs::{AtFlags, CWD, Timespec, UTIME_NOW};
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let now = rustix::fs::Timestamps { last_access: now, last_modification: now };
    let _: Result<(), _> = rustix::fs::utimensat(CWD, path, &now, AtFlags::empty());
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(beating) = self.beating.take() {
            let _ = beating.join();
        }
        if self.is_held() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn store(folder: &Path) -> Store {
        Store::create(folder).unwrap()
    }

    #[test]
    fn a_claim_is_one_workers_until_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let one = Owner::this();
        let other = Owner { worker: "other".into(), ..one.clone() };
        let claim = store.claim("a.full", &one, Lease::default()).unwrap().unwrap();
        assert!(claim.is_held());
        assert!(store.claim("a.full", &other, Lease::default()).unwrap().is_none());
        assert!(store.claim("b.full", &other, Lease::default()).unwrap().is_some());
        drop(claim);
        assert!(store.claim("a.full", &other, Lease::default()).unwrap().is_some());
        assert!(store.claims(Lease::default()).unwrap().is_empty());
    }

    #[test]
    fn heartbeats_keep_a_claim_and_stale_ones_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let lease = Lease { beat: Duration::from_millis(50), stale: Duration::from_millis(400) };
        let one = Owner { host: "elsewhere".into(), ..Owner::this() };
        let other = Owner { worker: "other".into(), ..one.clone() };
        let claim = store.claim("a", &one, lease).unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(800));
        assert!(store.claim("a", &other, lease).unwrap().is_none());
        // As if the machine had stopped: no heartbeat, and the file stays.
        let slow = Lease { beat: Duration::from_secs(100), ..lease };
        drop(claim);
        let dead = store.claim("a", &one, slow).unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let taken = store.claim("a", &other, lease).unwrap().unwrap();
        assert!(!dead.is_held() && taken.is_held());
        drop(dead);
        assert!(taken.is_held(), "the loser leaves the claim alone");
    }

    #[test]
    fn claims_of_dead_processes_are_taken_over_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let dead = Owner { began: Some(1), ..Owner::this() };
        store.put("claim/a", &serde_json::to_vec(&dead).unwrap()).unwrap();
        assert!(store.claim("a", &Owner::this(), Lease::default()).unwrap().is_some());
    }
}
