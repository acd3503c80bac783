//! Claims on trials: files that the worker touches with every heartbeat.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::folder::Store;
use super::owner::{self, Owner};
use super::watch::{FileStamp, Watch};
use super::write_once::Written;
use crate::sweep::Error;
use crate::sweep::study::layout::Layout;

/// How long claims last.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The time between heartbeats.
    pub beat: Duration,
    /// How long a claim must be seen without a heartbeat before another worker may take it.
    pub stale: Duration,
}

impl Lease {
    /// How long a claim with a date in the future must be seen unchanged. The next heartbeat would have corrected the date.
    fn of_future(self) -> Duration {
        (self.beat * 2).min(self.stale)
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self { beat: Duration::from_secs(2), stale: Duration::from_secs(60) }
    }
}

/// A claim of this process, which is released when dropped.
#[derive(Debug)]
pub struct Claim {
    file: ClaimFile,
    stop: Option<Sender<()>>,
    beating: Option<JoinHandle<()>>,
}

/// The file of a claim, and its owner.
#[derive(Clone, Debug)]
struct ClaimFile {
    store: Store,
    name: String,
    owner: Owner,
}

impl ClaimFile {
    fn is_held(&self) -> bool {
        self.store.read_json::<Owner>(&self.name).ok().flatten().as_ref() == Some(&self.owner)
    }

    /// Sets the file's modification time to now, by the file server's clock.
    fn touch(&self) {
        use rustix::fs::{AtFlags, CWD, Timespec, UTIME_NOW};
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let now = rustix::fs::Timestamps { last_access: now, last_modification: now };
        let _: Result<(), _> = rustix::fs::utimensat(CWD, self.store.path(&self.name), &now, AtFlags::empty());
    }
}

/// A claim of another worker.
#[derive(Clone, Debug)]
pub struct HeldClaim {
    /// The trial and stage.
    pub key: String,
    /// The owner; `None` if the file is damaged.
    pub owner: Option<Owner>,
    /// The time since its last heartbeat by the clock of whoever keeps the files, to be shown; `None` for a date in the
    /// future.
    pub age: Option<Duration>,
    /// Whether it may be taken over.
    pub is_stale: bool,
    stamp: FileStamp,
}

impl Store {
    /// Claims a trial. `None` when another worker has it.
    ///
    /// Two workers may take over a stale claim at once and both run the trial. Its result is still recorded only once.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn claim(&self, key: &str, owner: &Owner, lease: Lease, watch: &mut Watch) -> Result<Option<Claim>, Error> {
        let name = Layout::claim(key);
        if self.write_record(&name, owner)? == Written::Present {
            let Some(taken) = self.taken(key, lease, watch).filter(|taken| taken.is_stale) else { return Ok(None) };
            let path = self.path(&name);
            let aside = self.path(&Layout::stale_claim(key, owner::tag()));
            // The second one finds nothing to move, or moves a fresh claim and puts it back.
            if fs::rename(&path, &aside).is_err() {
                return Ok(None);
            }
            watch.forget(&path);
            let is_fresh = FileStamp::of(&aside) != Some(taken.stamp);
            if is_fresh && fs::hard_link(&aside, &path).is_err() && !path.exists() {
                let _ = fs::rename(&aside, &path);
            }
            let _ = fs::remove_file(&aside).or_else(|_| fs::remove_dir(&aside));
            if is_fresh || self.write_record(&name, owner)? == Written::Present {
                return Ok(None);
            }
        }
        Ok(Some(Claim::begin(ClaimFile { store: self.clone(), name, owner: owner.clone() }, lease)))
    }

    /// The claim on a trial, if there is one.
    pub fn taken(&self, key: &str, lease: Lease, watch: &mut Watch) -> Option<HeldClaim> {
        let name = Layout::claim(key);
        // Reading comes first: over NFS the date is that of the last opening.
        let owner: Option<Owner> = self.read_json(&name).ok().flatten();
        let path = self.path(&name);
        let Some(stamp) = FileStamp::of(&path) else {
            watch.forget(&path);
            return None;
        };
        let sight = watch.look(&path, stamp, || self.now());
        let age = sight.age();
        let patience = if age.is_none() { lease.of_future() } else { lease.stale };
        let is_stale = sight.unchanged() >= patience || owner.as_ref().is_some_and(Owner::is_dead);
        Some(HeldClaim { key: key.to_owned(), owner, age, is_stale, stamp })
    }

    /// Every claim.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn claims(&self, lease: Lease, watch: &mut Watch) -> Result<Vec<HeldClaim>, Error> {
        let keys = self.list(Layout::CLAIMS)?;
        Ok(keys.iter().filter_map(|key| self.taken(key, lease, watch)).collect())
    }

    /// The time on the file server's clock, or this machine's if the folder cannot be written.
    fn now(&self) -> SystemTime {
        let path = self.path(&Layout::clock(owner::tag()));
        let told = File::create(&path).and_then(|file| file.metadata()).and_then(|metadata| metadata.modified());
        let _ = fs::remove_file(&path);
        told.unwrap_or_else(|_| SystemTime::now())
    }
}

impl Claim {
    fn begin(file: ClaimFile, lease: Lease) -> Self {
        let (stop, stopped) = mpsc::channel();
        let own = file.clone();
        let beat = move || {
            // A machine that slept may have lost the claim, whose file then is another's.
            while stopped.recv_timeout(lease.beat) == Err(RecvTimeoutError::Timeout) && own.is_held() {
                own.touch();
            }
        };
        let beating = std::thread::Builder::new().name("heartbeat".into()).spawn(beat).ok();
        Self { file, stop: Some(stop), beating }
    }

    /// Whether the claim is still this worker's: a machine that slept may have lost it.
    pub fn is_held(&self) -> bool {
        self.file.is_held()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(beating) = self.beating.take() {
            let _ = beating.join();
        }
        if self.is_held() {
            let _: Result<(), _> = fs::remove_file::<PathBuf>(self.file.store.path(&self.file.name));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;
    use std::time::Instant;

    use super::*;

    fn store(folder: &Path) -> Store {
        Store::create(folder).unwrap()
    }

    /// Tries until a claim is had, and gives how long it took.
    fn taken_over(store: &Store, owner: &Owner, lease: Lease) -> (Claim, Duration) {
        let (begun, mut watch) = (Instant::now(), Watch::default());
        loop {
            if let Some(claim) = store.claim("a", owner, lease, &mut watch).unwrap() {
                return (claim, begun.elapsed());
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it is never taken over");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_claim_is_one_workers_until_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let one = Owner::this();
        let other = Owner { worker: "other".into(), ..one.clone() };
        let mut watch = Watch::default();
        let mut claim = |key: &str, owner| store.claim(key, owner, Lease::default(), &mut watch).unwrap();
        let held = claim("a.full", &one).unwrap();
        assert!(held.is_held());
        assert!(claim("a.full", &other).is_none());
        assert!(claim("b.full", &other).is_some());
        drop(held);
        assert!(claim("a.full", &other).is_some());
        assert!(store.claims(Lease::default(), &mut Watch::default()).unwrap().is_empty());
    }

    #[test]
    fn heartbeats_keep_a_claim_and_stale_ones_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let lease = Lease { beat: Duration::from_millis(50), stale: Duration::from_millis(800) };
        let one = Owner { host: "elsewhere".into(), ..Owner::this() };
        let other = Owner { worker: "other".into(), ..one.clone() };
        let mut watch = Watch::default();
        let claim = store.claim("a", &one, lease, &mut watch).unwrap().unwrap();
        for _ in 0..16 {
            assert!(store.claim("a", &other, lease, &mut watch).unwrap().is_none());
            std::thread::sleep(Duration::from_millis(100));
        }
        // As if the machine had stopped: no heartbeat, and the file stays.
        let slow = Lease { beat: Duration::from_secs(100), ..lease };
        drop(claim);
        let dead = store.claim("a", &one, slow, &mut watch).unwrap().unwrap();
        let (taken, after) = taken_over(&store, &other, lease);
        assert!(after >= lease.stale, "{after:?}");
        assert!(!dead.is_held() && taken.is_held());
        drop(dead);
        assert!(taken.is_held(), "the loser leaves the claim alone");
    }

    #[test]
    fn only_what_is_seen_counts_whatever_date_a_claim_has() {
        let lease = Lease { beat: Duration::from_millis(200), stale: Duration::from_millis(1500) };
        let elsewhere = Owner { host: "elsewhere".into(), ..Owner::this() };
        let year = Duration::from_secs(86400 * 365);
        for (date, least, what) in [
            (SystemTime::now() - year, lease.stale, "an old date is no proof of death"),
            (SystemTime::now() + year, lease.of_future(), "a date in the future does not block"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let store = store(folder.path());
            store.write_record("claim/a", &elsewhere).unwrap();
            let file = File::options().write(true).open(store.path("claim/a")).unwrap();
            file.set_modified(date).unwrap();
            let (_, after) = taken_over(&store, &Owner::this(), lease);
            assert!(after >= least && after < least + Duration::from_secs(5), "{what}: {after:?}");
        }
    }

    #[test]
    fn claims_of_dead_processes_are_taken_over_at_once_and_damaged_ones_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let dead = Owner { began: Some(1), ..Owner::this() };
        store.write_record("claim/a", &dead).unwrap();
        if cfg!(target_os = "linux") {
            let claim = store.claim("a", &Owner::this(), Lease::default(), &mut Watch::default()).unwrap();
            assert!(claim.is_some());
        }
        let lease = Lease { beat: Duration::from_millis(50), stale: Duration::from_millis(100) };
        for damage in ["", "{\"worker\": 3}"] {
            let _ = fs::remove_file(store.path("claim/a"));
            fs::write(store.path("claim/a"), damage).unwrap();
            taken_over(&store, &Owner::this(), lease);
        }
    }
}
