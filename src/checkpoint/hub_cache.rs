//! Finds models and data sets in the local cache of the Hugging Face Hub: from `org/name[@revision]` to a snapshot's folder,
//! without the network.
//!
//! The layout is that of the `huggingface_hub` library: `models--org--name` contains `blobs`, `refs` (a file for each
//! branch or tag, with the commit in it) and `snapshots` (a folder for each commit, whose files are links into `blobs`).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::hub_model::{HubModel, is_commit, is_revision};
use super::model_path::{Links, ModelPath};
use crate::files;

/// The longest file of a ref, in bytes.
const LONGEST_REF: u64 = 256;
/// How deep folders of a snapshot are searched.
const DEEPEST: usize = 16;

/// The cache and the settings of the `huggingface_hub` library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubHome {
    /// The cache of models.
    pub cache: PathBuf,
    /// The file with the token of a login.
    pub token: PathBuf,
}

impl HubHome {
    /// Reads the environment: `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, else `~/.cache/huggingface`.
    pub fn from_env() -> Self {
        Self::from(&|name| env::var_os(name))
    }

    fn from(get: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let get = |name| get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let user = get("HOME").unwrap_or_else(|| PathBuf::from("."));
        let expand = |path: PathBuf| path.strip_prefix("~").map_or_else(|_| path.clone(), |rest| user.join(rest));
        let caches = get("XDG_CACHE_HOME").map_or_else(|| user.join(".cache"), expand);
        let home = get("HF_HOME").map_or_else(|| caches.join("huggingface"), expand);
        let cache = get("HF_HUB_CACHE").or_else(|| get("HUGGINGFACE_HUB_CACHE")).map(expand);
        let token = get("HF_TOKEN_PATH").map(expand);
        Self { cache: cache.unwrap_or_else(|| home.join("hub")), token: token.unwrap_or_else(|| home.join("token")) }
    }
}

/// The folder of a path or a name: the path itself if it exists, else the model of that name in the cache.
///
/// # Errors
/// A name of the Hub that the cache does not have. A path that does not exist and is not such a name is returned unchanged.
pub fn locate(given: &Path) -> Result<PathBuf, Error> {
    if fs::symlink_metadata(given).is_ok() {
        return Ok(given.to_path_buf());
    }
    let Some(model) = given.to_str().and_then(HubModel::parse) else { return Ok(given.to_path_buf()) };
    match find(&model, &HubHome::from_env().cache) {
        // If its first folder exists, it is a path with a misspelt end.
        Err(Error::NotInCache { .. }) if begins_with_a_folder(given) => Ok(given.to_path_buf()),
        found => found,
    }
}

fn begins_with_a_folder(path: &Path) -> bool {
    path.components().next().is_some_and(|first| Path::new(first.as_os_str()).exists())
}

/// The snapshot of a model or data set in a cache.
///
/// # Errors
/// A model or revision that the cache does not have; a snapshot with links that lead out of the model's folder.
pub fn find(model: &HubModel, cache: &Path) -> Result<PathBuf, Error> {
    let folder = model.folder_in(cache);
    let snapshots = folder.join("snapshots");
    if !snapshots.is_dir() {
        return Err(Error::NotInCache { model: model.clone(), cache: cache.to_owned() });
    }
    let absent = || Error::NoRevision { model: model.clone(), cached: revisions(&folder) };
    let commit = commit_of(&folder, model.revision())?.ok_or_else(absent)?;
    let snapshot = snapshots.join(commit);
    if !snapshot.is_dir() {
        return Err(absent());
    }
    check_links(&ModelPath::of(&snapshot, Links::Inside)?, DEEPEST)?;
    Ok(snapshot)
}

/// The commit of a revision: the revision itself, or what `refs` says.
fn commit_of(folder: &Path, revision: &str) -> Result<Option<String>, Error> {
    if is_commit(revision) {
        return Ok(Some(revision.to_owned()));
    }
    let path = folder.join("refs").join(revision);
    let Ok(file) = files::open(&path) else { return Ok(None) };
    let mut text = String::new();
    // A folder of refs (`refs/pr`) can be opened but not read.
    if file.take(LONGEST_REF).read_to_string(&mut text).is_err() {
        return Ok(None);
    }
    let commit = text.trim();
    if is_commit(commit) { Ok(Some(commit.to_owned())) } else { Err(Error::NotACommit { path }) }
}

/// The branches and tags of a model in the cache, or else its commits.
fn revisions(folder: &Path) -> Vec<String> {
    let names = |folder: PathBuf| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_revision(name))
            .collect();
        names.sort();
        names.truncate(8);
        names
    };
    let refs: Vec<String> = names(folder.join("refs")).into_iter().filter(|name| name != "refs").collect();
    if refs.is_empty() { names(folder.join("snapshots")) } else { refs }
}

/// Checks that every link below `folder` leads into the repository's folder.
fn check_links(folder: &ModelPath, deeper: usize) -> Result<(), Error> {
    let failed = |error| Error::io(folder, error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (folder.join(entry.file_name()), entry.file_type().map_err(failed)?);
        if kind.is_symlink() {
            // A broken link is refused when it is opened.
            if let Err(error @ Error::LeadsOut { .. }) = path.check() {
                return Err(error);
            }
        } else if kind.is_dir() && deeper > 0 {
            check_links(&path, deeper - 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "hub_cache_tests.rs"]
mod tests;
