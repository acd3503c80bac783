//! Downloads a model: from the server's list of files to a snapshot in the cache.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Error;
use super::blob::{self, Blob};
use super::client::{Client, answer};
use super::listing::{ChooseFiles, Listing, file_url};
use crate::checkpoint::{HubModel, is_commit};
use crate::progress::Monitor;

/// Number of files that are downloaded at once.
const AT_ONCE: usize = 4;

/// A model on the server: the commit, and the files with their sizes. Nothing is downloaded yet.
#[derive(Clone, Debug)]
pub struct Remote {
    model: HubModel,
    commit: String,
    /// Paths in the repository, each with its content's description.
    files: Vec<(String, Blob)>,
}

/// A model that is in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The snapshot.
    pub folder: PathBuf,
    /// The commit.
    pub commit: String,
    /// How many files it has.
    pub files: usize,
    /// The bytes of all of them.
    pub bytes: u64,
    /// The bytes that were downloaded now.
    pub downloaded: u64,
}

impl Remote {
    /// Asks the server for the files of a model.
    ///
    /// # Errors
    /// A model that does not exist, is not accessible, or has no safetensors weights; a server that cannot be reached.
    pub fn of(client: &Client, model: &HubModel, monitor: Monitor<'_>) -> Result<Self, Error> {
        let listing = blob::with_retries(monitor, || Listing::of(client, model))?;
        Self::described(client, model, listing, monitor)
    }

    /// Asks the server for the files of a data set; `choose` picks those that are read.
    ///
    /// # Errors
    /// As [`Remote::of`]; a data set of which nothing is read.
    pub fn of_data(
        client: &Client,
        data: &HubModel,
        choose: &ChooseFiles<'_>,
        monitor: Monitor<'_>,
    ) -> Result<Self, Error> {
        let listing = blob::with_retries(monitor, || Listing::of_data(client, data, choose))?;
        Self::described(client, data, listing, monitor)
    }

    /// Asks for the sizes of listed files.
    fn described(client: &Client, model: &HubModel, listing: Listing, monitor: Monitor<'_>) -> Result<Self, Error> {
        let Listing { commit, files } = listing;
        let describe = |file: &String| {
            let url = file_url(client, model, &commit, file);
            blob::with_retries(monitor, || Blob::describe(client, model, file, &url))
        };
        let found = on_threads(&files, &describe)?;
        Ok(Self { model: model.clone(), commit, files: files.into_iter().zip(found).collect() })
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, blob)| blob.size).sum()
    }

    /// Downloads the files that the cache lacks. The revision is recorded when everything is complete.
    ///
    /// # Errors
    /// A connection that stays down, a file that is not what was announced, a cache that cannot be written.
    pub fn fetch(&self, client: &Client, cache: &Path, monitor: Monitor<'_>) -> Result<Fetched, Error> {
        let folder = self.model.folder_in(cache);
        let snapshot = folder.join("snapshots").join(&self.commit);
        for needed in [&folder.join("blobs"), &snapshot] {
            fs::create_dir_all(needed).map_err(Error::io("create", needed))?;
        }
        let download = |(file, blob): &(String, Blob)| {
            let downloaded = blob.download(client, &self.model, file, &folder, monitor)?;
            link(&snapshot, file, &blob.etag)?;
            Ok(downloaded)
        };
        let downloaded = on_threads(&self.files, &download)?.iter().sum();
        if !is_commit(self.model.revision()) {
            self.enter(&folder)?;
        }
        let commit = self.commit.clone();
        Ok(Fetched { folder: snapshot, commit, files: self.files.len(), bytes: self.bytes(), downloaded })
    }

    /// Records the commit of the revision.
    fn enter(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join("refs").join(self.model.revision());
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let beside = parent.join(format!(".admix-{}", std::process::id()));
        let written = fs::File::create(&beside).and_then(|mut file| file.write_all(self.commit.as_bytes()));
        written.and_then(|()| fs::rename(&beside, &path)).map_err(Error::io("write", &path))
    }
}

/// Links a file of a snapshot to its blob.
fn link(snapshot: &Path, file: &str, etag: &str) -> Result<(), Error> {
    let path = snapshot.join(file);
    let parent = path.parent().unwrap_or(snapshot);
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    let up = "../".repeat(2 + file.matches('/').count());
    let target = PathBuf::from(format!("{up}blobs/{etag}"));
    if fs::read_link(&path).is_ok_and(|there| there == target) {
        return Ok(());
    }
    let beside = parent.join(format!(".admix-{}-{etag}", std::process::id()));
    let _ = fs::remove_file(&beside);
    let linked = std::os::unix::fs::symlink(&target, &beside).and_then(|()| fs::rename(&beside, &path));
    linked.map_err(Error::io("link", &path))
}

/// Applies `work` to each item, a few at a time, and returns the results in the order of the items. After an error no
/// further item is begun.
fn on_threads<T: Sync, R: Send>(items: &[T], work: &(dyn Fn(&T) -> Result<R, Error> + Sync)) -> Result<Vec<R>, Error> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            match work(item) {
                Ok(result) => {
                    if let Ok(mut done) = done.lock() {
                        done.push((index, result));
                    }
                }
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    if let Ok(mut failed) = failed.lock() {
                        failed.get_or_insert(error);
                    }
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(items.len()) {
            scope.spawn(worker);
        }
    });
    if let Ok(Some(error)) = failed.into_inner() {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(index, _)| *index);
    if done.len() != items.len() {
        return Err(answer("the server", "was not read to the end"));
    }
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
